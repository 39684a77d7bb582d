"""`docmind eval office`: a small office's files, and questions as their owner asks them.

A folder holds the files and `questions.json`, which says what an answer must and must not hold. A
question that comes `after` another one is asked in the conversation of that one.
"""

from __future__ import annotations

import json
import re
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.answers import finished_turn, source_beginnings, wait_for_documents
from benchmarks.office_judge import Expected, Judgement, Verdict, judge
from benchmarks.result import Progress
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.errors import DocMindError
from docmind.events import TurnFinished
from docmind.ingestion.readers.formats import SUPPORTED
from docmind.measurement import Figures, empty_data_folder
from docmind.settings import Settings

QUESTIONS = "questions.json"


@dataclass(frozen=True)
class OfficeQuestion:
    """A question with what is known of its answer."""

    id: str
    kind: str
    """What it asks for, such as `fact`, `two parts`, `not there`."""
    text: str
    expected: Expected
    after: str | None = None
    """Id of the question that was asked before it in the same conversation."""


@dataclass(frozen=True)
class OfficeAnswer:
    """What became of a question."""

    question: OfficeQuestion
    judgement: Judgement
    seconds: float
    """From the question to the end of its turn."""
    turn: TurnFinished | None = None
    """How the turn ended; None: it failed."""
    error: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class OfficeResult:
    """Figures, and what was asked and answered."""

    figures: Figures
    answers: list[OfficeAnswer]


def measure_office(
    settings: Settings,
    data: Path,
    *,
    parallel: int,
    progress: Progress,
    only: Sequence[str] = (),
    engine: Engine | None = None,
) -> OfficeResult:
    """Ask all questions about the office through the whole app.

    Args:
        settings: of this machine; its documents are left alone.
        data: the office's folder, or the folder that has it as `office`.
        parallel: conversations at once.
        progress: is given a line for each answer.
        only: ids of the questions that are asked; empty: all.
        engine: use this one instead of what the settings ask for.

    Returns:
        See `score_answers`.

    Raises:
        DocMindError: there is no such office, or not all of its files could be ingested.
    """
    folder = office_folder(data)
    questions = load_questions(folder)
    if only:
        questions = [question for question in questions if question.id in only]
    conversations = in_conversations(questions)
    with empty_data_folder(settings) as fresh_settings:
        app = build_app(fresh_settings, engine=engine)
        try:
            for file in office_files(folder):
                app.documents.add(file)
            count = wait_for_documents(app)
            progress(f"{count} documents are ready; loading the model")
            app.engine.wait_ready()
            answers = ask_all(app, conversations, parallel=parallel, progress=progress)
        finally:
            app.close()
    return OfficeResult(figures=score_answers(answers), answers=answers)


def office_folder(data: Path) -> Path:
    """Return the folder that has the questions: this one, or the one called `office` in it.

    Raises:
        DocMindError: neither has.
    """
    for folder in (data, data / "office"):
        if (folder / QUESTIONS).is_file():
            return folder
    raise DocMindError(
        f"There is no office in {data}. Name a folder with {QUESTIONS} and the files that it asks "
        "about: --data FOLDER."
    )


def office_files(folder: Path) -> list[Path]:
    """Return the files beside the questions that a reader knows."""
    files = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in SUPPORTED]
    return [file for file in files if file.name != QUESTIONS]


def load_questions(folder: Path) -> list[OfficeQuestion]:
    """Return an office's questions in the order in which they are asked."""
    questions = []
    for entry in json.loads((folder / QUESTIONS).read_text("utf-8")):
        expected = Expected(
            must=tuple(entry["must"]), never=tuple(entry["never"]), refuse=entry["refuse"]
        )
        question = OfficeQuestion(
            id=entry["id"],
            kind=entry["kind"],
            text=entry["ask"],
            expected=expected,
            after=entry["after"],
        )
        questions.append(question)
    return questions


def in_conversations(questions: Sequence[OfficeQuestion]) -> list[list[OfficeQuestion]]:
    """Return the questions by conversation: a follow-up stands behind the one that it comes after.

    Raises:
        DocMindError: a question comes after one that is not the last of its conversation.
    """
    conversations: list[list[OfficeQuestion]] = []
    by_last_id: dict[str, list[OfficeQuestion]] = {}
    for question in questions:
        if question.after is None:
            conversation: list[OfficeQuestion] = []
            conversations.append(conversation)
        elif question.after in by_last_id:
            conversation = by_last_id.pop(question.after)
        else:
            raise DocMindError(
                f"{question.id} comes after {question.after}, which is not the last question of a "
                f"conversation so far. Put them in order in {QUESTIONS}."
            )
        conversation.append(question)
        by_last_id[question.id] = conversation
    return conversations


def ask_all(
    app: App,
    conversations: Sequence[Sequence[OfficeQuestion]],
    *,
    parallel: int,
    progress: Progress,
) -> list[OfficeAnswer]:
    """Hold all conversations, `parallel` at once; return their answers in order."""
    count = sum(len(questions) for questions in conversations)
    done = 0
    lock = threading.Lock()

    def hold(questions: Sequence[OfficeQuestion]) -> list[OfficeAnswer]:
        nonlocal done
        conversation_id = app.conversations.create().id
        answers = []
        for question in questions:
            answer = ask(app, question, conversation_id)
            answers.append(answer)
            reply = answer.error
            if answer.turn is not None:
                reply = answer.turn.answer
            with lock:
                done += 1
                progress(
                    f"{done}/{count} {question.id} {answer.judgement.verdict}: "
                    f"{question.text[-60:]!r} → {reply[:80]!r}"
                )
        return answers

    found: list[OfficeAnswer] = []
    with ThreadPoolExecutor(parallel) as pool:
        for answers in pool.map(hold, conversations):
            found += answers
    return found


def ask(app: App, question: OfficeQuestion, conversation_id: str) -> OfficeAnswer:
    """Ask one question in a conversation, and judge the answer."""
    begin = time.perf_counter()
    try:
        turn = finished_turn(app, question.text, conversation_id)
    except DocMindError as exc:
        return OfficeAnswer(
            question=question,
            judgement=Judgement(Verdict.FAILED),
            seconds=time.perf_counter() - begin,
            error=str(exc),
        )
    seconds = time.perf_counter() - begin
    judgement = judge(question.text, question.expected, turn)
    return OfficeAnswer(question=question, judgement=judgement, seconds=seconds, turn=turn)


def score_answers(answers: Sequence[OfficeAnswer]) -> Figures:
    """Return the figures of all answers.

    Returns:
        office.questions, and how many of them are right, silent (wrong without a word), marked
        (wrong, and something says so), refused_wrongly, failed. office.right_by_marks: how many of
        the right ones did not refuse, but had everything marked unverified. office.median_s:
        seconds of a turn that did not fail. office.KIND.questions and office.KIND.right.
    """
    figures: Figures = {"office.questions": len(answers)}
    for verdict in Verdict:
        figures[f"office.{verdict}"] = _count(answers, verdict)
    right_by_marks = [answer for answer in answers if _is_right_by_marks(answer)]
    figures["office.right_by_marks"] = len(right_by_marks)
    seconds = [answer.seconds for answer in answers if answer.turn is not None]
    if seconds:
        figures["office.median_s"] = statistics.median(seconds)

    by_kind: dict[str, list[OfficeAnswer]] = {}
    for answer in answers:
        name = re.sub(r"\W+", "-", answer.question.kind)
        by_kind.setdefault(name, []).append(answer)
    for name, some in by_kind.items():
        figures[f"office.{name}.questions"] = len(some)
        figures[f"office.{name}.right"] = _count(some, Verdict.RIGHT)
    return figures


def _count(answers: Sequence[OfficeAnswer], verdict: Verdict) -> int:
    return sum(answer.judgement.verdict is verdict for answer in answers)


def _is_right_by_marks(answer: OfficeAnswer) -> bool:
    """Return whether an answer that should refuse states something, all of it marked unverified."""
    is_right = answer.judgement.verdict is Verdict.RIGHT
    return is_right and answer.question.expected.refuse and bool(answer.judgement.unverified)


def to_json(answer: OfficeAnswer) -> Mapping[str, object]:
    """Return what was asked and answered, and why it was judged so, for a person to read."""
    question = answer.question
    data: dict[str, object] = {
        "id": question.id,
        "kind": question.kind,
        "asked": question.text,
        "after": question.after,
        "expected": asdict(question.expected),
        **asdict(answer.judgement),
        "error": answer.error,
        "seconds": round(answer.seconds, 2),
    }
    turn = answer.turn
    if turn is not None:
        data["answer"] = turn.answer
        data["citations"] = [asdict(citation) for citation in turn.citations]
        data["sources"] = source_beginnings(turn.sources)
        data["notices"] = turn.notices
        data["agents"] = turn.agents
        data["usage"] = asdict(turn.usage)
    return data
