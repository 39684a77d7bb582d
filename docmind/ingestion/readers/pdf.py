"""PDF → text, page by page, with form fields and annotations; tables by pdf_tables, scanned pages by OCR."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.parsed import Box, Headings, Line, Progress, Section, clean
from docmind.ingestion.readers.ocr import LONGEST_SIDE, recognize
from docmind.ingestion.readers.pdf_tables import Table, find_tables, shown

FEW = 25
"""Characters up to which the text of a page with an image may be a stamp on a scan."""


def open_pdf(path: Path, password: str | None = None) -> Any:
    """Return a pypdfium2 document; EncryptedFile if this password does not open it."""
    import pypdfium2 as pdfium

    try:
        return pdfium.PdfDocument(path, password)
    except pdfium.PdfiumError as exc:
        if "password" in str(exc).lower() or "security" in str(exc).lower():
            locked = "is protected by a password. Enter it on the Documents page."
            wrong = "is not opened by this password. Enter the right one on the Documents page."
            raise EncryptedFile(wrong if password else locked) from exc
        raise


def unlock_pdf(path: Path, password: str) -> None:
    """Replace an encrypted PDF by a copy that needs no password, so that its pages can be shown later."""
    import pypdfium2.raw as c

    part = path.with_suffix(".part")
    with open_pdf(path, password) as pdf:
        pdf.save(part, flags=c.FPDF_REMOVE_SECURITY)
    part.replace(path)


def read_pdf(path: Path, progress: Progress) -> list[Section]:
    """Read a PDF; each page is a section (more with tables) under its bookmark."""
    import pypdfium2 as pdfium

    sections: list[Section] = []
    broken = 0
    heading = ""
    with open_pdf(path) as pdf:
        with suppress(pdfium.PdfiumError):  # the pages can be read without
            pdf.init_forms()
        bookmarks = _bookmarks(pdf)
        for index in range(len(pdf)):
            progress(index, len(pdf))
            heading = bookmarks.get(index, heading)
            try:
                sections += _page(pdf, index, heading)
            except pdfium.PdfiumError:
                broken += 1  # one bad page does not cost the others
                sections.append(Section("", index + 1))
        if broken == len(pdf):
            raise CorruptFile(
                "is damaged: no page of it can be read. Open it in a PDF viewer and print it to a new PDF."
            )
    return sections


def _bookmarks(pdf: Any) -> dict[int, str]:
    """Return page index → path of the last bookmark that starts on that page."""
    import pypdfium2 as pdfium

    found: dict[int, str] = {}
    path = Headings()
    with suppress(pdfium.PdfiumError, ValueError):  # a broken outline says nothing about the text
        for item in pdf.get_toc(max_depth=6):
            title, dest = item.get_title(), item.get_dest()
            index = dest.get_index() if dest else None
            if title and index is not None and index >= 0:
                found[index] = path.enter(item.level, title[:200])
    return found


def _page(pdf: Any, index: int, heading: str) -> list[Section]:
    page = pdf[index]
    try:
        texts = page.get_textpage()
        lines = _lines(page, texts)
        text = "\n".join(t for _, t in lines)
        tables: list[Table] = []
        if is_scan(page, text):
            scale = LONGEST_SIDE / max(page.get_size())
            lines += recognize(page.render(scale=scale).to_numpy()[:, :, :3])
        elif text:
            tables = [table for table in find_tables(page, texts) if _whole(table, lines)]
        extra = dict.fromkeys(t for t in _annotations(page, pdf.formenv) if t and t not in text)
        lines += [(None, line) for t in extra for line in t.split("\n")]
        return list(_sections(lines, tables, index + 1, heading))
    finally:
        page.close()  # with its text page


def _whole(table: Table, lines: Sequence[Line]) -> bool:
    """Tell whether the table has all that its lines of text say; a border through words would lose some."""
    letters = sum(len("".join(text.split())) for box, text in lines if box and table.holds(box))
    return table.letters * 0.95 <= letters <= table.letters * 1.05


def _sections(
    lines: Sequence[Line], tables: Sequence[Table], page: int, heading: str
) -> Iterator[Section]:
    """Yield the page's text; each table stands where its first line stood."""
    run: list[Line] = []
    left = list(tables)
    for box, line in lines:
        table = next((t for t in tables if box and t.holds(box)), None)
        if table is None:
            run.append((box, line))
        elif table in left:
            left.remove(table)
            yield _text(run, page, heading)
            yield Section(table.markdown, page, heading, table=True, boxes=table.boxes)
            run = []
    yield _text(run, page, heading)


def _text(lines: Sequence[Line], page: int, heading: str) -> Section:
    """Return lines as a section; blank ones that would not be kept go here, so that each line keeps its box."""
    spaced: list[Line] = [(None, ""), *lines, (None, "")]
    kept = [line for before, line in pairwise(spaced) if before[1] or line[1]][:-1]
    return Section("\n".join(t for _, t in kept), page, heading, boxes=tuple(b for b, _ in kept))


def is_scan(page: Any, text: str) -> bool:
    """Tell whether a page shows more than its text says: an image beside a stamp, or anything on one without text."""
    import pypdfium2.raw as c

    objects = page.get_objects(max_depth=2)
    return len(text) < FEW and any(not text or o.type == c.FPDF_PAGEOBJ_IMAGE for o in objects)


def _lines(page: Any, texts: Any) -> list[Line]:
    """Return the lines of text on the page, each with its box.

    The text is PDFium's own for the visible page. Where a line stands is told by its characters' indices, which
    belong to the text of the whole page: they are found by looking the line up there, without white space.
    """
    whole = texts.get_text_range()
    if len(whole) != texts.count_chars():  # PDFium leaves out what is no character
        import pypdfium2.raw as c

        whole = "".join(chr(c.FPDFText_GetUnicode(texts, i)) for i in range(texts.count_chars()))
    places = [i for i, char in enumerate(whole) if not char.isspace()]
    dense = "".join([whole[i] for i in places]).replace("\x02", "\ufffe")
    lines: list[Line] = []
    at = 0
    for line in texts.get_text_bounded().splitlines():
        text = clean(line)
        if not text:
            if lines and lines[-1][1]:
                lines.append((None, ""))
            continue
        wanted = "".join(line.split()).replace("\x02", "\ufffe")
        found = dense.find(wanted, at)
        box = None
        if found >= 0:
            at = found + len(wanted)
            box = _box(page, texts, places[found], places[at - 1] + 1)
        lines.append((box, text))
    return lines


def _box(page: Any, texts: Any, first: int, end: int) -> Box | None:
    """Return the box around characters first to end."""
    rects = [texts.get_rect(i) for i in range(texts.count_rects(first, end - first))]
    if not rects:
        return None
    lefts, bottoms, rights, tops = zip(*rects, strict=True)
    return shown(page, (min(lefts), min(bottoms), max(rights), max(tops)))


def _annotations(page: Any, forms: Any) -> Iterator[str]:
    """Yield what stands in form fields ("name: value") and notes, which is no part of the page's text."""
    import pypdfium2.raw as c

    for i in range(c.FPDFPage_GetAnnotCount(page)):
        annot = c.FPDFPage_GetAnnot(page, i)
        kind = c.FPDFAnnot_GetSubtype(annot)
        if kind == c.FPDF_ANNOT_WIDGET and forms:
            value = _string(c.FPDFAnnot_GetFormFieldValue, forms, annot)
            if value and value != "Off":  # what an empty check box says
                name = _string(c.FPDFAnnot_GetFormFieldAlternateName, forms, annot)
                yield f"{name or _string(c.FPDFAnnot_GetFormFieldName, forms, annot)}: {value}"
        elif kind not in {c.FPDF_ANNOT_POPUP, c.FPDF_ANNOT_LINK, c.FPDF_ANNOT_WIDGET}:
            yield _string(c.FPDFAnnot_GetStringValue, annot, b"Contents")
        c.FPDFPage_CloseAnnot(annot)


def _string(function: Any, *args: Any) -> str:
    """Read a UTF-16 string by PDFium's two-call pattern: `function(*args, buffer, bytes) -> bytes needed`."""
    import pypdfium2.raw as c

    size = function(*args, None, 0)
    buffer = ctypes.create_string_buffer(size)
    function(*args, ctypes.cast(buffer, ctypes.POINTER(c.FPDF_WCHAR)), size)
    return clean(buffer.raw[:size].decode("utf-16-le", "ignore"))
