import json

import pytest
from typer.testing import CliRunner

from benchmarks import cli
from benchmarks.office import in_conversations, load_questions, measure_office, to_json
from docmind.agents.planner import NEW_MESSAGE
from docmind.errors import DocMindError, EngineError
from docmind.storage.settings import load_settings
from tests.engines import PromptedEngine

FILES = {
    "harbour.txt": "The agreement with Harbour Foods has a monthly fee of EUR 3,900.\n",
    "garden.md": "# Garden\n\nThe hedge of building 2 was cut on 4 May 2024 by Adams.\n",
}


def entry(identifier, kind, ask, must=(), never=(), *, refuse=False, after=None):
    return {
        "id": identifier,
        "kind": kind,
        "ask": ask,
        "must": list(must),
        "never": list(never),
        "refuse": refuse,
        "after": after,
        "source": None,
    }


QUESTIONS = [
    entry("q0", "fact", "What monthly fee does Harbour Foods pay?", ["3,900"]),
    entry("q1", "fact", "Who cut the hedge of building 2?", ["Adams"]),
    entry("q2", "follow-up", "And in which year?", ["2024"], after="q1"),
    entry("q3", "two parts", "What does Harbour Foods pay a year?", ["46,800"]),
    entry("q4", "two parts", "On which day was the hedge cut?", ["4 May"]),
    entry("q5", "not there", "What is the capital of Mongolia?", refuse=True),
    entry("q6", "not there", "How high is the hedge?", refuse=True),
    entry("q7", "claim, true", "Is it true that Adams cut the hedge?", ["yes"]),
    entry("q8", "claim, true", "Does Harbour Foods pay monthly?", ["yes"]),
]
REFUSED = "Not found in your documents."
REPLIES = {
    "monthly fee": "The agreement has a monthly fee of EUR 3,900. [1]",
    "Who cut": "The hedge of building 2 was cut by Adams. [1]",
    "In which year was": "The hedge of building 2 was cut in 2024. [1]",
    "And in which year": "It was built in 1999.",
    "pay a year": "It pays a lot of money.",
    "which day": "The hedge of building 2 was cut on 7 July 2024. [1]",
    "Mongolia": REFUSED,
    "How high": "The hedge is 3 metres high. [1]",
    "Is it true": REFUSED,
}
"""Words of a question → the answer to it."""


def plan(messages):
    """Return a plan of one question; a follow-up is completed from the turn before it."""
    before, _, message = messages[-1]["content"].rpartition(NEW_MESSAGE)
    question = message.split("\n")[0]
    if "Who cut the hedge" in before:
        question = "In which year was the hedge cut?"
    return json.dumps({"count": 1, "questions": [{"question": question, "kind": "look_up"}]})


def reply(messages, constraint):
    """Plan, or answer as scripted; a question that is not in the script breaks the engine."""
    if constraint:
        return plan(messages)
    question = messages[-1]["content"].split("</passages>")[-1]
    for words, answer in REPLIES.items():
        if words in question:
            return answer
    raise EngineError("The engine broke.")


@pytest.fixture
def office(tmp_path):
    """A data folder with an office of two documents."""
    folder = tmp_path / "sets" / "office"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "questions.json").write_text(json.dumps(QUESTIONS), "utf-8")
    return folder


@pytest.fixture
def settings(tmp_path, models_dir, minilm):
    # What is mended is no longer as scripted, and each verdict is to be seen here.
    found = load_settings(data_dir=tmp_path / "data", agents={"unsupported_sentences": "mark"})
    found.models_dir.symlink_to(models_dir)
    return found


@pytest.fixture
def measure(settings, office):
    """Ask the office's questions of the scripted engine."""

    def measure(parallel):
        return measure_office(
            settings,
            office.parent,
            parallel=parallel,
            progress=lambda _: None,
            engine=PromptedEngine(reply),
        )

    return measure


@pytest.mark.parametrize("parallel", [1, 3])
def test_every_question_is_asked_and_judged(measure, parallel):
    result = measure(parallel)
    verdicts = {answer.question.id: answer.judgement.verdict for answer in result.answers}
    assert verdicts == {
        "q0": "right",
        "q1": "right",
        "q2": "right",
        "q3": "silent",
        "q4": "marked",
        "q5": "right",
        "q6": "right",
        "q7": "refused_wrongly",
        "q8": "failed",
    }
    figures = result.figures
    assert figures.pop("office.median_s") > 0
    assert figures == {
        "office.questions": 9,
        "office.right": 5,
        "office.silent": 1,
        "office.marked": 1,
        "office.refused_wrongly": 1,
        "office.failed": 1,
        "office.right_by_marks": 1,
        "office.fact.questions": 2,
        "office.fact.right": 2,
        "office.follow-up.questions": 1,
        "office.follow-up.right": 1,
        "office.two-parts.questions": 2,
        "office.two-parts.right": 0,
        "office.not-there.questions": 2,
        "office.not-there.right": 2,
        "office.claim-true.questions": 2,
        "office.claim-true.right": 0,
    }


def test_the_command_keeps_figures_and_every_answer(office, measure, tmp_path, monkeypatch):
    result = measure(1)
    settings = load_settings(data_dir=tmp_path / "data")
    monkeypatch.setattr(cli, "settings_with_models", lambda **models: settings)
    monkeypatch.setattr("benchmarks.office.measure_office", lambda *a, **options: result)
    saved = tmp_path / "office.json"
    ended = CliRunner().invoke(
        cli.evaluate, ["office", "--data", str(office), "--save", str(saved)]
    )
    assert ended.exit_code == 0, ended.output
    assert json.loads(saved.read_text("utf-8"))["figures"]["office.silent"] == 1
    lines = saved.with_suffix(".answers.jsonl").read_text("utf-8").splitlines()
    records = {record["id"]: record for record in map(json.loads, lines)}
    assert len(records) == 9
    assert records["q4"]["verdict"] == "marked"
    assert records["q4"]["missing"] == ["4 May"]
    assert records["q4"]["citations"][0]["supported"] is False
    assert records["q2"]["after"] == "q1"
    assert "The engine broke." in records["q8"]["error"]
    assert records["q3"] == json.loads(json.dumps(to_json(result.answers[3])))


def test_a_follow_up_stands_in_the_conversation_of_the_one_before(office):
    conversations = in_conversations(load_questions(office))
    ids = [[question.id for question in questions] for questions in conversations]
    assert ids[:3] == [["q0"], ["q1", "q2"], ["q3"]]


def test_a_follow_up_of_nothing_is_said(office):
    lost = [entry("q0", "follow-up", "And?", after="q9")]
    (office / "questions.json").write_text(json.dumps(lost), "utf-8")
    with pytest.raises(DocMindError, match="q0 comes after q9"):
        in_conversations(load_questions(office))


def test_a_folder_without_an_office_is_said(settings, tmp_path):
    with pytest.raises(DocMindError, match=r"questions\.json"):
        measure_office(settings, tmp_path, parallel=1, progress=print)
