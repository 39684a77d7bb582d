"""Files → text: one reader per file type."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, IngestError, UnsupportedFile
from docmind.ingestion.parsed import (
    ParsedDocument,
    PartlyRead,
    Progress,
    Section,
    clean,
    no_progress,
    one_line,
)
from docmind.ingestion.readers import old_office, source_code
from docmind.ingestion.readers.archive import read_zip
from docmind.ingestion.readers.csv_table import read_csv
from docmind.ingestion.readers.data import read_json, read_toml, read_xml, read_yaml
from docmind.ingestion.readers.eml import read_eml
from docmind.ingestion.readers.epub import read_epub
from docmind.ingestion.readers.html import read_html
from docmind.ingestion.readers.invitation import read_calendar
from docmind.ingestion.readers.markdown import read_markdown
from docmind.ingestion.readers.mbox import read_mbox
from docmind.ingestion.readers.msg import read_msg
from docmind.ingestion.readers.ocr import read_image
from docmind.ingestion.readers.odf import read_odp, read_ods, read_odt
from docmind.ingestion.readers.old_office import OLD_OFFICE_MAGIC, read_old_office
from docmind.ingestion.readers.pdf import read_pdf, unlock_pdf
from docmind.ingestion.readers.rst import read_rst
from docmind.ingestion.readers.rtf import read_rtf
from docmind.ingestion.readers.sheets import read_xlsx
from docmind.ingestion.readers.slides import read_pptx
from docmind.ingestion.readers.source_code import read_code, read_notebook
from docmind.ingestion.readers.svg import read_svg
from docmind.ingestion.readers.text import read_text
from docmind.ingestion.readers.unpacking import Unpacked, unpack
from docmind.ingestion.readers.word import read_docx

OFFICE_XML = {".docx", ".docm", ".pptx", ".pptm", ".xlsx", ".xlsm"}
OPEN_DOCUMENTS = {".odt", ".ott", ".ods", ".ots", ".odp", ".otp"}
ZIP_PACKAGES = OFFICE_XML | OPEN_DOCUMENTS | {".epub", ".zip"}
IMAGES = {
    ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif", ".heic", ".heif",
}  # fmt: skip
Reader = Callable[[Path, Progress], list[Section] | PartlyRead]
"""Returns a file's sections, not yet cleaned, and what was not read where it can tell.

It may raise whatever its library raises on a damaged file, and an IngestError whose message goes on
after the file's name ("is damaged: …").
"""


SUPPORTED: Mapping[str, Reader] = {
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".docm": read_docx,
    ".pptx": read_pptx,
    ".pptm": read_pptx,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
    **dict.fromkeys(sorted(old_office.SUFFIXES), read_old_office),
    ".rtf": read_rtf,
    ".odt": read_odt,
    ".ott": read_odt,
    ".ods": read_ods,
    ".ots": read_ods,
    ".odp": read_odp,
    ".otp": read_odp,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".html": read_html,
    ".htm": read_html,
    ".epub": read_epub,
    ".eml": read_eml,
    ".msg": read_msg,
    ".mbox": read_mbox,
    ".zip": read_zip,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".rst": read_rst,
    ".txt": read_text,
    ".text": read_text,
    ".json": read_json,
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".geojson": read_json,
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".toml": read_toml,
    ".xml": read_xml,
    ".ipynb": read_notebook,
    ".ics": read_calendar,
    ".svg": read_svg,
    ".svgz": read_svg,
    **dict.fromkeys(sorted(IMAGES), read_image),
    **dict.fromkeys(sorted(source_code.SUFFIXES), read_code),
}

MOST_UNPACKED_BYTES = 2 << 30
UNPACKED_BYTES_ALWAYS_ALLOWED = 100 << 20
MOST_COMPRESSION = 200
"""What unpacks to more times its size is a zip bomb; text packs 3 to 20 times."""
DOCTYPE_WITHIN_BYTES = 4096
"""A document type declaration is looked for in so much of an XML part's beginning."""


def check_supported(name: str) -> str:
    """Return the file's suffix in lower case; UnsupportedFile if no reader knows it."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUPPORTED:
        kinds: list[str] = []
        for known in SUPPORTED:
            if known not in source_code.SUFFIXES:
                kinds.append(known[1:].upper())
        raise UnsupportedFile(
            f"'{name}' is of a type that DocMind can't read. "
            f"Supported are {', '.join(kinds)} and source code; save it as one of them."
        )
    return suffix


def read(
    path: Path,
    name: str | None = None,
    progress: Progress = no_progress,
    *,
    password: str | None = None,
    unpack_into: Path | None = None,
) -> ParsedDocument:
    """Return the text of a file.

    Args:
        path: the file; its suffix tells the type.
        name: what the user calls it.
        progress: called with (done, total) before each page, sheet or similar.
        password: opens an encrypted PDF, which is then replaced by a copy without a password.
        unpack_into: a folder for the files in it; None leaves them where they are.

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
        if suffix in ZIP_PACKAGES:
            _check_package(path)
        result = SUPPORTED[suffix](path, progress)
        if not isinstance(result, PartlyRead):
            result = PartlyRead(result)
        unpacked = Unpacked()
        if unpack_into is not None:
            unpacked = unpack(result.attached, unpack_into, SUPPORTED)
    except IngestError as exc:
        raise type(exc)(f"'{name}' {exc}") from exc
    except MemoryError as exc:
        raise CorruptFile(
            f"'{name}' needs more memory than reading a file may take. Split it, or raise "
            "DOCMIND_INGESTION__MAX_MEMORY_GIB."
        ) from exc
    except Exception as exc:  # the libraries raise a dozen kinds on damaged files
        raise CorruptFile(
            f"'{name}' is damaged or not what its ending says. "
            "Open it with the program that made it and save it again."
        ) from exc
    document = _cleaned_document(result, unpacked)
    if not document.sections:
        unread = f" ({'; '.join(document.unread)})" if document.unread else ""
        raise EmptyFile(f"'{name}' has no text in it{unread}. Nothing to search there.")
    return document


def _cleaned_document(result: PartlyRead, unpacked: Unpacked) -> ParsedDocument:
    """Return the sections that have text once they are cleaned; an empty page counts as a page."""
    pages = max((section.page or 0 for section in result.sections), default=0)
    cleaned = [_cleaned(section) for section in result.sections]
    return ParsedDocument(
        sections=tuple(section for section in cleaned if section.text),
        pages=pages,
        unread=(*result.unread, *unpacked.unread),
        attached=tuple(unpacked.files),
    )


def _cleaned(section: Section) -> Section:
    """Return the section with clean text; boxes that no longer fit its lines are dropped."""
    text = clean(section.text)
    headings = [one_line(heading) for heading in section.headings]
    boxes = section.boxes
    if len(boxes) != text.count("\n") + 1:
        boxes = ()
    return replace(
        section,
        text=text,
        headings=tuple(heading for heading in headings if heading),
        boxes=boxes,
    )


def _check_package(path: Path) -> None:
    """Refuse an Office file or book that needs a password or would blow up when unpacked."""
    with path.open("rb") as file:
        magic = file.read(len(OLD_OFFICE_MAGIC))
    if magic == OLD_OFFICE_MAGIC:
        raise EncryptedFile(
            "is protected by a password, or is an old Office file with a new ending. "
            "Save it in the current format without a password."
        )
    with zipfile.ZipFile(path) as package:
        _check_unpacked_size(package, path.stat().st_size)
        # Chapters of an EPUB and old OpenDocument files may name their document type, whose
        # entities their readers do not resolve; an archive holds anything.
        if path.suffix.lower() in OFFICE_XML:
            _check_no_doctype(package)


def _check_unpacked_size(package: zipfile.ZipFile, packed_bytes: int) -> None:
    unpacked = sum(part.file_size for part in package.infolist())
    allowed = max(UNPACKED_BYTES_ALWAYS_ALLOWED, MOST_COMPRESSION * packed_bytes)
    if unpacked > min(MOST_UNPACKED_BYTES, allowed):
        raise CorruptFile(
            f"unpacks to {unpacked / 1e9:.1f} GB: it looks like a zip bomb and was not opened."
        )


def _check_no_doctype(package: zipfile.ZipFile) -> None:
    """Refuse XML with a document type: its entities may expand without end or name other files."""
    for part in package.namelist():
        if not part.endswith((".xml", ".rels")):
            continue
        with package.open(part) as stream:
            beginning = stream.read(DOCTYPE_WITHIN_BYTES)
        # Without zero bytes ASCII looks the same in UTF-16 as in UTF-8.
        if b"<!DOCTYPE" in beginning.replace(b"\x00", b""):
            raise CorruptFile(
                "defines XML entities, which Office files never do; it was not opened."
            )
