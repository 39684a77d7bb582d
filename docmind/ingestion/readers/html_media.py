"""What a web page says beside its running text: pictures, drawings, fields, links, its own data."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import unquote

from docmind.ingestion.parsed import one_line
from docmind.ingestion.readers.ooxml import Unread
from docmind.ingestion.readers.pictures import text_in_picture

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

LONGEST_ADDRESS = 200
"""Characters; a longer address follows who clicks on it."""
_ABOUT = {"author": "Author", "description": "Description", "keywords": "Keywords"}
_NOT_FILLED_IN = {"hidden", "password", "submit", "button", "reset", "image", "file"}
"""Fields of a form that nobody fills in, or nobody should see."""
_PLAYED = {
    "video": ("embedded video", "embedded videos"),
    "audio": ("embedded sound", "embedded sounds"),
    "iframe": ("embedded page", "embedded pages"),
    "object": ("embedded object", "embedded objects"),
    "embed": ("embedded object", "embedded objects"),
}


def page_description(soup: BeautifulSoup) -> str:
    """Return what a page's head says of it: author, description, keywords."""
    lines: dict[str, None] = {}
    for meta in soup("meta"):
        label = _ABOUT.get(str(meta.get("name", "")).lower())
        text = one_line(str(meta.get("content", "")))
        if label and text:
            lines[f"{label}: {text}"] = None
    return "\n".join(lines)


def write_media_as_text(soup: BeautifulSoup, unread: Unread) -> None:
    """Put text in place of pictures, drawings, filled-in fields and short forms of words."""
    for name, words in _PLAYED.items():
        for _ in soup(name):
            unread.count(*words)
    for drawing in soup("svg"):
        drawing.replace_with(_drawing_text(drawing))
    for picture in soup("img"):
        picture.replace_with(_picture_text(picture, unread))
    for field in soup("input"):
        value = one_line(str(field.get("value", "")))
        if value and str(field.get("type", "text")).lower() not in _NOT_FILLED_IN:
            field.insert_after(f" {value} ")
    explained: set[str] = set()
    for short in soup("abbr"):
        meaning = one_line(str(short.get("title", "")))
        if meaning and meaning not in explained:
            explained.add(meaning)
            short.append(f" ({meaning})")


def _drawing_text(drawing: Tag) -> str:
    """Return the texts of a drawing; "" for an icon, which has none."""
    if drawing.find("text") is None:
        return ""
    lines: list[str] = []
    for element in drawing(["title", "desc", "text"]):
        lines.append(one_line(element.get_text(" ")))
    return "\n".join(["", *[line for line in lines if line], ""])


def _picture_text(picture: Tag, unread: Unread) -> str:
    """Return what is written about a picture, and in it if the page itself holds it."""
    description = one_line(str(picture.get("alt", "")))
    shown = f" [Picture: {description}] " if description else ""
    head, comma, data = str(picture.get("src", "")).partition(",")
    if not head.startswith("data:image/") or not comma or head.startswith("data:image/svg"):
        return shown
    text: str | None = None
    if head.endswith("base64"):
        try:
            text = text_in_picture(base64.b64decode(unquote(data)))
        except binascii.Error:
            text = None
    if text is None:
        unread.count("picture", "pictures")
        return shown
    return f"{shown}{text}"


def link_list(soup: BeautifulSoup) -> str:
    """Return the addresses outside of the page that it links to, each once with its text.

    They stand together, not among the text: on most pages they would be a good part of it.
    """
    lines: dict[str, None] = {}
    for link in soup("a"):
        address = str(link.get("href", "")).strip()
        text = one_line(link.get_text())
        is_outside = address.startswith(("http://", "https://", "mailto:"))
        address = address.removeprefix("mailto:")
        if is_outside and len(address) <= LONGEST_ADDRESS and address not in text:
            lines[f"{text}: {address}" if text else address] = None
    return "\n".join(["Links:", *lines]) if lines else ""
