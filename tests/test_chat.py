import json
import shutil
import threading
import time

import pytest

from docmind.agents.planner import FIRST_PLAN, NEW_MESSAGE, PLAN
from docmind.errors import DocMindError, EngineNotReady, NothingIndexed, PromptTooLong
from docmind.events import AgentFinished, ContextTrimmed, TokenDelta, TurnFinished
from docmind.question_scope import QuestionScope
from docmind.verification.statements import CheckedAnswer
from tests.agents.conftest import ask, make_app, plan  # noqa: F401 - fixtures
from tests.engines import PromptedEngine, asks_for_plan, most_tasks


def answering(text="Pets are not allowed [1]."):
    return lambda messages, constraint: (
        plan((messages[-1]["content"][:80], "researcher")) if constraint else text
    )


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
    one = app.conversations.create().id
    two = app.conversations.create().id
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
    assert plan_prompt[1]["content"].startswith(
        "User: Are pets allowed?\nYou: Pets are not allowed. (from lease.txt)\nMessage: And why?\n"
    )


def test_a_long_conversation_is_trimmed_once_in_a_while_and_every_cut_is_stored(make_app, ask):  # noqa: F811
    engine = PromptedEngine(answering("answer " * 60), window=2200)
    app = make_app(engine, llm={"max_answer_tokens": 64}, retrieval={"top_k": 1})
    conversation = app.conversations.create().id
    trims = []
    seen = []
    for i in range(24):
        events = ask(app, f"question {i} " + "word " * 20, conversation)
        assert isinstance(events[-1], TurnFinished)
        trims += [e for e in events if isinstance(e, ContextTrimmed)]
        begins = (FIRST_PLAN[:40], PLAN[:40])
        planned = next(p for p in reversed(engine.prompts) if p[0]["content"].startswith(begins))
        first_line, *_ = planned[1]["content"].splitlines()
        oldest = first_line.removeprefix("User: ").removeprefix("Message: ")
        seen.append(oldest)  # the oldest question that is seen
    assert 1 <= len(trims) <= 6  # not every turn: the low-water mark leaves room
    assert app.conversations.trims(conversation) == trims
    assert all(t.tokens_after <= 0.7 * 2200 < t.tokens_before for t in trims)
    assert (
        len(set(seen)) == len(trims) + 1
    )  # the prompt's beginning changes with a cut and only then
    assert len(app.conversations.messages(conversation)) == 48  # what is stored is untouched


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
    checking = threading.Event()
    go = threading.Event()

    def slow(question, answer, sources):
        checking.set()
        go.wait(10)
        return CheckedAnswer(text=answer, statements=(), citations=())

    app.chat._check_answer = slow
    turn = app.chat.ask("Pets?", app.conversations.create().id)
    assert checking.wait(30)
    turn.stop()
    go.set()
    assert turn.wait(10)
    assert isinstance(turn.events()[-1], TurnFinished)
    assert app.conversations.messages(turn.conversation_id)[-1].text == "Pets are not allowed [1]."


def test_a_citation_check_that_breaks_costs_only_the_check(make_app, ask):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    app.chat._check_answer = lambda question, answer, sources: 1 / 0
    events = ask(app, "Pets?")
    assert (events[-1].answer, events[-1].citations) == ("Pets are not allowed [1].", ())


def test_a_question_that_cannot_be_stored_blocks_nothing(make_app, ask, monkeypatch):  # noqa: F811
    app = make_app(PromptedEngine(answering()))
    conversation = app.conversations.create().id
    with monkeypatch.context() as patch:
        patch.setattr(app.conversations, "add_question", lambda *_, **__: 1 / 0)
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
        return plan((messages[-1]["content"][:60], "chat")) if constraint else "reply " * 60

    app = make_app(PromptedEngine(reply, window=1000), llm={"max_answer_tokens": 64})
    conversation = app.conversations.create().id
    for i in range(12):
        ask(app, f"hello {i}", conversation)
    trims = app.conversations.trims(conversation)
    assert trims
    by_turn = {t.turn_id: t.first_retained_turn for t in trims}
    assert all(t.first_retained_turn == by_turn[t.turn_id] for t in trims)
    assert list(by_turn.values()) == sorted(set(by_turn.values()))


def test_stop_ends_all_parallel_agents_and_leaves_a_conversation_to_go_on_with(make_app, ask):  # noqa: F811
    def reply(messages, constraint):
        if constraint:
            return plan(
                ("Pets?", "researcher"), ("Vacation?", "researcher"), ("Laptops?", "researcher")
            )
        return "word " * 500

    engine = PromptedEngine(reply, delay_s=0.01)
    app = make_app(engine)
    conversation = app.conversations.create().id
    turn = app.chat.ask("Pets? Vacation? Laptops?", conversation)
    while engine.running < 3 and not turn.done:
        time.sleep(0.01)
    turn.stop()
    assert turn.wait(5)
    assert (engine.aborted, engine.running) == (3, 0)
    end = turn.events()[-1]
    assert end.stopped
    assert end.usage.engine_calls == len(engine.counted) == 4  # the aborted ones are counted too
    assert end.usage.completion_tokens == sum(c.completion_tokens for c in engine.counted)
    engine.reply = answering()
    engine.delay_s = 0
    answer = ask(app, "Are pets allowed?", conversation)[-1].answer
    # Its number depends on which of the stopped agents had searched first.
    assert answer.partition(" [")[0] == "Pets are not allowed"


class Strict(PromptedEngine):
    """Remembers whether a prompt ever left too little room, and what was counted for it before."""

    tightest = 1 << 30

    def stream(self, messages, *, max_tokens, **options):
        self.tightest = min(self.tightest, self.window - self.count_tokens(messages) - max_tokens)
        return super().stream(messages, max_tokens=max_tokens, **options)


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("mode", ["last_message", "full_history"])
def test_whatever_overflows_is_cut_in_the_open(make_app, ask, parallel, mode):  # noqa: F811
    """Every prompt fits, and each text that the model does not see whole is a stored event."""
    marker = "supercalifragilistic"

    def reply(messages, constraint):
        if asks_for_plan(constraint):
            at_once = most_tasks(constraint)
            tasks = [("Pets?", "researcher"), ("Vacation?", "researcher")]
            done = "handed out already" in messages[-1]["content"]
            return json.dumps(
                {"count": 2, "questions": json.loads(plan(*tasks[done:]))["questions"][:at_once]}
            )
        return f"The answer {'is long ' * 12} [1]."

    engine = Strict(reply, window=1300)
    app = make_app(
        engine,
        llm={"max_answer_tokens": 64},
        retrieval={"top_k": 8},
        agents={
            "enable_parallel_tools": parallel,
            "output_mode": mode,
            "enable_message_forwarding": False,
        },
    )
    app.documents.add_bytes(("Pets and vacation " + f"{marker} " * 900).encode(), "long.txt")
    app.documents.wait(60)
    conversation = app.conversations.create().id
    trims = []
    for i in range(8):
        events = ask(app, f"Pets? Vacation? {i} " + "word " * 60, conversation)
        assert isinstance(events[-1], TurnFinished), events[-1]
        assert events[-1].trims == tuple(e for e in events if isinstance(e, ContextTrimmed))
        trims += events[-1].trims
        assert events[-1].usage.prompt_tokens == sum(c.prompt_tokens for c in engine.counted)
        engine.counted.clear()
        cut = any("shortened to fit" in str(p) for p in engine.prompts)
        assert cut == any("tool result" in t.dropped for t in events[-1].trims)
        engine.prompts.clear()
    assert engine.tightest >= 0
    assert app.conversations.trims(conversation) == trims
    assert all(t.tokens_after < t.tokens_before for t in trims)
    assert any("oldest turn" in t.dropped for t in trims)


def test_what_was_cut_is_summarised_in_front_and_comes_back_when_it_is_asked_for(make_app, ask):  # noqa: F811
    def reply(messages, constraint):
        if constraint:
            return plan(
                (
                    messages[-1]["content"].rpartition(NEW_MESSAGE)[2].partition("\n")[0][:60],
                    "researcher",
                )
            )
        if "new summary" in messages[-1]["content"]:
            return "The user asked about the zebra."
        return (
            "The zebra is called Ziggy [1]."
            if "zebra" in messages[-1]["content"][-400:]
            else "answer " * 60
        )

    engine = PromptedEngine(reply, window=2200)
    app = make_app(engine, llm={"max_answer_tokens": 64}, retrieval={"top_k": 1})
    conversation = app.conversations.create().id
    ask(app, "What is the zebra called?", conversation)
    trims = []
    while not trims:
        trims = ask(app, "Something else " + "word " * 20, conversation)[-1].trims
    assert trims[0].summary == "The user asked about the zebra."
    ask(app, "Tell me about the zebra again.", conversation)
    plan_prompt, agent_prompt = engine.prompts[-2:]
    assert "The user asked about the zebra." in plan_prompt[0]["content"]
    assert "The zebra is called Ziggy [1]." in agent_prompt[-1]["content"]


def test_trimming_can_be_turned_off_and_its_threshold_moved(make_app, ask):  # noqa: F811
    def first_cut(threshold, enabled=True):
        app = make_app(
            PromptedEngine(answering("answer " * 60), window=2200),
            llm={"max_answer_tokens": 64},
            retrieval={"top_k": 1},
            context={
                "context_trim_threshold": threshold,
                "low_water_mark": threshold / 2,
                "enable_context_trimming": enabled,
            },
        )
        conversation = app.conversations.create().id
        for i in range(30):
            trims = ask(app, f"question {i} " + "word " * 20, conversation)[-1].trims
            if trims:
                app.close()
                shutil.rmtree(app.settings.data_dir)
                return trims[0].tokens_before / 2200
        raise AssertionError("never cut")

    assert 0.4 < first_cut(0.4) < 0.5
    assert 0.6 < first_cut(0.6) < 0.7
    assert first_cut(0.4, enabled=False) > 0.7  # only what the window can't hold beside the plan


def test_a_conversation_searches_its_collections_only(make_app):  # noqa: F811
    engine = PromptedEngine(answering())
    app = make_app(engine)
    made = app.collections.create("Handbook")
    conversation = app.conversations.create().id
    app.conversations.search_in(conversation, QuestionScope(collections=(made.id,)))
    with pytest.raises(NothingIndexed, match="None of the documents"):
        app.chat.ask("Pets?", conversation)
    one, *others = app.documents.documents()
    assert others
    app.collections.move(one.id, made.id)
    events = list(app.chat.stream("Pets and vacation and rent?", conversation))
    assert {source.passage.document_id for source in events[-1].sources} == {one.id}


def test_a_stop_keeps_what_finished_agents_have_found(make_app):  # noqa: F811
    def reply(messages, constraint):
        if constraint:
            return plan(("Pets?", "researcher"), ("Vacation?", "researcher"))
        return "25 days [1]." if "Question: Vacation?" in messages[-1]["content"] else "slow " * 500

    app = make_app(PromptedEngine(reply, delay_s=0.01))
    turn = app.chat.ask("Pets? Vacation?", app.conversations.create().id)
    for event in turn.stream():
        if isinstance(event, AgentFinished):
            turn.stop()
    assert turn.wait(5)
    assert "**Vacation?**\n\n25 days [" in turn.events()[-1].answer


def test_an_earlier_turn_that_comes_back_is_shortened_like_all_that_was_found(make_app, ask):  # noqa: F811
    def reply(messages, constraint):
        if constraint:
            return plan((messages[-1]["content"][:40], "researcher"))
        return "zebra " * 60 if "new summary" not in messages[-1]["content"] else "The zebra."

    engine = Strict(reply, window=2200)
    app = make_app(engine, llm={"max_answer_tokens": 64}, retrieval={"top_k": 1})
    conversation = app.conversations.create().id
    ask(app, "zebra " * 450, conversation)
    for i in range(12):
        events = ask(app, f"Something else {i} " + "word " * 40, conversation)
    events = ask(app, "Tell me about the zebra.", conversation)
    assert isinstance(events[-1], TurnFinished), events[-1]
    assert engine.tightest >= 0


def test_a_question_is_answered_again_as_if_its_first_answer_had_never_been(make_app):  # noqa: F811
    engine = PromptedEngine(answering())
    app = make_app(engine)
    conversation = app.conversations.create().id
    assert app.chat.ask("Are pets allowed?", conversation).wait(30)
    question = app.conversations.messages(conversation)[0]
    first_prompts = list(engine.prompts)
    engine.prompts.clear()
    engine.requests.clear()
    turn = app.chat.ask("Are pets allowed?", conversation, version_of=question.id, temperature=0.7)
    assert turn.wait(30)
    assert engine.prompts == first_prompts, "the same prompts: all of them are in the cache"
    for request in engine.requests:
        # What has to match a grammar, such as the plan, is not sampled more freely.
        constraint = request["constraint"]
        is_plan = constraint is not None and constraint.kind == "json"
        assert request["temperature"] == (0.0 if is_plan else 0.7)
    asked, answer = app.conversations.messages(conversation)
    assert (len(asked.versions), len(answer.versions)) == (1, 2)
    with pytest.raises(DocMindError, match="is gone"):
        app.chat.ask("Are pets allowed?", conversation, version_of=99)
