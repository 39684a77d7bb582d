"""The documents page's parts: the drop field and the live list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.ingestion.readers.formats import IMAGES
from docmind.ingestion.readers.source_code import SUFFIXES as CODE
from docmind.storage.documents import Failure
from docmind.ui import dialogs, document_filter, failures, shared_app, uploads
from docmind.ui.collections import ALL, draw_bar, shown_collection
from docmind.ui.icon_button import icon_button
from docmind.ui.markdown import plain
from docmind.ui.tab import this_tab
from docmind.ui.viewer import ViewerPane

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

PER_PAGE = 20
LIVE_S = 0.7
"""How often the list is drawn anew while something is being read."""
IDLE_S = 5.0
"""How often it is looked after what another tab or the command line has changed otherwise."""
_ICONS = {
    ".pdf": "picture_as_pdf",
    ".docx": "article",
    ".docm": "article",
    ".pptx": "slideshow",
    ".pptm": "slideshow",
    ".xlsx": "table",
    ".xlsm": "table",
    **dict.fromkeys((".odt", ".ott", ".rtf", ".doc"), "article"),
    **dict.fromkeys((".odp", ".otp", ".ppt"), "slideshow"),
    **dict.fromkeys((".ods", ".ots", ".xls"), "table"),
    **dict.fromkeys(CODE, "code"),
    ".csv": "table",
    ".tsv": "table",
    ".eml": "mail",
    ".msg": "mail",
    ".mbox": "mail",
    ".zip": "folder_zip",
    ".epub": "menu_book",
    **dict.fromkeys(IMAGES, "image"),
}


def draw_drop_field(app: App) -> None:
    """Draw the upload field; what is dropped is queued at once and the field is empty again.

    It takes any type: the browser would drop what it does not know without a word, ingestion says
    why.
    """
    tab = this_tab()
    files = st.file_uploader(
        "PDF, Office files, CSV, web pages, e-mails, e-books, text, pictures and ZIP archives, "
        "as many as you like",
        accept_multiple_files=True,
        key=f"upload-{tab.uploads}",
        max_upload_size=uploads.limit_mb(app),
    )
    if files:
        with st.spinner("Taking the files in …"):
            tab.notices = uploads.add(app, files, shown_collection()).notices
        tab.uploads += 1
        st.rerun()
    uploads.draw_notices()


def draw_list(app: App) -> None:
    """Draw the list; it draws itself anew while something is being read, and when it changes."""
    documents = app.documents.documents()
    is_busy = bool(uploads.pending(documents))
    draw_fragment = st.fragment(_draw_list, run_every=LIVE_S if is_busy else None)
    draw_fragment(app, is_busy)
    if not is_busy:
        _watch(app, documents)


@st.fragment(run_every=IDLE_S)
def _watch(app: App, shown: Sequence[Document]) -> None:
    """Draw the page anew if the documents are no longer those that it shows.

    Only this runs on an idle page: a list that is drawn for nothing is hundreds of messages.
    """
    shared_app.redraw_after_restart(app)
    if app.documents.documents() != list(shown):
        uploads.redraw()


def _draw_list(app: App, was_busy: bool) -> None:
    """Draw the list.

    Args:
        app: The app.
        was_busy: Whether something was being read when the whole page was drawn.
    """
    shared_app.redraw_after_restart(app)
    documents = app.documents.documents()
    is_busy = bool(uploads.pending(documents))
    if is_busy != was_busy:
        # A fragment keeps its interval until the page is drawn anew. Nothing below runs then.
        uploads.redraw()
    if not documents:
        _draw_no_documents()
        return

    collection = draw_bar(app)
    if collection != ALL:
        documents = [document for document in documents if document.collection == collection]
    search_text = _draw_toolbar(documents)
    chosen = document_filter.draw_filter(documents)
    found = [document for document in chosen if _matches(document, search_text)]
    found = _below_what_holds_them(found)

    if not found and document_filter.is_filtered():
        st.caption("No document has this state and type. Choose others above.")
    elif not found and search_text:
        st.caption("No document has this in its name or tags.")
    elif not found:
        st.caption("Nothing in this collection yet.")
    _draw_bulk_actions(app, found)
    failures.draw_failures(app, found)
    # The rows stand above the page numbers, but which rows there are is chosen there.
    rows = st.container(key="documents", gap=None)
    shown = _draw_pagination(found)
    with rows:
        for document in shown:
            _draw_row(app, document)


def _below_what_holds_them(documents: Sequence[Document]) -> list[Document]:
    """Return documents in their order, but what a mail or an archive holds stands below it."""
    ids = {document.id for document in documents}
    children: dict[str, list[Document]] = {}
    todo: list[Document] = []
    for document in documents:
        if document.parents and document.parents[0] in ids:
            children.setdefault(document.parents[0], []).append(document)
        else:
            todo.append(document)
    todo.reverse()
    ordered: list[Document] = []
    while todo:
        document = todo.pop()
        ordered.append(document)
        todo += reversed(children.get(document.id, []))
    return ordered


def _draw_no_documents() -> None:
    with st.container(key="empty", horizontal_alignment="center"):
        st.markdown("## No documents yet", text_alignment="center", anchors=False)
        st.markdown(
            "Files you drop above are copied into DocMind's data folder, read and indexed on this "
            "machine. You can leave this page while that goes on.",
            text_alignment="center",
        )


def _draw_toolbar(documents: Sequence[Document]) -> str:
    """Draw totals and the search box; return what is searched for."""
    ready = [document for document in documents if document.state == "ready"]
    totals = [
        wording.count(len(documents), "document"),
        wording.count(sum(document.pages for document in ready), "page"),
        wording.count(sum(document.passages for document in ready), "passage"),
        wording.size(sum(document.size for document in documents)),
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(" · ".join(totals), width="content")
        return st.text_input(
            "Search documents",
            key="document-search",
            placeholder="Search by name or tag",
            label_visibility="collapsed",
            icon=":material/search:",
            width=260,
        )


def _matches(document: Document, search_text: str) -> bool:
    tags = ",".join(document.tags)
    return search_text.casefold() in f"{document.name} {tags}".casefold()


def _draw_pagination(found: Sequence[Document]) -> Sequence[Document]:
    """Draw the page numbers if there are several; return the documents of the chosen page."""
    if len(found) <= PER_PAGE:
        return found
    pages = -(-len(found) // PER_PAGE)  # rounded up
    page = st.pagination(pages, key="documents-page") or 1
    return found[(page - 1) * PER_PAGE : page * PER_PAGE]


def _draw_bulk_actions(app: App, found: Sequence[Document]) -> None:
    """Draw what can be done with several of the documents found.

    Those that are picked but not found stay picked; nothing is done with what is not in sight.
    """
    tab = this_tab()
    # A file's id comes from its content: deleted and added again, it must not still be picked.
    tab.picked.intersection_update(document.id for document in app.documents.documents())
    found_ids = [document.id for document in found]
    picked_ids = [document_id for document_id in found_ids if document_id in tab.picked]
    unfinished = uploads.pending(found)
    with st.container(key="bulk", horizontal=True, vertical_alignment="center"):
        if picked_ids:
            st.markdown(f"**{len(picked_ids)} selected**", width="content")
        if len(found_ids) > 1 and len(picked_ids) < len(found_ids):
            st.button(
                f"Select all {len(found_ids)}",
                key="pick-all",
                type="tertiary",
                on_click=tab.pick,
                args=(found_ids,),
            )
        if picked_ids:
            _draw_picked_actions(tuple(picked_ids))
            st.button("Clear", key="pick-none", type="tertiary", on_click=tab.pick, args=((),))
        # A single one has the button in its row.
        if len(unfinished) > 1:
            st.button(
                f"Cancel all {len(unfinished)} that are being read",
                icon=":material/close:",
                type="tertiary",
                on_click=shared_app.attempt,
                args=(uploads.cancel, app, unfinished),
            )


def _draw_picked_actions(document_ids: tuple[str, ...]) -> None:
    if st.button(
        "Collection and tags", key="label-picked", icon=":material/label:", type="tertiary"
    ):
        dialogs.ask(dialogs.EditDocuments(document_ids))
    if st.button(
        "Delete documents", key="delete-picked", icon=":material/delete:", type="tertiary"
    ):
        dialogs.ask(dialogs.DeleteDocuments(document_ids))


def _draw_row(app: App, document: Document) -> None:
    with st.container(
        key=f"docrow-{document.id}", horizontal=True, wrap=False, vertical_alignment="center"
    ):
        _draw_checkbox(document)
        with st.container(gap=None):
            _draw_name(document)
            _draw_state(app, document)
        _draw_row_buttons(app, document)


def _draw_checkbox(document: Document) -> None:
    tab = this_tab()
    key = f"pick-{document.id}-{tab.picks}"
    # "Select all" and "Clear" make a new set: what a browser still says of the old one is void.
    picked = tab.picked

    def pick_or_not() -> None:
        if st.session_state[key]:
            picked.add(document.id)
        else:
            picked.discard(document.id)

    st.checkbox(
        plain(document.name),
        value=document.id in picked,
        key=key,
        on_change=pick_or_not,
        label_visibility="collapsed",
        width="content",
    )


def _draw_name(document: Document) -> None:
    icon = _ICONS.get(document.suffix, "description")
    tags = "".join(f" :gray-badge[{plain(tag)}]" for tag in document.tags)
    st.markdown(f":material/{icon}: **{plain(document.name)}**{tags}")


def _draw_state(app: App, document: Document) -> None:
    """Draw a ready document's figures, why another one is not ready, or how far it is."""
    if document.state == "ready":
        st.caption(plain(_figures(document)))
        if document.unread:
            st.caption(f":material/info: {plain('; '.join(document.unread))}.")
    elif document.failure == Failure.CANCELLED:
        st.caption(f":material/block: {plain(document.reason)}")
    elif document.state == "failed":
        reason = document.reason or "It could not be read."
        st.markdown(f":red[:material/error: {plain(reason)}]")
        if document.failure == Failure.PASSWORD_WANTED:
            _draw_password_field(app, document)
    elif document.state == "queued":
        st.caption("Waiting")
    else:
        progress = uploads.progress(document)
        st.progress(progress.fraction, progress.words)


def _figures(document: Document) -> str:
    figures = []
    if document.pages:
        figures.append(wording.count(document.pages, "page"))
    figures.append(wording.count(document.passages, "passage"))
    figures.append(wording.size(document.size))
    figures.append(f"read in {wording.duration(document.seconds)}")
    figures.append(f"added {wording.when(document.added_at)}")
    return " · ".join(figures)


def _draw_row_buttons(app: App, document: Document) -> None:
    if document.state == "failed" and document.failure != Failure.PASSWORD_WANTED:
        st.button(
            "Retry",
            key=f"retry-{document.id}",
            icon=":material/refresh:",
            on_click=shared_app.attempt,
            args=(app.documents.retry, document.id),
        )
    if document.state not in {"ready", "failed"}:
        st.button(
            "Cancel",
            key=f"cancel-{document.id}",
            icon=":material/close:",
            on_click=shared_app.attempt,
            args=(app.documents.cancel, document.id),
        )
    if document.state == "ready" and icon_button(
        "Preview", "visibility", key=f"preview-{document.id}"
    ):
        dialogs.ask(ViewerPane(document_id=document.id))
    if icon_button("Collection and tags", "label", key=f"label-{document.id}"):
        dialogs.ask(dialogs.EditDocuments((document.id,)))
    if icon_button("Delete documents", "delete", key=f"delete-{document.id}"):
        dialogs.ask(dialogs.DeleteDocuments((document.id,)))


def _draw_password_field(app: App, document: Document) -> None:
    """Draw the field for a password; it is used once and not kept."""
    form = st.form(f"unlock-{document.id}", clear_on_submit=True, border=False, width=280)
    with form, st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        password = st.text_input(
            "Password",
            type="password",
            placeholder="Password",
            label_visibility="collapsed",
            key=f"key-{document.id}",
        )
        is_submitted = st.form_submit_button("Open", icon=":material/lock_open:")
    if is_submitted and password:
        shared_app.attempt(app.documents.retry, document.id, password)
        st.rerun()
