"""Files → text: one reader per file type."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, IngestError, UnsupportedFile
from docmind.ingestion.parsed import ParsedDocument, Progress
from docmind.ingestion.read_office import read_docx, read_pptx, read_xlsx
from docmind.ingestion.read_pdf import read_pdf
from docmind.ingestion.read_text import read_csv, read_html, read_markdown, read_text

Reader = Callable[[Path, Progress], ParsedDocument]

SUPPORTED: Mapping[str, Reader] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".xlsx": read_xlsx,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".html": read_html,
    ".htm": read_html,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
}
_OFFICE = {".docx", ".pptx", ".xlsx"}
MAX_UNPACKED = 2 << 30
"""Bytes that an Office file may unpack to."""
MAX_RATIO = 200
"""Unpacked to packed size from which a file over 100 MB unpacked is taken for a bomb (text packs 3 to 20 times)."""
_DTD = tuple("<!DOCTYPE".encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be"))


def check_supported(name: str) -> str:
    """Return the file's suffix in lower case.

    Raises:
        UnsupportedFile: no reader knows it.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in SUPPORTED:
        kinds = ", ".join(s[1:].upper() for s in SUPPORTED)
        raise UnsupportedFile(
            f"'{name}' is of a type that DocMind can't read. Supported are {kinds}; save it as one of them."
        )
    return suffix


def read(path: Path, name: str | None = None, progress: Progress = lambda _done, _total: None) -> ParsedDocument:
    """Return the text of a file.

    Args:
        name: what the user calls the file, for messages.

    Raises:
        UnsupportedFile, EmptyFile, EncryptedFile, CorruptFile: with a message for the user.
    """
    name = name or path.name
    suffix = check_supported(path.name)
    if path.stat().st_size == 0:
        raise EmptyFile(f"'{name}' is empty (0 bytes). Save it again with its content and upload that.")
    try:
        if suffix in _OFFICE:
            _check_package(path)
        document = SUPPORTED[suffix](path, progress)
    except IngestError as exc:
        raise type(exc)(f"'{name}' {exc}") from exc
    except MemoryError as exc:
        raise CorruptFile(f"'{name}' needs more memory than there is. Split it into smaller files.") from exc
    except RecursionError as exc:
        raise CorruptFile(f"'{name}' is nested too deeply to be read. Save it again with another program.") from exc
    if not document.sections:
        raise EmptyFile(f"'{name}' has no text in it. Nothing to search there.")
    return document


def _check_package(path: Path) -> None:
    """Refuse what is no Office package, needs a password, or would blow up when unpacked."""
    with path.open("rb") as file:
        magic = file.read(8)
    if magic == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise EncryptedFile(
            "is protected by a password, or is an old Office file with a new ending. Save it in the current "
            "format without a password."
        )
    try:
        with zipfile.ZipFile(path) as package:
            parts = package.infolist()
            if any(part.flag_bits & 1 for part in parts):
                raise EncryptedFile("is protected by a password. Save it without one.")
            unpacked = sum(part.file_size for part in parts)
            packed = max(1, path.stat().st_size)
            if unpacked > MAX_UNPACKED or (unpacked > 100 << 20 and unpacked > MAX_RATIO * packed):
                raise CorruptFile(f"unpacks to {unpacked / 1e9:.1f} GB: it looks like a zip bomb and was not opened.")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    with package.open(part) as stream:
                        if any(mark in stream.read(4096) for mark in _DTD):
                            raise CorruptFile("defines XML entities, which Office files never do; it was not opened.")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zipfile.zlib.error) as exc:  # type: ignore[attr-defined]
        raise CorruptFile(
            f"is damaged and can't be opened ({exc}). Open it with the program that made it and save it again."
        ) from exc
