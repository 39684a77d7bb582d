"""Text → vectors with a sentence-transformers model from a local directory, on the CPU."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmind.errors import ModelError
from docmind.lazy_imports import import_model_stack

if TYPE_CHECKING:
    from llama_index.core.base.embeddings.base import BaseEmbedding

MAX_TOKENS = 256
"""Length of a text, unless the model's sentence_bert_config.json says more or its positions end before."""
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
"""Vectors of sentences kept from one comparison to the next."""
THREADS = max(1, (os.cpu_count() or 1) // 4)
"""OpenMP threads of one embedding call. More of them wait for each other as soon as the engine decodes beside them:
on two busy cores two threads gave 4 to 24 chunks/s, one gave 72."""


class Embedder:
    """One embedding model on the CPU (a GPU's memory is the engine's), loaded at first use; thread-safe."""

    def __init__(self, model_dir: Path, *, bfloat16: bool = False) -> None:
        """Look into `model_dir`; `bfloat16` computes in it, for CPUs on which that is faster."""
        self._dir = model_dir
        self._bfloat16 = bfloat16
        self._loading = threading.Lock()
        self._turn = threading.Lock()
        self._urgent: set[int] = set()  # threads someone waits for; the ingestion lets them pass
        self._model: BaseEmbedding | None = None
        self._compared: dict[
            str, list[float]
        ] = {}  # a sentence may be compared with every passage of a turn

    @cached_property
    def dims(self) -> int:
        """Length of the vectors, read without loading the model; ModelError if there is none in the directory."""
        try:
            return int(self._config.get("word_embedding_dimension") or self._config["hidden_size"])
        except KeyError as exc:
            raise self._broken("its config.json doesn't say how long its vectors are") from exc

    @cached_property
    def _config(self) -> dict[str, Any]:
        if not (self._dir / "config.json").is_file():
            raise self._broken("it has no config.json")
        config = self._json("config.json") | self._json("1_Pooling/config.json")
        writes = any("CausalLM" in name for name in config.get("architectures") or [])
        if (
            writes and not (self._dir / "modules.json").is_file()
        ):  # its hidden states would pass for embeddings
            raise self._broken("it is a language model, not an embedding model")
        return config

    def _json(self, name: str) -> dict[str, Any]:
        """Return the content of one of the model's files, nothing if there is none."""
        path = self._dir / name
        try:
            return dict(json.loads(path.read_text("utf-8"))) if path.is_file() else {}
        except (OSError, ValueError, TypeError) as exc:
            raise self._broken(exc) from exc

    @cached_property
    def tokenizer(self) -> Any:
        """The model's own tokenizer (a `tokenizers.Tokenizer` that never cuts), for exact chunk sizes."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._dir / "tokenizer.json"))
        except Exception as exc:
            raise self._broken(exc) from exc
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _prompts(self) -> dict[str, str]:
        """What the model wants before a "query" and a "document" (E5's differ; MiniLM has none)."""
        return dict(self._json("config_sentence_transformers.json").get("prompts") or {})

    @cached_property
    def unrelated(self) -> float:
        """The cosine of texts that have nothing to do with each other, the mean over all pairs of `UNLIKE`.

        0.02 with MiniLM, 0.76 with E5, whose vectors lie in a narrow cone: what a cosine means begins there.
        """
        import numpy as np

        vectors = np.array(self.embed_texts(list(UNLIKE)))
        return float((vectors @ vectors.T)[~np.eye(len(UNLIKE), dtype=bool)].mean())

    @property
    def model(self) -> BaseEmbedding:
        """The LlamaIndex embedding, for an IngestionPipeline; ModelError if it can't be loaded."""
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a question, [dims], length 1. A running ingestion lets it pass."""
        with self._passing():
            return list(self.model.get_query_embedding(text))

    def embed_texts(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of passages or sentences, [n, dims], length 1. A running ingestion lets them pass."""
        with self._passing():
            return [list(v) for v in self.model.get_text_embedding_batch(texts)] if texts else []

    def nearness(self, text: str, others: list[str]) -> float:
        """Return how near the nearest of the others is to a text in meaning: 1 is the same, 0 or less is unrelated."""
        known = self._compared if len(self._compared) < REMEMBERED else {}
        new = [t for t in dict.fromkeys([text, *others]) if t not in known]
        self._compared = known = known | dict(zip(new, self.embed_texts(new), strict=True))
        cosines = (
            sum(x * y for x, y in zip(known[text], known[other], strict=True)) for other in others
        )
        return (max(cosines) - self.unrelated) / (1 - self.unrelated)

    @contextmanager
    def _passing(self) -> Iterator[None]:
        self._urgent.add(threading.get_ident())
        try:
            yield
        finally:
            self._urgent.discard(threading.get_ident())

    def _load(self) -> BaseEmbedding:
        longest = int(self._json("sentence_bert_config.json").get("max_seq_length") or MAX_TOKENS)
        positions = int(self._config.get("max_position_embeddings", longest))
        import_model_stack()
        import torch
        from llama_index.embeddings.huggingface import HuggingFaceEmbedding
        from threadpoolctl import ThreadpoolController

        outer = self
        threads = ThreadpoolController()

        class Embedding(HuggingFaceEmbedding):  # type: ignore[misc]
            """One batch at a time: the tokenizer can't be shared by threads that pad differently."""

            def _embed(
                self, inputs: list[Any], prompt_name: str | None = None
            ) -> list[list[float]]:
                while outer._urgent and threading.get_ident() not in outer._urgent:
                    time.sleep(
                        0.002
                    )  # a plain lock would go back to the ingestion that just released it
                torch.get_num_threads()  # sets up this thread's OpenMP, which would later undo the limit
                # the limit belongs to the calling thread: the engine's threads keep theirs
                with (
                    outer._turn,
                    torch.inference_mode(),
                    threads.limit(limits=THREADS, user_api="openmp"),
                ):
                    return list(super()._embed(inputs, prompt_name))

        try:
            return Embedding(
                model_name=str(self._dir),
                device="cpu",
                max_length=min(longest, positions),
                embed_batch_size=32,
                normalize=True,
                query_instruction=self._prompts.get("query", ""),
                text_instruction=self._prompts.get("document", ""),
                cache_folder=str(self._dir),
                local_files_only=True,
                model_kwargs={"dtype": torch.bfloat16 if self._bfloat16 else torch.float32},
            )
        except Exception as exc:
            raise self._broken(exc) from exc

    def _broken(self, why: object) -> ModelError:
        return ModelError(
            f"The embedding model in {self._dir} can't be loaded ({why}). Remove that folder and fetch the "
            "model again (`docmind model pull NAME`), or point DOCMIND_RETRIEVAL__EMBEDDING_MODEL at a directory with "
            "another sentence-transformers model."
        )
