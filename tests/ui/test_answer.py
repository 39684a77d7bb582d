"""Which markers of an answer are unverified, and how figures are written."""

from docmind.events import Citation, Source
from docmind.ui import format
from docmind.ui.answer import citer, unverified


def test_each_marker_has_its_own_verdict():
    text = "Yes [1]. No [2]. Also [1]."
    citations = [Citation(1, "Yes", True), Citation(2, "No", False), Citation(1, "Also", False)]
    assert unverified(text, citations) == {1, 2}


def test_where_markers_and_verdicts_do_not_match_only_the_clearly_unsupported_are_marked():
    assert unverified("A [1]. B [2].", [Citation(1, "A", True), Citation(1, "A", False), Citation(2, "B", False)]) == {
        1
    }


def test_an_unknown_number_is_text_and_titles_are_quoted():
    source = Source(1, "c", "d", 'a "b".pdf', "text", 3)
    cite = citer({1: source}, set(), "4")
    assert cite(9, 0) == "\\[9\\]"
    assert cite(1, 0) == '[1](#cite-4-1 "a \\"b\\".pdf, page 3")'


def test_figures_read_well():
    assert [format.size(n) for n in (0, 900, 1500, 3_300_000, 5 << 30, None)] == [
        "0 B", "900 B", "1.5 KB", "3.1 MB", "5.0 GB", "unknown",
    ]  # fmt: skip
    assert [format.duration(s) for s in (0.85, 4.2, 185)] == ["850 ms", "4.2 s", "3 min 5 s"]
    assert format.count(1, "page") == "1 page"
    assert format.count(1200, "page") == "1,200 pages"
    assert format.when("2026-01-02T12:00:00+00:00") == "2 Jan 2026"
    assert format.when("not a date") == "not a date"
