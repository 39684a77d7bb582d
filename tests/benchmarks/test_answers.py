import re

import pytest

from benchmarks.answers import (
    AskedQuestion,
    GoldPassage,
    Outcome,
    measure_answers,
    score_outcomes,
    to_json,
    uncited_sentences,
)
from benchmarks.scoring import REFUSAL
from docmind.events import Citation
from docmind.storage.settings import load_settings
from tests.engines import PromptedEngine

KNOWN = {
    "lighthouse built": "1874",
    "lamp burn": "oil",
    "queens": "one queen",
    "make a key": "Create Key",
    "tea": "three pence",
}
"""Words of a question → the fact that answers it."""
REFUSED = "Not found in your documents."


def known_fact(question):
    if "drank" in question:  # who drank the tea: no document says so
        return None
    for words, fact in KNOWN.items():
        if words in question:
            return fact
    return None


def reply(messages, constraint):
    """Quote the passage that has the fact, or refuse.

    Refused are questions about the left-out article, the mission and the drinkers.
    """
    prompt = messages[-1]["content"]
    fact = known_fact(prompt.split("</passages>")[-1])
    if fact is None:
        return REFUSED
    for passage in re.split(r"\n(?=\[\d+\] \()", prompt):
        line = re.search(rf"^[^\n]*{fact}[^\n]*$", passage, re.MULTILINE)
        if line:
            mark = passage[: passage.index("]") + 1].removeprefix("<passages>").strip()
            return f"{line[0]} {mark}"
    return REFUSED


@pytest.fixture
def engine():
    return PromptedEngine(reply, delay_s=0.02)


@pytest.fixture
def measured(tmp_path, models_dir, minilm, data, engine):
    settings = load_settings(data_dir=tmp_path / "data", agents={"enable_planning": False})
    settings.models_dir.symlink_to(models_dir)
    return measure_answers(
        settings, data, limit=10, parallel=3, progress=lambda _: None, engine=engine
    )


def test_the_whole_app_is_asked_and_judged(measured, engine):
    found = measured.figures
    for name, questions in {"xquad-en": 3, "cookbook-docs": 1, "mtrag": 1}.items():
        assert found[f"answers.{name}.questions"] == questions
        assert found[f"answers.{name}.failed"] == 0
        assert found[f"answers.{name}.false_refusals"] == 0
        assert found[f"answers.{name}.cited"] == 1
        assert found[f"answers.{name}.supported_citations"] == 1
        if name != "mtrag":
            assert found[f"answers.{name}.gold_cited"] == found[f"answers.{name}.recall"] == 1
    assert found["answers.xquad-en.contains"] == 1
    assert 0 < found["answers.xquad-en.f1"] < 1
    for name in ("xquad-en-absent", "mtrag-absent", "handbook-absent"):
        assert found[f"answers.{name}.honest_refusals"] == found[f"answers.{name}.questions"] == 1
    assert found["answers.all.honest_refusals"] == 1
    records = [to_json(outcome) for outcome in measured.outcomes]
    assert len(records) == 8
    assert any(len(record["asked"]["past"]) == 2 for record in records)
    assert engine.most_at_once > 1


def test_wrong_answers_cost():
    answerable = AskedQuestion(
        set_name="s",
        text="When?",
        answers=("1874",),
        gold=(GoldPassage("a.txt", "It was built in 1874."),),
    )
    absent = AskedQuestion(set_name="t", text="Who?")
    unsupported = Citation(number=1, sentence="It was built in 1874.", supported=False)
    found = score_outcomes(
        [
            Outcome(
                question=answerable, answer="It was built in 1874. [1]", citations=(unsupported,)
            ),
            Outcome(question=answerable, answer=REFUSED),
            Outcome(question=answerable, error="The engine failed."),
            Outcome(question=absent, answer="Mr Smith did it in the library. He told us later."),
        ]
    )
    for name in ("contains", "false_refusals", "failed"):
        assert found[f"answers.s.{name}"] == pytest.approx(1 / 3)
    assert found["answers.s.supported_citations"] == found["answers.s.gold_cited"] == 0
    assert found["answers.t.honest_refusals"] == 0


def test_refusals_are_known_by_their_words():
    assert REFUSAL.search("The passages do not mention who built it.")
    assert REFUSAL.search("None of the passages say that.")
    assert not REFUSAL.search("The lighthouse was not built of wood.")


def test_sentences_without_a_mark():
    answer = (
        "The tower was built in 1874 by masons. It is made of granite blocks. [1]\n"
        "Which stone is it made of?\nSources:"
    )
    assert uncited_sentences(answer) == ["The tower was built in 1874 by masons."]
