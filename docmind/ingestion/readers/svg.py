"""Drawings (SVG) → the texts in them, and what is written in pictures in them."""

from __future__ import annotations

import base64
import binascii
import gzip
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import PartlyRead, Progress, Section, one_line
from docmind.ingestion.readers.ooxml import Unread, attribute, local_name
from docmind.ingestion.readers.pictures import text_in_picture

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_READ = ("title", "desc", "text", "foreignObject", "image", "a")
LARGEST = 100 << 20
"""Bytes to which a packed drawing (SVGZ) is unpacked."""


def read_svg(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read a drawing's title, description, texts and pictures, in their order in the file."""
    from lxml import etree

    data = path.read_bytes()
    if data.startswith(b"\x1f\x8b"):
        data = _unpacked(path)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=True, remove_comments=True
    )
    root = etree.fromstring(data, parser)
    if local_name(root) != "svg":
        raise CorruptFile("is no drawing (SVG). Save it again in the program that made it.")
    unread = Unread()
    return PartlyRead([Section("\n".join(drawing_texts(root, unread)))], unread.sentences())


def drawing_texts(root: Element, unread: Unread) -> list[str]:
    """Return what a drawing says, a line each; pictures that can't be read are counted."""
    lines: list[str] = []
    for element in root.iter(*[f"{{*}}{name}" for name in _READ]):
        if local_name(element) == "image":
            lines.append(_picture_text(attribute(element, "href") or "", unread))
        elif local_name(element) == "a":
            address = attribute(element, "href") or ""
            lines.append(f"Link: {address}" if address.startswith("http") else "")
        elif next(element.iterancestors("{*}text", "{*}foreignObject"), None) is None:
            lines.append(one_line(" ".join(str(text) for text in element.itertext())))
    return [line for line in dict.fromkeys(lines) if line]


def _picture_text(address: str, unread: Unread) -> str:
    """Return the text in a picture that the drawing itself holds; others are not fetched."""
    head, comma, coded = address.partition(",")
    text: str | None = None
    if head.startswith("data:image/") and head.endswith("base64") and comma:
        try:
            text = text_in_picture(base64.b64decode(coded))
        except binascii.Error:
            text = None
    if text is None:
        unread.count("picture", "pictures")
        return ""
    return text


def _unpacked(path: Path) -> bytes:
    with gzip.open(path) as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise CorruptFile("unpacks to more than 100 MB: it was not opened.")
    return data
