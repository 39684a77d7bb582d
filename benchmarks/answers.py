"""`docmind eval answers`: whole answers, judged by rules.

Documents in, questions through ChatService and the settings' own engine. All documents lie in one
store, so that a question has to find its own among several hundred.

Answerable: questions of the cookbook documentation and of every other xquad article, and
answerable tasks of the multi-turn set with their earlier turns as the conversation.
Unanswerable: questions about the xquad articles that were left out, tasks marked so, and the
handbook's questions (its documents are not in the data folder).
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmarks.result import Progress
from benchmarks.scoring import (
    REFUSAL,
    fraction,
    has_fact,
    is_exact,
    is_refusal,
    squad_words,
    word_overlap,
)
from benchmarks.sets import (
    ANSWERABLE,
    UNANSWERABLE,
    Corpus,
    Utterance,
    cookbook,
    handbook_questions,
    multi_turn,
    multi_turn_tasks,
    xquad,
)
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.errors import DocMindError
from docmind.events import Citation, TurnFailed, TurnFinished, Usage, now
from docmind.ingestion.parsed import Section
from docmind.measurement import Figures, empty_data_folder
from docmind.passages import NumberedPassage
from docmind.retrieval.sparse import terms
from docmind.settings import Settings
from docmind.storage.messages import StoredMessage
from docmind.verification.sentences import cited_sentences, plain, stretches

LEAST_STATEMENT_TERMS = 4
"""Content words of a sentence that states something."""
RUN_WORDS = 4
"""Length of the runs of words by which passages are compared."""


class GoldPassage(NamedTuple):
    """A passage that answers a question."""

    file_name: str
    text: str


@dataclass(frozen=True)
class AskedQuestion:
    """A question with what is known of its answer."""

    set_name: str
    text: str
    answers: tuple[str, ...] = ()
    """Any of them is right; none: the documents do not have the answer."""
    gold: tuple[GoldPassage, ...] = ()
    past: tuple[Utterance, ...] = ()
    """Earlier turns of the conversation."""


@dataclass(frozen=True)
class Outcome:
    """What became of a question."""

    question: AskedQuestion
    answer: str = ""
    error: str = ""
    citations: tuple[Citation, ...] = ()
    sources: tuple[NumberedPassage, ...] = ()
    agents: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)

    @property
    def refused(self) -> bool:
        """Whether the answer begins by saying that the documents do not tell."""
        return is_refusal(self.answer)


@dataclass(frozen=True)
class AnswersResult:
    """Figures, and what was asked and answered."""

    figures: Figures
    outcomes: list[Outcome]


def measure_answers(
    settings: Settings,
    data: Path,
    *,
    limit: int,
    parallel: int,
    sets: Sequence[str] = (),
    progress: Progress,
    engine: Engine | None = None,
) -> AnswersResult:
    """Ask the questions of the sets through the whole app.

    Args:
        settings: of this machine.
        data: folder with the public sets.
        limit: most questions of each set, drawn evenly; 0: all.
        parallel: conversations at once.
        sets: names of the sets; none: all.
        progress: is given a line for each answer.
        engine: use this one instead of what the settings ask for.

    Returns:
        Answerable sets: answers.SET.questions; em (the answer is the gold string, as SQuAD
        normalises), contains (has it as whole words), f1 (of words), recall (of the gold's words),
        cited (fraction of answers with a citation), supported_citations (of all citations),
        gold_cited (of answers citing a gold passage), uncited_sentences (of factual sentences),
        false_refusals. Unanswerable: questions, honest_refusals. All: failed, seconds_median,
        prompt_tokens, model_calls. Over everything: answers.all.supported_citations,
        honest_refusals, false_refusals, failed, wall_s.
    """
    question_sets = make_question_sets(data)
    chosen: list[AskedQuestion] = []
    for name, questions in question_sets.questions.items():
        if not sets or name in sets:
            chosen += draw(questions, limit)

    with empty_data_folder(settings) as fresh_settings:
        app = build_app(fresh_settings, engine=engine)
        try:
            count = ingest(app, question_sets.corpora)
            progress(f"{count} documents are ready; loading the model")
            app.engine.wait_ready()
            begin = time.perf_counter()
            outcomes = ask_all(app, chosen, parallel=parallel, progress=progress)
            wall_s = time.perf_counter() - begin
        finally:
            app.close()
    figures = score_outcomes(outcomes)
    figures["answers.all.wall_s"] = wall_s
    return AnswersResult(figures=figures, outcomes=outcomes)


def score_outcomes(outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of all sets, see `measure_answers`."""
    by_set: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_set.setdefault(outcome.question.set_name, []).append(outcome)

    figures: Figures = {}
    for name, some in by_set.items():
        if some[0].question.answers:
            values = _score_answerable(some)
        else:
            values = {"honest_refusals": fraction(o.refused for o in some)}
        values["questions"] = len(some)
        values["failed"] = fraction(bool(o.error) for o in some)
        values["seconds_median"] = statistics.median(o.usage.duration_s for o in some)
        values["prompt_tokens"] = statistics.mean(o.usage.prompt_tokens for o in some)
        values["model_calls"] = statistics.mean(o.usage.engine_calls for o in some)
        for key, value in values.items():
            figures[f"answers.{name}.{key}"] = value

    answerable = [o for o in outcomes if o.question.answers]
    unanswerable = [o for o in outcomes if not o.question.answers]
    citations = _all_citations(outcomes)
    figures["answers.all.supported_citations"] = fraction(c.supported for c in citations)
    figures["answers.all.citations"] = len(citations)
    figures["answers.all.false_refusals"] = fraction(o.refused for o in answerable)
    figures["answers.all.honest_refusals"] = fraction(o.refused for o in unanswerable)
    figures["answers.all.failed"] = fraction(bool(o.error) for o in outcomes)
    return figures


def _all_citations(outcomes: Iterable[Outcome]) -> list[Citation]:
    citations: list[Citation] = []
    for outcome in outcomes:
        citations += outcome.citations
    return citations


def _score_answerable(outcomes: Sequence[Outcome]) -> Figures:
    """Return the figures of one set whose answers are in the documents."""
    exact = []
    contained = []
    f1 = []
    recall = []
    for outcome in outcomes:
        gold_answers = outcome.question.answers
        overlaps = [word_overlap(outcome.answer, gold) for gold in gold_answers]
        exact.append(any(is_exact(outcome.answer, gold) for gold in gold_answers))
        contained.append(has_fact(outcome.answer, gold_answers))
        f1.append(max(overlap.f1 for overlap in overlaps))
        recall.append(max(overlap.recall for overlap in overlaps))

    # Sentences are looked at only where an answer was given.
    given = [o for o in outcomes if o.answer and not o.refused]
    uncited = 0
    cited = 0
    for outcome in given:
        uncited += len(uncited_sentences(outcome.answer))
        cited += len(list(cited_sentences(outcome.answer)))
    return {
        "em": fraction(exact),
        "contains": fraction(contained),
        "f1": statistics.mean(f1),
        "recall": statistics.mean(recall),
        "cited": fraction(bool(o.citations) for o in given),
        "supported_citations": fraction(c.supported for c in _all_citations(outcomes)),
        "gold_cited": fraction(cites_gold(o) for o in given),
        "uncited_sentences": uncited / max(1, uncited + cited),
        "false_refusals": fraction(o.refused for o in outcomes),
    }


def uncited_sentences(answer: str) -> list[str]:
    """Return the sentences that state something and have no mark.

    A sentence states something that has four content words, is no question and no line that leads
    to a list. A mark at the end of a paragraph counts for its last sentence only, as it does in
    the product.
    """
    marked = {sentence.text for sentence in cited_sentences(answer)}
    found = []
    for stretch in stretches(answer, pairs=False):
        sentence = plain(stretch)
        if len(terms(sentence)) < LEAST_STATEMENT_TERMS or sentence[-1] in "?:":
            continue
        if sentence not in marked and not REFUSAL.search(sentence):
            found.append(sentence)
    return found


def cites_gold(outcome: Outcome) -> bool:
    """Return whether a gold passage is cited.

    A cited passage counts that is at least half gold, or has half of a gold passage, by runs of
    words.
    """
    cited_numbers = {citation.number for citation in outcome.citations}
    for source in outcome.sources:
        if source.number not in cited_numbers:
            continue
        for gold in outcome.question.gold:
            same_file = gold.file_name == source.passage.file_name
            if same_file and share_half(source.passage.text, gold.text):
                return True
    return False


def share_half(text: str, other: str) -> bool:
    """Return whether the texts share half of the runs of words of the one that has fewer."""
    words = squad_words(text)
    other_words = squad_words(other)
    length = min(RUN_WORDS, len(words), len(other_words))
    runs = _runs(words, length)
    other_runs = _runs(other_words, length)
    return 2 * len(runs & other_runs) >= min(len(runs), len(other_runs))


def _runs(words: Sequence[str], length: int) -> set[tuple[str, ...]]:
    """Return all runs of `length` words."""
    starts = range(len(words) - length + 1)
    return {tuple(words[start : start + length]) for start in starts}


def ask_all(
    app: App, questions: Sequence[AskedQuestion], *, parallel: int, progress: Progress
) -> list[Outcome]:
    """Ask all questions, `parallel` at once; return what became of them, in their order."""
    done = 0
    lock = threading.Lock()

    def ask_and_tell(question: AskedQuestion) -> Outcome:
        nonlocal done
        outcome = ask(app, question)
        reply = outcome.error or outcome.answer
        with lock:
            done += 1
            progress(
                f"{done}/{len(questions)} {question.set_name}: "
                f"{question.text[-60:]!r} → {reply[:80]!r}"
            )
        return outcome

    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(ask_and_tell, questions))


def ask(app: App, question: AskedQuestion) -> Outcome:
    """Ask one question in a conversation of its own, which is deleted afterwards."""
    conversation_id = app.conversations.create().id
    for utterance in question.past:
        if utterance.speaker == "user":
            app.conversations.add_question(conversation_id, utterance.text)
        else:
            message = StoredMessage("assistant", utterance.text, now())
            app.conversations.add_answer(conversation_id, message)
    try:
        turn = finished_turn(app, question.text, conversation_id)
    except DocMindError as exc:
        return Outcome(question=question, error=str(exc))
    finally:
        app.conversations.delete(conversation_id)
    return Outcome(
        question=question,
        answer=turn.answer,
        citations=turn.citations,
        sources=turn.sources,
        agents=turn.agents,
        usage=turn.usage,
    )


def finished_turn(app: App, question: str, conversation_id: str) -> TurnFinished:
    """Ask a question in a conversation and wait; return how the turn ended.

    Raises:
        DocMindError: it could not begin, or failed.
    """
    last = list(app.chat.stream(question, conversation_id))[-1]
    if isinstance(last, TurnFailed):
        raise DocMindError(last.error)
    if not isinstance(last, TurnFinished):
        raise DocMindError(f"ended with {type(last).__name__}")
    return last


@dataclass(frozen=True)
class QuestionSets:
    """What is ingested, and what is asked."""

    corpora: list[Corpus]
    questions: dict[str, list[AskedQuestion]]
    """By the name of the set."""


def make_question_sets(data: Path) -> QuestionSets:
    """Return documents and questions of all sets, the same at every call."""
    articles = xquad(data, "en")
    docs = cookbook(data)
    passages = multi_turn(data)
    # Every other article is left out, so that questions about it can't be answered.
    ingested_ids = set(list(articles.documents)[::2])
    questions = {
        "cookbook-docs": _corpus_questions(docs, docs.documents),
        "xquad-en": _corpus_questions(articles, ingested_ids),
        "mtrag": _answerable_tasks(data, passages),
        "xquad-en-absent": _absent_articles(articles, ingested_ids),
        "mtrag-absent": _unanswerable_tasks(data),
        "handbook-absent": _handbook(data),
    }
    documents = articles.documents.items()
    articles.documents = {key: value for key, value in documents if key in ingested_ids}
    return QuestionSets(corpora=[docs, articles, passages], questions=questions)


def _corpus_questions(corpus: Corpus, document_ids: Iterable[str]) -> list[AskedQuestion]:
    """Return the questions whose first gold passage is in one of these documents."""
    wanted_ids = set(document_ids)
    found = []
    for question in corpus.questions:
        units = [corpus.units[place] for place in question.gold]
        if units[0].document_id not in wanted_ids:
            continue
        gold = []
        for unit in units:
            file_name = corpus.documents[unit.document_id].file_name
            gold.append(GoldPassage(file_name, corpus.text_of(unit)))
        found.append(
            AskedQuestion(
                set_name=corpus.name,
                text=question.text,
                answers=question.answers,
                gold=tuple(gold),
            )
        )
    return found


def _absent_articles(articles: Corpus, ingested_ids: set[str]) -> list[AskedQuestion]:
    """Return the questions about articles that are not ingested."""
    found = []
    for question in articles.questions:
        unit = articles.units[question.gold[0]]
        if unit.document_id not in ingested_ids:
            found.append(AskedQuestion(set_name="xquad-en-absent", text=question.text))
    return found


def _answerable_tasks(data: Path, passages: Corpus) -> list[AskedQuestion]:
    file_of_text = {}
    for unit in passages.units:
        file_name = passages.documents[unit.document_id].file_name
        file_of_text[passages.text_of(unit)] = file_name
    found = []
    for task in multi_turn_tasks(data):
        if task.answerability != ANSWERABLE:
            continue
        gold = [GoldPassage(file_of_text[c.text.strip()], c.text) for c in task.contexts]
        found.append(
            AskedQuestion(
                set_name="mtrag",
                text=task.question,
                answers=(task.reference_answer,),
                gold=tuple(gold),
                past=task.past,
            )
        )
    return found


def _unanswerable_tasks(data: Path) -> list[AskedQuestion]:
    return [
        AskedQuestion(set_name="mtrag-absent", text=task.question, past=task.past)
        for task in multi_turn_tasks(data)
        if task.answerability == UNANSWERABLE
    ]


def _handbook(data: Path) -> list[AskedQuestion]:
    questions = handbook_questions(data)
    return [AskedQuestion(set_name="handbook-absent", text=text) for text in questions]


def ingest(app: App, corpora: Sequence[Corpus]) -> int:
    """Ingest the sets as text files; return how many documents there are.

    Raises:
        DocMindError: some failed, so that figures would mean nothing.
    """
    with TemporaryDirectory(prefix="docmind-eval-") as name:
        for corpus in corpora:
            folder = Path(name) / corpus.name
            folder.mkdir()
            for document in corpus.documents.values():
                file = folder / document.file_name
                file.write_text(_as_text(document.parsed.sections), "utf-8")
                app.documents.add(file)
        return wait_for_documents(app)


def wait_for_documents(app: App) -> int:
    """Wait until all that was added is ingested; return how many documents there are.

    Raises:
        DocMindError: some failed, so that figures would mean nothing.
    """
    app.documents.wait()
    documents = app.documents.documents()
    failed = [f"{d.name}: {d.reason}" for d in documents if d.state != "ready"]
    if failed:
        raise DocMindError(
            f"{len(failed)} documents were not ingested, so figures would mean nothing: "
            f"{failed[:3]}"
        )
    return len(documents)


def _as_text(sections: Iterable[Section]) -> str:
    """Return the sections as Markdown."""
    parts = []
    for section in sections:
        if section.heading:
            parts.append(f"# {section.heading}\n\n{section.text}")
        else:
            parts.append(section.text)
    return "\n\n".join(parts)


def draw(questions: Sequence[AskedQuestion], limit: int) -> list[AskedQuestion]:
    """Return `limit` of the questions, the same at every call; 0: all."""
    if not 0 < limit < len(questions):
        return list(questions)
    return random.Random(0).sample(list(questions), limit)


def to_json(outcome: Outcome) -> Mapping[str, object]:
    """Return what was asked and answered as plain data, for a person to read."""
    question = outcome.question
    return {
        "asked": {
            "name": question.set_name,
            "text": question.text,
            "answers": question.answers,
            "past": question.past,
        },
        "answer": outcome.answer,
        "error": outcome.error,
        "citations": [asdict(citation) for citation in outcome.citations],
        "sources": source_beginnings(outcome.sources),
        "agents": outcome.agents,
        "usage": asdict(outcome.usage),
        "refused": outcome.refused,
    }


def source_beginnings(sources: Iterable[NumberedPassage]) -> list[str]:
    """Return each source's number, file and first 200 characters."""
    found = []
    for source in sources:
        passage = source.passage
        found.append(f"[{source.number}] {passage.file_name}: {passage.text[:200]}")
    return found
