"""Whether the whole app keeps what it acknowledged, wherever it is killed.

A process adds, deletes, answers, moves the store, embeds anew, saves settings or makes a backup. It
is killed at a random moment. After a start the list of documents, the store, the files and the
conversations must agree. All of it is real but the model's words.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.result import Progress
from benchmarks.ui import ReadyEngine
from docmind.app import App, build_app
from docmind.backup.archive import check_archive
from docmind.cli.store import move_command
from docmind.engine.interface import Constraint, Delta, EngineUsage, Message
from docmind.lazy_imports import import_model_stack
from docmind.measurement import Figures
from docmind.retrieval.store.opening import open_store
from docmind.storage.documents import Document
from docmind.storage.settings import load_settings, save_settings

LONGEST_S = 6.0
"""A process is killed after at most this time."""
WAIT_S = 120.0
"""How long the app may take to be done with what a kill has left."""
DIMENSIONS = 384
"""Of the vectors of both embedding models that are changed between."""
FEWEST_DOCUMENTS = 4
MOST_DOCUMENTS = 12
"""Above it, documents are deleted rather than added; some are always left."""
JOURNAL = "journal"
"""Beside the data folder: a line for each thing that the app was asked for or has acknowledged."""


IMPORTED_FIRST = (
    "docmind.agents.comparison",
    "docmind.agents.library",
    "docmind.agents.supervisor",
    "docmind.agents.table_query",
    "docmind.chat",
    "docmind.extraction.service",
    "docmind.ingestion.service",
    "docmind.retrieval.local_embedding",
    "docmind.retrieval.store.edge",
    "docmind.retrieval.store.move",
    "docmind.suggestions",
    "docmind.verification.comparisons",
)
"""What the app imports when it is built."""


class WordsEngine(ReadyEngine):
    """Plans one task and answers it, word by word."""

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[object] = ()) -> int:
        """Return the number of words."""
        count = 0
        for message in messages:
            count += len(str(message.get("content") or "").split()) + 4
        return count

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        constraint: Constraint | None = None,
        **_options: object,
    ) -> AsyncIterator[Delta]:
        """Yield a plan where one is asked for, else a sentence."""
        text = "The word stands in the document [1]. " * 8
        if constraint is not None and constraint.kind == "json":
            question = {"question": "Which word stands there?", "kind": "look_up"}
            text = json.dumps({"count": 1, "questions": [question]})
        for word in text.split(" "):
            await asyncio.sleep(0.01)
            yield Delta(text=f"{word} ")
        usage = EngineUsage(self.count_tokens(messages), 0, len(text.split()), 0.01, 0.1)
        yield Delta(finish_reason="stop", usage=usage)


@dataclass
class Found:
    """What was found after the kills; all but the first should be 0."""

    kills: int = 0
    orphans: int = 0
    """Passages or files of a document that is not in the list, or that was deleted."""
    duplicates: int = 0
    """Passages that are in the store more than once, or too many of them."""
    lost: int = 0
    """Documents that were acknowledged, and are gone or no longer ready."""
    stuck: int = 0
    """Documents that are neither ready nor failed, questions without an answer, empty
    conversations, an app that does not start."""
    left_over: int = 0
    """Unfinished copies in the data folder."""
    troubles: list[str] = field(default_factory=list)
    by_work: dict[str, int] = field(default_factory=dict)
    """How often each work was killed."""
    unfinished: int = 0
    """Kills that came before the work was through; the others hit an idle process."""


@dataclass
class Acknowledged:
    """What the app has acknowledged so far."""

    words: dict[str, str] = field(default_factory=dict)
    """Document id → the word that stands in it."""
    deleted: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    """Those whose deletion was asked for when the kill came: there or gone, but wholly."""

    def read(self, journal: Path) -> None:
        """Take what a process has noted."""
        self.undecided.clear()
        if not journal.exists():
            return
        for line in journal.read_text("utf-8").splitlines():
            what, document_id, word = line.split()
            if what == "added":
                self.words[document_id] = word
                self.deleted.discard(document_id)
            elif what == "deleting":
                self.undecided.add(document_id)
            elif what == "deleted":
                self.undecided.discard(document_id)
                self.words.pop(document_id, None)
                self.deleted.add(document_id)


class Work:
    """What a process does until it is killed."""

    def __init__(self, data_dir: Path, seed: int) -> None:
        self._data_dir = data_dir
        self._pick = random.Random(seed)
        self._journal = os.open(
            data_dir.with_name(JOURNAL), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_TRUNC
        )
        self.kinds: dict[str, Callable[[], None]] = {
            "ingest": self._ingest,
            "delete": self._delete,
            "answer": self._answer,
            "settings": self._save_settings,
            "backup": self._backup,
            "move": self._move,
            "embed anew": self._embed_anew,
        }

    def _note(self, what: str, document_id: str, word: str) -> None:
        # One write: it is in the file whole, or not at all, when the process is killed.
        os.write(self._journal, f"{what} {document_id} {word}\n".encode())

    def _open(self) -> App:
        return build_app(load_settings(), engine=WordsEngine())

    def _add(self, app: App) -> None:
        word = "w" + "".join(self._pick.choices("bcdfghklmnprst", k=10))
        lines = [f"Line {n} says {word} and more." for n in range(self._pick.randint(5, 400))]
        document = app.documents.add_bytes("\n\n".join(lines).encode(), f"{word}.txt").document
        self._note("added", document.id, word)

    def _ingest(self) -> None:
        app = self._open()
        for _ in range(4):
            self._add(app)
            if self._pick.random() < 0.5:
                app.documents.wait(WAIT_S)
        app.documents.wait(WAIT_S)

    def _delete(self) -> None:
        app = self._open()
        while len(app.documents.documents()) < FEWEST_DOCUMENTS + 2:
            self._add(app)
        documents = app.documents.documents()
        for document in self._pick.sample(documents, len(documents) - FEWEST_DOCUMENTS):
            self._note("deleting", document.id, "-")
            app.documents.delete(document.id)
            self._note("deleted", document.id, "-")

    def _answer(self) -> None:
        app = self._open()
        app.documents.wait(WAIT_S)
        for _ in range(5):
            conversation = app.conversations.create()
            list(app.chat.stream("Which word stands there?", conversation.id))

    def _save_settings(self) -> None:
        for _ in range(20_000):
            save_settings(
                self._data_dir, {"agents": {"max_parallel_calls": self._pick.randint(1, 4)}}
            )

    def _backup(self) -> None:
        app = self._open()
        file = self._data_dir.with_name("backup.zip")
        for _ in range(5000):
            with file.open("wb") as stream:
                for block in app.backups.archive():
                    stream.write(block)
            check_archive(file)

    def _move(self) -> None:
        to = "local"
        if load_settings().store.mode == "local":
            to = "edge"
        move_command(to)

    def _embed_anew(self) -> None:
        model = "e5-small"
        if load_settings().retrieval.embedding_model == "e5-small":
            model = "minilm"
        save_settings(self._data_dir, {"retrieval": {"embedding_model": model}})
        self._open().documents.wait(WAIT_S)


def kill_app(folder: Path, times: int, seed: int, progress: Progress) -> Found:
    """Kill the app `times` times while it works; look after each kill whether all is well.

    The same data folder goes on from kill to kill.

    Args:
        folder: has `data/` with the models.
        times: how often.
        seed: of what is done, and of the moments.
        progress: is told what each kill has shown.
    """
    data_dir = folder / "data"
    os.environ["DOCMIND_DATA_DIR"] = str(data_dir)
    pick = random.Random(seed)
    found = Found()
    works: Counter[str] = Counter()
    acknowledged = Acknowledged()
    for number in range(times):
        work = Work(data_dir, seed=seed * 1000 + number)
        kinds = list(work.kinds)
        kind = kinds[number % len(kinds)]
        if kind == "ingest" and len(acknowledged.words) > MOST_DOCUMENTS:
            kind = "delete"
        after_s = pick.uniform(0.1, LONGEST_S)
        was_at_work = _run_and_kill(work.kinds[kind], after_s, folder / "output.log")
        acknowledged.read(data_dir.with_name(JOURNAL))
        known = len(found.troubles)
        _look(data_dir, acknowledged, found, folder / "output.log")
        found.kills += 1
        found.unfinished += was_at_work
        works[kind] += 1
        trouble = "; ".join(found.troubles[known:])
        progress(f"{number + 1}: {kind}, killed after {after_s:.1f} s: {trouble or 'all well'}")
    found.by_work = dict(works)
    return found


def _run_and_kill(work: Callable[[], None], after_s: float, output: Path) -> bool:
    """Let a process work, and kill it; return whether it was still at work."""
    child = _fork(work, output)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _fork(act: Callable[[], None], output: Path) -> int:
    """Do something in a process that has all modules already; return its id.

    Importing them takes longer than what is to be killed. This process has no threads, so that
    what it forks is whole.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _look(data_dir: Path, acknowledged: Acknowledged, found: Found, output: Path) -> None:
    """Start the app, and add to `found` what disagrees; `acknowledged` gets what was decided."""
    reported = data_dir.with_name("looked.json")
    reported.unlink(missing_ok=True)

    def look() -> None:
        seen = Found()
        with closing(build_app(load_settings(), engine=WordsEngine())) as app:
            left = _look_into(app, acknowledged, seen)
        _look_into_folder(data_dir, left, seen)
        reported.write_text(json.dumps([sorted(left), asdict(seen)]), "utf-8")

    os.waitpid(_fork(look, output), 0)
    if not reported.exists():
        found.stuck += 1
        found.troubles.append(f"the app did not start: see {output.name}")
        return
    left, seen = json.loads(reported.read_text("utf-8"))
    found.orphans += seen["orphans"]
    found.duplicates += seen["duplicates"]
    found.lost += seen["lost"]
    found.stuck += seen["stuck"]
    found.left_over += seen["left_over"]
    found.troubles += seen["troubles"]
    # Deletions that were decided by the kill, and what is lost, which is counted once.
    for document_id in acknowledged.words.keys() - set(left):
        del acknowledged.words[document_id]


def _look_into(app: App, acknowledged: Acknowledged, seen: Found) -> set[str]:
    """Look at documents and conversations; return the ids of the documents."""
    if not app.documents.wait(WAIT_S):
        seen.stuck += 1
        seen.troubles.append(f"documents are not read within {WAIT_S:.0f} s")
    states = {document.id: document for document in app.documents.documents()}
    for document_id, word in acknowledged.words.items():
        document = states.get(document_id)
        if document is None and document_id in acknowledged.undecided:
            continue
        if document is None or document.state != "ready":
            seen.lost += 1
            seen.troubles.append(f"{word}.txt is lost: {document}")
    for document in states.values():
        _look_at_passages(app, document, seen)
    for document_id in acknowledged.deleted & states.keys():
        seen.orphans += 1
        seen.troubles.append(f"a deleted document is back: {states[document_id].name}")
    for finding in app.documents.repair():
        seen.orphans += 1
        seen.troubles.append(f"the start has left: {finding.what}")
    _look_at_conversations(app, seen)
    return set(states)


def _look_at_passages(app: App, document: Document, seen: Found) -> None:
    passages = app.documents.passages(document.id)
    if document.state == "ready" and len(passages) != document.passages:
        seen.duplicates += len(passages) > document.passages
        seen.lost += len(passages) < document.passages
        seen.troubles.append(f"{document.name}: {len(passages)} of {document.passages} passages")
    if len({passage.position for passage in passages}) != len(passages):
        seen.duplicates += 1
        seen.troubles.append(f"{document.name} has a passage twice")
    if document.state not in {"ready", "failed"}:
        seen.stuck += 1
        seen.troubles.append(f"{document.name} is {document.state}")


def _look_at_conversations(app: App, seen: Found) -> None:
    for conversation in app.conversations.list():
        messages = app.conversations.messages(conversation.id)
        if not messages or messages[-1].role == "user":
            seen.stuck += 1
            seen.troubles.append(f"a conversation of {len(messages)} messages has no answer")


def _look_into_folder(data_dir: Path, documents: set[str], seen: Found) -> None:
    """Look for what no document has: passages in the store, files."""
    settings = load_settings()
    with closing(open_store(settings, DIMENSIONS)) as store:
        for document_id in store.documents().keys() - documents:
            seen.orphans += 1
            seen.troubles.append(f"passages of {document_id[:8]}, which is no document")
    for path in settings.files_dir.glob("*"):
        if path.name.partition(".")[0] not in documents:
            seen.orphans += 1
            seen.troubles.append(f"a file of no document: {path.name}")
    for path in data_dir.iterdir():
        if path.name.startswith("unfinished-") or path.suffix == ".part":
            seen.left_over += 1
            seen.troubles.append(f"left over: {path.name}")


def main(folder: Path, times: int, seed: int) -> None:
    """Kill as the arguments say, and print what was found as JSON."""
    for module in IMPORTED_FIRST:
        importlib.import_module(module)
    import_model_stack()

    def progress(line: str) -> None:
        sys.stderr.write(f"{line}\n")

    print(json.dumps(asdict(kill_app(folder, times=times, seed=seed, progress=progress))))


def survive_kills(folder: Path, models: Path, *, times: int, seed: int) -> Found:
    """Kill the app in a process of its own, which has no threads: see `kill_app`.

    Args:
        folder: an empty one.
        models: folder with both embedding models.
        times: how often.
        seed: of what is done, and of the moments.
    """
    (folder / "data").mkdir()
    (folder / "data" / "models").symlink_to(models)
    command = [sys.executable, "-m", "benchmarks.kill_app", str(folder), str(times), str(seed)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Found(**json.loads(ended.stdout))


def kill_figures(found: Found) -> Figures:
    """Return what was found as flat figures."""
    figures: Figures = {
        "trust.app_kills": found.kills,
        "trust.app_kills_at_work": found.unfinished,
        "trust.app_kills_orphans": found.orphans,
        "trust.app_kills_duplicates": found.duplicates,
        "trust.app_kills_lost": found.lost,
        "trust.app_kills_stuck": found.stuck,
        "trust.app_kills_left_over": found.left_over,
    }
    return figures


if __name__ == "__main__":
    main(Path(sys.argv[1]), times=int(sys.argv[2]), seed=int(sys.argv[3]))
