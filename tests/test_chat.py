import threading
import time

import pytest

from docmind.agents.planner import PLAN
from docmind.errors import DocMindError, EngineNotReady, NothingIndexed, PromptTooLong
from docmind.events import ContextTrimmed, TokenDelta, TurnFinished
from tests.agents.conftest import ask, make_app, plan  # noqa: F401 - fixtures
from tests.engines import PromptedEngine


def answering(text="Pets are not allowed [1]."):
    return lambda messages, constraint: plan((messages[-1]["content"][:80], "researcher")) if constraint else text


def test_stop_ends_generation_and_keeps_the_partial_answer(make_app):  # noqa: F811
    engine = PromptedEngine(answering("word " * 500), delay_s=0.01)
    app = make_app(engine)
    conversation = app.conversations.create().id
    turn = app.chat.ask("Pets?", conversation)
    for event in turn.stream():
        if isinstance(event, TokenDelta):
            turn.stop()
            break
    assert turn.wait(5)
    end = turn.events()[-1]
    assert isinstance(end, TurnFinished)
    assert end.stopped
    assert end.answer.startswith("word")
    assert (engine.aborted, engine.running) == (1, 0)
    stored = app.conversations.messages(conversation)[-1]
    assert (stored.text, stored.stopped) == (end.answer, True)
    assert app.chat.active(conversation) is None


def test_followers_see_the_same_events_whenever_they_come(make_app):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    turn = app.chat.ask("Pets?", app.conversations.create().id)
    assert list(turn.stream()) == list(turn.stream()) == turn.events()
    assert turn.done


def test_one_question_at_a_time_in_a_conversation_but_conversations_run_together(make_app):  # noqa: F811
    app = make_app(PromptedEngine(answering("slow " * 40), delay_s=0.02))
    one, two = app.conversations.create().id, app.conversations.create().id
    first = app.chat.ask("Pets?", one)
    with pytest.raises(DocMindError, match="still being answered"):
        app.chat.ask("And dogs?", one)
    second = app.chat.ask("Vacation?", two)
    assert not first.done
    assert second.wait(30)
    assert first.wait(30)


def test_questions_that_cannot_be_answered_say_why_and_store_nothing(make_app):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    conversation = app.conversations.create().id
    with pytest.raises(DocMindError, match="Type a question"):
        app.chat.ask("  ", conversation)
    with pytest.raises(PromptTooLong, match="add the long text as a document"):
        app.chat.ask("word " * 9000, conversation)
    with pytest.raises(DocMindError, match="deleted"):
        app.chat.ask("Pets?", "gone")
    for document in app.documents.documents():
        app.documents.delete(document.id)
    with pytest.raises(NothingIndexed, match="Documents page"):
        app.chat.ask("Pets?", conversation)
    assert app.conversations.messages(conversation) == []


def test_the_model_sees_the_conversation_so_far(make_app, ask):  # noqa: F811
    engine = PromptedEngine(answering())
    app = make_app(engine)
    conversation = app.conversations.create().id
    ask(app, "Are pets allowed?", conversation)
    ask(app, "And why?", conversation)
    plan_prompt = engine.prompts[2]
    assert [m["content"] for m in plan_prompt[1:]] == ["Are pets allowed?", "Pets are not allowed [1].", "And why?"]


def test_a_long_conversation_is_trimmed_once_in_a_while_and_every_cut_is_stored(make_app, ask):  # noqa: F811
    engine = PromptedEngine(answering("answer " * 60), window=1400)
    app = make_app(engine, llm={"max_answer_tokens": 64}, retrieval={"top_k": 1})
    conversation = app.conversations.create().id
    trims, seen = [], []
    for i in range(24):
        events = ask(app, f"question {i} " + "word " * 20, conversation)
        assert isinstance(events[-1], TurnFinished)
        trims += [e for e in events if isinstance(e, ContextTrimmed)]
        seen.append(next(p for p in reversed(engine.prompts) if p[0]["content"].startswith(PLAN[:40]))[1]["content"])
    assert 1 <= len(trims) <= 6  # not every turn: the low-water mark leaves room
    assert app.conversations.trims(conversation) == trims
    assert all(t.tokens_after <= 0.7 * 1400 < t.tokens_before for t in trims)
    assert len(set(seen)) == len(trims) + 1  # the prompt's beginning changes with a cut and only then
    assert len(app.conversations.messages(conversation)) == 48  # what is stored is untouched
    assert len(app.conversations.messages(conversation)) == 48  # nothing is lost


def test_a_turn_cut_off_by_closing_is_stored_as_such(make_app):  # noqa: F811
    app = make_app(PromptedEngine(answering("word " * 500), delay_s=0.01))
    turn = app.chat.ask("Pets?", app.conversations.create().id)
    while not any(isinstance(e, TokenDelta) for e in turn.events()):
        time.sleep(0.01)
    app.chat.close()
    assert turn.done
    assert "closed" in app.conversations.messages(turn.conversation_id)[-1].error
    with pytest.raises(DocMindError, match="closing"):
        app.chat.ask("Pets?", app.conversations.create().id)


def test_a_stop_while_the_answer_is_being_stored_loses_nothing(make_app):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    checking, go = threading.Event(), threading.Event()

    def slow(answer, sources):
        checking.set()
        go.wait(10)
        return ()

    app.chat._cite = slow
    turn = app.chat.ask("Pets?", app.conversations.create().id)
    assert checking.wait(30)
    turn.stop()
    go.set()
    assert turn.wait(10)
    assert isinstance(turn.events()[-1], TurnFinished)
    assert app.conversations.messages(turn.conversation_id)[-1].text == "Pets are not allowed [1]."


def test_a_citation_check_that_breaks_costs_only_the_check(make_app, ask):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    app.chat._cite = lambda answer, sources: 1 / 0
    events = ask(app, "Pets?")
    assert (events[-1].answer, events[-1].citations) == ("Pets are not allowed [1].", ())


def test_a_question_that_cannot_be_stored_blocks_nothing(make_app, ask, monkeypatch):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    conversation = app.conversations.create().id
    with monkeypatch.context() as patch:
        patch.setattr(app.conversations, "add_question", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            app.chat.ask("Pets?", conversation)
    assert isinstance(ask(app, "Pets?", conversation)[-1], TurnFinished)


def test_a_question_while_the_model_loads_is_refused_and_nothing_stored(make_app):  # noqa: F811
    engine = PromptedEngine(answering())
    app = make_app(engine)
    conversation = app.conversations.create().id

    def loading(timeout_s=None):
        raise EngineNotReady("The model is still loading.")

    engine.wait_ready = loading
    with pytest.raises(EngineNotReady):
        app.chat.ask("Pets?", conversation)
    assert app.conversations.messages(conversation) == []


def test_small_talk_after_a_cut_counts_it_once(make_app, ask):  # noqa: F811
    def reply(messages, constraint):
        return plan((messages[-1]["content"][:60], "greeter")) if constraint else "reply " * 60

    app = make_app(PromptedEngine(reply, window=1000), llm={"max_answer_tokens": 64})
    conversation = app.conversations.create().id
    for i in range(12):
        ask(app, f"hello {i}", conversation)
    trims = app.conversations.trims(conversation)
    assert trims
    by_turn = {t.turn_id: t.first_kept_turn for t in trims}
    assert all(t.first_kept_turn == by_turn[t.turn_id] for t in trims)
    assert list(by_turn.values()) == sorted(set(by_turn.values()))
