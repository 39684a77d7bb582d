"""Given the right operation, every value is what Python computes from the same cells."""

import statistics
from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docmind.errors import DocMindError
from docmind.ingestion.parsed import ParsedDocument, Section, markdown_table
from docmind.ingestion.tables import tables_of
from docmind.tables import compute as module
from docmind.tables.compute import compute
from docmind.tables.query import parse_query
from docmind.tables.table import DocumentTable

amounts = st.decimals(min_value=-(10**7), max_value=10**7, places=2)
sales = st.lists(
    st.tuples(st.sampled_from(["North", "South", "It's west"]), amounts, st.integers(1, 99)),
    min_size=2,
    max_size=30,
)


def made(*rows, name="s.csv", title=""):
    section = Section(text=markdown_table(rows), headings=(title,) if title else (), table=True)
    (table,) = tables_of(ParsedDocument(sections=(section,)))
    return DocumentTable(document_id=name, file_name=name, table=table)


def run(query, *tables):
    return compute(parse_query(query), tables)


def only(query, *tables):
    return run(query, *tables).parts[0].results[0][0]


def sheet(rows):
    return made(["Region", "Amount", "Units"], *rows, ["end of list", "", ""])


@settings(max_examples=30, deadline=None)
@given(sales)
def test_sums_averages_counts_and_extremes_are_pythons(rows):
    table = sheet(rows)
    all_amounts = [amount for _, amount, _ in rows]
    north = [amount for region, amount, _ in rows if region == "North"]
    assert only('SELECT SUM("Amount") FROM "s"', table) == sum(all_amounts)
    assert only('SELECT MIN("Amount") FROM "s"', table) == min(all_amounts)
    assert only('SELECT MAX("Amount") FROM "s"', table) == max(all_amounts)
    assert float(only('SELECT AVG("Amount") FROM "s"', table)) == pytest.approx(
        float(statistics.fmean(all_amounts)), rel=1e-9, abs=1e-6
    )
    count = only('SELECT COUNT(*) FROM "s" WHERE "Region" = \'North\'', table)
    assert count == len(north)
    product = only('SELECT SUM("Amount" * "Units") FROM "s"', table)
    assert product == sum(amount * units for _, amount, units in rows)


@settings(max_examples=20, deadline=None)
@given(sales)
def test_groups_and_their_order_are_pythons(rows):
    table = sheet(rows)
    totals = defaultdict(Decimal)
    for region, amount, _ in rows:
        totals[region] += amount
    computed = run(
        'SELECT "Region", SUM("Amount") FROM "s" WHERE "Units" > 0 GROUP BY "Region" '
        'ORDER BY SUM("Amount") DESC LIMIT 1',
        table,
    )
    best = max(totals.values())
    # Regions that are alike are all told.
    assert dict(computed.parts[0].results) == {
        region: total for region, total in totals.items() if total == best
    }


@settings(max_examples=20, deadline=None)
@given(sales)
def test_a_condition_on_numbers_and_texts_together_selects_pythons_rows(rows):
    table = sheet(rows)
    expected = [
        index
        for index, (region, _, units) in enumerate(rows)
        if region == "It's west" and units >= 50
    ]
    computed = run(
        'SELECT COUNT(*) FROM "s" WHERE "Region" = \'It\'\'s west\' AND "Units" >= 50', table
    )
    assert list(computed.parts[0].rows) == expected


EXPENSES = made(
    ["Date", "Category", "Amount EUR"],
    ["2025-01-04", "Travel", "455.03"],
    ["2025-02-18", "Meals", "17.19"],
    ["2025-02-20", "Travel", "1,267.33"],
    name="expenses.csv",
)
BUDGET = made(["Category", "Budget"], ["Travel", "1,800"], ["Meals", "10"], name="budget.csv")


def test_a_day_a_month_and_a_year_can_be_asked_for():
    assert only('SELECT SUM("Amount EUR") FROM "expenses" WHERE MONTH("Date") = 2', EXPENSES) == (
        Decimal("1284.52")
    )
    assert only('SELECT COUNT(*) FROM "expenses" WHERE YEAR("Date") = 2024', EXPENSES) == 0
    late = 'SELECT COUNT(*) FROM "expenses" WHERE "Date" > \'2025-01-04\''
    assert only(late, EXPENSES) == 2


def test_a_value_is_compared_with_another_sheets():
    travel = 'SELECT SUM("Amount EUR") FROM "expenses" WHERE "Category" = \'Travel\''
    budget = 'SELECT "Budget" FROM "budget" WHERE "Category" = \'Travel\''
    assert run(f"SELECT ({travel}) > ({budget})", EXPENSES, BUDGET).is_true is False
    assert run(f"SELECT ({budget}) - ({travel})", EXPENSES, BUDGET).value == Decimal("77.64")


def test_the_total_below_a_table_is_not_counted_twice():
    table = made(["Item", "Cost"], ["Tea", 5], ["Rice", 7], ["Total", 12])
    assert only('SELECT SUM("Cost") FROM "s"', table) == 12
    assert only('SELECT COUNT(*) FROM "s"', table) == 2
    assert only('SELECT "Cost" FROM "s" WHERE "Item" = \'Total\'', table) == 12


def test_the_rows_of_a_value_are_known():
    computed = run('SELECT MAX("Amount EUR") FROM "expenses"', EXPENSES)
    assert computed.parts[0].rows == (2,)
    computed = run('SELECT "Category" FROM "expenses" ORDER BY "Amount EUR" ASC LIMIT 1', EXPENSES)
    assert computed.parts[0].rows == (1,)
    assert computed.parts[0].results == (("Meals", Decimal("17.19")),)


def test_arithmetic_within_a_row_is_computed():
    table = made(["Item", "2018", "2017"], ["Revenue", "$2,554", "$2,355"], ["Cost", "$1", "$2"])
    revenue = ' FROM "s" WHERE "Item" = \'Revenue\''
    assert only(f'SELECT "2018" - "2017"{revenue}', table) == 199
    change = only(f'SELECT ("2018" - "2017") / "2017" * 100{revenue}', table)
    assert float(change) == pytest.approx(8.4501, abs=1e-4)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        'SELECT "Item" FROM "s"; DROP TABLE t',
        "COPY t TO '/tmp/x'",
        'SELECT SUM("Cost") FROM "s" WHERE 1 = 1 OR getenv(\'HOME\')',
        "I think it is 12.",
    ],
)
def test_what_is_no_query_is_never_run(text):
    with pytest.raises(ValueError, match="this"):
        parse_query(text)


def test_the_database_reaches_no_file_and_stays_locked():
    import duckdb

    with (
        pytest.raises(DocMindError, match="can't be computed"),
        module._connection(EXPENSES) as connection,
    ):
        connection.execute("SELECT * FROM read_text('/etc/hostname')")
    with module._connection(EXPENSES) as connection:
        for setting in ("enable_external_access = true", "memory_limit = '9GB'"):
            with pytest.raises(duckdb.Error):
                connection.execute(f"SET {setting}")


def test_what_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with (
        pytest.raises(DocMindError, match="took longer"),
        module._connection(EXPENSES) as connection,
    ):
        connection.execute("SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b")


def test_a_column_that_is_not_there_is_said():
    with pytest.raises(DocMindError, match="no column 'Price'"):
        run('SELECT SUM("Price") FROM "expenses"', EXPENSES)
    with pytest.raises(DocMindError, match="no table"):
        run('SELECT SUM("Amount EUR") FROM "nothing"', EXPENSES)
