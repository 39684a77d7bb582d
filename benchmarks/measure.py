"""The measurements. Each takes a built App (or builds its own parts) and returns flat figures."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from docmind.engine.interface import Engine, EngineUsage
from docmind.engine.models import Catalog
from docmind.ingestion.registry import Registry
from docmind.ingestion.service import IngestionService
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.retrieval.store import open_store
from docmind.settings import Settings

TEXT = "the report states that revenue grew while costs fell and the board approved the plan for next year"


def engine(engine: Engine, prompts: Iterable[int], answer_tokens: int = 64, parallel: int = 3) -> dict[str, float]:
    """Measure one loaded engine.

    Args:
        engine: It must be ready.
        prompts: Prompt lengths in tokens; those that do not fit the window are left out.
        answer_tokens: Tokens decoded per measurement.
        parallel: Requests at once for the speed-up.

    Returns:
        engine.load_s; engine.prefill_tok_s, decode_tok_s, ttft_s and next_turn_ttft_s per prompt length (1024 → 1k);
        engine.parallel_speedup.N: time of N requests in turn divided by their time at once.
    """
    figures = {"engine.load_s": engine.status().load_s or 0.0}
    window = engine.status().window

    async def go(messages: list[dict[str, str]], tokens: int) -> tuple[str, EngineUsage]:
        text, usage = "", None
        async for delta in engine.stream(messages, max_tokens=tokens):
            text += delta.text
            usage = delta.usage or usage
        assert usage is not None
        return text, usage

    def prompt(tokens: int, seed: int) -> list[dict[str, str]]:
        pick = random.Random(seed)
        text = " ".join(pick.choice(TEXT.split()) for _ in range(int(tokens * 0.9)))
        return [{"role": "user", "content": f"{seed} {text}\n\nContinue this text with one long paragraph."}]

    for length in prompts:
        if length + 2 * answer_tokens + 64 > window:
            continue
        name = f"{length // 1024}k"
        messages = prompt(length, length)
        text, usage = asyncio.run(go(messages, answer_tokens))
        figures[f"engine.prefill_tok_s.{name}"] = usage.prompt_tokens / usage.ttft_s
        figures[f"engine.ttft_s.{name}"] = usage.ttft_s
        if usage.completion_tokens > 1:
            figures[f"engine.decode_tok_s.{name}"] = (usage.completion_tokens - 1) / usage.decode_s
        turn = [*messages, {"role": "assistant", "content": text}, {"role": "user", "content": "Go on."}]
        figures[f"engine.next_turn_ttft_s.{name}"] = asyncio.run(go(turn, 8))[1].ttft_s

    asks = [prompt(256, 9000 + i) for i in range(2 * parallel)]
    begin = time.perf_counter()
    for ask in asks[:parallel]:
        asyncio.run(go(ask, answer_tokens))
    in_turn = time.perf_counter() - begin

    async def at_once() -> None:
        await asyncio.gather(*(go(ask, answer_tokens) for ask in asks[parallel:]))

    begin = time.perf_counter()
    asyncio.run(at_once())
    figures[f"engine.parallel_speedup.{parallel}"] = in_turn / (time.perf_counter() - begin)
    return figures


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
