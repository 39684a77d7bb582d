"""A question that is asked of some pages: no tool reads anything else."""

import json

import pytest

from docmind.errors import NothingIndexed
from docmind.events import AgentStep, TurnFinished
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from tests.agents.conftest import plan
from tests.engines import PromptedEngine
from tests.samples import write_pdf

PAGES = (
    "The heron stands in the river and waits for fish.",
    "The mill beside the river grinds wheat every morning.",
    "The ticket for the river ferry costs twelve euros.",
)


@pytest.fixture
def asked(make_app, tmp_path):
    """`asked(pages, tool, arguments)` → what the model was shown, and the turn's last event."""

    def run(pages, tool, arguments, agent="researcher"):
        request = f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"
        engine = PromptedEngine([plan(("Go?", agent)), request, "Done [1]."])
        app = make_app(engine)
        path = write_pdf(tmp_path / "river.pdf", PAGES)
        added = app.documents.add_bytes(path.read_bytes(), "river.pdf")
        assert app.documents.wait(60)
        chosen = ChosenDocument(id=added.document.id, name="river.pdf", pages=pages)
        turn = app.chat.ask(
            "Go?", app.conversations.create().id, scope=QuestionScope(documents=(chosen,))
        )
        events = list(turn.stream())
        assert isinstance(events[-1], TurnFinished), events[-1]
        assert any(isinstance(event, AgentStep) and event.tool == tool for event in events)
        return engine.prompts[-1][-1]["content"], events[-1]

    return run


SECOND = PageRange(first=2, last=2)


@pytest.mark.parametrize(
    ("tool", "arguments", "agent"),
    [
        ("search_documents", {"query": "heron river ticket mill"}, "researcher"),
        ("search_documents", {"query": "heron", "document": "river.pdf"}, "researcher"),
        ("search_documents", {"query": "page 1 of river.pdf"}, "researcher"),
        ("read_pages", {"document": "river.pdf", "first_page": 1, "last_page": 3}, "researcher"),
        ("read_document", {"document": "river.pdf"}, "summarizer"),
    ],
)
def test_only_the_chosen_pages_are_read(asked, tool, arguments, agent):
    shown, end = asked(SECOND, tool, arguments, agent)
    assert {source.passage.page for source in end.sources} == {2}
    assert "mill" in shown
    assert "heron stands" not in shown
    assert "twelve euros" not in shown


def test_a_page_beside_the_chosen_ones_is_said_to_be_out_of_reach(asked):
    arguments = {"document": "river.pdf", "first_page": 3, "last_page": 3}
    shown, _ = asked(SECOND, "read_pages", arguments)
    assert "only p. 2 may be read" in shown


def test_a_chosen_document_that_is_gone_is_not_taken_for_all_documents(make_app):
    app = make_app(PromptedEngine(["never asked"]))
    gone = QuestionScope(documents=(ChosenDocument(id="gone", name="gone.pdf"),))
    conversation = app.conversations.create().id
    with pytest.raises(NothingIndexed, match="None of the documents that are chosen"):
        app.chat.ask("Pets?", conversation, scope=gone)
    assert app.conversations.messages(conversation) == []
