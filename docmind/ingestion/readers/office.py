"""DOCX and PPTX → text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmind.ingestion.parsed import Progress, Section, clean, markdown_table, one_line
from docmind.ingestion.readers.equations import linearize

if TYPE_CHECKING:
    from lxml.etree import _Element as Element
    from pptx.shapes.base import BaseShape
    from pptx.slide import Slide

DRAWING_NAMESPACE = "http://schemas.openxmlformats.org/drawingml/2006/main"
"""Of the text on slides."""


def read_pptx(path: Path, progress: Progress) -> list[Section]:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    import pptx

    sections: list[Section] = []
    slides = pptx.Presentation(path).slides
    for index, slide in enumerate(slides):
        progress(index, len(slides))
        sections += _slide_sections(slide, index + 1)
    return sections


def _slide_sections(slide: Slide, number: int) -> list[Section]:
    """Return the text of a slide, its tables and its notes."""
    _take_newest_alternatives(slide.element)
    linearize(slide.element, DRAWING_NAMESPACE)
    title = ""
    if slide.shapes.title:
        title = one_line(slide.shapes.title.text_frame.text)
    headings = (title,)
    lines: list[str] = []
    tables: list[str] = []
    for shape in _shapes(slide.shapes):
        if shape.has_text_frame:
            text = shape.text_frame.text
            lines.append(clean(text.replace("\v", "\n")))
        elif shape.has_table:
            tables.append(markdown_table([_cells(row) for row in shape.table.rows]))
    sections = [Section(text="\n".join(lines), page=number, headings=headings)]
    sections += [
        Section(text=table, page=number, headings=headings, table=True) for table in tables
    ]
    notes = _notes(slide)
    if notes:
        sections.append(Section(text=f"Notes: {notes}", page=number, headings=headings))
    return sections


def _cells(row: Any) -> list[str]:
    """Return the texts of a row of a slide's table."""
    return [cell.text for cell in row.cells]


def _take_newest_alternatives(slide: Element) -> None:
    """Put shapes for new versions (a text with equations, say) where python-pptx sees them."""
    for alternative in list(slide.iter("{*}AlternateContent")):
        for shape in alternative.findall("{*}Choice/*"):
            alternative.addprevious(shape)
        parent = alternative.getparent()
        assert parent is not None  # a slide's root is no alternative
        parent.remove(alternative)


def _shapes(shapes: Iterable[BaseShape]) -> Iterator[Any]:
    """Yield all shapes, those of groups too. Any: what a shape has depends on its kind."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _notes(slide: Slide) -> str:
    """Return the notes under a slide; "" if there are none or only blanks."""
    if not slide.has_notes_slide:
        return ""
    frame = slide.notes_slide.notes_text_frame
    if not frame or not frame.text.strip():
        return ""
    return str(frame.text)
