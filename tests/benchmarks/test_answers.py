import re

import pytest

from benchmarks.answers import REFUSAL, Asked, Outcome, answers, figures, uncited
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


def reply(messages, constraint):
    """Quote the passage that has the fact, or refuse: about the left-out article, the mission and the drinkers."""
    prompt = messages[-1]["content"]
    asked = prompt.split("</passages>")[-1]
    fact = next(
        (fact for words, fact in KNOWN.items() if words in asked and "drank" not in asked), None
    )
    for passage in re.split(r"\n(?=\[\d+\] \()", prompt):
        if fact and (line := re.search(rf"^[^\n]*{fact}[^\n]*$", passage, re.MULTILINE)):
            return (
                f"{line[0]} {passage[: passage.index(']') + 1].removeprefix('<passages>').strip()}"
            )
    return "Not found in your documents."


@pytest.fixture
def measured(tmp_path, models_dir, minilm, data):
    settings = load_settings(data_dir=tmp_path / "data", agents={"enable_planning": False})
    settings.models_dir.symlink_to(models_dir)
    engine = PromptedEngine(reply, delay_s=0.02)
    return *answers(settings, data, 10, 3, [], lambda _: None, engine), engine


def test_the_whole_app_is_asked_and_judged(measured):
    found, records, engine = measured
    for name, questions in {"xquad-en": 3, "cookbook-docs": 1, "mtrag": 1}.items():
        assert found[f"answers.{name}.questions"] == questions
        assert found[f"answers.{name}.failed"] == found[f"answers.{name}.false_refusals"] == 0
        assert found[f"answers.{name}.cited"] == found[f"answers.{name}.supported_citations"] == 1
        assert (
            found[f"answers.{name}.gold_cited"] == found[f"answers.{name}.recall"] == 1
            or name == "mtrag"
        )
    assert found["answers.xquad-en.contains"] == 1
    assert 0 < found["answers.xquad-en.f1"] < 1
    for name in ("xquad-en-absent", "mtrag-absent", "handbook-absent"):
        assert found[f"answers.{name}.honest_refusals"] == found[f"answers.{name}.questions"] == 1
    assert found["answers.all.honest_refusals"] == 1
    assert len(records) == 8
    assert any(len(record["asked"]["past"]) == 2 for record in records)
    assert engine.most_at_once > 1


def test_wrong_answers_cost():
    told = Asked("s", "When?", ("1874",), (("a.txt", "It was built in 1874."),))
    absent = Asked("t", "Who?")
    outcomes = [
        Outcome(
            told,
            "It was built in 1874. [1]",
            citations=(Citation(1, "It was built in 1874.", False),),
        ),
        Outcome(told, "Not found in your documents."),
        Outcome(told, "", "The engine failed."),
        Outcome(absent, "Mr Smith did it in the library. He told us later."),
    ]
    found = figures(outcomes)
    assert (
        found["answers.s.contains"]
        == found["answers.s.false_refusals"]
        == found["answers.s.failed"]
        == pytest.approx(1 / 3)
    )
    assert found["answers.s.supported_citations"] == found["answers.s.gold_cited"] == 0
    assert found["answers.t.honest_refusals"] == 0


def test_refusals_are_known_by_their_words():
    assert REFUSAL.search("The passages do not mention who built it.")
    assert REFUSAL.search("None of the passages say that.")
    assert not REFUSAL.search("The lighthouse was not built of wood.")


def test_sentences_without_a_mark():
    answer = "The tower was built in 1874 by masons. It is made of granite blocks. [1]\nWhich stone is it made of?\nSources:"
    assert uncited(answer) == ["The tower was built in 1874 by masons."]
