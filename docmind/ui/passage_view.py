"""What is behind a citation: the passage with its place, what cites it, and its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.errors import DocMindError
from docmind.events import Citation
from docmind.ingestion.readers.formats import IMAGES
from docmind.passages import NumberedPassage, Passage
from docmind.ui.markdown import plain, plain_block
from docmind.ui.page_image import page_image
from docmind.ui.turn_view import view_turn

if TYPE_CHECKING:
    from docmind.app import App

MARGIN = 1200
"""Characters shown before and after a passage."""


@dataclass(frozen=True)
class CitedPassage:
    """A source of an answer."""

    source: NumberedPassage
    citations: tuple[Citation, ...]
    """What of the answer cites it; nothing is known of an answer that is being written."""


def find_passage(
    app: App, conversation_id: str, message: int | None, number: int
) -> CitedPassage | None:
    """Return the source `[number]` of an answer, or None if there is no such.

    Args:
        message: the stored answer's index; None: the answer that is being written, or that was
            until a moment ago.
    """
    turn = app.chat.active(conversation_id)
    if message is None and turn is not None:
        source = view_turn(turn.events()).sources.get(number)
        return None if source is None else CitedPassage(source=source, citations=())
    messages = app.conversations.messages(conversation_id)
    if message is None:
        message = len(messages) - 1
    if not 0 <= message < len(messages):
        return None
    answer = messages[message]
    citations = tuple(citation for citation in answer.citations if citation.number == number)
    for source in answer.sources:
        if source.number == number:
            return CitedPassage(source=source, citations=citations)
    return None


def draw_passage(app: App, cited: CitedPassage) -> None:
    """Draw the passage with its place, what cites it, and its page or the text around it."""
    passage = cited.source.passage
    _draw_place(passage)
    with st.container(key="passage"):
        st.markdown(plain_block(passage.text))
    for citation in cited.citations:
        _draw_citation(citation)
    document = app.documents.get(passage.document_id)
    if document is None:
        st.info("This document was deleted; the passage was kept with the answer.")
        return
    if passage.page and document.suffix in {".pdf", *IMAGES}:
        path = app.documents.file_path(document.id)
        image = page_image(str(path), passage.page, passage.boxes)
        if image:
            name = f"Page {passage.page_name} of {passage.file_name}"
            st.image(image, width="stretch", alt=name)
            return
    with st.expander("The text around it"):
        try:
            st.markdown(plain_block(_text_around(app, passage)))
        except DocMindError as exc:
            st.caption(plain(str(exc)))


def _draw_place(passage: Passage) -> None:
    parts = []
    if passage.page:
        parts.append(f"Page {passage.page_name}")
    if passage.heading:
        parts.append(passage.heading)
    if parts:
        st.markdown(f"**{plain(' · '.join(parts))}**")


def _draw_citation(citation: Citation) -> None:
    icon = "check" if citation.supported else "help"
    finding = wording.verdict(citation) or "supported by this passage"
    sentence = f"{finding[0].upper()}{finding[1:]}"
    st.caption(f":material/{icon}: “{plain(citation.sentence)}”  \n{plain(sentence)}\\.")


def _text_around(app: App, passage: Passage) -> str:
    """Return the document's text from MARGIN characters before the passage to as many after it."""
    text = app.documents.text(passage.document_id)
    start = max(0, passage.start - MARGIN)
    end = min(len(text), passage.end + MARGIN)
    before = "… " if start > 0 else ""
    after = " …" if end < len(text) else ""
    return f"{before}{text[start:end]}{after}"
