"""DOCX, PPTX and XLSX → text, with macros or as ISO strict too."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from docmind.ingestion.parsed import Outline, Progress, Section, clean, markdown_table, one_line

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_BOX = _W + "txbxContent"
_HIDDEN = {_W + "del", _W + "instrText", _MC + "Fallback"}
_NOTES = {"footnotes": "Footnotes", "endnotes": "Endnotes", "comments": "Comments"}


_MACROS = {
    b"vnd.ms-word.document.macroEnabled": b"vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"vnd.ms-powerpoint.presentation.macroEnabled": b"vnd.openxmlformats-officedocument.presentationml.presentation",
}


def ordinary(path: Path) -> Any:
    """Return the file, or a copy in the names that the libraries know of one with macros or in ISO's strict form."""
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in ("[Content_Types].xml", "_rels/.rels")}
        if not any(b"macroEnabled" in part or b"purl.oclc.org/ooxml" in part for part in parts.values()):
            return path
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, "w") as out:
            for name in package.namelist():
                part = package.read(name)
                if name.endswith((".xml", ".rels")):
                    part = re.sub(
                        rb"http://purl\.oclc\.org/ooxml/(\w+)", rb"http://schemas.openxmlformats.org/\1/2006", part
                    )
                    for kind, plain in _MACROS.items():
                        part = part.replace(kind, plain)
                out.writestr(name, part)
        return copy


def read_docx(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read a Word document: a section per heading, tables apart, notes and comments at the end."""
    import docx
    from docx.oxml import parse_xml

    document = docx.Document(ordinary(path))
    levels = {style.style_id: _level(style) for style in document.styles}
    outline = Outline()
    for block in _blocks(document.element.body):
        if block.tag == _W + "tbl":
            rows = [[_text(cell, " ") for cell in row.iter(_W + "tc")] for row in block.iter(_W + "tr")]
            if max(map(len, rows), default=0) > 1:
                outline.table(markdown_table(rows))
            else:  # a frame around text
                outline.text("".join(f"{cell}\n" for row in rows for cell in row))
            continue
        text = _text(block)
        level = next((levels.get(style, 0) for style in block.xpath("w:pPr/w:pStyle/@w:val")), 0)
        if level and text.strip():
            outline.heading(level, text)
        elif text.strip():
            outline.text(f"- {text}\n" if block.xpath("w:pPr/w:numPr") else f"{text}\n\n")
        for box in block.iter(_BOX):
            if not any(above.tag in _HIDDEN for above in box.iterancestors()):
                outline.text(_text(box, "\n") + "\n")
    for rel in document.part.rels.values():
        title = _NOTES.get(rel.reltype.rsplit("/", 1)[-1])
        if title and not rel.is_external:
            outline.sections().append(Section(_text(parse_xml(rel.target_part.blob), "\n"), None, title))
    return outline.sections()


def _level(style: Any) -> int:
    """Return the heading level of a Word style, 0 if it is none."""
    name = (style.name or "").lower()
    if found := re.fullmatch(r"heading (\d)", name):
        return int(found[1])
    outline = int(next(iter(style.element.xpath("w:pPr/w:outlineLvl/@w:val")), "9"))  # 9: body text
    return 1 if name == "title" else (outline + 1) % 10


def _blocks(parent: Any) -> Iterator[Any]:
    """Yield paragraphs and tables in order, also those inside content controls and tracked insertions."""
    for child in parent:
        if child.tag in {_W + "p", _W + "tbl"}:
            yield child
        elif child.tag in {_W + "sdt", _W + "sdtContent", _W + "ins", _W + "customXml", _W + "smartTag"}:
            yield from _blocks(child)


def _text(element: Any, gap: str = "") -> str:
    """Return the visible text, equations included, deleted text and text boxes below it left out.

    Args:
        gap: what stands between paragraphs.
    """
    written = {_W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n"}
    parts: list[str] = []
    todo = list(reversed(element))
    while todo:
        node = todo.pop()
        if node.tag in {_W + "t", _M + "t"}:
            parts.append(node.text or "")
        elif node.tag in written:
            parts.append(written[node.tag])
        elif node.tag not in _HIDDEN and node.tag != _BOX:
            parts += [gap] if node.tag == _W + "p" and parts else []
            todo += reversed(node)
    return "".join(parts)


def read_pptx(path: Path, progress: Progress) -> list[Section]:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    import pptx

    sections: list[Section] = []
    slides = pptx.Presentation(ordinary(path)).slides
    for number, slide in enumerate(slides, 1):
        title = one_line(slide.shapes.title.text_frame.text) if slide.shapes.title else ""
        lines: list[str] = []
        tables: list[str] = []
        for shape in _shapes(slide.shapes):
            if shape.has_text_frame:
                lines.append(clean(shape.text_frame.text.replace("\v", "\n")))
            elif shape.has_table:
                tables.append(markdown_table([[c.text for c in row.cells] for row in shape.table.rows]))
        sections.append(Section("\n".join(lines), number, title))
        sections += [Section(table, number, title, table=True) for table in tables]
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) and notes.text.strip():
            sections.append(Section(f"Notes: {notes.text}", number, title))
        progress(number, len(slides))
    return sections


def _shapes(shapes: Any) -> Iterator[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def read_xlsx(path: Path, progress: Progress) -> list[Section]:
    """Read a workbook: page is the sheet's number, heading its name; each block of rows is a table."""
    import openpyxl

    sections: list[Section] = []
    book = openpyxl.load_workbook(ordinary(path), read_only=True, data_only=True)
    try:
        sheets = [s for s in book.worksheets if hasattr(s, "iter_rows")]  # a chart sheet has no cells
        for number, sheet in enumerate(sheets, 1):
            sections.append(Section("", number, sheet.title))  # also an empty sheet is a page
            sheet.reset_dimensions()  # what the file claims may be wrong by a million rows
            for rows, table in _tables(sheet.iter_rows(values_only=True)):
                lines = (" ".join(str(c) for c in row if c is not None) for row in rows)
                text = markdown_table(rows) if table else "\n".join(lines)
                sections.append(Section(text, number, sheet.title, table))
            progress(number, len(sheets))
    finally:
        book.close()
    return sections


def _tables(rows: Iterable[Sequence[object]]) -> Iterator[tuple[list[Sequence[object]], bool]]:
    """Yield blocks of rows, which end at a blank row, and whether each is a table.

    A block that starts with a number goes on with the header of the last block in the same columns.
    """
    headers: dict[tuple[int, ...], Sequence[object]] = {}
    for filled, group in groupby(rows, lambda row: any(c is not None and str(c).strip() for c in row)):
        if filled:
            block = list(group)
            columns = tuple(i for i, c in enumerate(zip_longest(*block)) if any(v is not None for v in c))
            if columns in headers and any(isinstance(v, int | float) for v in block[0]):
                block.insert(0, headers[columns])
            else:
                headers[columns] = block[0]
            yield block, len(columns) > 1 and len(block) > 1
