"""The untuned model on the GPU host, from its GGUF file: bfloat16, as the product converts it."""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

_LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_NAMES = {"token_embd": "model.embed_tokens", "output": "lm_head", "output_norm": "model.norm"}


def torch_name(name: str) -> str:
    """Return what transformers calls a tensor of a GGUF file."""
    stem, _, ending = name.rpartition(".")
    if stem in _NAMES:
        return f"{_NAMES[stem]}.{ending}"
    _, layer, part = stem.split(".")
    return f"model.layers.{layer}.{_LAYER_NAMES[part]}.{ending}"


def _dequantize(file: str, number: int, folder: str) -> str:
    """Write one tensor of the file as bfloat16; return its name."""
    from gguf import GGUFReader, dequantize

    torch.set_num_threads(1)  # there is a process for each core
    tensor = GGUFReader(file).tensors[number]
    name = torch_name(tensor.name)
    target = Path(folder) / f"{name}.safetensors"
    if not target.exists():  # what an earlier call has written stays
        values = np.array(dequantize(tensor.data, tensor.tensor_type))
        unfinished = target.with_suffix(".writing")
        save_file({name: torch.from_numpy(values).to(torch.bfloat16)}, unfinished)
        unfinished.rename(target)
    return name


def convert(file: Path, folder: Path) -> None:
    """Write each tensor of a GGUF file into the folder as a file of its own."""
    from gguf import GGUFReader

    begin = time.time()
    folder.mkdir(parents=True, exist_ok=True)
    tensors = GGUFReader(str(file)).tensors
    # The largest first, so that no process is left with one at the end.
    order = sorted(range(len(tensors)), key=lambda n: -int(tensors[n].n_elements))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(_dequantize, str(file), number, str(folder)) for number in order]
        names = [job.result() for job in jobs]
    (folder / "done.json").write_text(json.dumps(sorted(names)))
    print(f"{len(names)} tensors in {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    convert(arguments.file, arguments.folder)
