"""What a PDF says beside its pages' text: title, author, links, alternative texts, files in it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import AttachedFile, Section, clean, one_line
from docmind.ingestion.readers.ooxml import Unread, is_said_by_program

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

MOST_LINKS = 200
"""Of a page: more are an index."""
MOST_ELEMENTS = 20_000
"""Elements of a page's structure that are looked at."""
LONGEST_ADDRESS = 200
"""Characters; a longer address follows who clicks on it."""
MOST_ATTACHED = 1000
_PROPERTIES = ("Title", "Author", "Subject", "Keywords")
_SAYS_NOTHING = {"figure", "image", "picture", "graphic", "photo", "logo"}


def properties(pdf: PdfDocument) -> Section:
    """Return the document's title, author, subject and keywords, as far as somebody wrote them."""
    lines: list[str] = []
    for name, value in pdf.get_metadata_dict().items():
        text = one_line(clean(value))
        if name in _PROPERTIES and text and not is_said_by_program(text):
            lines.append(f"{name}: {text}")
    return Section(text="\n".join(lines), page=1)


def attached_files(pdf: PdfDocument, unread: Unread) -> list[AttachedFile]:
    """Return the files in a PDF."""
    import pypdfium2 as pdfium

    files: list[AttachedFile] = []
    for index in range(min(pdf.count_attachments(), MOST_ATTACHED)):
        try:
            attachment = pdf.get_attachment(index)
            name = one_line(clean(attachment.get_name())).replace("/", "_") or "unnamed"
            files.append(AttachedFile(name=name, data=bytes(attachment.get_data())))
        except (pdfium.PdfiumError, ValueError):
            unread.count("attached file", "attached files")
    return files


class PageExtras:
    """Finds what pages say beside their text, each address once in a document."""

    def __init__(self, pdf: PdfDocument) -> None:
        self._pdf = pdf
        self._seen: set[str] = set()

    def lines(self, page: PdfPage, text: str) -> list[str]:
        """Return alternative texts and addresses that do not stand on the page.

        Args:
            page: the page.
            text: what stands on it.
        """
        lines: list[str] = []
        for description in _alternative_texts(page):
            if description not in text:
                lines.append(f"Picture: {description}")
        shown = "".join(text.split())
        for address in _addresses(self._pdf, page):
            bare = address.removeprefix("mailto:").removeprefix("https://").removeprefix("http://")
            bare = bare.removeprefix("www.").rstrip("/")
            if address not in self._seen and bare not in shown:
                self._seen.add(address)
                lines.append(f"Link: {address.removeprefix('mailto:')}")
        return list(dict.fromkeys(lines))


def _addresses(pdf: PdfDocument, page: PdfPage) -> Iterator[str]:
    """Yield the addresses outside of the document that a page links to."""
    import pypdfium2.raw as pdfium_c

    position = ctypes.c_int(0)
    link = pdfium_c.FPDF_LINK()
    for _ in range(MOST_LINKS):
        if not pdfium_c.FPDFLink_Enumerate(page, ctypes.byref(position), ctypes.byref(link)):
            return
        action = pdfium_c.FPDFLink_GetAction(link)
        if not action or pdfium_c.FPDFAction_GetType(action) != pdfium_c.PDFACTION_URI:
            continue
        # What is longer than the buffer is not written into it.
        buffer = ctypes.create_string_buffer(LONGEST_ADDRESS + 1)
        pdfium_c.FPDFAction_GetURIPath(pdf, action, buffer, LONGEST_ADDRESS + 1)
        address = clean(buffer.value.decode("utf-8", "replace"))
        if address and not address.startswith("file:"):
            yield address


def _alternative_texts(page: PdfPage) -> Iterator[str]:
    """Yield what the author wrote about a page's pictures for those who do not see them."""
    import pypdfium2.raw as pdfium_c

    tree = pdfium_c.FPDF_StructTree_GetForPage(page)
    if not tree:
        return
    try:
        todo: list[object] = []
        for index in reversed(range(pdfium_c.FPDF_StructTree_CountChildren(tree))):
            todo.append(pdfium_c.FPDF_StructTree_GetChildAtIndex(tree, index))
        looked_at = 0
        while todo and looked_at < MOST_ELEMENTS:
            element = todo.pop()
            if not element:
                continue
            looked_at += 1
            text = _alternative_text(element)
            if text and text.lower() not in _SAYS_NOTHING:
                yield text
            for index in reversed(range(pdfium_c.FPDF_StructElement_CountChildren(element))):
                todo.append(pdfium_c.FPDF_StructElement_GetChildAtIndex(element, index))
    finally:
        pdfium_c.FPDF_StructTree_Close(tree)


def _alternative_text(element: object) -> str:
    import pypdfium2.raw as pdfium_c

    size = pdfium_c.FPDF_StructElement_GetAltText(element, None, 0)
    if size <= 2:  # only the end mark
        return ""
    buffer = ctypes.create_string_buffer(size)
    pdfium_c.FPDF_StructElement_GetAltText(element, buffer, size)
    with suppress(UnicodeDecodeError):
        return one_line(clean(buffer.raw[:size].decode("utf-16-le")))
    return ""
