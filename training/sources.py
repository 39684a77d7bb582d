"""The rows of the training data, as `../shared/data/train` has them: what may be trained on."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

KEPT_FOR_SELECTION = 6
"""Every sixth text of the rows to train on is kept for choosing between models."""

Row = dict[str, Any]


def rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a gzip JSON-lines file."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def read(file: Path) -> list[Row]:
    """Return the rows of one of our own packed files."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write(file: Path, lines: Iterable[Mapping[str, object]]) -> None:
    """Write JSON lines, packed."""
    with lzma.open(file, "wt", encoding="utf-8", preset=0) as out:
        for line in lines:
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def training_files(data: Path, folder: str) -> list[Path]:
    """Return the files of a folder that may be trained on: none that is held out."""
    return [file for file in sorted((data / folder).glob("*.gz")) if ".test." not in file.name]


def test_files(data: Path, folder: str) -> list[Path]:
    """Return the files of a folder that are held out."""
    return sorted((data / folder).glob("*.test.jsonl.gz"))


def is_kept(text: str) -> bool:
    """Return whether rows about this text are kept for choosing between models."""
    return crc32(text.encode()) % KEPT_FOR_SELECTION == 0


@dataclass
class Library:
    """The passages of one source."""

    name: str
    texts: dict[str, str] = field(default_factory=dict)
    """By id."""
    titles: dict[str, str] = field(default_factory=dict)
    document_of: dict[str, str] = field(default_factory=dict)
    documents: dict[str, list[str]] = field(default_factory=dict)
    """Ids by document; a source without documents has one."""

    @classmethod
    def read(cls, file: Path) -> Library:
        """Return the passages of a file of `passages/`."""
        library = cls(file.name.split(".")[0])
        for row in rows(file):
            text = row["text"].strip()
            if not text:
                continue
            document = str(row.get("doc") or "")
            library.texts[row["id"]] = text
            library.titles[row["id"]] = str(row.get("title") or row.get("doc") or library.name)
            library.document_of[row["id"]] = document
            library.documents.setdefault(document, []).append(row["id"])
        return library
