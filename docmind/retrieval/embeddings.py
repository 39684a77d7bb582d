"""Text → vectors with a sentence-transformers model from a local directory, on the CPU."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmind.errors import ModelError
from docmind.lazy_imports import import_model_stack
from docmind.retrieval.cpu_sharing import BatchQueue

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from tokenizers import Tokenizer

MAX_TOKENS = 256
"""Length of a text, unless the model's sentence_bert_config.json says more or its positions end
before."""

BATCH = 32
"""Texts of one call of the model."""

UNLIKE = (
    "The notice period is three months.",
    "Water boils at a lower temperature on high mountains.",
    "She plays the violin in an orchestra.",
    "Interest rates rose by half a point last year.",
    "Install the package and restart the server.",
    "The cat slept under the kitchen table.",
    "Patients should take the tablets after meals.",
    "The treaty was signed in Vienna in 1815.",
)
"""Sentences that have nothing to do with each other."""

REMEMBERED = 1000
"""Vectors of sentences that are remembered from one comparison to the next."""


class Embedder:
    """One embedding model on the CPU (a GPU's memory is the engine's); loaded at first use.

    Thread-safe. Every failure to load it is a ModelError.
    """

    def __init__(self, model_dir: Path, *, bfloat16: bool = False) -> None:
        """Name the model.

        Args:
            model_dir: directory of a sentence-transformers model.
            bfloat16: compute in 16 bits. With AMX this is twice as fast (cosine to 32 bits at least
                0.998); with avx512_bf16 alone it is slower: 12 against 16 passages/s.
        """
        self._dir = model_dir
        self._bfloat16 = bfloat16
        self._queue = BatchQueue()
        self._loading = threading.Lock()
        self._model: BaseEmbedding | None = None
        self._compared: dict[str, list[float]] = {}
        """Sentence → vector. One may be compared with every passage of a turn."""

    @cached_property
    def dims(self) -> int:
        """Length of the vectors, read without loading the model."""
        try:
            return int(self._config.get("word_embedding_dimension") or self._config["hidden_size"])
        except KeyError as exc:
            raise self._broken("its config.json doesn't say how long its vectors are") from exc

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer, which never cuts a text: for exact passage sizes."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._dir / "tokenizer.json"))
        except Exception as exc:
            raise self._broken(exc) from exc
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def unrelated(self) -> float:
        """The cosine of texts that have nothing to do with each other: the mean over `UNLIKE`.

        0.02 with MiniLM, 0.76 with E5, whose vectors lie in a narrow cone. What a cosine means
        begins there.
        """
        import numpy as np

        vectors = np.array(self.embed_texts(list(UNLIKE)))
        cosines = vectors @ vectors.T
        of_different_texts = ~np.eye(len(UNLIKE), dtype=bool)
        return float(cosines[of_different_texts].mean())

    @property
    def model(self) -> BaseEmbedding:
        """The LlamaIndex embedding, for an IngestionPipeline."""
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question, [dims], length 1. A running ingestion lets it pass."""
        with self._queue.urgent():
            return list(self.model.get_query_embedding(text))

    def embed_texts(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of passages or sentences, [n, dims], length 1.

        A running ingestion lets them pass.
        """
        if not texts:
            return []
        with self._queue.urgent():
            vectors = self.model.get_text_embedding_batch(texts)
        return [list(vector) for vector in vectors]

    def nearness(self, text: str, others: list[str]) -> float:
        """Return how near the nearest of the others is to a text in meaning.

        1 is the same; 0 or less has nothing to do with it, whatever the model's cosines are.
        """
        vectors = self._remembered_vectors([text, *others])
        cosines = [_dot(vectors[text], vectors[other]) for other in others]
        return (max(cosines) - self.unrelated) / (1 - self.unrelated)

    def _remembered_vectors(self, texts: Sequence[str]) -> dict[str, list[float]]:
        """Return the vectors of some sentences, among others; each is embedded once."""
        vectors = self._compared
        if len(vectors) >= REMEMBERED:
            vectors = {}
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        new_vectors = self.embed_texts(new)
        # A new dictionary each time: another thread may be reading the former one.
        vectors = vectors | dict(zip(new, new_vectors, strict=True))
        self._compared = vectors
        return vectors

    def _load(self) -> BaseEmbedding:
        """Return the model with its weights."""
        sentence_config = self._json("sentence_bert_config.json")
        max_tokens = int(sentence_config.get("max_seq_length") or MAX_TOKENS)
        # Some models say that they read more tokens than they have positions for.
        max_tokens = min(max_tokens, int(self._config.get("max_position_embeddings", max_tokens)))
        import_model_stack()
        import torch

        from docmind.retrieval.local_embedding import LocalEmbedding

        dtype = torch.float32
        if self._bfloat16:
            dtype = torch.bfloat16
        try:
            # What the model wants before a question and before a passage: E5's differ, MiniLM has
            # none.
            prompts = dict(self._json("config_sentence_transformers.json").get("prompts") or {})
            return LocalEmbedding(
                queue=self._queue,
                model_name=str(self._dir),
                device="cpu",
                max_length=max_tokens,
                embed_batch_size=BATCH,
                normalize=True,
                query_instruction=prompts.get("query", ""),
                text_instruction=prompts.get("document", ""),
                cache_folder=str(self._dir),
                local_files_only=True,
                model_kwargs={"dtype": dtype},
            )
        except Exception as exc:
            raise self._broken(exc) from exc

    @cached_property
    def _config(self) -> dict[str, Any]:
        """The model's configuration, with that of its pooling."""
        if not (self._dir / "config.json").is_file():
            raise self._broken("it has no config.json")
        config = self._json("config.json") | self._json("1_Pooling/config.json")
        architectures = config.get("architectures") or []
        is_language_model = any("CausalLM" in name for name in architectures)
        # Its hidden states would pass for embeddings. An embedding model made from a language model
        # says so in modules.json.
        if is_language_model and not (self._dir / "modules.json").is_file():
            raise self._broken("it is a language model, not an embedding model")
        return config

    def _json(self, name: str) -> dict[str, Any]:
        """Return the content of one of the model's files, nothing if there is none."""
        path = self._dir / name
        try:
            if not path.is_file():
                return {}
            return dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as exc:
            raise self._broken(exc) from exc

    def _broken(self, why: object) -> ModelError:
        return ModelError(
            f"The embedding model in {self._dir} can't be loaded ({why}). "
            "Remove that folder and fetch the model again (`docmind model pull NAME`), or point "
            "DOCMIND_RETRIEVAL__EMBEDDING_MODEL at a directory with another sentence-transformers "
            "model."
        )


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
