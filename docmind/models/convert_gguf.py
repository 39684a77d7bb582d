"""GGUF file → model directory that vLLM loads.

Run as `python -m docmind.models.convert_gguf GGUF DIRECTORY TITLE [--int8] [--adapter FILE
--adapter-sha256 SHA256]`.
A process of its own, so that the memory it needs is given back when it ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.lazy_imports import import_model_stack
from docmind.models.adapter import merge

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LEFT_IN_BFLOAT16 = {"lm_head"}
"""Layers that are not put into 8 bits."""
TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>")
"""Tokens that end an answer in the chat formats we convert."""
DOUBLE_BRACES = r"{{\"name\": <function-name>, \"arguments\": <args-json-object>}}"
SINGLE_BRACES = r"{\"name\": <function-name>, \"arguments\": <args-json-object>}"
"""Qwen2.5-Coder's template shows tool calls in double braces, and the model then writes them so: no
JSON."""


def convert(
    gguf: Path,
    target: Path,
    title: str,
    *,
    int8: bool = False,
    adapter: Path | None = None,
    adapter_sha256: str = "",
) -> None:
    """Write a GGUF file's model, with tokenizer and chat template, as a directory for vLLM.

    Args:
        gguf: the file; its weights are read in bfloat16, however they are quantized there.
        target: the directory, which is made.
        title: what the model is called.
        int8: write the matrices in 8 bits again; else all weights stay in bfloat16.
        adapter: what the model is tuned with; it is added before the weights are rounded.
        adapter_sha256: of that file.

    Raises:
        ValueError: the tokenizer has no chat template, or doesn't know the token that ends a turn;
            the adapter is not the one expected.
    """
    import_model_stack()
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = str(gguf.parent)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    # The weights are plain bfloat16 now, but transformers still takes them for GGUF: it would
    # refuse to save them, and vLLM would look for its GGUF loader.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    if adapter is not None:
        merge(model, adapter, adapter_sha256)
    if int8:
        _save_int8(model, target)
    else:
        model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    _correct_files(target, tokenizer, title)


def _save_int8(model: PreTrainedModel, target: Path) -> None:
    """Write W8A8 as compressed-tensors reads it: half the bytes per token of bfloat16.

    Weights have a scale per output channel, symmetric, rounded to nearest; activations are scaled
    per token as they come.
    """
    from safetensors.torch import save_file

    target.mkdir(parents=True)
    save_file(_int8_tensors(model), target / "model.safetensors", metadata={"format": "pt"})
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(target)
    number = {"num_bits": 8, "type": "int", "symmetric": True}
    scheme = {
        "targets": ["Linear"],
        "weights": {**number, "strategy": "channel", "dynamic": False},
        "input_activations": {**number, "strategy": "token", "dynamic": True},
    }
    quantization = {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "config_groups": {"all": scheme},
        "ignore": sorted(LEFT_IN_BFLOAT16),
    }
    _amend(target / "config.json", quantization_config=quantization)


def _int8_tensors(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Return the tensors by name, the linear layers' matrices in 8 bits with their scales."""
    import torch

    quantized = set()
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and name not in LEFT_IN_BFLOAT16:
            quantized.add(f"{name}.weight")
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue  # it is the embedding
        if name in quantized:
            weight = tensor.float()
            scale = (weight.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-9)
            tensors[name] = (weight / scale).round().to(torch.int8)
            tensors[f"{name}_scale"] = scale
        else:
            tensors[name] = tensor.contiguous()
    return tensors


def _correct_files(target: Path, tokenizer: PreTrainedTokenizerBase, title: str) -> None:
    """Correct what a GGUF header can't say, and check what must be there.

    Raises:
        ValueError: the tokenizer has no chat template, or doesn't know the token that ends a turn.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            "this GGUF file has no chat template; DocMind needs an instruction-tuned model"
        )
    turn_ends = _turn_end_ids(tokenizer)
    if not turn_ends:
        raise ValueError("the tokenizer of this GGUF file names no end-of-turn token")

    template = target / "chat_template.jinja"
    text = template.read_text("utf-8").replace(DOUBLE_BRACES, SINGLE_BRACES)
    template.write_text(text, "utf-8")

    config = json.loads((target / "config.json").read_text("utf-8"))
    _amend(target / "config.json", _model_name_or_path=title, dtype="bfloat16")
    _amend(
        target / "tokenizer_config.json",
        model_max_length=config["max_position_embeddings"],
        # vLLM 0.25.1 lets an output under a grammar end with this token alone: it has to be the one
        # that ends a turn, whatever transformers takes from the file.
        eos_token=tokenizer.convert_ids_to_tokens(turn_ends[0]),
    )

    # A GGUF does not say the model's own sampling defaults; DocMind always passes its own.
    generation = target / "generation_config.json"
    generation.unlink(missing_ok=True)
    for name in ("bos_token_id", "pad_token_id"):
        if config.get(name) is not None:
            _amend(generation, **{name: config[name]})
    _amend(generation, eos_token_id=turn_ends, do_sample=False)


def _turn_end_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the ids of the tokens that end an answer, the one that ends a turn first."""
    ids: list[int] = []
    added = tokenizer.get_added_vocab()  # an ordinary "</s>" ends nothing
    for token in TURN_ENDS:
        if token in added:
            ids.append(added[token])
    if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ids:
        ids.append(tokenizer.eos_token_id)
    return ids


def _amend(path: Path, **changes: object) -> None:
    """Set values in a JSON file, which need not exist."""
    data = {}
    if path.exists():
        data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(data | changes, indent=2, ensure_ascii=False) + "\n", "utf-8")


def main() -> None:
    """Convert what the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("gguf", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("title")
    parser.add_argument("--int8", action="store_true")
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--adapter-sha256", default="")
    arguments = parser.parse_args()
    try:
        convert(
            gguf=arguments.gguf,
            target=arguments.target,
            title=arguments.title,
            int8=arguments.int8,
            adapter=arguments.adapter,
            adapter_sha256=arguments.adapter_sha256,
        )
    except (ValueError, OSError, MemoryError) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")


if __name__ == "__main__":
    main()
