"""Which marks of an answer are unverified, and how they are drawn."""

import re

from docmind.events import Citation
from docmind.ui.citation_links import citations_by_position, link_maker
from docmind.ui.markdown import markers, safe
from docmind.verification.statements import check_answer
from tests.passages import numbered


def citation(number, sentence, *, supported):
    return Citation(number=number, sentence=sentence, supported=supported)


def doubted_positions(text, citations):
    checked = citations_by_position(markers(text), citations)
    return {position for position, found in checked.items() if not found.supported}


def test_each_marker_has_its_own_verdict():
    citations = [
        citation(1, "Yes", supported=True),
        citation(2, "No", supported=False),
        citation(1, "Also", supported=False),
    ]
    assert doubted_positions("Yes [1]. No [2]. Also [1].", citations) == {1, 2}


def test_lists_ranges_and_code_shift_no_verdict():
    text = "Alpha holds [1, 2]. See `a[1, 2]`. Beta holds [3\u20135]; gamma [ 7 ]."
    assert markers(text) == [1, 2, 3, 4, 5, 7]
    sources = {}
    for number in range(1, 8):
        sources[number] = numbered(number, "c", "d", "a.txt", "Alpha holds.")
    citations = check_answer("", text, list(sources.values())).citations
    assert doubted_positions(text, citations) == {2, 3, 4, 5}
    checked = citations_by_position(markers(text), citations)
    shown = safe(text, link_maker(sources, checked, "0"))
    assert "`a[1, 2]`" in shown
    assert re.findall(r"\[(\d(?: unverified)?)\]\(", shown) == [
        "1",
        "2",
        "3 unverified",
        "4 unverified",
        "5 unverified",
        "7 unverified",
    ]


def test_where_markers_and_verdicts_do_not_match_only_the_clearly_unsupported_are_marked():
    citations = [
        citation(1, "A", supported=True),
        citation(1, "A", supported=False),
        citation(2, "B", supported=False),
    ]
    assert doubted_positions("A [1]. B [2].", citations) == {1}


def test_a_mark_that_was_put_right_says_so_where_it_is_explained():
    source = numbered(1, "c", "d", "a.txt", "text")
    checked = {
        0: Citation(number=1, sentence="A.", supported=True, instead_of=2),
        1: Citation(number=1, sentence="B.", supported=True),
    }
    draw_mark = link_maker({1: source}, checked, "0")
    assert "the model had written [2]" in draw_mark(1, 0)
    assert "written" not in draw_mark(1, 1)


def test_an_unknown_number_is_text_and_titles_are_quoted():
    source = numbered(1, "c", "d", 'a "b".pdf', "text", page=3)
    draw_mark = link_maker({1: source}, {}, "4")
    assert draw_mark(9, 0) == "\\[9\\]"
    assert draw_mark(1, 0) == '[1](#cite-4-1 "a \\"b\\".pdf, page 3")'
