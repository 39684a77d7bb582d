"""OpenDocument files: what LibreOffice writes, and what it leaves to the reader."""

import zipfile
from decimal import Decimal

import pytest

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.readers.formats import read
from docmind.ingestion.tables import tables_of
from docmind.tables.table import ColumnType
from tests.ingestion.readers.odf_files import cell, table, write_odf
from tests.parts import find_shared_data

DATE = 'office:date-value="2024-03-05"'


def test_numbers_keep_their_value_behind_what_is_shown(tmp_path):
    rows = "".join(
        "<table:table-row>" + "".join(cells) + "</table:table-row>"
        for cells in (
            (cell("Part"), cell("Price"), cell("Share"), cell("Since")),
            (
                cell("Bolt"),
                cell("€ 1.234,50", value="1234.5", kind="currency"),
                cell("7,5 %", value="0.075", kind="percentage"),
                cell("05.03.24", kind="date", spans=DATE),
            ),
            (
                cell("Nut"),
                cell("€ 65,50", value="65.5", kind="currency"),
                cell("2,5 %", value="0.025", kind="percentage"),
                cell("05.03.24", kind="date", spans=DATE),
            ),
        )
    )
    path = write_odf(
        tmp_path / "a.ods", "spreadsheet", f'<table:table table:name="Prices">{rows}</table:table>'
    )
    document = read(path)
    (section,) = document.sections
    assert section.headings == ("Prices",)
    assert section.text.splitlines()[2] == "| Bolt | € 1.234,50 | 7,5 % | 2024-03-05 |"
    (typed,) = tables_of(document)
    assert [column.type for column in typed.columns][1:3] == [
        ColumnType.NUMBER,
        ColumnType.NUMBER,
    ]
    assert [row.values[1] for row in typed.rows] == [Decimal("1234.5"), Decimal("65.5")]


def test_repeated_cells_and_rows_are_repeated_within_reason(tmp_path):
    empty = '<table:table-row table:number-rows-repeated="1048570"><table:table-cell/>'
    many = '<table:table-row table:number-rows-repeated="5000">' + cell("all") * 2
    twice = cell("x", spans='table:number-columns-repeated="2"')
    header = f"<table:table-row>{cell('Part')}{twice}</table:table-row>"
    body = (
        f'<table:table table:name="A">{header}{many}</table:table-row>{empty}</table:table-row>'
        "</table:table>"
    )
    document = read(write_odf(tmp_path / "a.ods", "spreadsheet", body))
    lines = document.sections[0].text.splitlines()
    assert lines[0] == "| Part | x | x |"
    assert len(lines) == 1002
    assert document.unread == ("of a row that is repeated 5,000 times 1,000 were read",)


def test_a_formula_without_a_value_is_shown(tmp_path):
    formula = '<table:table-cell table:formula="of:=SUM([.B2:.B3])*[Other.A1]"/>'
    rows = f"<table:table-row>{cell('Total')}{formula}</table:table-row>"
    body = f'<table:table table:name="A">{rows}</table:table>'
    assert "=SUM(B2:B3)*Other.A1" in read(write_odf(tmp_path / "a.ods", "spreadsheet", body)).text


def test_lists_and_headings_have_their_numbers(tmp_path):
    styles = (
        '<text:list-style style:name="L"><text:list-level-style-number text:level="1" '
        'style:num-format="1" style:num-suffix="."/><text:list-level-style-number text:level="2" '
        'style:num-format="a" style:num-suffix=")"/></text:list-style>'
    )
    inner = "<text:list><text:list-item><text:p>Inner</text:p></text:list-item></text:list>"
    body = (
        '<text:list text:style-name="L"><text:list-item><text:p>One</text:p></text:list-item>'
        f"<text:list-item><text:p>Two</text:p>{inner}</text:list-item></text:list>"
        "<text:p>Between.</text:p>"
        '<text:list text:style-name="L" text:continue-numbering="true"><text:list-item>'
        "<text:p>Three</text:p></text:list-item></text:list>"
    )
    text = read(write_odf(tmp_path / "a.odt", "text", body, styles=styles)).text
    lines = [line for line in text.splitlines() if line]
    assert lines == ["1. One", "2. Two", "  a) Inner", "Between.", "3. Three"]


def test_powers_do_not_become_other_numbers(tmp_path):
    styles = (
        '<style:style style:name="S"><style:text-properties style:text-position="super 58%"/>'
        "</style:style>"
    )
    body = '<text:p>10<text:span text:style-name="S">6</text:span> cells</text:p>'
    assert read(write_odf(tmp_path / "a.odt", "text", body, styles=styles)).text == "10^6 cells"


def test_shapes_are_read_from_top_to_bottom(tmp_path):
    frames = "".join(
        f'<draw:frame svg:x="{x}cm" svg:y="{y}cm"><draw:text-box><text:p>{text}</text:p>'
        "</draw:text-box></draw:frame>"
        for text, x, y in (("Third", 1, 9), ("Second", 12, 2.1), ("First", 1, 2))
    )
    title = (
        '<draw:frame presentation:class="title" svg:y="20cm"><draw:text-box><text:p>Plan</text:p>'
        "</draw:text-box></draw:frame>"
    )
    path = write_odf(tmp_path / "a.odp", "presentation", f"<draw:page>{frames}{title}</draw:page>")
    document = read(path)
    assert document.pages == 1
    assert [section.text for section in document.sections] == [
        "# Plan",
        "First\nSecond\nThird",
    ]
    assert document.sections[0].headings == ("Plan",)


def test_what_can_not_be_read_is_refused_with_a_reason(tmp_path):
    path = write_odf(
        tmp_path / "a.odt",
        "text",
        "<text:p>x</text:p>",
        **{"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"},
    )
    with pytest.raises(EncryptedFile, match="password"):
        read(path)
    with pytest.raises(CorruptFile, match="another kind"):
        read(write_odf(tmp_path / "b.odt", "spreadsheet", table([["x"]])))
    with zipfile.ZipFile(tmp_path / "c.odt", "w") as package:
        package.writestr("other.xml", "<a/>")
    with pytest.raises(CorruptFile, match="no document"):
        read(tmp_path / "c.odt")


def test_entities_are_not_resolved(tmp_path):
    path = write_odf(tmp_path / "a.odt", "text", "<text:p>a</text:p>")
    content = (
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
        '<office:document-content xmlns:office="o" xmlns:text="t"><office:body><office:text>'
        "<text:p>before &f; after</text:p></office:text></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("content.xml", content)
    assert read(path).text == "before &f; after"


def test_a_damaged_picture_and_a_video_are_counted(tmp_path):
    body = (
        '<text:p><draw:frame><draw:image xlink:href="Pictures/1.png"/></draw:frame></text:p>'
        '<text:p><draw:frame><draw:image xlink:href="https://example.com/x.png"/></draw:frame>'
        "<draw:frame><draw:plugin/></draw:frame>Text.</text:p>"
    )
    path = write_odf(tmp_path / "a.odt", "text", body, **{"Pictures/1.png": "no picture"})
    assert read(path).unread == (
        "2 pictures were not read",
        "1 embedded video or sound was not read",
    )


@pytest.mark.parametrize("number", [1, 2, 3])
def test_documents_of_libre_office(number):
    folder = find_shared_data("formats/odf/sources")
    text = read(folder / f"text_document_0{number}.odt").text
    expected = {
        1: ["1. numbered list 1", "X^2 + Y2 = Z"],
        2: ["| Row 4 | 4.3 | 9.02 | 6.2 |", "|  |  | Merged cell 2x2 | Merged cell 2x2 |"],
        3: ["| Simple cell upper left | Simple cell with bold and italic text |"],
    }
    for line in expected[number]:
        assert line in text
