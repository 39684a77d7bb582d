"""A result in words: what was computed, from what, in the form of its unit."""

from decimal import Decimal

import pytest

from docmind.tables.compute import compute
from docmind.tables.query import parse_query
from docmind.tables.statement import query_text, show_number, statement
from tests.tables.test_compute import BUDGET, EXPENSES, made


def told(query, *tables):
    return statement(compute(parse_query(query), tables))


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        ("8342.52", "EUR", "8,342.52 EUR"),
        ("22053.6", "EUR", "22,053.60 EUR"),
        ("9000", "EUR", "9,000 EUR"),
        ("-310", "$", "-$310"),
        ("12.50", "%", "12.5%"),
        ("0.00347", "", "0.00347"),
        ("3.14159", "", "3.14"),
        ("1999.0", "", "1,999"),
    ],
)
def test_numbers_are_shown_with_separators_and_units(value, unit, shown):
    assert show_number(Decimal(value), unit) == shown


def test_a_sum_says_of_what_it_is():
    query = 'SELECT SUM("Amount EUR") FROM "expenses" WHERE "Category" = \'Travel\''
    assert told(query, EXPENSES) == (
        "The sum of Amount EUR where Category is Travel is 1,722.36 EUR (expenses.csv)"
    )


def test_the_first_of_an_order_is_named_with_its_value():
    query = 'SELECT "Category" FROM "expenses" ORDER BY "Amount EUR" DESC LIMIT 1'
    assert told(query, EXPENSES) == (
        "Travel has the highest Amount EUR: 1,267.33 EUR (expenses.csv)"
    )


def test_a_comparison_begins_with_yes_or_no():
    travel = 'SELECT SUM("Amount EUR") FROM "expenses" WHERE "Category" = \'Travel\''
    budget = 'SELECT "Budget" FROM "budget" WHERE "Category" = \'Travel\''
    assert told(f"SELECT ({travel}) > ({budget})", EXPENSES, BUDGET).startswith("No, the sum")
    assert "is 77.64 EUR below" in told(f"SELECT ({travel}) - ({budget})", EXPENSES, BUDGET)


def test_what_no_row_has_is_not_stated():
    assert (
        told('SELECT SUM("Amount EUR") FROM "expenses" WHERE "Amount EUR" > 9999', EXPENSES) == ""
    )


def test_a_footnote_of_a_cell_is_no_citation():
    table = made(["Name [1]", "Score"], ["Ann [2]", 5], ["Bob", 3])
    assert "[" not in told('SELECT "Name [1]" FROM "s" ORDER BY "Score" DESC LIMIT 1', table)


@pytest.mark.parametrize(
    "query",
    [
        'SELECT SUM("a" * "b") FROM "t" WHERE "c" = \'it\'\'s\' AND "d" >= 5',
        'SELECT "c", COUNT(DISTINCT "a") FROM "t" GROUP BY "c" ORDER BY COUNT(*) DESC LIMIT 3',
        'SELECT (SELECT MAX("a") FROM "t") / (SELECT MIN("a") FROM "t" WHERE YEAR("e") = 2024)',
        'SELECT ("2018" - "2017") / "2017" * 100 FROM "t" WHERE "x" = \'a\' OR "x" = \'b\'',
    ],
)
def test_a_query_is_shown_as_it_was_written(query):
    assert query_text(parse_query(query)) == query
