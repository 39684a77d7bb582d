"""`docmind bench search`: the vector store at size: insert, reopen, hybrid search, memory.

The passages are made from real ones: half of one joined to half of another, with the mean of their
embeddings, slightly turned. So 100,000 of them cost the embedding of 2,000, and look to the store
like text.
"""

from __future__ import annotations

import json
import pickle
import random
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.index import load_embedder
from benchmarks.result import Progress
from docmind.measurement import Figures
from docmind.passages import EmbeddedPassage, Passage, SparseVector, passage_id
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store.base import EVERYWHERE, Scope, VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings
from docmind.storage.settings import load_settings

PASSAGE_WORDS = 130
"""About 220 tokens."""
EMBEDDED_PASSAGES = 2000
"""Those that are really embedded."""
WRITE_BATCH = 16
"""Passages per write, as in ingestion."""
PASSAGES_PER_DOCUMENT = 200
QUERIES = 200
SLOW_QUERIES = 50
"""Queries of the other modes than edge, which are slow, and of the exact search."""
QUERY_WORDS = 8
SUFFIXES = (".pdf", ".docx", ".md", ".xlsx")
EDGE = "edge"


@dataclass(frozen=True)
class Query:
    """A query's two vectors."""

    dense: list[float]
    sparse: SparseVector


@dataclass(frozen=True)
class Corpus:
    """Real passages, from which others are made."""

    texts: list[str]
    vectors: NDArray[np.float32]
    """[passages, dims]"""

    @property
    def dims(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])


@dataclass(frozen=True)
class Searches:
    """What a number of searches gave."""

    times_ms: list[float]
    passage_ids: list[list[str]]
    """The ten best of each."""

    def p95_ms(self) -> float:
        """Return the time that 95% of the searches stayed below."""
        return statistics.quantiles(self.times_ms, n=20)[-1]


def measure_search(
    settings: Settings,
    files: Sequence[Path],
    passages_by_mode: Mapping[str, int],
    *,
    progress: Progress,
) -> Figures:
    """Measure each mode with its number of passages.

    Args:
        settings: of this machine; the embedding model is there.
        files: texts to make the passages of.
        passages_by_mode: mode of the store → number of passages.
        progress: is given a line for each step.

    Returns:
        search.NAME.SIZE (100000 is 100k; local.5k for another mode than edge), with the names
        median_ms and p95_ms (hybrid search, without the query's embedding), filtered_p95_ms (in
        one document), unindexed_p95_ms (before the rebuild), rebuilding_p95_ms and
        rebuilding_max_ms (during it), overlap10 (fraction of the ten best that an exact search
        has, too); store.NAME.SIZE with the names insert_s (in batches of 16, as ingestion
        writes), rebuild_s, reopen_s, rss_mib (of a process that opened the store and searched,
        less what it had before) and disk_mib.
    """
    embedder = load_embedder(settings)
    texts = real_passages(files)
    progress(f"embedding {len(texts)} passages and {QUERIES} queries")
    vectors = np.array(embedder.embed_texts(texts), dtype=np.float32)
    corpus = Corpus(texts=texts, vectors=vectors)
    queries = make_queries(embedder, texts)

    figures: Figures = {}
    for mode, size in passages_by_mode.items():
        progress(f"{mode}: {size:,} passages")
        label = f"{size // 1000}k"
        some_queries = queries
        if mode != EDGE:
            label = f"{mode}.{label}"
            some_queries = queries[:SLOW_QUERIES]
        with TemporaryDirectory() as folder:
            measurement = StoreMeasurement(
                folder=Path(folder), mode=mode, corpus=corpus, queries=some_queries
            )
            found = measurement.run(size)
        for name, value in found.items():
            group = "store"
            if "_ms" in name or "overlap" in name:
                group = "search"
            figures[f"{group}.{name}.{label}"] = value
    return figures


def real_passages(files: Sequence[Path]) -> list[str]:
    """Return up to EMBEDDED_PASSAGES passages of PASSAGE_WORDS words from text files."""
    words: list[str] = []
    for file in files:
        words += file.read_text("utf-8", "replace").split()
    starts = range(0, len(words) - PASSAGE_WORDS, PASSAGE_WORDS)
    passages = [" ".join(words[start : start + PASSAGE_WORDS]) for start in starts]
    count = min(EMBEDDED_PASSAGES, len(passages))
    return random.Random(1).sample(passages, count)


def make_queries(embedder: Embedder, texts: Sequence[str]) -> list[Query]:
    """Return QUERIES queries: a few words in a row of passages drawn evenly."""
    pick = random.Random(2)
    asked = []
    for text in pick.choices(texts, k=QUERIES):
        start = pick.randrange(PASSAGE_WORDS - QUERY_WORDS)
        asked.append(" ".join(text.split()[start : start + QUERY_WORDS]))
    queries = []
    for text, dense in zip(asked, embedder.embed_texts(asked), strict=True):
        queries.append(Query(dense=dense, sparse=query_vector(text)))
    return queries


def make_passages(corpus: Corpus, count: int) -> Iterator[EmbeddedPassage]:
    """Yield passages, the same at every call; the first ones are the corpus itself."""
    pick = random.Random(3)
    noise = np.random.default_rng(3)
    for number in range(count):
        turn = noise.normal(0, 0.01, corpus.dims)
        if number < len(corpus.texts):
            text = corpus.texts[number]
            dense = corpus.vectors[number]
        else:
            first = pick.randrange(len(corpus.texts))
            second = pick.randrange(len(corpus.texts))
            half = PASSAGE_WORDS // 2
            words = corpus.texts[first].split()[:half] + corpus.texts[second].split()[half:]
            text = " ".join(words)
            dense = corpus.vectors[first] + corpus.vectors[second] + turn
        yield EmbeddedPassage(
            passage=_placed_passage(text, number),
            dense=(dense / np.linalg.norm(dense)).tolist(),
            sparse=document_vector(text),
        )


def _placed_passage(text: str, number: int) -> Passage:
    """Return the text as a passage of the document that `number` falls in."""
    document, position = divmod(number, PASSAGES_PER_DOCUMENT)
    document_id = _document_id(document)
    return Passage(
        id=passage_id(document_id, position),
        document_id=document_id,
        file_name=f"document {document}{SUFFIXES[document % len(SUFFIXES)]}",
        text=text,
        page=position // 4 + 1,
        end=len(text),
        position=position,
        table=number % 9 == 0,
    )


def _document_id(document: int) -> str:
    return f"{document:064d}"


class StoreMeasurement:
    """Measures a store in one mode, in a folder of its own."""

    def __init__(
        self, *, folder: Path, mode: str, corpus: Corpus, queries: Sequence[Query]
    ) -> None:
        self._folder = folder
        self._mode = mode
        self._corpus = corpus
        self._queries = queries
        self._settings = load_settings(data_dir=folder, store={"mode": mode})

    def run(self, size: int) -> Figures:
        """Fill a new store, search in it, and open it again in a process of its own."""
        store = open_store(self._settings, self._corpus.dims)
        figures = {"insert_s": self._insert(store, size)}
        # Before the index is there, a search compares with every passage.
        exact = run_searches(store, self._queries[:SLOW_QUERIES]).passage_ids
        if self._mode == EDGE:
            figures["unindexed_p95_ms"] = run_searches(store, self._queries).p95_ms()
            figures |= self._rebuild(store)
        store.close()
        files = self._settings.store_dir.rglob("*")
        figures["disk_mib"] = sum(file.stat().st_blocks * 512 for file in files) / 2**20
        return figures | self._reopened(exact)

    def _insert(self, store: VectorStore, size: int) -> float:
        """Write the passages in batches; return the seconds that the store took."""
        seconds = 0.0
        passages = make_passages(self._corpus, size)
        while True:
            batch = list(islice(passages, WRITE_BATCH))
            if not batch:
                return seconds
            begin = time.perf_counter()
            store.upsert(batch)
            seconds += time.perf_counter() - begin

    def _rebuild(self, store: VectorStore) -> Figures:
        """Build the index, searching all the while."""
        rebuild = threading.Thread(target=store.optimize, kwargs={"wait": True})
        times_ms: list[float] = []
        begin = time.perf_counter()
        rebuild.start()
        # A small store is rebuilt at once; a percentile needs two times.
        while rebuild.is_alive() or len(times_ms) < 2:
            query = self._queries[len(times_ms) % len(self._queries)]
            times_ms += run_searches(store, [query]).times_ms
            time.sleep(0.05)
        return {
            "rebuild_s": time.perf_counter() - begin,
            "rebuilding_p95_ms": statistics.quantiles(times_ms, n=20)[-1],
            "rebuilding_max_ms": max(times_ms),
        }

    def _reopened(self, exact: list[list[str]]) -> Figures:
        """Measure in a process of its own, see `measure_reopened`."""
        handed_over = (list(self._queries), exact)
        (self._folder / "queries").write_bytes(pickle.dumps(handed_over))
        module = [sys.executable, "-m", "benchmarks.store"]
        command = [*module, str(self._folder), self._mode, str(self._corpus.dims)]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        return cast(Figures, json.loads(ended.stdout))


def measure_reopened(folder: Path, mode: str, dims: int) -> Figures:
    """Open the store in a fresh process, search, and see what memory that took."""
    queries, exact = pickle.loads((folder / "queries").read_bytes())
    # What is imported at first use is no part of the store's memory.
    empty = load_settings(data_dir=folder / "empty", store={"mode": mode})
    open_store(empty, dims).close()

    before_mib = _rss_mib()
    begin = time.perf_counter()
    store = open_store(load_settings(data_dir=folder, store={"mode": mode}), dims)
    reopen_s = time.perf_counter() - begin
    run_searches(store, queries[:5])
    searches = run_searches(store, queries)
    in_one_document = run_searches(store, queries, Scope([_document_id(3)]))
    rss_mib = _rss_mib() - before_mib
    store.close()
    return {
        "reopen_s": reopen_s,
        "median_ms": statistics.median(searches.times_ms),
        "p95_ms": searches.p95_ms(),
        "filtered_p95_ms": in_one_document.p95_ms(),
        "rss_mib": rss_mib,
        "overlap10": _overlap(searches.passage_ids, exact),
    }


def _overlap(found: Sequence[list[str]], exact: Sequence[list[str]]) -> float:
    """Return the mean fraction of the exact results that were found too."""
    fractions = []
    # The exact search answered only the first queries.
    for some, all_right in zip(found, exact, strict=False):
        shared = set(some) & set(all_right)
        fractions.append(len(shared) / max(1, len(all_right)))
    return statistics.mean(fractions)


def run_searches(
    store: VectorStore, queries: Sequence[Query], scope: Scope = EVERYWHERE
) -> Searches:
    """Search for the ten best of each query."""
    searches = Searches(times_ms=[], passage_ids=[])
    for query in queries:
        begin = time.perf_counter()
        results = store.search(query.dense, query.sparse, k=10, scope=scope)
        searches.times_ms.append((time.perf_counter() - begin) * 1000)
        searches.passage_ids.append([result.passage.id for result in results])
    return searches


def _rss_mib() -> float:
    """Return the memory of this process, mapped files included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main(folder: str, mode: str, dims: str) -> None:
    """Write the figures of a store that another process has made."""
    figures = measure_reopened(Path(folder), mode, int(dims))
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
