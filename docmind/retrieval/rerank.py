"""Found passages → a better order, by a cross-encoder that reads question and passage together."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from docmind.errors import ModelError
from docmind.lazy_imports import import_model_stack
from docmind.passages import Passage, ScoredPassage
from docmind.retrieval.embeddings import THREADS

DEPTH = 30
"""Fused passages that are read again, at least: each costs a pass of the model."""


class Reranker:
    """A cross-encoder on the CPU, loaded at first use; thread-safe."""

    def __init__(self, model_dir: Path) -> None:
        self._dir = model_dir
        self._turn = threading.Lock()
        try:
            config = json.loads((model_dir / "config.json").read_text("utf-8"))
        except (OSError, ValueError) as exc:
            raise self._broken(exc) from exc
        heads, labels = (
            config.get("architectures") or [],
            config.get("id2label", "01"),
        )  # left out where there are two
        if not any("ForSequenceClassification" in head for head in heads) or len(labels) != 1:
            # its missing head would be made of random numbers
            raise self._broken(
                f"it is {', '.join(heads) or 'no model'} with {len(labels)} labels, not one that scores"
            )

    @cached_property
    def _model(self) -> Any:
        import_model_stack()
        from sentence_transformers import CrossEncoder

        try:
            return CrossEncoder(str(self._dir), device="cpu", local_files_only=True)
        except Exception as exc:
            raise self._broken(exc) from exc

    def rank(self, query: str, results: Sequence[ScoredPassage]) -> list[ScoredPassage]:
        """Return the passages with the model's own scores, the best first."""
        from threadpoolctl import threadpool_limits

        if not results:
            return []
        pairs = [(query, _readable(result.passage)) for result in results]
        with self._turn, threadpool_limits(limits=THREADS, user_api="openmp"):
            scores = self._model.predict(pairs, show_progress_bar=False)
        scored = [
            ScoredPassage(passage=result.passage, score=float(score))
            for result, score in zip(results, scores, strict=True)
        ]
        return sorted(scored, key=lambda result: -result.score)

    def _broken(self, why: object) -> ModelError:
        return ModelError(
            f"The reranker in {self._dir} can't be used ({why}). Point DOCMIND_RETRIEVAL__RERANKER at a directory with "
            "a cross-encoder, or leave it empty."
        )


def _readable(passage: Passage) -> str:
    """Return a passage below the name of its file and its heading."""
    lines = (passage.file_name, passage.heading, passage.text)
    return "\n".join(line for line in lines if line)
