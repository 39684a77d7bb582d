"""The measurements. Each takes a built App (or builds its own parts) and returns flat figures."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from docmind.engine.models import Catalog
from docmind.ingestion.registry import Registry
from docmind.ingestion.service import IngestionService
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.retrieval.store import open_store
from docmind.settings import Settings


def ingest_and_search(settings: Settings, files: list[Path]) -> dict[str, float]:
    """Measure ingestion of these files into a fresh store, then 100 searches in it.

    Returns:
        ingest.files_s, ingest.pages_s, ingest.chunks_s (parse, split, embed and store together); search.median_ms and
        search.p95_ms of hybrid search, query embedding included.
    """
    with TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        embedder = Embedder(Path(Catalog(settings.models_dir).path(settings.retrieval.embedding_model)))
        embedder.embed_query("load the model first")
        store = open_store(own, embedder.dims)
        registry = Registry(own.database)
        service = IngestionService(own, registry, store, embedder)
        begin = time.perf_counter()
        for file in files:
            service.add(file)
        service.wait()
        seconds = time.perf_counter() - begin
        ready = [d for d in service.documents() if d.state == "ready"]
        figures = {
            "ingest.files": float(len(ready)),
            "ingest.files_s": len(ready) / seconds,
            "ingest.pages_s": sum(d.pages for d in ready) / seconds,
            "ingest.chunks_s": sum(d.chunks for d in ready) / seconds,
        }
        retriever = Retriever(store, embedder, own)
        passages = [hit.text.split() for d in ready for hit in retriever.chunks(d.id)]
        pick = random.Random(1)
        times = []
        for words in pick.choices(passages, k=100):
            at = pick.randrange(max(1, len(words) - 8))
            begin = time.perf_counter()
            retriever.search(" ".join(words[at : at + 8]), 5)
            times.append((time.perf_counter() - begin) * 1000)
        figures["search.median_ms"] = statistics.median(times)
        figures["search.p95_ms"] = statistics.quantiles(times, n=20)[-1]
        service.close()
        store.close()
        registry.close()
    return figures
