"""PDF → text, page by page, with form fields and annotations.

Words and lines are found by `pdf_layout`, tables by `pdf_tables`; scanned pages and pictures are
read by `pdf_pictures`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.parsed import Headings, Line, PartlyRead, Progress, Section, clean
from docmind.ingestion.readers.ooxml import Unread
from docmind.ingestion.readers.pdf_columns import find_open_tables
from docmind.ingestion.readers.pdf_extras import PageExtras, attached_files, properties
from docmind.ingestion.readers.pdf_furniture import without_furniture
from docmind.ingestion.readers.pdf_headings import SizedHeadings, find_headings
from docmind.ingestion.readers.pdf_layout import layout
from docmind.ingestion.readers.pdf_lines import PageLayout, TextLine, Word
from docmind.ingestion.readers.pdf_pictures import PicturePage, PictureReader
from docmind.ingestion.readers.pdf_reading_order import join_words_across_lines
from docmind.ingestion.readers.pdf_tables import Table, find_tables

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

BOOKMARK_LEVELS = 6
BOOKMARK_CHARS = 200
PAGE_LABEL_CHARS = 20
CAPTION_LINES = 3
CAPTION_CHARS = 120
"""A longer line above a table is running text."""
CAPTION_GAP = 2.5
"""Heights of a line up to which a line stands right above a table, or another line of its title."""


def open_pdf(path: Path, password: str | None = None) -> PdfDocument:
    """Return a PDF's document; EncryptedFile if this password does not open it."""
    import pypdfium2 as pdfium

    try:
        return pdfium.PdfDocument(path, password)
    except pdfium.PdfiumError as exc:
        message = str(exc).lower()
        if "password" not in message and "security" not in message:
            raise
        if password:
            raise EncryptedFile(
                "is not opened by this password. Enter the right one on the Documents page."
            ) from exc
        raise EncryptedFile("is protected by a password. Enter it on the Documents page.") from exc


def unlock_pdf(path: Path, password: str) -> None:
    """Replace an encrypted PDF by a copy that needs no password: its pages can be shown later."""
    import pypdfium2.raw as pdfium_c

    part = path.with_suffix(".part")
    with open_pdf(path, password) as pdf:
        pdf.save(part, flags=pdfium_c.FPDF_REMOVE_SECURITY)
    part.replace(path)


def read_pdf(path: Path, progress: Progress) -> PartlyRead:
    """Read a PDF; each page is a section (more with tables) under its bookmark."""
    import pypdfium2 as pdfium

    sections: list[Section] = []
    unreadable_pages = 0
    headings: tuple[str, ...] = ()
    sized: SizedHeadings | None = None
    with open_pdf(path) as pdf:
        with suppress(pdfium.PdfiumError):  # the pages can be read without
            pdf.init_forms()
        bookmarks = _bookmarks(pdf)
        if not bookmarks:
            sized = SizedHeadings()
        unread = Unread()
        picture_reader = PictureReader(unread)
        extras = PageExtras(pdf)
        for index in range(len(pdf)):
            progress(index, len(pdf))
            headings = bookmarks.get(index, headings)
            label = _page_label(pdf, index)
            try:
                for section in _page_sections(
                    pdf,
                    index,
                    headings=headings,
                    sized=sized,
                    picture_reader=picture_reader,
                    extras=extras,
                ):
                    sections.append(replace(section, page_label=label))
            except pdfium.PdfiumError:
                # One bad page does not cost the others.
                unreadable_pages += 1
                unread.count("damaged page", "damaged pages")
                sections.append(Section(text="", page=index + 1))
        if unreadable_pages == len(pdf):
            raise CorruptFile(
                "is damaged: no page of it can be read. "
                "Open it in a PDF viewer and print it to a new PDF."
            )
        about = properties(pdf)
        attached = attached_files(pdf, unread)
    sections = without_furniture(sections)
    if any(section.text.strip() for section in sections):
        sections.append(about)  # a title alone is no text
    return PartlyRead(sections, unread=unread.sentences(), attached=attached)


def _page_label(pdf: PdfDocument, index: int) -> str:
    """Return the page's label if it says more than its number."""
    label = clean(pdf.get_page_label(index))[:PAGE_LABEL_CHARS]
    if label == str(index + 1):
        return ""
    return label


def _bookmarks(pdf: PdfDocument) -> dict[int, tuple[str, ...]]:
    """Return page index → headings down to the last bookmark that starts on that page."""
    import pypdfium2 as pdfium

    found: dict[int, tuple[str, ...]] = {}
    headings = Headings()
    with suppress(pdfium.PdfiumError, ValueError):  # a broken outline says nothing about the text
        for bookmark in pdf.get_toc(max_depth=BOOKMARK_LEVELS):
            title = bookmark.get_title()
            destination = bookmark.get_dest()
            if not title or not destination:
                continue
            index = destination.get_index()
            if index is not None and index >= 0:
                found[index] = headings.enter(bookmark.level, title[:BOOKMARK_CHARS])
    return found


def _page_sections(
    pdf: PdfDocument,
    index: int,
    *,
    headings: tuple[str, ...],
    sized: SizedHeadings | None,
    picture_reader: PictureReader,
    extras: PageExtras,
) -> list[Section]:
    """Return what a page says: its text, tables, form fields and notes, then its pictures.

    Args:
        pdf, index: which page.
        headings: the bookmarks above it.
        sized: the headings above it in a document without bookmarks; those of the page are entered.
        picture_reader: reads the document's pictures.
        extras: finds what stands beside the page's text.
    """
    page = pdf[index]
    try:
        text_page = page.get_textpage()
        page_layout = layout(page, text_page)
        text = "\n".join(line.text for line in page_layout.lines)
        tables: list[Table] = []
        if text:
            tables = _tables(page_layout)
        other_lines: list[Line] = []
        pictures: list[list[Line]] = []
        for picture in picture_reader.read(PicturePage(page_layout)):
            if picture.is_scan:
                other_lines += picture.lines
            else:
                pictures.append(picture.lines)
        # What an annotation says may stand on the page as well, or in two annotations.
        annotations = dict.fromkeys(_annotations(page, pdf.formenv))
        for annotation in annotations:
            if annotation and annotation not in text:
                other_lines += [Line(box=None, text=line) for line in annotation.split("\n")]
        other_lines += [Line(box=None, text=line) for line in extras.lines(page, text)]
        sections = list(
            _sections(
                page_layout,
                tables=tables,
                other_lines=other_lines,
                page=index + 1,
                headings=headings,
                sized=sized,
            )
        )
        if sized is not None:
            headings = sized.path
        sections += [_text_section(lines, index + 1, headings) for lines in pictures]
        return sections
    finally:
        page.close()  # with its text page


def _tables(page_layout: PageLayout) -> list[Table]:
    """Return the tables of a page, with rules and without."""
    ruled = [table for table in find_tables(page_layout) if table.is_whole]
    used: set[Word] = set()
    for table in ruled:
        used |= table.words
    open_tables = find_open_tables(page_layout, used)
    return [*ruled, *[table for table in open_tables if table.is_whole]]


def _sections(
    page_layout: PageLayout,
    *,
    tables: Sequence[Table],
    other_lines: Sequence[Line],
    page: int,
    headings: tuple[str, ...],
    sized: SizedHeadings | None = None,
) -> Iterator[Section]:
    """Yield the page's text, from heading to heading; a table stands where its first line stood.

    Args:
        page_layout: the lines of the page; the words of tables are taken out of them.
        tables: the tables among them.
        other_lines: what stands below all.
        page, headings: of the sections.
        sized: the headings above the page if the document has no bookmarks.
    """
    in_table: set[Word] = set()
    for table in tables:
        in_table |= table.words
    starts: dict[TextLine, list[TextLine]] = {}
    if sized is not None:
        headings = sized.path
        starts = _starts_of_headings(page_layout, in_table)
    outside: list[TextLine] = []
    remaining = list(tables)
    for line in page_layout.lines:
        if sized is not None and line in starts:
            yield _text_section(_with_places(page_layout, outside), page, headings)
            outside = []
            sized.enter(starts[line])
            headings = sized.path
        for table in list(remaining):
            if not table.words.isdisjoint(line.words):
                remaining.remove(table)
                caption = _caption(outside, line)
                yield _text_section(_with_places(page_layout, outside), page, headings)
                outside = []
                yield Section(
                    text=table.markdown,
                    page=page,
                    headings=headings,
                    table=True,
                    header_rows=table.header_rows,
                    caption=caption,
                    boxes=table.boxes,
                )
        if not in_table.isdisjoint(line.words):
            line.retain([word for word in line.words if word not in in_table])
        if line.words:
            outside.append(line)
    text_lines = [*_with_places(page_layout, outside), *other_lines]
    yield _text_section(text_lines, page, headings)


def _starts_of_headings(
    page_layout: PageLayout, in_table: set[Word]
) -> dict[TextLine, list[TextLine]]:
    """Return first line → all lines of each heading that stands in no table."""
    starts: dict[TextLine, list[TextLine]] = {}
    for heading in find_headings(page_layout.lines):
        if in_table.isdisjoint(heading[0].words):
            starts[heading[0]] = heading
    return starts


def _caption(lines: Sequence[TextLine], first: TextLine) -> str:
    """Return title and unit of a table: short lines that stand right above its first line."""
    found: list[str] = []
    below = first
    for line in reversed(lines[-CAPTION_LINES:]):
        text = clean(line.text)
        gap = below.baseline - line.baseline
        height = max(line.font_height, below.font_height)
        if not 0 < gap < CAPTION_GAP * height or len(text) > CAPTION_CHARS:
            break
        if text.endswith((".", ";", ",")) and found:
            break
        found.append(text)
        below = line
    return "\n".join(reversed(found))


def _with_places(page_layout: PageLayout, lines: Sequence[TextLine]) -> list[Line]:
    """Return lines with their places, parted words put together again."""
    join_words_across_lines(lines)
    placed: list[Line] = []
    for line in lines:
        if line.blank_before:
            placed.append(Line(box=None, text=""))
        text = clean(line.text)
        if text:
            placed.append(Line(box=page_layout.box(line.rect), text=text))
    return placed


def _text_section(lines: Sequence[Line], page: int, headings: tuple[str, ...]) -> Section:
    """Return lines as a section.

    Blank lines that the cleaning of the text would remove go here, so that each line keeps its box:
    those at the beginning and the end, and all but one of several.
    """
    retained: list[Line] = []
    for line in lines:
        previous_has_text = bool(retained and retained[-1].text)
        if line.text or previous_has_text:
            retained.append(line)
    if retained and not retained[-1].text:
        retained.pop()
    return Section(
        text="\n".join(line.text for line in retained),
        page=page,
        headings=headings,
        boxes=tuple(line.box for line in retained),
    )


def _annotations(page: PdfPage, forms: object | None) -> Iterator[str]:
    """Yield what stands in form fields ("name: value") and notes: it is no part of the page's text.

    Args:
        forms: the document's form environment; None if it has no forms.
    """
    import pypdfium2.raw as pdfium_c

    not_notes = {
        pdfium_c.FPDF_ANNOT_WIDGET,
        pdfium_c.FPDF_ANNOT_POPUP,
        pdfium_c.FPDF_ANNOT_LINK,
    }
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        if kind == pdfium_c.FPDF_ANNOT_WIDGET and forms:
            yield _form_field(forms, annotation)
        elif kind not in not_notes:
            yield _string(pdfium_c.FPDFAnnot_GetStringValue, annotation, b"Contents")
        pdfium_c.FPDFPage_CloseAnnot(annotation)


def _form_field(forms: object, field: object) -> str:
    """Return a field of a form as "name: value"; "" if it is empty."""
    import pypdfium2.raw as pdfium_c

    value = _string(pdfium_c.FPDFAnnot_GetFormFieldValue, forms, field)
    if not value or value == "Off":  # what an empty check box says
        return ""
    name = _string(pdfium_c.FPDFAnnot_GetFormFieldAlternateName, forms, field)
    if not name:
        name = _string(pdfium_c.FPDFAnnot_GetFormFieldName, forms, field)
    return f"{name}: {value}"


def _string(function: Callable[..., int], *args: Any) -> str:
    """Return a string that PDFium hands out by its pattern of two calls, cleaned.

    `function(*args, buffer, size)` writes UTF-16 into a buffer of `size` bytes and returns the
    bytes needed: the first call, without a buffer, asks how many.
    """
    import pypdfium2.raw as pdfium_c

    size = function(*args, None, 0)
    buffer = ctypes.create_string_buffer(size)
    as_utf16 = ctypes.cast(buffer, ctypes.POINTER(pdfium_c.FPDF_WCHAR))
    function(*args, as_utf16, size)
    return clean(buffer.raw[:size].decode("utf-16-le", "ignore"))
