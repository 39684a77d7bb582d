"""Electronic books (EPUB) → text."""

from __future__ import annotations

import posixpath
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.parsed import Progress, Section, one_line
from docmind.ingestion.readers.html import html_sections

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_ABOUT = (
    ("Author", "creator"),
    ("Publisher", "publisher"),
    ("Date", "date"),
    ("Subject", "subject"),
    ("Description", "description"),
)
_CHAPTER_SUFFIXES = (".xhtml", ".html", ".htm")
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
"""Encryption that only fonts have; the text can be read."""


def read_epub(path: Path, progress: Progress) -> list[Section]:
    """Read a book chapter by chapter, in the order of its spine.

    A chapter that is missing or broken is left out; only if all are is the book damaged.
    """
    sections: list[Section] = []
    with zipfile.ZipFile(path) as book:
        _refuse_if_encrypted(book)
        package_name = _package_name(book)
        package = _parse_xml(book.read(package_name))
        title = ""
        for element in package.iter("{*}title"):
            title = title or one_line(element.text or "")
        chapters = _chapter_names(book, package, PurePosixPath(package_name).parent)
        broken = 0
        for done, name in enumerate(chapters):
            progress(done, len(chapters))
            try:
                sections += html_sections(book.read(name), title)
            except (zipfile.BadZipFile, OSError, ValueError, EOFError, CorruptFile):
                broken += 1
    sections.append(Section(text=_about(package)))
    if broken and broken == len(chapters):
        raise CorruptFile("is damaged: none of its chapters can be read. Get it again.")
    return sections


def _about(package: Element) -> str:
    """Return who made the book and what it is about, a line each."""
    lines: dict[str, None] = {}
    for label, tag in _ABOUT:
        for element in package.iter(f"{{*}}{tag}"):
            text = one_line(element.text or "")
            if text:
                lines[f"{label}: {text}"] = None
    return "\n".join(lines)


def _refuse_if_encrypted(book: zipfile.ZipFile) -> None:
    """Raise EncryptedFile if the book's text is locked (DRM)."""
    if "META-INF/encryption.xml" not in book.NameToInfo:
        return
    encryption = _parse_xml(book.read("META-INF/encryption.xml"))
    for method in encryption.iter("{*}EncryptionMethod"):
        if method.get("Algorithm") not in _FONT_OBFUSCATION:
            raise EncryptedFile("is locked by its seller (DRM). Get it without that lock.")


def _parse_xml(data: bytes) -> Element:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    return etree.fromstring(data, parser)


def _package_name(book: zipfile.ZipFile) -> str:
    """Return the name of the file that lists the book's parts."""
    if "META-INF/container.xml" in book.NameToInfo:
        container = _parse_xml(book.read("META-INF/container.xml"))
        for root_file in container.iter("{*}rootfile"):
            name = unquote(root_file.get("full-path") or "")
            if name in book.NameToInfo:
                return name
    for name in book.namelist():
        if name.lower().endswith(".opf"):
            return name
    raise CorruptFile("is damaged: it has no list of its chapters. Get it again.")


def _chapter_names(book: zipfile.ZipFile, package: Element, folder: PurePosixPath) -> list[str]:
    """Return the files of the chapters in reading order; all web pages if the book names none."""
    file_by_id = {item.get("id"): item.get("href") for item in package.iter("{*}item")}
    real_names = {name.lower(): name for name in book.namelist()}
    names: list[str] = []
    for reference in package.iter("{*}itemref"):
        file = unquote(file_by_id.get(reference.get("idref")) or "").partition("#")[0]
        name = posixpath.normpath(posixpath.join(str(folder), file)).lstrip("/")
        real_name = real_names.get(name.lower())
        if real_name is not None and real_name not in names:
            names.append(real_name)
    if names:
        return names
    return [name for name in book.namelist() if name.lower().endswith(_CHAPTER_SUFFIXES)]
