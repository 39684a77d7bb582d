"""Search within a document."""

from docmind.ui.document_search import excerpt, find_passages
from tests.passages import numbered

LONG = "It is said on each page. " * 20


def passage(text):
    return numbered(1, "p", "d", "a.txt", text).passage


def test_case_and_line_ends_are_one():
    found = passage("The monthly\nFEE is five.")
    assert find_passages([passage("Nothing."), found], " monthly fee ") == [found]


def test_nothing_is_found_without_a_text():
    assert find_passages([passage("Nothing.")], "  ") == []


def test_an_excerpt_shows_the_match_in_what_stands_around_it():
    shown = excerpt(passage(f"{LONG}The fee is *five*. {LONG}"), "FEE IS")
    assert "The **fee is** \\*five\\*" in shown
    assert len(shown) < 220
