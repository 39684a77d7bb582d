import pytest

from tests.ingestion.readers import places

NOT_READ = {
    "defined name",
    "instruction of a field",
    "name of a bookmark",
    "name of a content control",
    "name of a layer",
    "name of a slide",
    "name of a table",
    "navigation",
    "other header",
    "prompt of a layout",
    "prompt of an empty form field",
    "pronunciation of a cell",
    "remark",
    "script",
    "style",
    "text without scripts",
    "tooltip of a link",
}
"""What no reader of the printed document sees and nobody wrote as its text."""


def test_the_documentation_says_where_each_place_ends_up():
    """After a change: `python -m tests.ingestion.readers.places`."""
    assert places.TABLE.findall(places.DOCS.read_text("utf-8")) == places.all_tables()


@pytest.mark.parametrize("file_type", places.MAKERS)
def test_what_people_wrote_is_read_wherever_it_stands_and_once(file_type):
    words, document, found = places.read_places(file_type)
    for place, ended_up in found.items():
        assert (ended_up == "not read") == (place in NOT_READ), place
        # A link's text stands in the list of links as well.
        most = 2 if place == "text of a link" else 1
        assert document.text.count(words[place]) <= most, place
