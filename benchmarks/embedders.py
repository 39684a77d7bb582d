"""Embedding models against each other: the product's own retrieval on the English sets, and what a passage costs.

A model is a sentence-transformers directory, or one with `model.onnx` and MiniLM's tokenizer, for weights that come
only so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.retrieval import Memo, retrieval
from benchmarks.sets import Corpus, cookbook, multi_turn, xquad
from docmind.ingestion.pipeline import BATCH
from docmind.retrieval.embeddings import MAX_TOKENS
from docmind.settings import Settings

KEPT = ("bm25.ndcg10", "dense.ndcg10", "hybrid.ndcg10", "hybrid.recall5", "questions", "chunks")


class OnnxMemo(Memo):
    """MiniLM in ONNX on one thread: mean of the tokens' vectors, length 1."""

    @cached_property
    def _session(self) -> Any:
        from onnxruntime import InferenceSession, SessionOptions

        options = SessionOptions()
        options.intra_op_num_threads = 1  # as the product embeds on two cores
        return InferenceSession(self._dir / "model.onnx", options)

    @cached_property
    def _cutting(self) -> Any:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self._dir / "tokenizer.json"))
        tokenizer.enable_truncation(MAX_TOKENS)
        tokenizer.enable_padding()
        return tokenizer

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        import numpy as np

        found = self._cutting.encode_batch(list(texts))
        mask = np.array([f.attention_mask for f in found])
        given = {"input_ids": [f.ids for f in found], "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        wanted = {i.name for i in self._session.get_inputs()}
        tokens = self._session.run(None, {k: np.array(v, np.int64) for k, v in given.items() if k in wanted})[0]
        if tokens.ndim == 3:
            tokens = (tokens * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
        vectors: list[list[float]] = (tokens / np.linalg.norm(tokens, axis=1, keepdims=True)).tolist()
        return vectors

    @property
    def model(self) -> Any:
        """A LlamaIndex embedding for the pipeline."""
        from llama_index.core.base.embeddings.base import BaseEmbedding

        outer = self

        class Embedding(BaseEmbedding):  # type: ignore[misc]
            def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
                return outer._vectors(texts)

            def _get_text_embedding(self, text: str) -> list[float]:
                return outer._vectors([text])[0]

            _get_query_embedding = _get_text_embedding

            async def _aget_query_embedding(self, query: str) -> list[float]:
                return outer._vectors([query])[0]

        return Embedding(embed_batch_size=32)


def embedders(
    settings: Settings, data: Path, models: Mapping[str, Path], tell: Callable[[str], None]
) -> dict[str, float]:
    """Measure every model on the English sets.

    Returns:
        embedders.NAME.SET.bm25|dense|hybrid.ndcg10, hybrid.recall5, questions, chunks;
        embedders.NAME.passages_cpu_s: passages embedded in a CPU second, in the ingestion's batches, sorted by length.
    """
    sets: list[Corpus] = [xquad(data, "en"), cookbook(data), multi_turn(data)]
    sections = [s.text for _, document in sets[1].documents.values() for s in document.sections]
    texts = sorted((t[:1000] for t in sections if len(t) > 500), key=len)[:256]
    figures: dict[str, float] = {}
    for name, directory in models.items():
        embedder = (OnnxMemo if (directory / "model.onnx").exists() else Memo)(directory)
        embedder.embed_texts(texts[:BATCH])
        begin = time.process_time()
        for start in range(0, len(texts), BATCH):
            embedder.embed_texts(texts[start : start + BATCH])
        figures[f"embedders.{name}.passages_cpu_s"] = len(texts) / (time.process_time() - begin)
        tell(f"{name}: {figures[f'embedders.{name}.passages_cpu_s']:.1f} passages per CPU second")
        found = retrieval(settings, sets, lambda line, name=name: tell(f"{name}: {line}"), embedder)  # type: ignore[misc]
        for key, value in found.items():
            if key.endswith(KEPT):
                figures[key.replace("retrieval.", f"embedders.{name}.")] = value
    return figures
