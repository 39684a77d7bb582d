"""Tools as agents call them: through the graph, over real documents."""

import json

import pytest

from docmind.events import AgentStep, SourcesFound, TurnFinished
from tests.agents.conftest import plan
from tests.engines import PromptedEngine, asks_for_plan

GUIDE = """# Setup

Install the app first.

# Fees

| plan | month |
| --- | --- |
| basic | 5 |
| team | 9 |

# Support

Call us.
"""


@pytest.fixture
def call(make_app, ask):
    """`call(tool, arguments)` → what the model was shown for it, and the turn's events."""

    def run(tool, arguments, agent="researcher", **groups):
        request = f"<tool_call>\n{json.dumps({'name': tool, 'arguments': arguments})}\n</tool_call>"
        engine = PromptedEngine([plan(("Go?", agent)), request, "Done [1]."])
        app = make_app(engine, **groups)
        app.documents.add_bytes(GUIDE.encode(), "guide.md")
        app.documents.wait(60)
        events = ask(app, "Go?")
        assert isinstance(events[-1], TurnFinished), events[-1]
        return engine.prompts[-1][-1]["content"], events

    return run


def test_an_outline_lists_headings(call):
    shown, _ = call("outline", {"document": "guide.md"})
    assert shown.startswith("Outline of guide.md:")
    assert "Fees" in shown


def test_a_document_that_is_not_there_is_said_with_those_that_are(call):
    shown, _ = call("read_pages", {"document": "nothing.pdf", "first_page": 1, "last_page": 2})
    assert "no document called 'nothing.pdf'" in shown
    assert "guide.md" in shown


def test_recall_says_if_nothing_was_said(call):
    shown, _ = call("recall", {"query": "pets"})
    assert shown == "Nothing was said about that earlier."


def test_wrong_arguments_are_told_to_the_model(call):
    shown, events = call("read_pages", {"document": "guide.md"})
    assert "first_page" in shown
    assert next(e for e in events if isinstance(e, AgentStep) and e.tool == "read_pages")


def test_only_tables_are_found_by_the_table_lookup(make_app, ask):
    def reply(messages, constraint):
        if constraint and constraint.kind == "grammar":
            return "NONE"
        if constraint:
            planned = asks_for_plan(constraint)
            return plan(("Monthly fees?", "analyst")) if planned else "[]"
        return "Basic costs 5 [1]."

    app = make_app(PromptedEngine(reply))
    app.documents.add_bytes(GUIDE.encode(), "guide.md")
    app.documents.wait(60)
    events = ask(app, "Monthly fees?")
    tables = [e for e in events if isinstance(e, AgentStep) and e.tool == "find_tables"]
    assert tables[0].result.startswith("1 passage")
    found = [e for e in events if isinstance(e, SourcesFound)]
    assert {e.agent for e in found} == {"analyst"}
    assert any("| basic | 5 |" in s.passage.text for e in found for s in e.sources)
