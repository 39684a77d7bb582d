"""DOCX, PPTX and XLSX → text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from docmind.ingestion.parsed import Progress, Section, clean, markdown_table, one_line
from docmind.ingestion.readers.equations import linearize, with_linear_equations
from docmind.ingestion.readers.html import html_sections

STYLES = """
p[style-name='Title'] => h1:fresh
p[style-name='Subtitle'] => h2:fresh
comment-reference => sup
"""
"""What Mammoth does beyond its own rules, which know Word's headings."""


def read_docx(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read a Word document as the web page that Mammoth makes of it, with notes and comments at its end."""
    import mammoth

    options = {
        "convert_image": mammoth.images.img_element(lambda _image: {}),
        "include_embedded_style_map": False,
    }
    return html_sections(
        mammoth.convert_to_html(with_linear_equations(path), style_map=STYLES, **options).value
    )


def read_pptx(path: Path, progress: Progress) -> list[Section]:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    import pptx

    sections: list[Section] = []
    slides = pptx.Presentation(path).slides
    for number, slide in enumerate(slides, 1):
        progress(number - 1, len(slides))
        for other in list(
            slide.element.iter("{*}AlternateContent")
        ):  # as a text with equations is for new versions
            for shape in other.findall("{*}Choice/*"):
                other.addprevious(shape)
            other.getparent().remove(other)
        linearize(slide.element, "http://schemas.openxmlformats.org/drawingml/2006/main")
        title = one_line(slide.shapes.title.text_frame.text) if slide.shapes.title else ""
        lines: list[str] = []
        tables: list[str] = []
        for shape in _shapes(slide.shapes):
            if shape.has_text_frame:
                lines.append(clean(shape.text_frame.text.replace("\v", "\n")))
            elif shape.has_table:
                tables.append(
                    markdown_table([[c.text for c in row.cells] for row in shape.table.rows])
                )
        sections.append(Section("\n".join(lines), number, title))
        sections += [Section(table, number, title, table=True) for table in tables]
        if (
            slide.has_notes_slide
            and (notes := slide.notes_slide.notes_text_frame)
            and notes.text.strip()
        ):
            sections.append(Section(f"Notes: {notes.text}", number, title))
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
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        sheets = [
            s for s in book.worksheets if hasattr(s, "iter_rows")
        ]  # a chart sheet has no cells
        for number, sheet in enumerate(sheets, 1):
            progress(number - 1, len(sheets))
            sections.append(Section("", number, sheet.title))  # also an empty sheet is a page
            sheet.reset_dimensions()  # what the file claims may be wrong by a million rows
            for rows, table in _tables(sheet.iter_rows(values_only=True)):
                lines = (" ".join(str(c) for c in row if c is not None) for row in rows)
                text = markdown_table(rows) if table else "\n".join(lines)
                sections.append(Section(text, number, sheet.title, table))
    finally:
        book.close()
    return sections


def _tables(rows: Iterable[Sequence[object]]) -> Iterator[tuple[list[Sequence[object]], bool]]:
    """Yield blocks of rows, which end at a blank row, and whether each is a table.

    A block that starts with a number goes on with the header of the last block in the same columns.
    """
    headers: dict[tuple[int, ...], Sequence[object]] = {}
    for filled, group in groupby(
        rows, lambda row: any(c is not None and str(c).strip() for c in row)
    ):
        if filled:
            block = list(group)
            columns = tuple(
                i for i, c in enumerate(zip_longest(*block)) if any(v is not None for v in c)
            )
            if columns in headers and any(isinstance(v, int | float) for v in block[0]):
                block.insert(0, headers[columns])
            else:
                headers[columns] = block[0]
            yield block, len(columns) > 1 and len(block) > 1
