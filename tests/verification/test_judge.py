"""Rules and a model that is tuned to judge decide together; on some things rules alone."""

import threading
import time
from functools import partial

import pytest

from docmind.errors import EngineFailed
from docmind.events import Verdict
from docmind.verification.judge import Claim, Judgement, Reading, StatementJudge
from docmind.verification.statements import check_answer
from tests.engines import PromptedEngine
from tests.verification.test_statements import LEASE, passage

YES = (0.9, 0.05, 0.05)
OTHERWISE = (0.05, 0.9, 0.05)
NOT_SAID = (0.05, 0.05, 0.9)
READING = Reading(system="You answer.", passages="<passages>…</passages>", tools=({"type": "x"},))
PARAPHRASE = "A resident may not keep animals."
PETS = "Pets are forbidden in the whole house. " + LEASE


class Judge:
    """Judges all claims alike, and keeps them."""

    def __init__(self, chances):
        self.chances = chances
        self.claims = []

    def __call__(self, claims):
        self.claims += claims
        return [Judgement(*self.chances) for _ in claims]


def check(answer, chances, text=LEASE, question=""):
    judge = Judge(chances)
    checked = check_answer(question, answer, [passage(text)], judge=judge)
    return checked, judge


def verdicts(answer, chances, text=LEASE, question=""):
    checked, _ = check(answer, chances, text, question)
    return [found.verdict for found in checked.statements]


def test_a_paraphrase_that_the_rules_do_not_know_is_supported_and_gets_its_mark():
    assert verdicts(f"{PARAPHRASE} [1]", NOT_SAID, PETS) == [Verdict.NOT_FOUND]
    checked, _ = check(f"{PARAPHRASE} [1]", YES, PETS)
    assert [found.passages for found in checked.statements] == [(1,)]
    assert [citation.supported for citation in checked.citations] == [True]


def test_what_the_rules_take_for_supported_is_not_if_the_judge_is_sure_of_that():
    statement = "The landlord cleans all windows of the building [1]."
    assert verdicts(statement, YES) == [Verdict.SUPPORTED]
    assert verdicts(statement, NOT_SAID) == [Verdict.NOT_FOUND]
    assert verdicts(statement, OTHERWISE) == [Verdict.CONTRADICTED]
    checked, _ = check(statement, NOT_SAID)
    assert [citation.supported for citation in checked.citations] == [False]


@pytest.mark.parametrize(
    "statement",
    [
        "The rent for Harbour House is EUR 9,600 per month [1].",
        "The lease began on 16 March 2024 [1].",
        "The lease has a term of 60 years [1].",
        "Tenants pay USD 9,500 for the house each month [1].",
    ],
)
def test_a_value_that_no_passage_has_is_never_supported_whatever_the_judge_says(statement):
    assert verdicts(statement, YES) != [Verdict.SUPPORTED]


def test_what_a_passage_says_word_for_word_is_not_judged():
    answer = (
        "The tenant must insure the building [1]. All windows are cleaned by the landlord [1]. "
        f"{PARAPHRASE} [1]"
    )
    checked, judge = check(answer, NOT_SAID, question="What must the tenant do?")
    assert [claim.statement for claim in judge.claims] == [PARAPHRASE]
    first, second, third = checked.statements
    assert first.verdict is second.verdict is Verdict.SUPPORTED
    assert third.verdict is Verdict.NOT_FOUND


def test_a_single_statement_must_answer_the_question_and_one_of_several_need_only_be_so():
    question = "Who insures the building?"
    alone = "The tenant must insure the building [1]."
    _, judge = check(alone, YES, question=question)
    assert judge.claims == [Claim("The tenant must insure the building.", question)]
    assert verdicts(alone, NOT_SAID, question="What is the rent?") == [Verdict.NOT_FOUND]
    _, judge = check(f"The tenant pays for insurance [1]. {PARAPHRASE} [1]", YES, question=question)
    assert {claim.question for claim in judge.claims} == {""}


def test_a_single_statement_of_a_summary_answers_no_question():
    _, judge = check(f"{PARAPHRASE} [1]", YES, question="Summarize the lease.")
    assert judge.claims == [Claim(PARAPHRASE)]


def test_the_passages_own_sentence_is_quoted_without_a_judge():
    quoted = 'The document says: "The tenant must insure the building." [1]'
    checked, judge = check(quoted, NOT_SAID, question="Who insures the building?")
    assert judge.claims == []
    assert [found.verdict for found in checked.statements] == [Verdict.SUPPORTED]


def test_a_greeting_or_a_refusal_is_not_judged():
    for text in ("Hello!", "Not found in your documents.", "## Rent"):
        checked, judge = check(text, YES)
        assert judge.claims == []
        assert {found.verdict for found in checked.statements} <= {Verdict.NO_STATEMENT}


def test_without_chances_the_rules_alone_decide():
    for text in (f"{PARAPHRASE} [1]", "The landlord cleans all windows of the building [1]."):
        judge = partial(StatementJudge(PromptedEngine([])).judge, reading=READING)
        judged = check_answer("", text, [passage(LEASE)], judge=judge)
        assert judged == check_answer("", text, [passage(LEASE)])


def test_a_judgement_stands_behind_what_was_read_and_its_cost_is_counted():
    engine = PromptedEngine([], chances=lambda messages, choices: YES)
    costs = []
    judge = StatementJudge(engine, costs.append)
    claims = [Claim("It rains."), Claim("It rains.", "Does it rain?")]
    assert judge.judge(claims, READING) == [Judgement(*YES)] * 2
    assert len(costs) == 2
    for messages, tools in engine.judged:
        assert messages[0] == {"role": "system", "content": READING.system}
        assert messages[1]["content"].startswith(f"{READING.passages}\n\n")
        assert tools == [{"type": "x"}]


def test_a_statement_is_judged_once_and_later_known_without_its_passages():
    engine = PromptedEngine([], chances=lambda messages, choices: YES)
    judge = StatementJudge(engine)
    known = Claim("It rains.")
    judge.judge([known, known], READING)
    judge.judge([known], READING)
    assert len(engine.judged) == 1
    assert judge.judge([known, Claim("It snows.")], None) == [Judgement(*YES), None]
    assert len(engine.judged) == 1


def test_the_statements_of_a_text_are_judged_at_once():
    engine = PromptedEngine([], chances=lambda messages, choices: YES, delay_s=0.05)
    claims = [Claim(f"It is {number}.") for number in range(8)]
    judged = []
    thread = threading.Thread(
        target=lambda: judged.extend(StatementJudge(engine).judge(claims, READING))
    )
    thread.start()
    while len(engine.judged) < len(claims):
        assert not judged
        time.sleep(0.001)
    thread.join()
    assert judged == [Judgement(*YES)] * 8


def test_an_engine_that_fails_leaves_the_statement_to_the_rules():
    def fail(messages, choices):
        raise EngineFailed("It is gone.")

    assert StatementJudge(PromptedEngine([], chances=fail)).judge([Claim("a")], READING) == [None]
