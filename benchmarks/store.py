"""The vector store at size: insert, reopen, hybrid search, memory; and whether what it acknowledged survives a kill.

The chunks are made from real ones: half of one passage joined to half of another, with the mean of their embeddings,
slightly turned. So 100,000 of them cost the embedding of 2,000, and look to the store like text.
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
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from docmind.app import build_embedder
from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.resolution import resolve
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store.base import EVERYWHERE, Scope, VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings
from docmind.storage.settings import load_settings

WORDS = 130  # in a passage: about 220 tokens
BASE = 2000  # passages that are really embedded
BATCH = 16  # chunks per write, as in ingestion
PER_DOCUMENT = 200
QUERIES = 200
SUFFIXES = (".pdf", ".docx", ".md", ".xlsx")


def search(
    settings: Settings, files: Sequence[Path], sizes: dict[str, int], say: Callable[[str], object]
) -> dict[str, float]:
    """Measure each mode with its number of chunks.

    Returns:
        search.NAME.SIZE (100000 is 100k; local.5k for another mode than edge), with the names median_ms and p95_ms
        (hybrid search, without the query's embedding), filtered_p95_ms (in one document), unindexed_p95_ms (before the
        rebuild), rebuilding_p95_ms and rebuilding_max_ms (during it), overlap10 (share of the ten best that an exact
        search has, too); store.NAME.SIZE with the names insert_s (in batches of 16, as ingestion writes), rebuild_s,
        reopen_s, rss_mib (of a process that opened the store and searched, less what it had before) and disk_mib.
    """

    embedder = build_embedder(resolve(settings))
    texts = passages(files)
    say(f"embedding {len(texts)} passages and {QUERIES} queries")
    vectors = np.array(embedder.embed_texts(texts), dtype=np.float32)
    pick = random.Random(2)
    starts = [(text.split(), pick.randrange(WORDS - 8)) for text in pick.choices(texts, k=QUERIES)]
    asked = [" ".join(words[at : at + 8]) for words, at in starts]
    queries = list(zip(embedder.embed_texts(asked), map(query_vector, asked), strict=True))
    figures: dict[str, float] = {}
    for mode, size in sizes.items():
        say(f"{mode}: {size:,} chunks")
        with TemporaryDirectory() as folder:
            some = queries if mode == "edge" else queries[:50]  # the others are slow
            found = _measure(Path(folder), mode, size, texts, vectors, some)
        label = f"{size // 1000}k" if mode == "edge" else f"{mode}.{size // 1000}k"
        kind = {name: "search" if "_ms" in name or "overlap" in name else "store" for name in found}
        figures |= {f"{kind[name]}.{name}.{label}": value for name, value in found.items()}
    return figures


def passages(files: Sequence[Path]) -> list[str]:
    """Return up to BASE passages of WORDS words from text files."""
    words = [word for file in files for word in file.read_text("utf-8", "replace").split()]
    made = [" ".join(words[at : at + WORDS]) for at in range(0, len(words) - WORDS, WORDS)]
    return random.Random(1).sample(made, min(BASE, len(made)))


def chunks(
    texts: Sequence[str], vectors: np.ndarray[Any, Any], count: int
) -> Iterator[EmbeddedPassage]:
    """Yield chunks; the first ones are the passages themselves."""
    pick, noise = random.Random(3), np.random.default_rng(3)
    for i in range(count):
        a, b = (
            (i, i) if i < len(texts) else (pick.randrange(len(texts)), pick.randrange(len(texts)))
        )
        words, other = texts[a].split(), texts[b].split()
        text = texts[a] if a == b else " ".join([*words[: WORDS // 2], *other[WORDS // 2 :]])
        dense = vectors[a] + vectors[b] + noise.normal(0, 0.01, vectors.shape[1]) * (a != b)
        document, position = divmod(i, PER_DOCUMENT)
        key, name = f"{document:064d}", f"document {document}{SUFFIXES[document % len(SUFFIXES)]}"
        page, table = position // 4 + 1, i % 9 == 0
        passage = Passage(
            id=passage_id(key, position),
            document_id=key,
            file_name=name,
            text=text,
            page=page,
            end=len(text),
            position=position,
            table=table,
        )
        yield EmbeddedPassage(
            passage=passage,
            dense=(dense / np.linalg.norm(dense)).tolist(),
            sparse=document_vector(text),
        )


def _measure(
    folder: Path,
    mode: str,
    size: int,
    texts: Sequence[str],
    vectors: np.ndarray[Any, Any],
    queries: list[Any],
) -> dict[str, float]:
    settings = load_settings(data_dir=folder, store={"mode": mode})
    store = open_store(settings, vectors.shape[1])
    spent = 0.0
    made = chunks(texts, vectors, size)
    while batch := list(islice(made, BATCH)):
        begin = time.perf_counter()
        store.upsert(batch)
        spent += time.perf_counter() - begin
    figures = {"insert_s": spent}
    exact = _times(store, queries[:50])[1]
    if mode == "edge":
        figures["unindexed_p95_ms"] = statistics.quantiles(_times(store, queries)[0], n=20)[-1]
        rebuild = threading.Thread(target=store.optimize, kwargs={"wait": True})
        begin = time.perf_counter()
        rebuild.start()
        during: list[float] = []
        while rebuild.is_alive():
            during += _times(store, [queries[len(during) % len(queries)]])[0]
            time.sleep(0.05)
        figures["rebuild_s"] = time.perf_counter() - begin
        figures["rebuilding_p95_ms"], figures["rebuilding_max_ms"] = (
            statistics.quantiles(during, n=20)[-1],
            max(during),
        )
    store.close()
    figures["disk_mib"] = (
        sum(p.stat().st_blocks * 512 for p in settings.store_dir.rglob("*")) / 2**20
    )
    handed = folder / "queries"
    handed.write_bytes(pickle.dumps((queries, exact)))
    command = [sys.executable, "-m", "benchmarks.store", str(folder), mode, str(vectors.shape[1])]
    again: dict[str, float] = json.loads(
        subprocess.run(command, check=True, capture_output=True, text=True).stdout
    )
    return figures | again


def _reopened(folder: Path, mode: str, dims: int) -> dict[str, float]:
    """Measure in a process of its own."""
    queries, exact = pickle.loads((folder / "queries").read_bytes())
    # what is imported at first use is no part of the store's memory
    open_store(load_settings(data_dir=folder / "empty", store={"mode": mode}), dims).close()
    before = _rss_mib()
    begin = time.perf_counter()
    store = open_store(load_settings(data_dir=folder, store={"mode": mode}), dims)
    figures = {"reopen_s": time.perf_counter() - begin}
    _times(store, queries[:5])
    times, found = _times(store, queries)
    figures["median_ms"], figures["p95_ms"] = (
        statistics.median(times),
        statistics.quantiles(times, n=20)[-1],
    )
    one = Scope([f"{3:064d}"])
    figures["filtered_p95_ms"] = statistics.quantiles(_times(store, queries, one)[0], n=20)[-1]
    figures["rss_mib"] = _rss_mib() - before
    same = [len(set(a) & set(b)) / max(1, len(b)) for a, b in zip(found, exact, strict=False)]
    figures["overlap10"] = statistics.mean(same)
    store.close()
    return figures


def _times(
    store: VectorStore, queries: list[Any], scope: Scope = EVERYWHERE
) -> tuple[list[float], list[list[str]]]:
    """Return each search's time in ms and its ten best."""
    times, found = [], []
    for dense, sparse in queries:
        begin = time.perf_counter()
        hits = store.search(dense, sparse, 10, scope)
        times.append((time.perf_counter() - begin) * 1000)
        found.append([hit.passage.id for hit in hits])
    return times, found


def _rss_mib() -> float:
    """Return the memory of this process, mapped files included."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_reopened(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
