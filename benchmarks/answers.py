"""Whole answers: documents in, questions through ChatService and the settings' own engine, answers judged by rules.

All documents lie in one store, so that a question has to find its own among several hundred. Answerable: questions of
the cookbook documentation and of every other xquad article, and answerable tasks of the multi-turn set with their
earlier turns as the conversation. Unanswerable: questions about the xquad articles that were left out, tasks marked
so, and the handbook's questions (its documents are not in the data folder).
"""

from __future__ import annotations

import random
import re
import statistics
import string
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.questions import has
from benchmarks.sets import Corpus, cookbook, handbook_questions, mtrag_tasks, multi_turn, xquad
from docmind.app import App, build_app
from docmind.engine.interface import Engine
from docmind.errors import DocMindError
from docmind.events import Citation, TurnFailed, TurnFinished, Usage, now
from docmind.passages import NumberedPassage
from docmind.retrieval.sparse import terms
from docmind.settings import Settings
from docmind.storage.messages import StoredMessage
from docmind.verification.sentences import cited_sentences, plain, stretches

REFUSAL = re.compile(
    r"not found in (?:your|the) documents|(?:no|none of the) passages? (?:say|mention|contain|provide|answer|support)|"
    r"(?:do|does|did) not (?:mention|contain|provide|specify|say|include)|no information|"
    r"not (?:mentioned|provided|stated)|(?:couldn|could|can)(?:'t| ?not) (?:find|be found|answer|be determined)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """A question with what is known of its answer."""

    name: str
    """The set."""
    text: str
    answers: tuple[str, ...] = ()
    """Any of them is right; none: the documents do not have the answer."""
    gold: tuple[tuple[str, str], ...] = ()
    """(file name, text) of the gold passages."""
    past: tuple[tuple[str, str], ...] = ()
    """Earlier turns: (speaker, text)."""


@dataclass(frozen=True)
class Outcome:
    """What became of a question."""

    asked: Asked
    answer: str
    error: str = ""
    citations: tuple[Citation, ...] = ()
    sources: tuple[NumberedPassage, ...] = ()
    agents: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)

    @property
    def refused(self) -> bool:
        """Whether the answer begins by saying that the documents do not tell."""
        return bool(REFUSAL.search(re.split(r"(?<=[.!?])\s", self.answer.strip() + " ")[0]))


def answers(
    settings: Settings,
    data: Path,
    limit: int,
    parallel: int,
    names: Sequence[str],
    tell: Callable[[str], None],
    engine: Engine | None = None,
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Ask up to `limit` questions (0: all) of each set (of all if `names` is empty), `parallel` conversations at once.

    Returns:
        Figures and a record per question. Answerable sets: answers.SET.questions; em (the answer is the gold string,
        as SQuAD normalises), contains (has it as whole words), f1 (of words), recall (of the gold's words), cited
        (share of answers with a citation), supported_citations (share of all citations), gold_cited (share of answers
        citing a gold passage), uncited_sentences (share of factual sentences), false_refusals. Unanswerable:
        questions, honest_refusals. All: failed, seconds_median, prompt_tokens, model_calls. Over everything:
        answers.all.supported_citations, honest_refusals, false_refusals, failed, wall_s.
    """
    corpora, asked = _sets(data)
    chosen = [
        q
        for name, found in asked.items()
        if not names or name in names
        for q in _draw(found, limit)
    ]
    with TemporaryDirectory(prefix="docmind-eval-") as folder:
        home = Path(folder) / "data"
        home.mkdir()
        for part in ("models", "cache"):  # the weights, and what the engine compiled for them
            (settings.data_dir / part).mkdir(exist_ok=True)
            (home / part).symlink_to((settings.data_dir / part).resolve())
        app = build_app(settings.model_copy(update={"data_dir": home}), engine=engine)
        try:
            tell(
                f"{_ingest(app, corpora, Path(folder) / 'files')} documents are ready; loading the model"
            )
            app.engine.wait_ready()
            begin = time.perf_counter()
            outcomes = _ask_all(app, chosen, parallel, tell)
            wall = time.perf_counter() - begin
        finally:
            app.close()
    return figures(outcomes) | {"answers.all.wall_s": wall}, [_record(o) for o in outcomes]


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the figures of all sets, see `answers`."""
    found: dict[str, float] = {}
    for name in dict.fromkeys(o.asked.name for o in outcomes):
        of = [o for o in outcomes if o.asked.name == name]
        figure = (
            _answerable(of)
            if of[0].asked.answers
            else {"honest_refusals": _share(o.refused for o in of)}
        )
        figure |= {
            "questions": len(of),
            "failed": _share(bool(o.error) for o in of),
            "seconds_median": statistics.median(o.usage.duration_s for o in of),
            "prompt_tokens": statistics.mean(o.usage.prompt_tokens for o in of),
            "model_calls": statistics.mean(o.usage.engine_calls for o in of),
        }
        found |= {f"answers.{name}.{key}": value for key, value in figure.items()}
    told = [o for o in outcomes if o.asked.answers]
    silent = [o for o in outcomes if not o.asked.answers]
    found |= {
        "answers.all.supported_citations": _share(
            c.supported for o in outcomes for c in o.citations
        ),
        "answers.all.citations": sum(len(o.citations) for o in outcomes),
        "answers.all.false_refusals": _share(o.refused for o in told),
        "answers.all.honest_refusals": _share(o.refused for o in silent),
        "answers.all.failed": _share(bool(o.error) for o in outcomes),
    }
    return found


def _answerable(of: Sequence[Outcome]) -> dict[str, float]:
    written = [o for o in of if o.answer and not o.refused]
    bare = [uncited(o.answer) for o in written]
    marked = [list(cited_sentences(o.answer)) for o in written]
    return {
        "em": _share(
            any(_words(_bare(o.answer)) == _words(a) for a in o.asked.answers) for o in of
        ),
        "contains": _share(has(o.answer, list(o.asked.answers)) for o in of),
        "f1": statistics.mean(max(_overlap(o.answer, a)[0] for a in o.asked.answers) for o in of),
        "recall": statistics.mean(
            max(_overlap(o.answer, a)[1] for a in o.asked.answers) for o in of
        ),
        "cited": _share(bool(o.citations) for o in written),
        "supported_citations": _share(c.supported for o in of for c in o.citations),
        "gold_cited": _share(_cites_gold(o) for o in written),
        "uncited_sentences": sum(map(len, bare))
        / max(1, sum(map(len, bare)) + sum(map(len, marked))),
        "false_refusals": _share(o.refused for o in of),
    }


def uncited(answer: str) -> list[str]:
    """Return the sentences that state something (four content words, no question, no line that leads to a list) and
    have no mark. A mark at the end of a paragraph counts for its last sentence only, as it does in the product.
    """
    marked = {sentence.text for sentence in cited_sentences(answer)}
    sentences = [
        s
        for s in map(plain, stretches(answer, pairs=False))
        if len(terms(s)) >= 4 and s[-1] not in "?:"
    ]
    return [s for s in sentences if s not in marked and not REFUSAL.search(s)]


def _cites_gold(outcome: Outcome) -> bool:
    """Whether a cited passage is at least half gold, or has half of a gold passage (by words in a row)."""
    cited = {c.number for c in outcome.citations}
    for source in (s for s in outcome.sources if s.number in cited):
        for name, text in outcome.asked.gold:
            if name == source.passage.file_name:
                mine, theirs = _runs(_words(source.passage.text), _words(text))
                if 2 * len(mine & theirs) >= min(len(mine), len(theirs)):
                    return True
    return False


def _ask_all(
    app: App, chosen: Sequence[Asked], parallel: int, tell: Callable[[str], None]
) -> list[Outcome]:
    done = 0
    counting = threading.Lock()

    def ask(asked: Asked) -> Outcome:
        nonlocal done
        outcome = _ask(app, asked)
        with counting:
            done += 1
            tell(
                f"{done}/{len(chosen)} {asked.name}: {asked.text[-60:]!r} → {(outcome.error or outcome.answer)[:80]!r}"
            )
        return outcome

    with ThreadPoolExecutor(parallel) as pool:
        return list(pool.map(ask, chosen))


def _ask(app: App, asked: Asked) -> Outcome:
    conversation = app.conversations.create().id
    for speaker, text in asked.past:
        if speaker == "user":
            app.conversations.add_question(conversation, text)
        else:
            app.conversations.add_answer(conversation, StoredMessage("assistant", text, now()))
    try:
        last = list(app.chat.stream(asked.text, conversation))[-1]
    except DocMindError as exc:
        return Outcome(asked, "", str(exc))
    finally:
        app.conversations.delete(conversation)
    if isinstance(last, TurnFinished):
        return Outcome(
            asked, last.answer, "", last.citations, last.sources, last.agents, last.usage
        )
    return Outcome(
        asked,
        "",
        last.error if isinstance(last, TurnFailed) else f"ended with {type(last).__name__}",
    )


def _sets(data: Path) -> tuple[list[Corpus], dict[str, list[Asked]]]:
    """Return the corpora to ingest and the questions by set."""
    articles, docs, passages = xquad(data, "en"), cookbook(data), multi_turn(data)
    kept = set(list(articles.documents)[::2])
    asked: dict[str, list[Asked]] = {
        "cookbook-docs": [],
        "xquad-en": [],
        "mtrag": [],
        "xquad-en-absent": [],
    }
    for corpus, name in ((docs, "cookbook-docs"), (articles, "xquad-en")):
        for q in corpus.questions:
            units = [corpus.units[i] for i in q.gold]
            texts = ((corpus.documents[u.document_id], u) for u in units)
            gold = tuple((file, document.text[u.start : u.end]) for (file, document), u in texts)
            if corpus is articles and units[0].document_id not in kept:
                asked["xquad-en-absent"].append(Asked("xquad-en-absent", q.text))
            else:
                asked[name].append(Asked(name, q.text, q.answers, gold))
    names = {
        document.text[u.start : u.end]: file
        for u in passages.units
        for file, document in [passages.documents[u.document_id]]
    }
    asked["mtrag-absent"] = []
    for task in mtrag_tasks(data):
        past = tuple((m["speaker"], m["text"].strip()) for m in task["input"][:-1])
        base = Asked("mtrag", task["input"][-1]["text"].strip(), past=past)
        if task["answerability"] == ["ANSWERABLE"]:
            gold = tuple((names[c["text"].strip()], c["text"]) for c in task["contexts"])
            asked["mtrag"].append(
                replace(base, answers=(task["targets"][0]["text"].strip(),), gold=gold)
            )
        elif task["answerability"] == ["UNANSWERABLE"]:
            asked["mtrag-absent"].append(replace(base, name="mtrag-absent"))
    asked["handbook-absent"] = [Asked("handbook-absent", q) for q in handbook_questions(data)]
    articles.documents = {i: d for i, d in articles.documents.items() if i in kept}
    return [docs, articles, passages], asked


def _ingest(app: App, corpora: Sequence[Corpus], folder: Path) -> int:
    for corpus in corpora:
        (folder / corpus.name).mkdir(parents=True)
        for name, document in corpus.documents.values():
            parts = (
                f"# {s.heading}\n\n{s.text}" if s.heading else s.text for s in document.sections
            )
            file = folder / corpus.name / name
            file.write_text("\n\n".join(parts), "utf-8")
            app.documents.add(file)
    app.documents.wait()
    failed = [f"{d.name}: {d.reason}" for d in app.documents.documents() if d.state != "ready"]
    if failed:
        raise DocMindError(
            f"{len(failed)} documents were not ingested, so figures would mean nothing: {failed[:3]}"
        )
    return len(app.documents.documents())


def _draw(found: Sequence[Asked], limit: int) -> list[Asked]:
    return (
        list(found) if not 0 < limit < len(found) else random.Random(0).sample(list(found), limit)
    )


def _bare(answer: str) -> str:
    return re.sub(r"\[[\d\s,;\u2013-]+\]", "", answer)


def _words(text: str) -> list[str]:
    """Return a text's words as SQuAD compares them: lower case, without punctuation and articles."""
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return [w for w in text.split() if w not in {"a", "an", "the"}]


def _overlap(answer: str, gold: str) -> tuple[float, float]:
    """Return F1 and recall of the gold's words."""
    mine, theirs = Counter(_words(_bare(answer))), Counter(_words(gold))
    same = (mine & theirs).total()
    if not same:
        return 0.0, 0.0
    precision, recall = same / mine.total(), same / theirs.total()
    return 2 * precision * recall / (precision + recall), recall


def _runs(*texts: list[str]) -> list[set[tuple[str, ...]]]:
    """Return each text's runs of four words, of fewer if one of the texts is shorter."""
    length = min(4, *map(len, texts))
    return [
        {tuple(words[i : i + length]) for i in range(len(words) - length + 1)} for words in texts
    ]


def _share(found: Any) -> float:
    values = list(found)
    return sum(values) / len(values) if values else 0.0


def _record(outcome: Outcome) -> dict[str, Any]:
    record = asdict(outcome)
    record["sources"] = [
        f"[{s.number}] {s.passage.file_name}: {s.passage.text[:200]}" for s in outcome.sources
    ]
    record["asked"].pop("gold")
    return record | {"refused": outcome.refused}
