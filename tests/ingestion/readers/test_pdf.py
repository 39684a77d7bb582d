from docmind.ingestion.readers.formats import _cleaned
from docmind.ingestion.readers.pdf import _sections
from docmind.ingestion.readers.pdf_tables import Table

BOX = (0.1, 0.1, 0.9, 0.2)


def test_text_between_blank_lines_and_tables_keeps_its_places():
    below = (0.1, 0.5, 0.9, 0.6)
    table = Table("| a |\n| --- |\n| b |", (below, None, below), below, 2)
    lines = [
        (BOX, "one"),
        (None, ""),
        (below, "a"),
        (None, ""),
        (below, "b"),
        (None, ""),
        (BOX, "two"),
        (None, ""),
    ]
    before, found, after = (_cleaned(section) for section in _sections(lines, [table], 1, ""))
    assert found.table
    assert (before.text, before.boxes) == ("one", (BOX,))
    assert (after.text, after.boxes) == ("two", (BOX,))
