"""Suggestions through the whole app: real documents, search and check; only the words are given."""

import json
import threading
import time

import pytest

from docmind.question_scope import NOTHING_CHOSEN, ChosenDocument, QuestionScope
from tests.agents.conftest import make_app  # noqa: F401
from tests.engines import PromptedEngine

GUIDE = (
    "The Heron observatory on the island of Vilm was opened in 1987 by the astronomer Ada "
    "Lindqvist, and since then its dome has been painted green every ten years by volunteers."
)


def written(question, answer):
    return json.dumps({"question": question, "answer": answer})


@pytest.fixture
def offered(make_app):  # noqa: F811
    """`offered(reply)` → what an empty page offers about the guide, and the app."""

    def run(reply):
        app = make_app(PromptedEngine(reply), agents={"suggest_questions": True})
        guide = app.documents.add_bytes(GUIDE.encode(), "guide.txt").document
        assert app.documents.wait(60)
        chosen = ChosenDocument(id=guide.id, name=guide.name)
        scope = QuestionScope(documents=(chosen,))
        return until_done(lambda: app.suggestions.for_empty_page(scope)), app

    return run


def until_done(get):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        suggestions = get()
        if suggestions.done:
            return suggestions.questions
        time.sleep(0.02)
    raise AssertionError("it never ended")


ANSWER = "The Heron observatory was opened in 1987"


@pytest.mark.parametrize(
    ("question", "answer", "is_offered"),
    [
        ("When was the Heron observatory opened?", ANSWER, True),
        # The passage says otherwise, speaks of something else, or the text is no question.
        ("When was the Heron observatory opened?", "It was opened in 1991", False),
        ("Who bakes the bread of Copenhagen?", ANSWER, False),
        ("Tell me about the observatory.", ANSWER, False),
    ],
)
def test_only_what_the_documents_answer_is_offered(offered, question, answer, is_offered):
    questions, _ = offered(lambda messages, constraint: written(question, answer))
    assert questions == ([question] if is_offered else [])


def test_what_is_no_json_is_left_out(offered):
    questions, _ = offered(lambda messages, constraint: "{not")
    assert questions == []


def test_what_was_asked_already_is_not_offered_again(offered):
    question = "When was the Heron observatory opened?"

    def reply(messages, constraint):
        if "questions" in str(constraint):
            return json.dumps({"count": 1, "questions": [{"question": "?", "kind": "look_up"}]})
        if constraint:
            return written(question, ANSWER)
        return "In 1987 [1]."

    questions, app = offered(reply)
    assert questions == [question]
    conversation = app.conversations.create().id
    list(app.chat.stream(question.lower(), conversation))
    messages = app.conversations.messages(conversation)
    assert until_done(lambda: app.suggestions.after_answer(messages, NOTHING_CHOSEN)) == []


def test_a_question_interrupts_and_what_is_left_is_made_later(make_app):  # noqa: F811
    began = threading.Event()
    is_slow = True

    def reply(messages, constraint):
        if constraint and "answer" in str(constraint.value):
            began.set()
            return written("x " * 2000, "") if is_slow else written("When?", "1987")
        if constraint:
            return json.dumps({"count": 1, "questions": [{"question": "?", "kind": "look_up"}]})
        return "25 days [1]."

    engine = PromptedEngine(reply, delay_s=0.03)
    app = make_app(engine, agents={"suggest_questions": True})
    app.documents.add_bytes(GUIDE.encode(), "guide.txt")
    assert app.documents.wait(60)
    first = app.suggestions.for_empty_page(NOTHING_CHOSEN)
    assert began.wait(30)
    conversation = app.conversations.create().id
    list(app.chat.stream("How many days of vacation?", conversation))
    assert not first.done
    # Its request went from the engine, unfinished, when the question came.
    assert engine.aborted == 1
    is_slow = False
    until_done(lambda: app.suggestions.for_empty_page(NOTHING_CHOSEN))


def test_it_can_be_turned_off(make_app):  # noqa: F811
    engine = PromptedEngine(["never asked"])
    app = make_app(engine, agents={"suggest_questions": False})
    assert app.suggestions.for_empty_page(NOTHING_CHOSEN).done
    assert engine.prompts == []
