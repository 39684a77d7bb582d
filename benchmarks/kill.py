"""Whether the store keeps what it acknowledged: a process that writes, deletes and rebuilds is killed at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store import edge
from docmind.retrieval.store.base import Scope, VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings

DIMS = 8
BATCH = 7  # chunks per write
BATCHES = 6  # per document
LONGEST_S = 3.0


def kill_points(folder: Path, times: int, seed: int = 1) -> int:
    """Kill a writing process `times` times; return after how many all it had acknowledged was there, and nothing else.

    The same store goes on from kill to kill. A writer adds documents in batches, deletes every third one, and has the
    shard rebuilt all the time. It says what it begins, and that it is done when the store has returned.
    """
    pick = random.Random(seed)
    survived = 0
    kept: dict[str, int] = {}  # documents and their chunks
    for number in range(times):
        command = [sys.executable, "-m", "benchmarks.kill", str(folder), f"k{number}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            said = [writer.stdout.readline()]  # what comes before is importing
            time.sleep(pick.uniform(0, LONGEST_S))
            writer.send_signal(signal.SIGKILL)
            said += writer.stdout.readlines()
        begun: dict[str, int] = {}
        for line in said:
            if not line.endswith("\n"):
                break  # cut short by the kill
            what, document, count = line.split()
            if what == "done":
                kept[document] = int(count)
            begun = {document: int(count)} if what == "begin" else {}
        store = _open(folder)
        survived += _whole(store, kept, begun, pick)
        store.close()
    return survived


def _whole(
    store: VectorStore, kept: dict[str, int], begun: dict[str, int], pick: random.Random
) -> bool:
    """Tell whether all that was acknowledged is there and can be found; what was only begun may be there or not."""
    for document in {**kept, **begun}:
        there = store.passages(document)
        wanted = {kept.get(document, 0), begun.get(document, kept.get(document, 0))}
        if len(there) not in wanted or [hit.text for hit in there] != [
            _text(document, i) for i in range(len(there))
        ]:
            return False
        kept[document] = len(there)
    for document in pick.sample(sorted(kept), min(5, len(kept))):
        words = {hit.passage.id for hit in store.search(None, query_vector(document), 100)}
        meaning = {
            hit.passage.id
            for hit in store.search(_vector(document, 0), None, 100, Scope([document]))
        }
        if not words == meaning == {passage_id(document, i) for i in range(kept[document])}:
            return False
    return store.count() == sum(kept.values())


def _text(document: str, position: int) -> str:
    return f"{document} says {position}"


def _vector(document: str, position: int) -> list[float]:
    return [random.Random(f"{document} {position} {axis}").gauss(0, 1) for axis in range(DIMS)]


def _chunk(document: str, position: int) -> EmbeddedPassage:
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
    edge.INDEX_KIB = 1  # rebuilds after 32 chunks
    store = _open(folder)
    for number in range(10_000):
        document = f"{name}d{number}"
        for done in range(BATCH, BATCH * BATCHES + 1, BATCH):
            _say("begin", document, done)
            store.upsert([_chunk(document, i) for i in range(done - BATCH, done)])
            _say("done", document, done)
        if number % 3 == 2:
            document = f"{name}d{number - 1}"
            _say("begin", document, 0)
            store.delete(document)
            _say("done", document, 0)
        store.optimize()


def _say(what: str, document: str, count: int) -> None:
    sys.stdout.write(f"{what} {document} {count}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _write(Path(sys.argv[1]), sys.argv[2])
