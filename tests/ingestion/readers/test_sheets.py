import re
import zipfile
from datetime import date, time, timedelta

import openpyxl
import pytest
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment

from docmind.ingestion.readers.formats import read
from tests.parts import find_shared_data


def handout(name):
    return read(find_shared_data("handout", name))


def lines_of(document):
    return document.text.splitlines()


def rewrite(path, part, change):
    """Replace a part of an Office file by what `change` makes of it."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts[part] = change(parts[part])
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return path


@pytest.fixture
def save(tmp_path):
    def save(book, name="book.xlsx"):
        book.save(tmp_path / name)
        return tmp_path / name

    return save


def test_cells_are_read_as_shown():
    assert lines_of(handout("21-number-formats.xlsx"))[2:] == [
        "| Discount | 7.5% |",
        "| Price | $1,234.50 |",
        "| Start | 15.03.2026 |",
        "| Postcode | 01067 |",
        "| Working time | 42:00 |",
        "| Term | 3 weeks |",
        "| Loss | (500) |",
    ]


def test_merged_cells_are_filled():
    assert lines_of(handout("22-merged-rows.xlsx"))[2:] == [
        "| North | Cable | 12 |",
        "| North | Hub | 7 |",
        "| North | Lamp | 9 |",
    ]


def test_a_formula_without_a_value_is_shown():
    assert lines_of(handout("23-formulas-without-values.xlsx"))[2:] == [
        "| Bolt | 3 | 2.5 | =B2*C2 |",
        "| Nut | 4 | 1.25 | =B3*C3 |",
        "| Sum |  |  | =SUM(D2:D3) |",
    ]


def test_the_strict_form_is_read():
    assert lines_of(handout("24-strict-ooxml.xlsx")) == [
        "| Part | Units |",
        "| --- | --- |",
        "| Bolt | 12 |",
        "| Nut | 30 |",
    ]


def test_a_shared_formula_is_moved_to_its_cell(save):
    book = openpyxl.Workbook()
    book.active.append(["A", "B"])
    book.active.append([1, "=A2*2"])
    book.active.append([2, "=A3*2"])

    def share(sheet):
        first = b'<f t="shared" ref="B2:B3" si="0">A2*2</f>'
        sheet = sheet.replace(b"<f>A2*2</f>", first)
        return sheet.replace(b"<f>A3*2</f>", b'<f t="shared" si="0"/>')

    path = rewrite(save(book), "xl/worksheets/sheet1.xml", share)
    assert lines_of(read(path))[2:] == ["| 1 | =A2*2 |", "| 2 | =A3*2 |"]


def test_dates_times_and_durations_of_openpyxl(save):
    book = openpyxl.Workbook()
    book.active.append(["day", "time", "duration", "yes"])
    book.active.append([date(2026, 3, 15), time(14, 5), timedelta(hours=42), True])
    path = save(book)
    assert lines_of(read(path))[2] == "| 2026-03-15 | 14:05:00 | 42:00:00 | TRUE |"


def test_a_value_merged_across_columns_stands_in_those_that_have_others(save):
    book = openpyxl.Workbook()
    for row in (["Year", "2024", None], ["", "Q1", "Q2"], ["North", 1, 2], ["South", 3, None]):
        book.active.append(row)
    book.active.merge_cells("B1:C1")
    book.active.merge_cells("B4:C4")
    book.active.merge_cells("D4:G4")
    assert lines_of(read(save(book))) == [
        "| Year | 2024 | 2024 |",
        "| --- | --- | --- |",
        "|  | Q1 | Q2 |",
        "| North | 1 | 2 |",
        "| South | 3 | 3 |",
    ]


def test_a_title_above_a_table_is_no_header(save):
    book = openpyxl.Workbook()
    for row in (["Sales in $ millions"], ["Region", "Units"], ["North", 12]):
        book.active.append(row)
    book.active.merge_cells("A1:B1")
    title, table = read(save(book)).sections
    assert title.text == "Sales in $ millions"
    assert table.text.splitlines()[0] == "| Region | Units |"


def test_a_damaged_sheet_costs_itself(save):
    book = openpyxl.Workbook()
    book.active.append(["good", "sheet"])
    book.create_sheet("Bad").append(["one", "two"])
    path = rewrite(save(book), "xl/worksheets/sheet2.xml", lambda _: b"<worksheet><sheetDa")
    path = rewrite(path, "xl/styles.xml", lambda _: b"no styles")
    document = read(path)
    assert "good sheet" in document.text
    assert any("sheet2.xml" in sentence for sentence in document.unread)
    assert any("styles" in sentence for sentence in document.unread)


def test_a_chart_is_its_titles_and_a_table(save):
    book = openpyxl.Workbook()
    for row in (["Month", "Ducks"], ["May", 17], ["June", 23]):
        book.active.append(row)
    chart = BarChart()
    chart.title = "Ducks on the lake"
    chart.add_data(Reference(book.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    book.active.add_chart(chart, "D2")
    path = save(book)

    def remember(part):
        cache = (
            b'<numCache><formatCode>0.0</formatCode><pt idx="0"><v>17</v></pt>'
            b'<pt idx="1"><v>23</v></pt></numCache>'
        )
        return re.sub(rb"(<numRef><f>[^<]*</f>)", rb"\\1" + cache, part)

    document = read(rewrite(path, "xl/charts/chart1.xml", remember))
    assert "Chart: Ducks on the lake" in document.text
    assert "| 2 | 23.0 |" in document.text


def test_comments_links_headers_and_footers(save):
    book = openpyxl.Workbook()
    book.active.append(["Supplier", "Note"])
    book.active.append(["Acme", "late"])
    book.active["A2"].hyperlink = "https://acme.example/terms"
    book.active["B2"].comment = Comment("Ask Jonas first.", "Ines")
    book.active.oddHeader.center.text = "Internal &[Date]"
    book.active.oddFooter.right.text = "Page &P of &N"
    book.properties.title = "Suppliers of 2026"
    book.properties.creator = "Ines Duarte"
    text = read(save(book)).text
    assert "| Acme (https://acme.example/terms) | late |" in text
    assert "Comment on B2 by Ines: Ask Jonas first." in text
    assert "Header: Internal" in text
    assert "Footer" not in text
    assert "Title: Suppliers of 2026\nAuthor: Ines Duarte" in text


@pytest.mark.parametrize("part", ["_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/workbook.xml"])
def test_sheets_are_found_though_nothing_leads_to_them(save, part):
    book = openpyxl.Workbook()
    book.active.append(["good", "sheet"])
    path = rewrite(save(book), part, lambda _: b"")
    assert "good sheet" in read(path).text
