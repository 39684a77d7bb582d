"""OpenDocument (ODT, ODS, ODP) → text."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from docmind.ingestion.parsed import Outline, Progress, Section, markdown_table, one_line

_NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TEXT, _TABLE, _DRAW, _OFFICE, _SHOW = (_NS % n for n in ("text", "table", "drawing", "office", "presentation"))
_BLANKS = {_TEXT + "tab": "\t", _TEXT + "line-break": "\n"}
_HIDDEN = {_TEXT + "tracked-changes", _OFFICE + "annotation-end", _TEXT + "sequence-decls", _OFFICE + "forms"}
MOST_REPEATED = 100
"""A sheet says "this cell, 16,000 times" where it means empty space."""


def read_odf(path: Path, progress: Progress) -> list[Section]:
    """Read a text (sections by heading), a spreadsheet (page: sheet) or a presentation (page: slide)."""
    from lxml import etree

    with zipfile.ZipFile(path) as package:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        content: Any = etree.fromstring(package.read("content.xml"), parser)
    kind = content.find(f"{_OFFICE}body")[0]
    pages = kind.findall(_TABLE + "table") if kind.tag == _OFFICE + "spreadsheet" else kind.findall(_DRAW + "page")
    if not pages:
        return _outline(kind).sections()
    sections: list[Section] = []
    for number, page in enumerate(pages, 1):
        name = page.get(_TABLE + "name") or _title(page)
        sections.append(Section("", number, name))  # also an empty one is a page
        parts = [Section(_rows(page), table=True)] if page.tag == _TABLE + "table" else _outline(page).sections()
        sections += [Section(part.text, number, name, part.table) for part in parts]
        progress(number, len(pages))
    return sections


def _title(slide: Any) -> str:
    titles = (frame for frame in slide if frame.get(_SHOW + "class") == "title")
    return next((one_line(_text(frame)) for frame in titles), "")


def _outline(root: Any) -> Outline:
    """Collect headings, paragraphs, list items and tables in order, also those in frames and sections."""
    outline = Outline()
    todo = list(reversed(root))
    while todo:
        node = todo.pop()
        if node.tag == _TEXT + "h":
            outline.heading(min(6, int(node.get(_TEXT + "outline-level", "1"))), _text(node))
        elif node.tag == _TABLE + "table":
            outline.table(_rows(node))
        elif node.tag == _TEXT + "p":
            item = any(above.tag == _TEXT + "list-item" for above in node.iterancestors())
            outline.text(f"- {_text(node)}\n" if item else f"{_text(node)}\n\n")
        elif node.tag not in _HIDDEN:
            todo += reversed(node)
    return outline


def _rows(table: Any) -> str:
    rows = []
    for row in table.iter(_TABLE + "table-row"):
        cells: list[str] = []
        for cell in row:
            times = min(MOST_REPEATED, int(cell.get(_TABLE + "number-columns-repeated", "1")))
            cells += [" ".join(_text(p) for p in cell.iter(_TEXT + "p"))] * times
        rows.append(cells)
    return markdown_table(rows)


def _text(element: Any) -> str:
    """Return what stands in a paragraph."""
    parts = [element.text or ""]
    for node in element:
        if node.tag == _TEXT + "s":
            parts.append(" " * min(MOST_REPEATED, int(node.get(_TEXT + "c", "1"))))
        elif isinstance(node.tag, str) and node.tag not in _HIDDEN:
            parts.append(_BLANKS.get(node.tag) or _text(node))
        parts.append(node.tail or "")
    return "".join(parts)
