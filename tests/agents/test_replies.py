"""What the supervisor replies itself reads no passages."""

import json

import pytest

from docmind.agents.plan import Own
from docmind.agents.replies import app_facts, conversation_record
from docmind.events import AgentStarted
from docmind.turns import CompletedTurn
from tests.agents.conftest import plan
from tests.engines import PromptedEngine, asks_for_plan


def planned(kind, question=""):
    return json.dumps({"count": 1, "full_question": question, "kind": kind})


def test_a_question_about_the_app_is_answered_from_its_facts(make_app, ask):
    planned_first = plan(("What can you do?", "app"))
    engine = PromptedEngine([planned_first, "I answer questions about documents."])
    events = ask(make_app(engine), "What can you do?")
    rules, question = engine.prompts[-1]
    assert rules["content"] == app_facts()
    assert "PDF" in rules["content"]
    assert question["content"] == "What can you do? Answer in English."
    assert events[-1].answer == "I answer questions about documents."
    assert not [event for event in events if isinstance(event, AgentStarted)]


def test_a_question_about_the_conversation_is_answered_from_its_turns(make_app, ask):
    def reply(messages, constraint):
        if asks_for_plan(constraint):
            if "first" in messages[-1]["content"]:
                return planned("conversation", "What did I ask first?")
            return plan(("Are pets allowed?", "researcher"))
        if "record" in messages[0]["content"]:
            return "You asked whether pets are allowed."
        return "Pets are not allowed [1]."

    engine = PromptedEngine(reply)
    app = make_app(engine)
    conversation = app.conversations.create().id
    ask(app, "Are pets allowed?", conversation)
    end = ask(app, "What did I ask first?", conversation)[-1]
    assert end.answer == "You asked whether pets are allowed."
    record = engine.prompts[-1][0]["content"]
    assert "Question 1: Are pets allowed?\nAnswer 1: Pets are not allowed" in record
    assert "[1]" not in record  # a mark of that turn's is none of this one's


def test_the_record_of_a_long_conversation_gets_shorter_answers():
    turns = [CompletedTurn("Who?", "word " * 200), CompletedTurn("When?", "In May.")]
    whole = conversation_record(turns, 400)
    assert len(whole) < 700
    assert "Answer" not in conversation_record(turns, 0)
    assert "2 questions" in whole


@pytest.mark.parametrize("kind", [Own.APP, Own.CONVERSATION])
def test_what_is_asked_of_the_app_beside_a_task_is_not_dropped_silently(make_app, ask, kind):
    text = plan(("What can you do?", kind), ("Are pets allowed?", "researcher"))
    engine = PromptedEngine([text, "Pets are not allowed [1]."])
    end = ask(make_app(engine), "What can you do, and are pets allowed?")[-1]
    assert end.answer == "Pets are not allowed [1]."
    assert end.notices == ("“What can you do?” is not about the documents. Ask it by itself.",)
