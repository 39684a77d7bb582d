"""DOCX, PPTX and XLSX → text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import (
    ParsedDocument,
    Progress,
    Section,
    clean,
    heading_path,
    markdown_table,
    one_line,
    parsed,
)

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_SKIP = {
    _W + "del",
    _W + "txbxContent",
    _W + "instrText",
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",
}
_NOTES = {"footnotes": "Footnotes", "endnotes": "Endnotes", "comments": "Comments"}


def _damaged(exc: Exception) -> CorruptFile:
    return CorruptFile(
        f"is damaged and can't be read ({type(exc).__name__}: {exc}). Open it with the program that made it and "
        "save it again, in the ordinary format (not 'Strict Open XML')."
    )


def read_docx(path: Path, progress: Progress) -> ParsedDocument:  # noqa: ARG001
    """Read a Word document: a section per heading, tables apart, notes and comments at the end."""
    import docx

    try:
        document = docx.Document(str(path))
        styles = {s.style_id: _level(s.name or "", s.element) for s in document.styles}
        sections = list(_body(document.element.body, styles))
        sections += _notes(document.part)
    except Exception as exc:
        raise _damaged(exc) from exc
    return parsed(sections)


def _level(style: str, element: Any) -> int:
    """Return the heading level of a style, 0 if it is none."""
    if found := re.fullmatch(r"heading (\d)", style.lower()):
        return int(found[1])
    if style.lower() == "title":
        return 1
    outline = element.find(f"{_W}pPr/{_W}outlineLvl")
    return int(outline.get(_W + "val", 8)) + 1 if outline is not None and outline.get(_W + "val", "9") < "9" else 0


def _body(body: Any, styles: dict[str, int]) -> Iterator[Section]:
    stack: list[tuple[int, str]] = []
    heading = ""
    lines: list[str] = []
    for element in _blocks(body):
        if element.tag == _W + "tbl":
            yield Section("\n".join(lines), None, heading)
            lines = []
            rows = [
                [" ".join(_text(p) for p in cell.iter(_W + "p")) for cell in row.iter(_W + "tc")]
                for row in element.iter(_W + "tr")
            ]
            # a table of one column is a frame around text
            if max(map(len, rows), default=0) > 1:
                yield Section(markdown_table(rows), None, heading, table=True)
            else:
                lines += [cell for row in rows for cell in row]
            continue
        text = _text(element)
        style = element.find(f"{_W}pPr/{_W}pStyle")
        level = styles.get(style.get(_W + "val"), 0) if style is not None else 0
        if level and text.strip():
            yield Section("\n".join(lines), None, heading)
            heading = heading_path(stack, level, text)
            lines = [f"{'#' * level} {one_line(text)}", ""]
        elif text.strip():
            item = element.find(f"{_W}pPr/{_W}numPr") is not None
            lines += [f"- {text}"] if item else [text, ""]
        for box in element.iter(_W + "txbxContent"):
            if not any(a.tag in _SKIP and a.tag != _W + "txbxContent" for a in box.iterancestors()):
                lines += [t for p in box.iter(_W + "p") if (t := _text(p)).strip()]
    yield Section("\n".join(lines), None, heading)


def _blocks(parent: Any) -> Iterator[Any]:
    """Yield paragraphs and tables in order, also those inside content controls and tracked insertions."""
    for child in parent:
        if child.tag in {_W + "p", _W + "tbl"}:
            yield child
        elif child.tag in {_W + "sdt", _W + "sdtContent", _W + "ins", _W + "customXml", _W + "smartTag"}:
            yield from _blocks(child)


def _text(paragraph: Any) -> str:
    """Return a paragraph's visible text, equations included, deleted text and text boxes left out."""
    parts: list[str] = []
    todo = [paragraph]
    while todo:
        node = todo.pop()
        if node.tag in {_W + "t", _M + "t"}:
            parts.append(node.text or "")
        elif node.tag == _W + "tab":
            parts.append("\t")
        elif node.tag in {_W + "br", _W + "cr"}:
            parts.append("\n")
        elif node.tag not in _SKIP:
            todo += reversed(node)
    return "".join(parts)


def _notes(part: Any) -> Iterator[Section]:
    from lxml import etree

    safe = etree.XMLParser(resolve_entities=False, no_network=True)
    for rel in part.rels.values():
        title = _NOTES.get(rel.reltype.rsplit("/", 1)[-1])
        if title and not rel.is_external:
            root = etree.fromstring(rel.target_part.blob, safe)
            lines = [t for p in root.iter(_W + "p") if (t := _text(p)).strip()]
            yield Section("\n".join(lines), None, title)


def read_pptx(path: Path, progress: Progress) -> ParsedDocument:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    import pptx

    sections: list[Section] = []
    try:
        slides = pptx.Presentation(str(path)).slides
        total = len(slides)
        for number, slide in enumerate(slides, 1):
            title = one_line(slide.shapes.title.text_frame.text) if slide.shapes.title else ""
            lines: list[str] = []
            tables: list[str] = []
            for shape in _shapes(slide.shapes):
                if shape.has_text_frame:
                    lines.append(clean(shape.text_frame.text.replace("\v", "\n")))
                elif getattr(shape, "has_table", False):
                    tables.append(markdown_table([[c.text for c in row.cells] for row in shape.table.rows]))
            sections.append(Section("\n".join(lines), number, title))
            sections += [Section(table, number, title, table=True) for table in tables]
            if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
                sections.append(Section(f"Notes: {notes.text}" if notes.text.strip() else "", number, title))
            progress(number, total)
    except (KeyError, ValueError, AttributeError, TypeError, IndexError, OSError, SyntaxError) as exc:
        raise _damaged(exc) from exc
    return parsed(sections, total)


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def read_xlsx(path: Path, progress: Progress) -> ParsedDocument:
    """Read a workbook: page is the sheet's number, heading its name; each block of rows is a table."""
    import openpyxl

    sections: list[Section] = []
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheets = [s for s in book.worksheets if hasattr(s, "iter_rows")]
            for number, sheet in enumerate(sheets, 1):
                sheet.reset_dimensions()  # what the file claims may be wrong by a million rows
                for rows in _tables(sheet.iter_rows(values_only=True)):
                    table = max(map(len, rows)) > 1 and len(rows) > 1
                    text = markdown_table(rows) if table else "\n".join(_line(r) for r in rows)
                    sections.append(Section(text, number, sheet.title, table))
                progress(number, len(sheets))
        finally:
            book.close()
    except Exception as exc:
        raise _damaged(exc) from exc
    return parsed(sections, len(sheets))


def _tables(rows: Any) -> Iterator[list[Sequence[object]]]:
    """Yield blocks of rows that stand together, cut to the columns in use; a blank row ends a block.

    A block that starts with a number goes on with the header of the block before it.
    """
    header: Sequence[object] | None = None
    block: list[Sequence[object]] = []
    for row in [*rows, ()]:
        if any(c is not None and str(c).strip() for c in row):
            block.append(row)
        elif block:
            used = [i for i in range(max(map(len, block))) if any(i < len(r) and r[i] is not None for r in block)]
            cut: list[Sequence[object]] = [tuple(r[i] if i < len(r) else None for i in used) for r in block]
            numbers = any(isinstance(c, int | float) for c in cut[0])
            if numbers and header is not None and len(header) == len(used):
                cut.insert(0, tuple(header))
            elif len(used) > 1:
                header = cut[0]
            yield cut
            block = []


def _line(row: Sequence[object]) -> str:
    return " ".join(str(c) for c in row if c is not None)
