from docmind.ingestion.parsed import Box, Line
from docmind.ingestion.readers.formats import _cleaned
from docmind.ingestion.readers.pdf import _sections
from docmind.ingestion.readers.pdf_tables import Table


def test_text_between_blank_lines_and_tables_keeps_its_places():
    above = Box(left=0.1, top=0.1, right=0.9, bottom=0.2)
    below = Box(left=0.1, top=0.5, right=0.9, bottom=0.6)
    table = Table(
        markdown="| a |\n| --- |\n| b |", boxes=(below, None, below), area=below, letters=2
    )
    blank = Line(box=None, text="")
    lines = [
        Line(above, "one"),
        blank,
        Line(below, "a"),
        blank,
        Line(below, "b"),
        blank,
        Line(above, "two"),
        blank,
    ]
    sections = [_cleaned(section) for section in _sections(lines, [table], page=1, headings=())]
    before, found, after = sections
    assert found.table
    assert before.text == "one"
    assert before.boxes == (above,)
    assert after.text == "two"
    assert after.boxes == (above,)
