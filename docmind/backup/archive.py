"""The format of a backup: a ZIP file whose last member says what must be in it.

    files/…             each document's original, named by its SHA-256, its text and its tables
    passages/ID.jsonl   the passages of a document with their vectors, a line each
    docmind.sqlite3     the database
    manifest.json       the hash of each of these, and who made them

Passages are data of their own, not files of a vector store: they can be restored into another mode
of the store, and by a version whose store has another format. Models are left out: they are fetched
again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import TypeAdapter, ValidationError

from docmind.errors import ConfigError
from docmind.passages import EmbeddedPassage, Passage

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "docmind.sqlite3"
FILES = "files/"
PASSAGES = "passages/"
BLOCK = 1 << 20
UNREADABLE = (KeyError, NotImplementedError, EOFError, zipfile.BadZipFile, zlib.error)
"""What zipfile raises where a member is missing or damaged."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds."""

    format: int
    docmind: str
    """The version that made it."""
    schema: int
    """Of its database."""
    maker: str
    """What made its vectors, see `store.base.made_by`."""
    made_at: str
    """UTC time, ISO 8601."""
    documents: int
    hashes: dict[str, str]
    """Name of each member → SHA-256 of its content."""
    damaged: tuple[str, ...] = ()
    """Documents whose original was not what was once added, or was gone: the disk has lost it."""


def write_passages(passages: list[EmbeddedPassage]) -> bytes:
    """Return passages with their vectors, a line each."""
    lines: list[str] = []
    for embedded in passages:
        line = {
            "passage": embedded.passage.to_json(),
            "dense": base64.b64encode(array("f", embedded.dense).tobytes()).decode(),
            "dimensions": list(embedded.sparse.keys()),
            "weights": list(embedded.sparse.values()),
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    return "\n".join(lines).encode()


def read_passages(data: bytes) -> list[EmbeddedPassage]:
    """Return what `write_passages` wrote."""
    found: list[EmbeddedPassage] = []
    for line in data.decode().split("\n"):
        if line:
            found.append(_embedded(json.loads(line)))
    return found


def _embedded(line: dict[str, Any]) -> EmbeddedPassage:
    dense = array("f")
    dense.frombytes(base64.b64decode(line["dense"]))
    return EmbeddedPassage(
        passage=Passage(**line["passage"]),
        dense=dense.tolist(),
        sparse=dict(zip(line["dimensions"], line["weights"], strict=True)),
    )


def manifest_to_json(manifest: Manifest) -> bytes:
    """Return the manifest as it is written."""
    return json.dumps(asdict(manifest), indent=1).encode()


def manifest_from_json(data: bytes) -> Manifest:
    """Return what `manifest_to_json` wrote; ValidationError if it is something else."""
    return TypeAdapter(Manifest).validate_json(data)


def read_manifest(archive: zipfile.ZipFile) -> Manifest:
    """Return what a backup says that it holds.

    Raises:
        ConfigError: it is no backup, not whole, or of a newer DocMind.
    """
    try:
        manifest = manifest_from_json(archive.read(MANIFEST))
    except (*UNREADABLE, ValidationError, OSError) as exc:
        raise ConfigError(
            f"{archive.filename} is no whole backup of DocMind: it has no list of what is in it."
        ) from exc
    if manifest.format > FORMAT:
        raise ConfigError(
            f"{archive.filename} was made by a newer DocMind ({manifest.docmind}). "
            "Install that version, then restore."
        )
    return manifest


def open_archive(path: Path) -> zipfile.ZipFile:
    """Open a backup; ConfigError if it is none."""
    try:
        return zipfile.ZipFile(path)
    except FileNotFoundError as exc:
        raise ConfigError(f"There is no file {path}.") from exc
    except (zipfile.BadZipFile, OSError) as exc:
        raise ConfigError(f"{path} is no whole backup of DocMind ({exc}).") from exc


def check_archive(path: Path) -> Manifest:
    """Read a whole backup, compare every member with its hash, and return its manifest.

    Raises:
        ConfigError: something in it is missing or not as it was written.
    """
    with open_archive(path) as archive:
        manifest = read_manifest(archive)
        for name, wanted in manifest.hashes.items():
            if _hash_of_member(archive, name) != wanted:
                raise ConfigError(
                    f"{path} is damaged: {name} is not as it was written. Use another backup."
                )
    return manifest


def _hash_of_member(archive: zipfile.ZipFile, name: str) -> str:
    """Return the SHA-256 of a member; empty if it can't be read."""
    digest = hashlib.sha256()
    try:
        with archive.open(name) as stream:
            for block in blocks(stream):
                digest.update(block)
    except (*UNREADABLE, OSError):
        return ""
    return digest.hexdigest()


def blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Yield the rest of a stream in pieces."""
    while True:
        block = stream.read(BLOCK)
        if not block:
            return
        yield block
