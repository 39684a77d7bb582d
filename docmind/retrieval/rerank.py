"""Found passages → a better order, by a cross-encoder that reads question and passage together."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.errors import ModelError
from docmind.lazy_imports import import_model_stack
from docmind.passages import Passage, ScoredPassage
from docmind.retrieval.cpu_sharing import THREADS

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

DEPTH = 30
"""Fused passages that are read again, at least: each costs a pass of the model."""


class Reranker:
    """A cross-encoder on the CPU, loaded at first use; thread-safe."""

    def __init__(self, model_dir: Path) -> None:
        self._dir = model_dir
        self._lock = threading.Lock()
        self._refuse_other_models()

    def rank(self, query: str, results: Sequence[ScoredPassage]) -> list[ScoredPassage]:
        """Return the passages with the model's own scores, the best first."""
        from threadpoolctl import threadpool_limits

        if not results:
            return []
        pairs = [(query, _render_for_model(result.passage)) for result in results]
        with self._lock, threadpool_limits(limits=THREADS, user_api="openmp"):
            scores = self._model.predict(pairs, show_progress_bar=False)
        scored = [
            ScoredPassage(passage=result.passage, score=float(score))
            for result, score in zip(results, scores, strict=True)
        ]
        return sorted(scored, key=lambda result: -result.score)

    @cached_property
    def _model(self) -> CrossEncoder:
        import_model_stack()
        from sentence_transformers import CrossEncoder

        try:
            return CrossEncoder(str(self._dir), device="cpu", local_files_only=True)
        except Exception as exc:
            raise self._unusable(exc) from exc

    def _refuse_other_models(self) -> None:
        """Raise ModelError unless the model gives one score: a missing head would be random."""
        try:
            config = json.loads((self._dir / "config.json").read_text("utf-8"))
        except (OSError, ValueError) as exc:
            raise self._unusable(exc) from exc
        architectures = config.get("architectures") or []
        label_count = 2  # the configuration names no labels where there are two
        if "id2label" in config:
            label_count = len(config["id2label"])
        scores = any("ForSequenceClassification" in name for name in architectures)
        if not scores or label_count != 1:
            kind = ", ".join(architectures) or "no model"
            raise self._unusable(f"it is {kind} with {label_count} labels, not one that scores")

    def _unusable(self, why: object) -> ModelError:
        return ModelError(
            f"The reranker in {self._dir} can't be used ({why}). "
            "Point DOCMIND_RETRIEVAL__RERANKER at a directory with a cross-encoder, "
            "or leave it empty."
        )


def _render_for_model(passage: Passage) -> str:
    """Return a passage below the name of its file and its heading."""
    lines = [passage.file_name, passage.heading, passage.text]
    return "\n".join(line for line in lines if line)
