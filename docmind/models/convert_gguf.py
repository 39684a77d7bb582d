"""GGUF file → model directory that vLLM loads. Run as `python -m docmind.models.convert_gguf GGUF DIRECTORY`.

A process of its own, so that the memory it needs is given back when it ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from docmind.lazy_imports import import_model_stack

KEPT = {"lm_head"}
"""Layers left in bfloat16."""
TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>")
"""Tokens that end an answer in the chat formats we convert."""
DOUBLE_BRACES = (
    r"{{\"name\": <function-name>, \"arguments\": <args-json-object>}}",
    r"{\"name\": <function-name>, \"arguments\": <args-json-object>}",
)
"""Qwen2.5-Coder's template shows tool calls in double braces, and the model then writes them so: no JSON."""


def convert(gguf: Path, target: Path, title: str, int8: bool = False) -> None:
    """Write `gguf` with tokenizer and chat template into `target`: in bfloat16, or its matrices in 8 bits."""
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
    # The weights are plain bf16 now; without this, save_pretrained refuses and vLLM looks for a GGUF loader.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    if int8:
        _save_int8(model, target)
    else:
        model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    _mend(target, tokenizer, title)


def _save_int8(model: Any, target: Path) -> None:
    """Write W8A8 as compressed-tensors reads it: weights with a scale per output channel, symmetric, rounded to
    nearest; activations scaled per token as they come. Half the bytes per token of bfloat16.
    """
    import torch
    from safetensors.torch import save_file

    linear = {
        name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)
    } - KEPT
    tensors: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        module = name.removesuffix(".weight")
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue  # it is the embedding
        if module in linear and module != name:
            weight = tensor.float()
            scale = (weight.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-9)
            tensors[name] = (weight / scale).round().to(torch.int8)
            tensors[f"{module}.weight_scale"] = scale
        else:
            tensors[name] = tensor.contiguous()
    target.mkdir(parents=True)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
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
    }
    _amend(target / "config.json", quantization_config={**quantization, "ignore": sorted(KEPT)})


def _mend(target: Path, tokenizer: Any, title: str) -> None:
    """Correct what a GGUF header can't say, and check what must be there.

    Raises:
        ValueError: the tokenizer has no chat template, or doesn't know the token that ends a turn.
    """
    if not tokenizer.chat_template:
        raise ValueError(
            "this GGUF file has no chat template; DocMind needs an instruction-tuned model"
        )
    added = tokenizer.get_added_vocab()  # an ordinary "</s>" ends nothing
    ends = [added[t] for t in TURN_ENDS if t in added]
    if tokenizer.eos_token_id is not None:
        ends = list(dict.fromkeys([tokenizer.eos_token_id, *ends]))
    if not ends:
        raise ValueError("the tokenizer of this GGUF file names no end-of-turn token")

    template = target / "chat_template.jinja"
    template.write_text(template.read_text("utf-8").replace(*DOUBLE_BRACES), "utf-8")

    config = json.loads((target / "config.json").read_text("utf-8"))
    _amend(target / "config.json", _model_name_or_path=title, dtype="bfloat16")
    # A GGUF does not say the model's own sampling defaults; DocMind always passes its own.
    token_ids = {
        k: config[k] for k in ("bos_token_id", "pad_token_id") if config.get(k) is not None
    }
    (target / "generation_config.json").unlink(missing_ok=True)
    _amend(target / "generation_config.json", **token_ids, eos_token_id=ends, do_sample=False)
    _amend(target / "tokenizer_config.json", model_max_length=config["max_position_embeddings"])


def _amend(path: Path, **changes: Any) -> None:
    data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(data | changes, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], "--int8" in sys.argv)
    except (ValueError, OSError, MemoryError) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")
