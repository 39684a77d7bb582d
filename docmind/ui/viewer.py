"""The pane beside the page that shows a document: what a citation rests on, or a preview."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.errors import DocMindError
from docmind.ingestion.readers.formats import IMAGES
from docmind.passages import Passage
from docmind.ui import document_search, passage_view
from docmind.ui.icon_button import icon_button
from docmind.ui.markdown import plain, plain_block
from docmind.ui.page_image import WIDTH, page_image
from docmind.ui.passage_view import CitedPassage
from docmind.ui.tab import show_conversation, shown_conversation, this_tab

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

Boxes = Sequence[Sequence[float]]

ZOOMS = (100, 150, 200, 300)
"""Widths of a page in percent of the pane's."""
MOST_CITING = 8
"""Conversations that are listed at a document that they cite."""
TEXT_SHOWN = 20_000
"""Most characters of a page without a picture; a format without pages is one page."""


@dataclass
class ViewerPane:
    """Shows one page of a document; with a citation, what the answer takes from it."""

    message: int | None = None
    """The index of the stored answer that cites it; None: the one that is being written."""
    number: int | None = None
    """The citation's number; None: a preview."""
    document_id: str = ""
    """Of a preview."""
    page: int | None = None
    """The page that is looked at; None: the citation's, or the first."""
    zoom: int = ZOOMS[0]
    claim: int | None = None
    """Which of the answer's claims is looked at; None: the first that cites `number`."""
    match: int = 0
    """Which of the matches of what is searched for in the document is looked at."""

    @classmethod
    def from_link(cls, target: str) -> ViewerPane | None:
        """Return what a clicked mark opens; None if the target names no passage.

        `4-1` is `[1]` in message 4, `live-1` in the answer that is being written.
        """
        message, _, number = target.partition("-")
        if not number.isdigit():
            return None
        if message == "live":
            return cls(number=int(number))
        if message.isdigit():
            return cls(message=int(message), number=int(number))
        return None

    def draw(self, app: App) -> None:
        """Draw it, unless what it shows is gone. Turning pages draws only the pane anew."""
        if self.number is None:
            is_there = app.documents.get(self.document_id) is not None
        else:
            is_there = self.cited(app) is not None
        if is_there:
            with st.container(key="viewer"):
                _draw_pane(app, self)

    def cited(self, app: App) -> CitedPassage | None:
        """Return what the answer takes from it; None: a preview, or the answer is gone."""
        conversation_id = shown_conversation(app)
        if conversation_id is None or self.number is None:
            return None
        return passage_view.find_passage(app, conversation_id, self.message, self.number)


@st.fragment
def _draw_pane(app: App, pane: ViewerPane) -> None:
    cited = pane.cited(app)
    document_id = pane.document_id
    first_page: int | None = 1
    name = ""
    if cited is not None:
        passage = cited.source.passage
        document_id = passage.document_id
        first_page = passage.page
        name = passage.file_name
    document = app.documents.get(document_id)
    if document is not None:
        name = document.name
    page = pane.page or first_page
    _draw_head(app, pane, document=document, name=name, page=page)
    if cited is not None:
        _draw_claims(pane, cited)
    if cited is not None and page == first_page:
        passage_view.draw_passage(cited)
    if document is None:
        st.info("This document was deleted; the passage was kept with the answer.")
        return
    if cited is None and document.state == "ready":
        _draw_about(app, pane, document)
    match = None
    if document.state == "ready":
        match = _draw_search(app, pane, document)
    boxes = _boxes_on(page, document_id, cited=cited, match=match)
    _draw_page(app, document, page, boxes=boxes, zoom=pane.zoom)


def _boxes_on(
    page: int | None, document_id: str, *, cited: CitedPassage | None, match: Passage | None
) -> list[Sequence[float]]:
    """Return what is marked on a page: all that the answer takes from it, and what was found."""
    passages: list[Passage] = []
    if cited is not None:
        passages += [source.passage for source in cited.answer_sources]
    if match is not None:
        passages.append(match)
    boxes: list[Sequence[float]] = []
    for passage in passages:
        if passage.document_id == document_id and passage.page == page:
            boxes.extend(passage.boxes)
    return boxes


def _draw_head(
    app: App, pane: ViewerPane, *, document: Document | None, name: str, page: int | None
) -> None:
    with st.container(
        horizontal=True,
        wrap=False,
        horizontal_alignment="distribute",
        vertical_alignment="center",
    ):
        number = f"{pane.number} · " if pane.number is not None else ""
        st.markdown(f"**{plain(number + name)}**")
        # While an answer is being written Escape closes the pane; the next one stops the answer.
        is_closed = st.button(
            "Close",
            key="viewer-close",
            type="tertiary",
            icon=":material/close:",
            help="Escape",
            shortcut="Escape",
        )
    if is_closed:
        this_tab().close_dialog()
        st.rerun()
    if document is None:
        return
    with st.container(
        key="viewer-tools", horizontal=True, gap="small", vertical_alignment="center"
    ):
        if page is not None and document.pages > 1:
            _draw_turn_button(pane, page - 1, "left", "Page before", disabled=page <= 1)
            st.caption(f"Page {page} of {document.pages}", width="content")
            _draw_turn_button(pane, page + 1, "right", "Next page", disabled=page >= document.pages)
        if _has_picture(document):
            _draw_zoom(pane)
        _draw_original(app, document)


def _draw_claims(pane: ViewerPane, cited: CitedPassage) -> None:
    """Draw the way from one claim of the answer to the next, in its order."""
    claims = cited.claims
    if len(claims) < 2:
        return
    numbers = [claim.number for claim in claims]
    place = pane.claim
    if place is None or place >= len(claims) or numbers[place] != pane.number:
        if pane.number not in numbers:  # found but not cited
            return
        place = numbers.index(pane.number)

    def show(new_place: int) -> None:
        pane.claim = new_place
        pane.number = numbers[new_place]
        # The page of the passage that it rests on.
        pane.page = None

    with st.container(
        key="viewer-claims", horizontal=True, gap="small", vertical_alignment="center"
    ):
        _draw_step(
            "Claim before",
            "arrow_upward",
            key="viewer-claim-before",
            to=place - 1,
            of=len(claims),
            go=show,
        )
        st.caption(f"Claim {place + 1} of {len(claims)}", width="content")
        _draw_step(
            "Next claim",
            "arrow_downward",
            key="viewer-claim-next",
            to=place + 1,
            of=len(claims),
            go=show,
        )


def _draw_search(app: App, pane: ViewerPane, document: Document) -> Passage | None:
    """Draw the search in the document; return the match that is looked at."""

    def go(place: int, passage: Passage) -> None:
        pane.match = place
        pane.page = passage.page

    return document_search.draw_search(app, document, pane.match, go)


def _draw_about(app: App, pane: ViewerPane, document: Document) -> None:
    """Draw what is known of a document behind a fold: its outline, and what cites it."""
    fold = st.expander(
        "About this document", type="compact", key=f"about-{document.id}", on_change="rerun"
    )
    if not fold.open:  # a long document's outline takes a while
        return
    with fold:
        figures = [
            wording.count(document.passages, "passage"),
            wording.size(document.size),
            f"added {wording.when(document.added_at)}",
        ]
        st.caption(plain(" · ".join(figures)))
        if document.unread:
            st.caption(f":material/info: {plain('; '.join(document.unread))}.")
        _draw_outline(app, pane, document)
        _draw_citing(app, document)


def _draw_outline(app: App, pane: ViewerPane, document: Document) -> None:
    """Draw the document's headings; one that is chosen shows its page."""
    pages: dict[str, int | None] = {}
    for passage in app.documents.passages(document.id):
        if passage.heading:
            pages.setdefault(passage.heading, passage.page)
    if not pages:
        st.caption("No headings were found in it.")
        return
    key = f"outline-{document.id}"

    def go_there() -> None:
        page = pages.get(str(st.session_state[key]))
        if page is not None:
            pane.page = page

    def with_page(heading: str) -> str:
        page = pages[heading]
        return heading if page is None else f"{heading} · p. {page}"

    st.selectbox(
        "Outline",
        list(pages),
        index=None,
        format_func=with_page,
        key=key,
        placeholder=f"Go to one of {wording.count(len(pages), 'heading')}",
        on_change=go_there,
    )


def _draw_citing(app: App, document: Document) -> None:
    """Draw the conversations whose answers cite the document."""
    citing = app.conversations.citing(document.id)
    if not citing:
        st.caption("No answer cites it yet.")
        return
    st.caption("Cited in")
    for conversation, answers in citing[:MOST_CITING]:
        title = plain(conversation.title or "New conversation")
        label = f"{title} ({wording.count(answers, 'answer')})"
        if st.button(label, key=f"citing-{conversation.id}", type="tertiary"):
            this_tab().close_dialog()
            show_conversation(conversation.id)
            st.switch_page("pages/chat.py", query_params=st.query_params)
    more = len(citing) - MOST_CITING
    if more > 0:
        st.caption(f"and in {more} more")


def _draw_turn_button(
    pane: ViewerPane, page: int, direction: str, name: str, *, disabled: bool
) -> None:
    def turn() -> None:
        pane.page = page

    icon_button(
        name,
        f"chevron_{direction}",
        key=f"viewer-turn-{direction}",
        disabled=disabled,
        on_click=turn,
    )


def _draw_step(
    name: str, icon: str, *, key: str, to: int, of: int, go: Callable[[int], None]
) -> None:
    """Draw the button to another of several places, from 0; there is none beyond the ends."""
    icon_button(name, icon, key=key, disabled=not 0 <= to < of, on_click=go, args=(to,))


def _draw_zoom(pane: ViewerPane) -> None:
    place = ZOOMS.index(pane.zoom)

    def zoom_to(new_place: int) -> None:
        pane.zoom = ZOOMS[new_place]

    _draw_step(
        "Smaller", "zoom_out", key="viewer-zoom-out", to=place - 1, of=len(ZOOMS), go=zoom_to
    )
    _draw_step("Larger", "zoom_in", key="viewer-zoom-in", to=place + 1, of=len(ZOOMS), go=zoom_to)


def _draw_original(app: App, document: Document) -> None:
    """Draw the button that hands the file out; it is read only when that is asked for."""

    def read() -> bytes:
        return app.documents.file_path(document.id).read_bytes()

    st.download_button(
        "Original",
        data=read,
        file_name=document.own_name,
        key="viewer-original",
        type="tertiary",
        icon=":material/download:",
        on_click="ignore",
    )


def _draw_page(app: App, document: Document, page: int | None, *, boxes: Boxes, zoom: int) -> None:
    """Draw the page as a picture, or its text where the format has no pictures of pages."""
    if page is not None and _has_picture(document):
        path = app.documents.file_path(document.id)
        image = page_image(str(path), page, boxes, WIDTH * zoom // 100)
        if image is not None:
            with st.container(key=f"viewer-page-{zoom}"):
                st.image(image, width="stretch", alt=f"Page {page} of {document.name}")
            return
    pages = (page, page) if page is not None and document.pages else (None, None)
    try:
        text = app.documents.text(document.id, *pages)
    except DocMindError as exc:
        st.caption(plain(str(exc)))
        return
    st.markdown(plain_block(text[:TEXT_SHOWN]))
    if len(text) > TEXT_SHOWN:
        st.caption(f"The first {TEXT_SHOWN:,} characters. The original has the rest.")


def _has_picture(document: Document) -> bool:
    return document.suffix in {".pdf", *IMAGES}
