"""The examples in the docstrings of `docmind.ingestion.parsed` hold."""

from docmind.ingestion.parsed import Headings, Outline, Section


def test_a_heading_ends_those_of_its_own_level_and_below():
    headings = Headings("Bees")
    assert headings.enter(1, "Honey") == ("Bees", "Honey")
    assert headings.enter(2, "Price") == ("Bees", "Honey", "Price")
    assert headings.enter(1, "Hives") == ("Bees", "Hives")


def test_an_outline_has_a_section_for_each_heading_and_table():
    outline = Outline("Bees")
    outline.add_heading(1, "Honey")
    outline.add_text("It keeps for years.")
    outline.add_table("| Kind | Price |")
    empty, text, table, rest = outline.finish()
    assert empty == Section(text="", headings=("Bees",))
    assert text == Section(text="# Honey\n\nIt keeps for years.", headings=("Bees", "Honey"))
    assert table == Section(text="| Kind | Price |", headings=("Bees", "Honey"), table=True)
    assert rest == Section(text="", headings=("Bees", "Honey"))
    assert table.heading == "Bees > Honey"
