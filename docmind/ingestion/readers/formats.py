"""Files → text: one reader per file type."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, IngestError, UnsupportedFile
from docmind.ingestion.parsed import ParsedDocument, Progress, Section, clean, one_line
from docmind.ingestion.readers.html import read_epub, read_html, read_markdown, read_rst
from docmind.ingestion.readers.mail import read_eml, read_msg
from docmind.ingestion.readers.ocr import read_image
from docmind.ingestion.readers.office import read_docx, read_pptx, read_xlsx
from docmind.ingestion.readers.pdf import read_pdf, unlock_pdf
from docmind.ingestion.readers.text import read_csv, read_text

PACKAGES = {".docx", ".docm", ".pptx", ".pptm", ".xlsx", ".xlsm", ".epub"}
IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"}
Reader = Callable[[Path, Progress], list[Section]]
"""May raise whatever its library raises on a damaged file, and an IngestError that goes on after the file's name."""

SUPPORTED: Mapping[str, Reader] = {
    ".pdf": read_pdf,
    **dict.fromkeys((".docx", ".docm"), read_docx),
    **dict.fromkeys((".pptx", ".pptm"), read_pptx),
    **dict.fromkeys((".xlsx", ".xlsm"), read_xlsx),
    **dict.fromkeys((".csv", ".tsv"), read_csv),
    **dict.fromkeys((".html", ".htm"), read_html),
    ".epub": read_epub,
    ".eml": read_eml,
    ".msg": read_msg,
    **dict.fromkeys((".md", ".markdown"), read_markdown),
    ".rst": read_rst,
    ".txt": read_text,
    **dict.fromkeys(sorted(IMAGES), read_image),
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


def read(
    path: Path,
    name: str | None = None,
    progress: Progress = lambda _done, _total: None,
    password: str | None = None,
) -> ParsedDocument:
    """Return the text of a file.

    Args:
        name: what the user calls it.
        progress: called with (done, total) before each page, sheet or similar.
        password: opens an encrypted PDF, which is then replaced by a copy without a password.

    Raises:
        UnsupportedFile, EmptyFile, EncryptedFile, CorruptFile: with a message for the user.
    """
    name = name or path.name
    suffix = check_supported(path.name)
    if path.stat().st_size == 0:
        raise EmptyFile(
            f"'{name}' is empty (0 bytes). Save it again with its content and upload that."
        )
    try:
        if password and suffix == ".pdf":
            unlock_pdf(path, password)
        if suffix in PACKAGES:
            _check_package(path)
        raw = SUPPORTED[suffix](path, progress)
    except IngestError as exc:
        raise type(exc)(f"'{name}' {exc}") from exc
    except MemoryError as exc:
        raise CorruptFile(
            f"'{name}' needs more memory than reading a file may take. Split it, or raise "
            "DOCMIND_INGESTION__MAX_MEMORY_GIB."
        ) from exc
    except Exception as exc:  # the libraries raise a dozen kinds on damaged files
        raise CorruptFile(
            f"'{name}' is damaged or not what its ending says. Open it with the program that made it and save it again."
        ) from exc
    sections = map(_cleaned, raw)
    document = ParsedDocument(
        tuple(s for s in sections if s.text), max((s.page or 0 for s in raw), default=0)
    )
    if not document.sections:
        raise EmptyFile(f"'{name}' has no text in it. Nothing to search there.")
    return document


def _cleaned(section: Section) -> Section:
    text = clean(section.text)
    boxes = section.boxes if len(section.boxes) == text.count("\n") + 1 else ()
    return replace(section, text=text, heading=one_line(section.heading), boxes=boxes)


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
            raise CorruptFile(
                f"unpacks to {unpacked / 1e9:.1f} GB: it looks like a zip bomb and was not opened."
            )
        for part in package.namelist():
            if part.endswith((".xml", ".rels")) and path.suffix != ".epub":
                with package.open(part) as stream:
                    if b"<!DOCTYPE" in stream.read(4096).replace(b"\x00", b""):  # UTF-16 has NULs
                        raise CorruptFile(
                            "defines XML entities, which Office files never do; it was not opened."
                        )
