"""RTF: what Word, WordPad and LibreOffice write."""

import binascii

import pytest

from docmind.errors import CorruptFile
from docmind.ingestion.readers.formats import read
from tests.samples import write_image

HEAD = r"{\rtf1\ansi\ansicpg1252\deff0"
FONTS = r"{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fnil\fcharset238 Arial CE;}" + (
    r"{\f2\fnil\fcharset128 MS Mincho;}}"
)
STYLES = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Big;}{\s2 heading 2;}}"


def read_rtf(tmp_path, body, head=HEAD + FONTS + STYLES):
    path = tmp_path / "a.rtf"
    path.write_bytes(f"{head}{body}}}".encode("latin-1"))
    return read(path)


def text_of(tmp_path, body):
    return read_rtf(tmp_path, body).text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (r"Gr\'fc\'dfe \endash  \u8364? 5\par", "Grüße \u2013 € 5"),
        (r"\f1 \'bf\'f3\'b3\'e6 \f0 \'bf", "żółć ¿"),
        (r"\f2 \'93\'fa\'96\'7b", "日本"),
        (r"\uc2\u20320\'c4\'e3\uc1 \u22909?", "你好"),
        (r"\u-10179?\u-8704?", "\U0001f600"),
        (r"10{\super 6} cells, CO{\sub 2}, m\super 2\nosupersub  b", "10^6 cells, CO2, m^2 b"),
        (r"a\line b\par c\~d\_e\-f \{g\} \\", "a\nb\n\nc d-ef {g} \\"),
        (r"{\*\unknown lost}{\pict\wmetafile8 0102}kept{\v hidden}", "kepthidden"),
        (
            r"{\field{\*\fldinst{ EQ \\* jc3 \\o\\al(\\s\\up 10(\u12383?),\u30000?)}}{\fldrslt }}",
            "田(た)",
        ),
        (r"{\listtext 1.\tab}First\par{\listtext\'b7\tab}Second\par", "1. First\n\n· Second"),
    ],
)
def test_letters(tmp_path, body, text):
    assert text_of(tmp_path, body) == text


def test_headings_by_outline_level_and_by_the_style_s_name(tmp_path):
    body = r"\pard\s1 Rent\par\pard The rent.\par\pard\s2 Due\par\pard{} Monthly.\par"
    sections = read_rtf(tmp_path, body).sections
    assert [(section.headings, section.text) for section in sections] == [
        (("Rent",), "# Rent\n\nThe rent."),
        (("Rent", "Due"), "## Due\n\nMonthly."),
    ]


def test_links_notes_and_comments(tmp_path):
    body = (
        r"See {\field{\*\fldinst{HYPERLINK \"https://example.com/x\"}}{\fldrslt{the page}}}"
        r"{\footnote\pard\plain Only by day.}. Next{\*\atnauthor Ada}{\*\annotation Really?}"
        r"{\deleted  gone}.\par"
    ).replace('\\"', '"')
    assert text_of(tmp_path, body).splitlines() == [
        "See the page (https://example.com/x)[1]. Next.",
        "",
        "[1] Only by day.",
        "",
        "Comment by Ada: Really?",
        "",
        "Deleted: gone",
    ]


def test_a_header_once_and_who_wrote_it(tmp_path):
    body = (
        r"{\info{\title Lease}{\author Ada}}{\header Northwind\par}{\headerf Northwind\par}"
        r"{\footer Page {\field{\*\fldinst PAGE}{\fldrslt 3}}\par}Text.\par"
    )
    assert text_of(tmp_path, body) == "Header:\nNorthwind\n\nText.\n\nTitle: Lease\nAuthor: Ada"


def row(*cells, definition=r"\cellx1000\cellx2000\cellx3000"):
    texts = "".join(f"{cell}\\cell " for cell in cells)
    return rf"\trowd{definition}\pard\intbl {texts}\row"


def test_a_table_with_merged_cells(tmp_path):
    body = (
        row("Part", "Jan", "Feb")
        + row("Bolt", r"1{\super st}", "9", definition=r"\cellx1000\clvmgf\cellx2000\cellx3000")
        + row("Nut", "", "8", definition=r"\cellx1000\clvmrg\cellx2000\cellx3000")
        + row("Sum", "17", definition=r"\cellx1000\cellx3005")
        + r"\pard After{\footnote\pard A note.} it.\par"
    )
    table, after = read_rtf(tmp_path, body).sections
    assert table.table
    assert table.text.splitlines() == [
        "| Part | Jan | Feb |",
        "| --- | --- | --- |",
        "| Bolt | 1st | 9 |",
        "| Nut | 1st | 8 |",
        "| Sum | 17 | 17 |",
    ]
    assert after.text.startswith("After[1] it.")


def test_a_note_in_a_cell_does_not_end_the_table(tmp_path):
    body = row("Part", r"Jan{\footnote\pard\plain In euros.}", "Feb") + row("Bolt", "1", "2")
    table, note = read_rtf(tmp_path, body).sections
    assert table.text.splitlines()[0] == "| Part | Jan[1] | Feb |"
    assert note.text == "[1] In euros."


def test_a_picture_is_read_and_another_counted(tmp_path):
    data = write_image(tmp_path / "x.png").read_bytes()
    coded = binascii.hexlify(data).decode()
    body = rf"{{\*\shppict{{\pict\pngblip {coded}}}}}{{\nonshppict{{\pict 00}}}}Text.\par"
    assert "counts 52 ships a day" in text_of(tmp_path, body)
    document = read_rtf(tmp_path, r"Text.{\pict\emfblip 0102}{\object{\*\objdata 01}{\result x}}")
    assert document.text == "Text.x"
    assert document.unread == ("1 picture was not read", "1 embedded object was not read")


@pytest.mark.parametrize("body", [r"a}}} more", r"{{{a", "a\\", r"{\bin99999 a", r"\u99999999 a"])
def test_broken_groups_cost_themselves(tmp_path, body):
    assert "text" in read_rtf(tmp_path, "text " + body).text


def test_another_file_is_refused(tmp_path):
    (tmp_path / "a.rtf").write_bytes(b"no rtf at all")
    with pytest.raises(CorruptFile, match="no RTF"):
        read(tmp_path / "a.rtf")
