"""What is behind a citation: file, page, heading and passage, with the page itself where it can be shown."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind.errors import DocMindError
from docmind.events import Citation
from docmind.ingestion.readers.formats import IMAGES
from docmind.passages import NumberedPassage
from docmind.ui.markdown import plain, plain_block
from docmind.ui.turn_view import fold
from docmind.wording import verdict

if TYPE_CHECKING:
    from PIL.Image import Image

    from docmind.app import App

log = logging.getLogger(__name__)
MARGIN, WIDTH = 1200, 1100
"""Characters shown around a passage; pixels of the width of a page's image."""
_PDFIUM = threading.Lock()
"""PDFium is not thread-safe."""


def find(
    app: App, conversation_id: str | None, opened: str
) -> tuple[NumberedPassage, list[Citation]] | None:
    """Return the source that `opened` names, and what cites it.

    Args:
        opened: `MESSAGE-NUMBER`, where the message may be `live`.
    """
    message, _, number = opened.partition("-")
    if conversation_id is None or not number.isdigit():
        return None
    turn = app.chat.active(conversation_id)
    if message == "live" and turn is not None:
        known: Iterable[NumberedPassage] = fold(turn.events()).sources.values()
        citations: Sequence[Citation] = ()
    else:
        messages = app.conversations.messages(conversation_id)
        index = (
            len(messages) - 1 if message == "live" else int(message) if message.isdigit() else -1
        )
        if not 0 <= index < len(messages):
            return None
        known, citations = messages[index].sources, messages[index].citations
    cited = [c for c in citations if c.number == int(number)]
    return next(((s, cited) for s in known if s.number == int(number)), None)


def passage(app: App, source: NumberedPassage, cited: Sequence[Citation]) -> None:
    """Draw where a source stands, its passage, what of the answer cites it, and its page or the text around it."""
    where = [f"Page {source.passage.page}"] if source.passage.page else []
    where += [source.passage.heading] if source.passage.heading else []
    if where:
        st.markdown(f"**{plain(' · '.join(where))}**")
    with st.container(key="passage"):
        st.markdown(plain_block(source.passage.text))
    for citation in cited:
        icon = "check" if citation.supported else "help"
        found = verdict(citation) or "supported by this passage"
        st.caption(
            f":material/{icon}: “{plain(citation.sentence)}”  \n{plain(found[:1].upper() + found[1:])}\\."
        )
    document = app.documents.get(source.passage.document_id)
    if document is None:
        st.info("This document was deleted; the passage was kept with the answer.")
        return
    if source.passage.page and document.suffix in {".pdf", *IMAGES}:
        image = page_image(
            str(app.documents.file_path(source.passage.document_id)),
            source.passage.page,
            source.passage.boxes,
        )
        if image:
            st.image(
                image,
                width="stretch",
                alt=f"Page {source.passage.page} of {source.passage.file_name}",
            )
            return
    with st.expander("The text around it"):
        try:
            st.markdown(plain_block(around(app, source)))
        except DocMindError as exc:
            st.caption(plain(str(exc)))


def around(app: App, source: NumberedPassage) -> str:
    """Return the document's text from MARGIN characters before the passage to as many after it."""
    text = app.documents.text(source.passage.document_id)
    start, end = max(0, source.passage.start - MARGIN), min(len(text), source.passage.end + MARGIN)
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"


@st.cache_data(show_spinner=False, max_entries=20)
def page_image(path: str, page: int, boxes: Sequence[Sequence[float]] = ()) -> bytes | None:
    """Return a PDF's or picture's page as PNG with the passage marked, or None if it can't be drawn.

    Args:
        page: 1-based.
        boxes: to be marked; left, top, right and bottom as shares of the page.
    """
    import io

    from PIL import ImageChops, ImageDraw

    try:
        image = _pdf_page(path, page) if path.endswith(".pdf") else _picture(path, page)
    except (
        RuntimeError,
        OSError,
        EOFError,
        IndexError,
        ValueError,
    ) as exc:  # PDFium's is a RuntimeError
        log.warning("page %s of %s could not be drawn: %s", page, path, exc)
        return None
    marks = image.copy()
    pen = ImageDraw.Draw(marks)
    wide, high = image.size
    for left, top, right, bottom in boxes:
        pen.rectangle((left * wide, top * high, right * wide, bottom * high), fill="#ffe680")
    out = io.BytesIO()
    ImageChops.darker(image, marks).save(out, "PNG", optimize=False)
    return out.getvalue()


def _pdf_page(path: str, page: int) -> Image:
    import pypdfium2

    with _PDFIUM, pypdfium2.PdfDocument(path) as pdf:
        sheet = pdf[page - 1]
        image: Image = sheet.render(scale=WIDTH / sheet.get_width()).to_pil()
        return image.convert("RGB")


def _picture(path: str, page: int) -> Image:
    import PIL.Image

    from docmind.ingestion.readers.ocr import upright

    with PIL.Image.open(path) as picture:
        picture.seek(page - 1)
        image: Image = upright(picture)
        return image.resize((WIDTH, max(1, image.height * WIDTH // image.width)))
