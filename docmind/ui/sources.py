"""The dialog behind a citation: file, page, heading and passage, with the PDF page itself."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import streamlit as st

from docmind.errors import DocMindError
from docmind.events import Source
from docmind.ui.markdown import plain, plain_block
from docmind.ui.turn_view import fold

if TYPE_CHECKING:
    from docmind.app import App

log = logging.getLogger(__name__)


def find(app: App, conversation_id: str, opened: str) -> Source | None:
    """Return the source that `opened` names: `MESSAGE-NUMBER`, where the message may be `live`."""
    message, _, number = opened.partition("-")
    if not number.isdigit():
        return None
    turn = app.chat.active(conversation_id)
    if message == "live" and turn is not None:
        return fold(turn.events()).sources.get(int(number))
    messages = app.conversations.messages(conversation_id)
    index = len(messages) - 1 if message == "live" else int(message) if message.isdigit() else -1
    if not 0 <= index < len(messages):
        return None
    return next((s for s in messages[index].sources if s.number == int(number)), None)


def dialog(app: App, source: Source) -> None:
    """Open the passage; it stays open over reruns until it is dismissed."""
    title = plain(f"{source.number} · {source.file_name}")
    icon = ":material/description:"

    @st.dialog(title, width="medium", icon=icon, on_dismiss=lambda: st.session_state.update(opened=None))
    def show() -> None:
        where = [f"Page {source.page}"] if source.page else []
        where += [source.heading] if source.heading else []
        if where:
            st.markdown(f"**{plain(' · '.join(where))}**")
        with st.container(key="passage"):
            st.markdown(plain_block(source.text))
        document = app.documents.get(source.document_id)
        if document is None:
            st.info("This document was deleted; the passage was kept with the answer.")
            return
        if document.suffix == ".pdf" and source.page:
            image = page_image(str(app.documents.file_path(source.document_id)), source.page, source.text)
            if image:
                st.image(image, width="stretch", alt=f"Page {source.page} of {source.file_name}")
                return
        with st.expander("The text around it"):
            try:
                st.markdown(plain_block(around(app, source)))
            except DocMindError as exc:
                st.caption(plain(str(exc)))

    show()


def around(app: App, source: Source, margin: int = 1200) -> str:
    """Return the document's text from `margin` characters before the passage to `margin` after it."""
    text = app.documents.text(source.document_id)
    start, end = max(0, source.start - margin), min(len(text), source.end + margin)
    return f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"


@st.cache_data(show_spinner=False, max_entries=20)
def page_image(path: str, page: int, passage: str, width: int = 1100) -> bytes | None:
    """Return a PDF page as PNG with the passage's lines marked, or None if it can't be drawn.

    Args:
        page: 1-based.
        width: of the image, in pixels.
    """
    import io

    import pypdfium2
    from PIL import ImageChops, ImageDraw

    from docmind.ingestion.read_pdf import PDF_LOCK

    try:
        with PDF_LOCK, pypdfium2.PdfDocument(path) as pdf:
            sheet = pdf[page - 1]
            scale = width / sheet.get_width()
            image = sheet.render(scale=scale).to_pil().convert("RGB")
            marks = image.copy()
            pen = ImageDraw.Draw(marks)
            height = sheet.get_height()
            for left, bottom, right, top in _boxes(sheet, passage):
                box = (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale)
                pen.rectangle(box, fill="#ffe680")
            image = ImageChops.darker(image, marks) if marks is not image else image
            out = io.BytesIO()
            image.save(out, "PNG", optimize=False)
            return out.getvalue()
    except (pypdfium2.PdfiumError, OSError, IndexError, ValueError) as exc:
        log.warning("page %s of %s could not be drawn: %s", page, path, exc)
        return None


def _boxes(sheet: object, passage: str) -> list[tuple[float, float, float, float]]:
    """Return the rectangles (left, bottom, right, top, in points) of the passage's lines on the page."""
    text = sheet.get_textpage()  # type: ignore[attr-defined]
    boxes: list[tuple[float, float, float, float]] = []
    for line in passage.splitlines():
        wanted = " ".join(line.split())
        if len(wanted) < 12:
            continue
        found = text.search(wanted[:200], match_case=True).get_next()
        if found is None:
            continue
        boxes += [text.get_rect(i) for i in range(text.count_rects(*found))]
    return boxes
