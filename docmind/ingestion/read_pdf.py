"""PDF → text, page by page, with form fields and annotations."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile
from docmind.ingestion.parsed import Headings, Progress, Section, clean

PDF_LOCK = threading.Lock()
"""PDFium is not thread-safe: whoever calls pypdfium2 holds this."""


def read_pdf(path: Path, progress: Progress) -> list[Section]:
    """Read a PDF; each page is a section under its bookmark."""
    import pypdfium2 as pdfium

    sections: list[Section] = []
    broken = 0
    heading = ""
    with PDF_LOCK:
        try:
            pdf = pdfium.PdfDocument(str(path))
        except pdfium.PdfiumError as exc:
            if "password" in str(exc).lower() or "security" in str(exc).lower():
                raise EncryptedFile(
                    "is protected by a password. Save a copy without the password and upload that."
                ) from exc
            raise
        with suppress(pdfium.PdfiumError):  # the pages can be read without
            pdf.init_forms()
        pages = len(pdf)
        bookmarks = _bookmarks(pdf)
    try:
        for index in range(pages):
            heading = bookmarks.get(index, heading)
            text = ""
            try:
                with PDF_LOCK:
                    text = _page_text(pdf, index)
            except pdfium.PdfiumError:
                broken += 1  # one bad page does not cost the others
            sections.append(Section(text, index + 1, heading))
            progress(index + 1, pages)
    finally:
        with PDF_LOCK:
            pdf.close()
    if broken == pages:
        raise CorruptFile("is damaged: no page of it can be read. Open it in a PDF viewer and print it to a new PDF.")
    if not any(section.text for section in sections):
        raise EmptyFile(
            f"has no text on its {pages} page(s): it is probably a scan. DocMind can't read text out of images "
            "(OCR) yet; run it through an OCR program first."
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


def _page_text(pdf: Any, index: int) -> str:
    page = pdf[index]
    try:
        text = clean(page.get_textpage().get_text_bounded())
        extra = dict.fromkeys(t for t in _annotations(page, pdf.formenv) if t and t not in text)
        return "\n".join([text, *extra]).strip()
    finally:
        page.close()  # with its text page


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
