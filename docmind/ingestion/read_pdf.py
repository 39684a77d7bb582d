"""PDF → text, page by page, with form fields and annotations."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile
from docmind.ingestion.parsed import ParsedDocument, Progress, Section, clean, heading_path, parsed

PDF_LOCK = threading.Lock()
"""PDFium is not thread-safe: whoever calls pypdfium2 holds this."""


def read_pdf(path: Path, progress: Progress) -> ParsedDocument:
    """Read a PDF; each page is a section under its bookmark."""
    import pypdfium2 as pdfium

    with PDF_LOCK:
        try:
            pdf = pdfium.PdfDocument(str(path))
        except pdfium.PdfiumError as exc:
            raise _translated(exc) from exc
    try:
        with PDF_LOCK:
            pages = len(pdf)
            forms = _forms(pdf)
            bookmarks = _bookmarks(pdf)
        sections: list[Section] = []
        broken = 0
        heading = ""
        for index in range(pages):
            heading = bookmarks.get(index, heading)
            try:
                with PDF_LOCK:
                    text = _page_text(pdf, index, forms)
            except pdfium.PdfiumError:
                broken += 1  # one bad page does not cost the others
                text = ""
            sections.append(Section(text, index + 1, heading))
            progress(index + 1, pages)
    finally:
        with PDF_LOCK:
            pdf.close()
    document = parsed(sections, pages)
    if not document.sections:
        if pages in {0, broken}:
            raise CorruptFile(
                "is damaged: no page of it can be read. Open it in a PDF viewer and print it to a new PDF."
            )
        raise EmptyFile(
            f"has no text on its {pages} page(s): it is probably a scan. DocMind can't read text out of images "
            "(OCR) yet; run it through an OCR program first."
        )
    return document


def _translated(exc: Exception) -> Exception:
    if "password" in str(exc).lower() or "security" in str(exc).lower():
        return EncryptedFile("is protected by a password. Save a copy without the password and upload that.")
    return CorruptFile(
        f"is damaged or not a PDF ({exc}). Open it in a PDF viewer and print it to a new PDF, then upload that."
    )


def _forms(pdf: Any) -> Any:
    import pypdfium2 as pdfium

    try:
        if pdf.get_formtype() != pdfium.raw.FORMTYPE_NONE:
            pdf.init_forms()
    except pdfium.PdfiumError:
        return None
    return pdf.formenv


def _bookmarks(pdf: Any) -> dict[int, str]:
    """Return page index → path of the last bookmark that starts on that page."""
    import pypdfium2 as pdfium

    found: dict[int, str] = {}
    stack: list[tuple[int, str]] = []
    try:
        for item in pdf.get_toc(max_depth=6):
            title = item.get_title()
            dest = item.get_dest()
            index = dest.get_index() if dest else None
            if title and index is not None and index >= 0:
                found[index] = heading_path(stack, item.level, title[:200])
    except (pdfium.PdfiumError, ValueError, UnicodeDecodeError):
        pass  # a broken outline says nothing about the text
    return found


def _page_text(pdf: Any, index: int, forms: Any) -> str:
    page = pdf[index]
    try:
        textpage = page.get_textpage()
        try:
            text = clean(textpage.get_text_bounded())
        finally:
            textpage.close()
        extra = dict.fromkeys(t for t in _annotations(page, forms) if t and t not in text)
        return "\n".join([text, *extra])
    finally:
        page.close()


def _annotations(page: Any, forms: Any) -> Iterator[str]:
    """Yield what stands in form fields ("name: value") and notes, which is no part of the page's text."""
    import pypdfium2.raw as c

    for i in range(c.FPDFPage_GetAnnotCount(page)):
        annot = c.FPDFPage_GetAnnot(page, i)
        if not annot:
            continue
        try:
            kind = c.FPDFAnnot_GetSubtype(annot)
            if kind == c.FPDF_ANNOT_WIDGET and forms is not None:
                if c.FPDFAnnot_GetFormFieldType(forms, annot) == c.FPDF_FORMFIELD_PUSHBUTTON:
                    continue
                value = _string(lambda b, n, a=annot: c.FPDFAnnot_GetFormFieldValue(forms, a, b, n))
                if value and value != "Off":
                    name = _string(
                        lambda b, n, a=annot: c.FPDFAnnot_GetFormFieldAlternateName(forms, a, b, n)
                    ) or _string(lambda b, n, a=annot: c.FPDFAnnot_GetFormFieldName(forms, a, b, n))
                    yield f"{name}: {value}" if name else value
            elif kind not in {c.FPDF_ANNOT_POPUP, c.FPDF_ANNOT_LINK, c.FPDF_ANNOT_WIDGET}:
                yield _string(lambda b, n, a=annot: c.FPDFAnnot_GetStringValue(a, b"Contents", b, n))
        finally:
            c.FPDFPage_CloseAnnot(annot)


def _string(call: Any) -> str:
    """Read a UTF-16 string by PDFium's two-call pattern: `call(buffer, bytes) -> bytes needed`."""
    import pypdfium2.raw as c

    size = call(None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    call(ctypes.cast(buffer, ctypes.POINTER(c.FPDF_WCHAR)), size)
    return clean(buffer.raw[: size - 2].decode("utf-16-le", "ignore"))
