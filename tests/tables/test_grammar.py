"""Under its grammar a model can choose wrongly, but not write what can't be computed."""

import pytest

from docmind.tables.grammar import query_grammar
from tests.tables.test_compute import BUDGET, EXPENSES

xgrammar = pytest.importorskip("xgrammar")
SUM = 'SELECT SUM("Amount EUR") FROM "expenses"'
TRAVEL = f"{SUM} WHERE \"Category\" = 'Travel'"
GOAL = 'SELECT "Budget" FROM "budget" WHERE "Category" = \'Travel\''


def allows(query, question="How much was spent?"):
    from xgrammar.testing import _is_grammar_accept_string

    grammar = xgrammar.Grammar.from_ebnf(query_grammar([EXPENSES, BUDGET], question))
    return _is_grammar_accept_string(grammar, query)


@pytest.mark.parametrize(
    "query",
    [
        SUM,
        TRAVEL,
        f"SELECT ({TRAVEL}) - ({GOAL})",
        'SELECT "Category", COUNT(*) FROM "expenses" GROUP BY "Category"',
        'SELECT "Category" FROM "expenses" ORDER BY "Amount EUR" DESC LIMIT 2',
        f'{SUM} WHERE MONTH("Date") = 2 AND "Category" != \'Meals\'',
        "NONE",
    ],
)
def test_what_can_be_computed_can_be_written(query):
    assert allows(query)


@pytest.mark.parametrize(
    "query",
    [
        'SELECT SUM("Cost") FROM "expenses"',
        'SELECT SUM("Category") FROM "expenses"',
        'SELECT SUM("Amount EUR") FROM "budget"',
        f"{SUM} WHERE \"Category\" = 'Trips'",
        f"{SUM}; DROP TABLE t",
        "It is 29 thousand EUR.",
    ],
)
def test_columns_and_values_that_are_not_there_can_not_be_written(query):
    assert not allows(query)


def test_yes_or_no_is_answered_by_a_comparison():
    question = "Is the spending on Travel in 2025 over its budget?"
    assert allows(f"SELECT ({TRAVEL}) > ({GOAL})", question)
    assert not allows(TRAVEL, question)
    assert allows(TRAVEL, "Is more than 500 spent on Travel?")


def test_rows_are_chosen_by_numbers_only_where_some_are_asked_for():
    query = f'{SUM} WHERE "Amount EUR" > 9000'
    assert not allows(query, "How much was spent on expensive trips?")
    assert allows(query, "How much was spent in amounts above 9000?")
