"""Nothing unsupported is left in an answer: the whole app around an engine with given words."""

import pytest

from docmind.events import AgentStep, SentenceReplaced, TokenDelta, Verdict
from docmind.phrases import ENGLISH
from docmind.turns import streamed_answer
from docmind.ui.turn_view import view_stored
from tests.agents.conftest import plan
from tests.engines import PromptedEngine

QUESTION = "What is the notice period of the lease?"
PLAN = plan((QUESTION, "researcher"))
WRONG = "The notice period of the lease is nine months [1]."
RIGHT = "The notice period of the lease is three months [1]."
QUOTED = 'The document says: "The notice period is three months." [1]'
REFUSAL = "Not found in your documents."
MEND = {"unsupported_sentences": "mend"}
JUDGE = MEND | {"judge_statements": True}


@pytest.fixture
def asked(make_app, ask):
    """`asked(replies, question)` → (the app, the turn's events), with mending."""

    def run(replies, question=QUESTION):
        app = make_app(PromptedEngine(replies), agents=MEND)
        return app, ask(app, question)

    return run


def stored_answer(app):
    (conversation,) = app.conversations.list()
    return app.conversations.messages(conversation.id)[-1]


def test_an_unsupported_sentence_is_written_again_from_the_passage_that_answers(asked):
    _, events = asked([PLAN, WRONG, RIGHT])
    end = events[-1]
    assert end.answer == RIGHT
    assert [found.verdict for found in end.statements] == [Verdict.SUPPORTED]
    assert [(r.before, r.after) for r in end.replacements] == [(WRONG, RIGHT)]


def test_the_model_is_asked_again_behind_the_prompt_that_it_has_read(make_app, ask):
    engine = PromptedEngine([PLAN, WRONG, RIGHT])
    ask(make_app(engine, agents=MEND), QUESTION)
    first, second = engine.prompts[1:]
    assert second[: len(first)] == first
    assert WRONG in second[len(first)]["content"]
    assert "The notice period is three months." in second[-1]["content"]


def test_what_had_streamed_is_replaced_where_it_stands(asked):
    _, events = asked([PLAN, WRONG, RIGHT])
    (replaced,) = [event for event in events if isinstance(event, SentenceReplaced)]
    before = events[: events.index(replaced)]
    assert streamed_answer(before) == WRONG
    assert streamed_answer([*before, replaced]) == RIGHT


def test_if_the_model_is_wrong_again_the_passage_itself_is_quoted(asked):
    _, events = asked([PLAN, WRONG, WRONG])
    end = events[-1]
    assert end.answer == QUOTED
    assert [found.verdict for found in end.statements] == [Verdict.SUPPORTED]


def test_a_supported_sentence_stays_beside_one_that_is_mended(asked):
    pets = "Pets are not allowed [1]."
    _, events = asked([PLAN, f"{pets} {WRONG}", RIGHT])
    assert events[-1].answer == f"{pets} {RIGHT}"


def test_where_no_passage_answers_it_was_not_found(asked):
    question = "What is the capital of Mongolia?"
    _, events = asked(
        [plan((question, "researcher")), "The capital of Mongolia is Ulaanbaatar [1]."], question
    )
    assert events[-1].answer == REFUSAL
    assert streamed_answer(events[:-1]) == REFUSAL


def test_a_true_sentence_about_another_thing_is_no_answer(asked):
    question = "What is the notice period of the lease in Mongolia?"
    _, events = asked(
        [plan((question, "researcher")), "The notice period is three months [1]."], question
    )
    assert events[-1].answer == REFUSAL


def test_an_echo_of_the_question_is_taken_out(asked):
    question = "Which period does the lease name?"
    echo = "The period that the lease names is [1]."
    _, events = asked([plan((question, "researcher")), f"{echo} {RIGHT}", RIGHT], question)
    assert events[-1].answer == RIGHT


def test_what_was_replaced_is_stored_with_the_answer(asked):
    app, events = asked([PLAN, WRONG, RIGHT])
    message = stored_answer(app)
    assert message.text == RIGHT
    assert tuple(view_stored(message).replacements) == events[-1].replacements
    (step,) = [e for e in message.steps if isinstance(e, AgentStep) and e.tool == "mend"]
    assert step.result == "1 unsupported sentence replaced"


def test_a_setting_leaves_unsupported_sentences_and_marks_them(make_app, ask):
    engine = PromptedEngine([PLAN, WRONG])
    end = ask(make_app(engine, agents={"unsupported_sentences": "mark"}), QUESTION)[-1]
    assert end.answer == WRONG
    assert end.replacements == ()
    assert [found.verdict for found in end.statements] == [Verdict.CONTRADICTED]


@pytest.mark.parametrize("written", [[RIGHT], [WRONG, RIGHT]])
def test_the_same_text_is_checked_once_however_often_its_check_is_asked_for(make_app, ask, written):
    app = make_app(PromptedEngine([PLAN, *written]), agents=MEND)
    check = app.chat._check_answer
    checked = []

    def counted(question, answer, passages):
        checked.append(answer)
        return check(question, answer, passages)

    app.chat._check_answer = counted
    assert ask(app, QUESTION)[-1].answer == RIGHT
    assert checked == written


def test_an_answer_that_can_not_be_mended_in_time_is_quoted_or_marked_but_not_lost(make_app, ask):
    engine = PromptedEngine([PLAN, WRONG])  # the second answer fails: there is none
    end = ask(make_app(engine, agents=MEND), QUESTION)[-1]
    assert end.answer == WRONG
    assert [found.verdict for found in end.statements] == [Verdict.CONTRADICTED]


def test_parts_are_mended_each_with_its_own_question(make_app, ask):
    vacation = "How many days of vacation do employees get?"
    engine = PromptedEngine(
        lambda messages, constraint: (
            plan((QUESTION, "researcher"), (vacation, "researcher"))
            if constraint
            else _by_question(messages[-1]["content"], vacation)
        )
    )
    end = ask(make_app(engine, agents=MEND), f"{QUESTION} {vacation}")[-1]
    assert f"**{QUESTION}**\n\nThe notice period" in end.answer
    assert f"**{vacation}**\n\nEmployees get 25 days" in end.answer
    assert all(found.verdict is not Verdict.NOT_FOUND for found in end.statements)
    for statement in end.statements:
        if statement.verdict is Verdict.SUPPORTED:
            assert end.answer[statement.start :].startswith(statement.text[:12])


def test_what_the_supervisor_writes_from_its_agents_is_mended_too(make_app, ask):
    agents = {**MEND, "enable_message_forwarding": False}
    engine = PromptedEngine([PLAN, RIGHT, f"{RIGHT} Pets are welcome in every flat [1]."])
    events = ask(make_app(engine, agents=agents), QUESTION)
    assert events[-1].answer == RIGHT
    assert streamed_answer(events[:-1]) == RIGHT


def _by_question(prompt, vacation):
    if vacation in prompt:
        return "Employees get 25 days of paid vacation a year [1]."
    if "No passage supports" in prompt:
        return "The notice period of the lease is three months [2]."
    return WRONG


def test_pieces_of_a_run_that_is_still_hidden_are_not_shown_by_a_replacement():
    replaced = SentenceReplaced("c", "t", "researcher", "researcher:1", replacement=None)
    first = TokenDelta("c", "t", "Hello", "supervisor", "supervisor")
    assert streamed_answer([first, replaced]) == "Hello"


def judging(written, chances):
    """An engine that writes these texts and judges every statement alike."""
    return PromptedEngine([PLAN, *written], chances=lambda messages, choices: chances)


def test_an_answer_is_judged_behind_the_passages_that_it_was_written_from(make_app, ask):
    reworded = "It takes three months to end the lease [1]."
    engine = judging([reworded], (0.9, 0.1, 0.0))
    end = ask(make_app(engine, agents=JUDGE), QUESTION)[-1]
    assert end.answer == reworded
    assert [found.verdict for found in end.statements] == [Verdict.SUPPORTED]
    system, user = engine.prompts[1][:2]
    ((messages, tools),) = engine.judged  # once, though its check is asked for several times
    assert messages[0]["content"] == system["content"]
    passages, _, request = messages[1]["content"].partition("</passages>")
    assert user["content"].startswith(f"{passages}</passages>\n\n")
    assert request.startswith(f"\n\nQuestion: {QUESTION}\nAnswer: It takes three months")
    assert tools == engine.requests[1]["tools"]
    assert end.usage.engine_calls == len(engine.counted) + 1


def test_of_a_german_question_the_judge_reads_the_passages_without_the_task(make_app, ask):
    asked = "Wie lang ist die K\u00fcndigungsfrist der Miete?"
    written = "Die Frist betr\u00e4gt three months [1]."
    translated = "How long is the notice period of the lease?"
    engine = PromptedEngine(
        [plan((asked, "researcher")), translated, written],
        chances=lambda messages, choices: (0.9, 0.1, 0.0),
    )
    ask(make_app(engine, agents=JUDGE), asked)
    assert engine.prompts[2][1]["content"].endswith(" Answer in German.")
    ((messages, _tools),) = engine.judged
    _, _, request = messages[1]["content"].partition("</passages>")
    assert request.startswith(f"\n\nQuestion: {asked}\nAnswer: Die Frist")


def test_a_sentence_that_the_judge_does_not_find_is_mended(make_app, ask):
    engine = judging([RIGHT, RIGHT], (0.0, 0.1, 0.9))
    end = ask(make_app(engine, agents=JUDGE), QUESTION)[-1]
    assert end.answer == QUOTED
    assert len(engine.judged) <= 2


def test_what_is_only_marked_is_judged_too(make_app, ask):
    engine = judging([RIGHT], (0.0, 0.9, 0.1))
    end = ask(make_app(engine, agents=JUDGE | {"unsupported_sentences": "mark"}), QUESTION)[-1]
    assert end.answer == RIGHT
    assert [found.verdict for found in end.statements] == [Verdict.CONTRADICTED]
    assert len(engine.judged) == 1


def test_a_setting_leaves_the_judging_to_the_rules(make_app, ask):
    engine = judging([RIGHT], (0.0, 0.1, 0.9))
    end = ask(make_app(engine, agents=MEND), QUESTION)[-1]
    assert end.answer == RIGHT
    assert not engine.judged


@pytest.mark.parametrize(
    ("chances", "told"),
    [
        ((0.6, 0.3, 0.1), ENGLISH.as_stated),
        ((0.4, 0.5, 0.1), ENGLISH.not_as_stated),
        (None, ENGLISH.as_stated),
    ],
)
def test_a_statement_to_check_is_supported_only_if_that_is_likelier(make_app, ask, chances, told):
    asked = "The notice period is three months for the lease"
    engine = PromptedEngine([plan((asked, "verifier"))], chances=lambda messages, choices: chances)
    assert ask(make_app(engine, agents=JUDGE), asked)[-1].answer.startswith(told)
