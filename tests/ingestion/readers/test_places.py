from docmind.ingestion.readers.formats import read
from tests.ingestion.readers import places

NOT_READ = {
    "defined name",
    "instruction of a field",
    "name of a bookmark",
    "name of a content control",
    "prompt of a layout",
    "prompt of an empty form field",
    "pronunciation of a cell",
    "tooltip of a link",
}
"""What no reader of the printed document sees and nobody wrote as its text."""


def test_the_documentation_says_where_each_place_ends_up():
    """After a change: `python -m tests.ingestion.readers.places`."""
    written = places.TABLE.search(places.DOCS.read_text("utf-8"))
    assert written is not None
    assert written[0] == places.places_table()


def test_what_people_wrote_is_read_wherever_it_stands():
    for place, found in places.places().items():
        assert (set(found.values()) == {"not read"}) == (place in NOT_READ), place


def test_nothing_is_read_twice(tmp_path):
    for make in (places.docx, places.pptx, places.xlsx):
        file = make()
        document = read(file.write(tmp_path / f"a.{make.__name__}"))
        for place, word in file.words.items():
            assert document.text.count(word) <= 1, place
