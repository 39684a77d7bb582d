"""Files → text: one reader per file type."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, IngestError, UnsupportedFile
from docmind.ingestion.parsed import ParsedDocument, Progress, Section, clean, one_line
from docmind.ingestion.read_office import read_docx, read_pptx, read_xlsx
from docmind.ingestion.read_pdf import read_pdf
from docmind.ingestion.read_text import read_csv, read_html, read_markdown, read_text

log = logging.getLogger(__name__)

OFFICE = {".docx", ".pptx", ".xlsx"}
Reader = Callable[[Path, Progress], list[Section]]
"""May raise whatever its library raises on a damaged file, and an IngestError that goes on after the file's name."""

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


def check_supported(name: str) -> str:
    """Return the file's suffix in lower case; UnsupportedFile if no reader knows it."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUPPORTED:
        kinds = ", ".join(s[1:].upper() for s in SUPPORTED)
        raise UnsupportedFile(
            f"'{name}' is of a type that DocMind can't read. Supported are {kinds}; save it as one of them."
        )
    return suffix


def read(path: Path, name: str | None = None, progress: Progress = lambda _done, _total: None) -> ParsedDocument:
    """Return the text of a file; `name` is what the user calls it.

    Raises:
        UnsupportedFile, EmptyFile, EncryptedFile, CorruptFile: with a message for the user.
    """
    name = name or path.name
    suffix = check_supported(path.name)
    if path.stat().st_size == 0:
        raise EmptyFile(f"'{name}' is empty (0 bytes). Save it again with its content and upload that.")
    try:
        if suffix in OFFICE:
            _check_package(path)
        raw = SUPPORTED[suffix](path, progress)
    except IngestError as exc:
        raise type(exc)(f"'{name}' {exc}") from exc
    except MemoryError as exc:
        raise CorruptFile(f"'{name}' needs more memory than there is. Split it into smaller files.") from exc
    except Exception as exc:  # the libraries raise a dozen kinds on damaged files
        log.warning("%s could not be read", name, exc_info=exc)
        advice = ", in the ordinary format (not 'Strict Open XML')" if suffix in OFFICE else ""
        raise CorruptFile(
            f"'{name}' is damaged or not what its ending says. Open it with the program that made it and save it "
            f"again{advice}."
        ) from exc
    sections = (Section(clean(s.text), s.page, one_line(s.heading), s.table) for s in raw)
    document = ParsedDocument(tuple(s for s in sections if s.text), max((s.page or 0 for s in raw), default=0))
    if not document.sections:
        raise EmptyFile(f"'{name}' has no text in it. Nothing to search there.")
    return document


def _check_package(path: Path) -> None:
    """Refuse an Office file that needs a password or would blow up when unpacked."""
    with path.open("rb") as file:
        magic = file.read(8)
    if magic == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise EncryptedFile(
            "is protected by a password, or is an old Office file with a new ending. Save it in the current "
            "format without a password."
        )
    with zipfile.ZipFile(path) as package:
        unpacked = sum(part.file_size for part in package.infolist())
        most = min(2 << 30, max(100 << 20, 200 * path.stat().st_size))  # text packs 3 to 20 times
        if unpacked > most:
            raise CorruptFile(f"unpacks to {unpacked / 1e9:.1f} GB: it looks like a zip bomb and was not opened.")
        for part in package.namelist():
            if part.endswith((".xml", ".rels")):
                with package.open(part) as stream:
                    if b"<!DOCTYPE" in stream.read(4096).replace(b"\x00", b""):  # UTF-16 has NULs
                        raise CorruptFile("defines XML entities, which Office files never do; it was not opened.")
