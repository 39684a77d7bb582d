"""A LlamaIndex embedding that shares the CPU with the engine.

Importing this module imports torch: `Embedder` does it when the model is loaded.
"""

from __future__ import annotations

from typing import Any

import torch
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from threadpoolctl import ThreadpoolController

from docmind.retrieval.cpu_sharing import THREADS, BatchQueue


class LocalEmbedding(HuggingFaceEmbedding):  # type: ignore[misc]
    """One batch at a time: the tokenizer can't be shared by threads that pad differently."""

    _queue: BatchQueue = PrivateAttr()
    _threadpools: ThreadpoolController = PrivateAttr()

    def __init__(self, *, queue: BatchQueue, **options: Any) -> None:
        """Load the model; `options` are HuggingFaceEmbedding's own."""
        super().__init__(**options)
        self._queue = queue
        self._threadpools = ThreadpoolController()

    def _embed(self, inputs: list[Any], prompt_name: str | None = None) -> list[list[float]]:
        # Sets up this thread's OpenMP, which would otherwise undo the limit when it starts.
        torch.get_num_threads()
        with (
            self._queue.turn(),
            torch.inference_mode(),
            # The limit belongs to the calling thread: the engine's threads keep theirs.
            self._threadpools.limit(limits=THREADS, user_api="openmp"),
        ):
            return list(super()._embed(inputs, prompt_name))
