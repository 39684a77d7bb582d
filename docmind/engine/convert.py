"""GGUF file → model directory that vLLM loads. Run as `python -m docmind.engine.convert GGUF DIRECTORY`.

A process of its own, so that the memory it needs is given back when it ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from docmind.heavy import import_model_stack

TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "</s>")
"""Tokens that end an answer in the chat formats we convert."""
DOUBLE_BRACES = (
    r"{{\"name\": <function-name>, \"arguments\": <args-json-object>}}",
    r"{\"name\": <function-name>, \"arguments\": <args-json-object>}",
)
"""Qwen2.5-Coder's template shows tool calls in double braces, and the model then writes them so: no JSON."""


def convert(gguf: Path, target: Path, title: str) -> None:
    """Write `gguf`, dequantized to bfloat16, with tokenizer and chat template, into `target`."""
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
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    _mend(target, tokenizer, title)


def _mend(target: Path, tokenizer: Any, title: str) -> None:
    """Correct what a GGUF header can't say, and check what must be there.

    Raises:
        ValueError: the tokenizer has no chat template, or doesn't know the token that ends a turn.
    """
    if not tokenizer.chat_template:
        raise ValueError("this GGUF file has no chat template; DocMind needs an instruction-tuned model")
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
    token_ids = {k: config[k] for k in ("bos_token_id", "pad_token_id") if config.get(k) is not None}
    (target / "generation_config.json").unlink(missing_ok=True)
    _amend(target / "generation_config.json", **token_ids, eos_token_id=ends, do_sample=False)
    _amend(target / "tokenizer_config.json", model_max_length=config["max_position_embeddings"])


def _amend(path: Path, **changes: Any) -> None:
    data = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(data | changes, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except (ValueError, OSError, MemoryError) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")
