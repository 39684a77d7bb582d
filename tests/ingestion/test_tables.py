from decimal import Decimal

from docmind.ingestion.parsed import ParsedDocument, Section, markdown_table
from docmind.ingestion.readers.formats import read
from docmind.ingestion.tables import tables_of, tables_within
from docmind.tables.table import ColumnType, Table


def table_of(*rows, headings=("Sheet",)):
    section = Section(text=markdown_table(rows), headings=headings, table=True)
    before = Section(text="What stands before it.")
    document = ParsedDocument(sections=(before, section))
    (table,) = tables_of(document)
    return document, table


def test_every_row_knows_where_it_stands_in_the_text():
    document, table = table_of(["Item", "Cost"], ["Tea | green", 5], ["Rice", 7])
    assert [document.text[row.start : row.end] for row in table.rows] == [
        "| Tea \\| green | 5 |",
        "| Rice | 7 |",
    ]
    assert table.rows[0].values == ("Tea | green", Decimal(5))


def test_a_header_of_two_rows_names_each_column():
    _, table = table_of(
        ["", "Fiscal Year", "", "Variance in", ""],
        ["(In millions)", "2018", "2017", "Dollars", "Percent"],
        ["Net revenues", "$2,554", "$2,355", "$199", "8%"],
        ["Operating income", "$473", "$187", "$286", "153%"],
    )
    assert [column.name for column in table.columns] == [
        "(In millions)",
        "Fiscal Year 2018",
        "Fiscal Year 2017",
        "Variance in Dollars",
        "Variance in Percent",
    ]
    assert len(table.rows) == 2
    assert table.columns[4].unit == "%"


def test_a_row_that_adds_up_the_others_is_known_as_their_total():
    _, table = table_of(["Item", "Cost"], ["Tea", 5], ["Rice", 7], ["All", 12])
    assert [row.is_total for row in table.rows] == [False, False, True]
    _, table = table_of(["Item", "Cost"], ["Tea", 5], ["Rice", 7], ["Salt", 11])
    assert not table.rows[-1].is_total


def test_columns_of_one_name_are_told_apart():
    _, table = table_of(["Name", "Score", "Score"], ["a", 1, 2], ["b", 3, 4])
    assert [column.name for column in table.columns] == ["Name", "Score", "Score (2)"]


def test_a_table_comes_back_from_json_as_it_was():
    _, table = table_of(
        ["Day", "Cost", "Since"], ["2025-01-31", 5.25, 1998], ["2025-02-01", "", 2001]
    )
    assert Table.from_json(table.to_json()) == table
    assert [column.type for column in table.columns] == [
        ColumnType.DATE,
        ColumnType.NUMBER,
        ColumnType.YEAR,
    ]


def test_tables_of_every_format_are_kept_as_data(samples):
    with_tables = set()
    for sample in samples.values() if isinstance(samples, dict) else samples:
        path = getattr(sample, "path", sample)
        for table in tables_of(read(path)):
            assert len(table.columns) > 0
            with_tables.add(path.suffix)
    assert {".xlsx", ".csv", ".docx", ".html", ".md"} <= with_tables


def test_tables_that_are_too_large_are_counted():
    document, table = table_of(["Item", "Cost"], ["Tea", 5], ["Rice", 7])
    assert tables_within(document, 4) == ([table], 0)
    assert tables_within(document, 3) == ([], 1)
