"""Whether the store keeps what it acknowledged.

A process that writes, deletes and rebuilds is killed at any moment.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store import edge
from docmind.retrieval.store.base import Scope, VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings

DIMS = 8
BATCH = 7
"""Passages per write."""
BATCHES = 6
"""Writes per document."""
LONGEST_S = 3.0
"""A writer is killed after at most this time."""
SEARCHED_DOCUMENTS = 5
"""Documents that are searched for after each kill."""


@dataclass
class Acknowledged:
    """What the store has said is done, and what it was doing when the writer was killed."""

    passages: dict[str, int] = field(default_factory=dict)
    """Document id → number of passages."""
    begun: dict[str, int] = field(default_factory=dict)
    """The one document that was being written: the number that it was to have."""

    def read(self, lines: Sequence[str]) -> None:
        """Take what a writer has printed."""
        self.begun = {}
        for line in lines:
            if not line.endswith("\n"):
                break  # cut short by the kill
            what, document, count = line.split()
            if what == "begin":
                self.begun = {document: int(count)}
            else:
                self.passages[document] = int(count)
                self.begun = {}

    def possible_counts(self, document: str) -> set[int]:
        """Return how many passages a document may have: what was only begun may be there or not."""
        done = self.passages.get(document, 0)
        return {done, self.begun.get(document, done)}


def survived_kills(folder: Path, times: int, seed: int = 1) -> int:
    """Kill a writing process `times` times; return how many kills the store survived.

    The same store goes on from kill to kill. A writer adds documents in batches, deletes every
    third one, and has the shard rebuilt all the time. It says what it begins, and that it is done
    when the store has returned.

    Returns:
        After how many kills all that the store had acknowledged was there, and nothing else.
    """
    pick = random.Random(seed)
    survived = 0
    acknowledged = Acknowledged()
    for number in range(times):
        lines = _write_and_kill(folder, f"k{number}", after_s=pick.uniform(0, LONGEST_S))
        acknowledged.read(lines)
        store = _open(folder)
        if _is_whole(store, acknowledged, pick):
            survived += 1
        store.close()
    return survived


def _write_and_kill(folder: Path, name: str, after_s: float) -> list[str]:
    """Start a writer, kill it after a while, and return the lines that it printed."""
    command = [sys.executable, "-m", "benchmarks.kill", str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        # What comes before the first line is importing.
        first = writer.stdout.readline()
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
        return [first, *writer.stdout.readlines()]


def _is_whole(store: VectorStore, acknowledged: Acknowledged, pick: random.Random) -> bool:
    """Tell whether all that was acknowledged is there and can be found, and nothing else.

    What was begun and is there counts as acknowledged from now on.
    """
    passages = acknowledged.passages
    for document in {**passages, **acknowledged.begun}:
        found = [passage.text for passage in store.passages(document)]
        if len(found) not in acknowledged.possible_counts(document):
            return False
        if found != [_text(document, position) for position in range(len(found))]:
            return False
        passages[document] = len(found)
    searched = pick.sample(sorted(passages), min(SEARCHED_DOCUMENTS, len(passages)))
    if not all(_can_be_found(store, document, passages) for document in searched):
        return False
    return store.count() == sum(passages.values())


def _can_be_found(store: VectorStore, document: str, passages: Mapping[str, int]) -> bool:
    """Tell whether searches by words and by meaning find just the document's passages."""
    wanted = {passage_id(document, position) for position in range(passages[document])}
    by_words = store.search(None, query_vector(_word(document)), 100)
    by_meaning = store.search(_vector(document, 0), None, 100, Scope([document]))
    for results in (by_words, by_meaning):
        if {result.passage.id for result in results} != wanted:
            return False
    return True


def _text(document: str, position: int) -> str:
    return f"{_word(document)} says {position}"


def _word(document: str) -> str:
    """Return a document's name as a word of consonants.

    A name with digits ("k0d206") is a code for the search by words, which finds codes by their
    parts too, and so documents that share one. Without vowels no ending is taken for a suffix.
    """
    return document.translate(str.maketrans("0123456789", "bcfghjlmpq"))


def _vector(document: str, position: int) -> list[float]:
    """Return a vector that depends on nothing but document and position."""
    return [random.Random(f"{document} {position} {axis}").gauss(0, 1) for axis in range(DIMS)]


def _passage(document: str, position: int) -> EmbeddedPassage:
    text = _text(document, position)
    passage = Passage(
        id=passage_id(document, position),
        document_id=document,
        file_name=f"{document}.txt",
        text=text,
        page=1,
        end=len(text),
        position=position,
    )
    return EmbeddedPassage(
        passage=passage, dense=_vector(document, position), sparse=document_vector(text)
    )


def _open(folder: Path) -> VectorStore:
    return open_store(load_settings(data_dir=folder, store={"mode": "edge"}), DIMS)


def _write(folder: Path, name: str) -> None:
    """Write until killed."""
    edge.INDEX_KIB = 1  # rebuilds after 32 passages
    store = _open(folder)
    for number in range(10_000):
        document = f"{name}d{number}"
        for done in range(BATCH, BATCH * BATCHES + 1, BATCH):
            _say("begin", document, done)
            positions = range(done - BATCH, done)
            store.upsert([_passage(document, position) for position in positions])
            _say("done", document, done)
        if number % 3 == 2:
            deleted = f"{name}d{number - 1}"
            _say("begin", deleted, 0)
            store.delete(deleted)
            _say("done", deleted, 0)
        store.optimize()


def _say(what: str, document: str, count: int) -> None:
    sys.stdout.write(f"{what} {document} {count}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2])
