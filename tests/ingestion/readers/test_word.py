"""Word documents, made here of their XML, and those of the handout."""

import zipfile
from xml.sax.saxutils import escape

import pytest

from docmind.ingestion.readers.formats import read
from tests.parts import find_shared_data

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"


def paragraph(text, properties=""):
    return f"<w:p><w:pPr>{properties}</w:pPr>{run(text)}</w:p>"


def run(text, properties=""):
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{escape(text)}</w:t></w:r>"


def style(name):
    return f'<w:pStyle w:val="{name}"/>'


def numbered(level, list_id="1"):
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'


def cell(text, properties=""):
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"


def row(*cells):
    return f"<w:tr>{''.join(cells)}</w:tr>"


@pytest.fixture
def word(tmp_path):
    """`word(body, styles=…, …)` → what is read of a document with these parts."""

    def word(body, **parts):
        path = tmp_path / "a.docx"
        with zipfile.ZipFile(path, "w") as package:
            main = relationship("rId1", "officeDocument", "word/document.xml")
            package.writestr("_rels/.rels", relationships(main))
            targets = [relationship(name, name, f"{name}.xml") for name in parts]
            package.writestr("word/_rels/document.xml.rels", relationships(*targets))
            body = f"<w:body>{body}</w:body>"
            package.writestr("word/document.xml", root("document", body))
            for name, content in parts.items():
                package.writestr(f"word/{name}.xml", root(name, content))
        return read(path)

    return word


def relationship(name, kind, target):
    return f'<Relationship Id="{name}" Type="{R}/{kind}" Target="{target}"/>'


def relationships(*entries):
    return f'<Relationships xmlns="{RELATIONSHIPS}">{"".join(entries)}</Relationships>'


def root(name, content):
    return f'<w:{name} xmlns:w="{W}" xmlns:r="{R}">{content}</w:{name}>'


def level(number, text, form="decimal", start=1, more=""):
    return (
        f'<w:lvl w:ilvl="{number}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>'
        f'<w:lvlText w:val="{text}"/>{more}</w:lvl>'
    )


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "12-superscripts.docx",
            ["The reactor holds 10^6 neutrons per cm^3. Revenue was 45^2 million."],
        ),
        (
            "13-merged-cells.docx",
            [
                "| Region | Product | Units |",
                "| --- | --- | --- |",
                "| EU | Cable | 12 |",
                "| EU | Hub | 7 |",
                "| Total | Total | 19 |",
            ],
        ),
        (
            "14-heading-in-header-cell.docx",
            ["| Plan | Price |", "| --- | --- |", "| Basic | 10 |", "| Pro | 25 |"],
        ),
        (
            "15-clause-numbers.docx",
            [
                "4. Term",
                "4.1 The lease runs for two years.",
                "4.2 It renews automatically.",
                "5. Rent",
                "5.1 The rent is 900 euros.",
            ],
        ),
        ("16-simple-fields.docx", ["Customer: Harriet Vane, order QZ-5512"]),
        ("17-ruby.docx", ["担当者は田中(たなか)です。"]),
        ("18-style-without-type.docx", ["A style has no type."]),
    ],
)
def test_the_handout_is_read_right(name, lines):
    read_lines = read(find_shared_data("handout", name)).text.splitlines()
    assert read_lines[: len(lines)] == lines


def test_headers_and_footers_stand_once():
    text = read(find_shared_data("handout", "11-letterhead.docx")).text
    assert text.count("Northwind Legal LLP, 12 Harbour Road") == 1
    assert text.count("IBAN DE02 1203 0000 0000 2020 51") == 1


def test_headings_come_from_names_outline_levels_and_parents(word):
    styles = (
        '<w:style w:styleId="U1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Own"><w:name w:val="Clause"/><w:basedOn w:val="U1"/></w:style>'
        '<w:style w:styleId="Deep"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
        '<w:style w:styleId="A"><w:basedOn w:val="B"/></w:style>'
        '<w:style w:styleId="B"><w:basedOn w:val="A"/></w:style>'
    )
    document = word(
        paragraph("One", style("U1"))
        + paragraph("Two", style("Deep"))
        + paragraph("text", style("A"))
        + paragraph("Three", style("Own"))
        + paragraph("end"),
        styles=styles,
    )
    assert [section.heading for section in document.sections] == ["One", "One > Two", "Three"]


def test_numbers_of_clauses(word):
    numbering = (
        '<w:abstractNum w:abstractNumId="7">'
        + level(0, "Article %1", "upperRoman")
        + level(1, "%1.%2", more="<w:isLgl/>")
        + level(2, "(%3)", "lowerLetter")
        + "</w:abstractNum>"
        + '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
        + '<w:num w:numId="2"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0">'
        + '<w:startOverride w:val="9"/></w:lvlOverride></w:num>'
    )
    body = "".join(
        paragraph("x", numbered(place, list_id))
        for place, list_id in ((0, "1"), (1, "1"), (2, "1"), (2, "1"), (1, "1"), (0, "1"), (1, "1"))
    )
    body += paragraph("x", numbered(0, "2")) + paragraph("x", numbered(1, "1"))
    assert word(body, numbering=numbering).text.splitlines() == [
        "Article I x",
        "1.1 x",
        "(a) x",
        "(b) x",
        "1.2 x",
        "Article II x",
        "2.1 x",
        "Article IX x",
        "9.1 x",
    ]


def test_fields_show_what_they_came_to_and_where_links_lead(word):
    def part(kind):
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    def instruction(text):
        return f"<w:r><w:instrText>{text}</w:instrText></w:r>"

    inner = part("begin") + instruction("REF x") + part("separate") + run("QZ-5512") + part("end")
    link = (
        part("begin")
        + instruction(' HYPERLINK "https://a.example/b" ')
        + part("separate")
        + run("the terms of ")
        + inner
        + part("end")
    )
    never_ended = part("begin") + instruction("XE hidden")
    document = word(f"<w:p>{run('See ')}{link}</w:p><w:p>{never_ended}</w:p>" + paragraph("after"))
    assert document.text.splitlines() == [
        "See the terms of QZ-5512 (https://a.example/b)",
        "",
        "after",
    ]


def test_tracked_changes_are_accepted_and_the_deletion_stays_in_reach(word):
    body = (
        "<w:p>"
        + run("The rent is ")
        + '<w:del w:author="Ines"><w:r><w:delText>900</w:delText></w:r></w:del>'
        + f"<w:ins>{run('950')}</w:ins>"
        + "</w:p>"
        + paragraph("It is ", "<w:rPr><w:del/></w:rPr>")
        + paragraph("due in May.")
    )
    assert word(body).text.splitlines() == [
        "The rent is 950",
        "",
        "It is due in May.",
        "",
        "Deleted by Ines: 900",
    ]


def test_merged_cells_rows_that_begin_later_and_titles(word):
    wide = '<w:gridSpan w:val="3"/>'
    two = '<w:gridSpan w:val="2"/>'
    first = '<w:vMerge w:val="restart"/>'
    table = (
        row(cell("Sales in $ millions", wide))
        + row(cell("Region", first), cell("2024", two))
        + row(cell("", "<w:vMerge/>"), cell("Q1"), cell("Q2"))
        + row(cell("North", first), cell("1"), cell("2"))
        + row(cell("", "<w:vMerge/>"), cell("3", two))
        + '<w:tr><w:trPr><w:gridBefore w:val="2"/></w:trPr>'
        + cell("9")
        + "</w:tr>"
    )
    document = word(f"<w:tbl>{table}</w:tbl>")
    title, section = document.sections
    assert title.text == "Sales in $ millions"
    assert section.text.splitlines() == [
        "| Region | 2024 | 2024 |",
        "| --- | --- | --- |",
        "| Region | Q1 | Q2 |",
        "| North | 1 | 2 |",
        "| North | 3 | 3 |",
        "|  |  | 9 |",
    ]


def test_scripts_that_change_nothing_get_no_mark(word):
    up = '<w:vertAlign w:val="superscript"/>'
    down = '<w:vertAlign w:val="subscript"/>'
    body = (
        "<w:p>"
        + run("the 1")
        + run("st", up)
        + run(" of CO")
        + run("2", down)
        + run(", 10")
        + run("-", up)
        + run("12", up)
        + run(" and 10")
        + run("2", down)
        + "</w:p>"
    )
    assert word(body).text == "the 1st of CO2, 10^-12 and 10_2"


def test_a_damaged_part_costs_itself(word, tmp_path):
    note = '<w:r><w:footnoteReference w:id="2"/></w:r>'
    word(f"<w:p>{run('The text')}{note}</w:p>", footnotes="", styles="")
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["word/styles.xml"] = b"<w:styles"
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    document = read(path)
    assert document.text == "The text"
    assert [("styles.xml" in sentence) for sentence in document.unread] == [True]


def test_pictures_and_objects_are_counted(word):
    a = "http://schemas.openxmlformats.org/drawingml/2006/main"
    picture = f'<w:r><w:drawing><a:blip xmlns:a="{a}"/></w:drawing></w:r>'
    embedded = '<w:r><w:object><o:OLEObject xmlns:o="urn:o"/></w:object></w:r>'
    document = word(f"<w:p>{run('x')}{picture}{picture}{embedded}</w:p>")
    assert document.unread == ("2 pictures were not read", "1 embedded object was not read")
