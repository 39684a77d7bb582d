"""Rules, judge and both are measured on the same claims, and nothing is judged twice."""

import asyncio

from benchmarks.claims import Claim
from benchmarks.halves import half_of_document
from benchmarks.judging import (
    HALVES,
    Judgements,
    check_by_judge,
    check_by_rules,
    judging_figures,
    make_cases,
)
from docmind.verification.judge import Reading
from tests.engines import PromptedEngine
from tests.passages import numbered

RENT = "The rent of the house is EUR 900 a month."
PETS = "Animals of any kind are forbidden in the house."
READING = Reading(system="You answer.", passages="<passages>…</passages>")
HALF = {half: name for name, half in HALVES.items()}[half_of_document("lease.txt")]


def claim(kind, text, passage, *, supported):
    source = numbered(1, passage, "lease.txt", "lease.txt", passage)
    return Claim(kind=kind, text=text, source=source, supported=supported)


CLAIMS = [
    claim("quote", RENT, RENT, supported=True),
    claim("paraphrase", "Who lives in the house may not keep a dog.", PETS, supported=True),
    claim("changed number", RENT.replace("900", "800"), RENT, supported=False),
    claim("other passage, x", RENT, PETS, supported=False),
]


def measured(tmp_path, engine):
    cases = make_cases(CLAIMS, halves=list(HALVES), limit=0, passages=1)
    judgements = Judgements(engine, tmp_path / "judged.jsonl")
    for case in cases:
        check_by_rules(case, lambda *_: 0.0)
    asyncio.run(judgements.judge_all(cases, lambda case: READING, parallel=2))
    for case in cases:
        check_by_judge(case, judgements.known, lambda *_: 0.0)
    return judging_figures(cases)


def test_a_judge_that_believes_all_gains_paraphrases_but_no_value_that_is_not_there(tmp_path):
    figures = measured(tmp_path, PromptedEngine([], chances=lambda *_: (1.0, 0.0, 0.0)))
    passed = {}
    for way in ("rules", "judge", "both"):
        passed[way] = [figures[f"citations.{HALF}.{way}.{rate}"] for rate in RATES]
    assert passed == {"rules": [0.5, 0.0], "judge": [1.0, 1.0], "both": [1.0, 0.0]}


RATES = ("true_rate", "false_rate")


def test_a_second_run_goes_on_from_what_was_judged(tmp_path):
    first = PromptedEngine([], chances=lambda *_: (0.0, 0.0, 1.0))
    second = PromptedEngine([], chances=lambda *_: (1.0, 0.0, 0.0))
    assert measured(tmp_path, first) == measured(tmp_path, second)
    assert first.judged
    assert not second.judged


def test_a_claim_is_checked_among_other_passages_of_its_document_with_one_label_each():
    cases = make_cases(CLAIMS, halves=[HALF], limit=1, passages=2)
    assert {case.claim.kind for case in cases} == {"quote", "paraphrase", "changed number"}
    for case in cases:
        texts = [source.passage.text for source in case.passages]
        assert sorted(texts) == sorted([RENT, PETS])
        assert [source.number for source in case.passages] == [1, 2]
