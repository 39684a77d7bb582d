"""Which markers of an answer are unverified, and what a running turn says of itself."""

import re

from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    Citation,
    ContextTrimmed,
    TokenDelta,
)
from docmind.ui.answer import citer, trimmed, verdicts
from docmind.ui.markdown import markers, safe
from docmind.ui.turn_view import fold
from docmind.verification.citations import cite
from tests.passages import numbered


def doubted(text, citations):
    return {i for i, c in verdicts(markers(text), citations).items() if not c.supported}


def test_each_marker_has_its_own_verdict():
    text = "Yes [1]. No [2]. Also [1]."
    citations = [Citation(1, "Yes", True), Citation(2, "No", False), Citation(1, "Also", False)]
    assert doubted(text, citations) == {1, 2}


def test_lists_ranges_and_code_shift_no_verdict():
    text = "Alpha holds [1, 2]. See `a[1, 2]`. Beta holds [3\u20135]; gamma [ 7 ]."
    assert markers(text) == [1, 2, 3, 4, 5, 7]
    sources = {n: numbered(n, "c", "d", "a.txt", "Alpha holds.") for n in range(1, 8)}
    _, citations = cite(text, list(sources.values()), lambda *_: 0.0)
    assert doubted(text, citations) == {2, 3, 4, 5}
    shown = safe(text, citer(sources, verdicts(markers(text), citations), "0"))
    assert "`a[1, 2]`" in shown
    assert re.findall(r"\[(\d(?: unverified)?)\]\(", shown) == [
        "1", "2", "3 unverified", "4 unverified", "5 unverified", "7 unverified",
    ]  # fmt: skip


def test_where_markers_and_verdicts_do_not_match_only_the_clearly_unsupported_are_marked():
    citations = [Citation(1, "A", True), Citation(1, "A", False), Citation(2, "B", False)]
    assert doubted("A [1]. B [2].", citations) == {1}


def test_a_mark_that_was_put_right_says_so_where_it_is_explained():
    source = numbered(1, "c", "d", "a.txt", "text")
    draw = citer({1: source}, {0: Citation(1, "A.", True, 2), 1: Citation(1, "B.", True)}, "0")
    assert "the model had written [2]" in draw(1, 0)
    assert "written" not in draw(1, 1)


def test_an_unknown_number_is_text_and_titles_are_quoted():
    source = numbered(1, "c", "d", 'a "b".pdf', "text", page=3)
    draw = citer({1: source}, {}, "4")
    assert draw(9, 0) == "\\[9\\]"
    assert draw(1, 0) == '[1](#cite-4-1 "a \\"b\\".pdf, page 3")'


def test_a_cut_says_what_was_left_out():
    cut = ContextTrimmed(
        "c", "t", 7400, 5600, "researcher: parts of 1 tool result", "over", "2026-01-02T03:04:05"
    )
    assert "researcher: parts of 1 tool result (7,400 → 5,600 tokens)" in trimmed(cut)
    assert "turns" not in trimmed(cut)


def test_a_running_turn_says_what_goes_on():
    ids = ("c", "t")
    happened, told = [], []
    for event in (
        AgentStarted(*ids, "supervisor", "Putting earlier turns into a summary", "s"),
        AgentStep(*ids, "supervisor", "s", "condense", {}, "2 of them", 900.0),
        AgentStarted(*ids, "researcher", "A?", "r"),
        AgentStep(*ids, "researcher", "r", "search_documents", {}, "5 passages", 9.0),
        TokenDelta(*ids, "Let me see.", "researcher", "r"),
        AgentStep(*ids, "researcher", "r", "read_pages", {}, "2 pages", 9.0, "Let me see."),
        AgentFinished(*ids, "researcher", "r", "So it is."),
    ):
        happened.append(event)
        told.append(fold(happened).doing)
    assert fold([]).doing == told[1] == "Reading the question and planning"
    assert told[0] == "Putting earlier turns into a summary"
    assert told[2:] == [
        "Researcher at work",
        "Researcher reading what was found",
        "Writing the answer",
        "Researcher reading what was found",  # what it said belongs to its step
        "Putting the answer together",
    ]
