"""The documents page's parts: the drop field and the live list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind.ingestion.readers.formats import IMAGES
from docmind.storage.documents import Failure
from docmind.ui import collections, dialogs, format, state, uploads
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

PER_PAGE = 20
_ICONS = {
    ".pdf": "picture_as_pdf",
    **dict.fromkeys((".docx", ".docm"), "article"),
    **dict.fromkeys((".pptx", ".pptm"), "slideshow"),
    **dict.fromkeys((".xlsx", ".xlsm", ".csv", ".tsv"), "table"),
    **dict.fromkeys((".eml", ".msg"), "mail"),
    ".epub": "menu_book",
    **dict.fromkeys(IMAGES, "image"),
}

_ACTIONS = (("Collection and tags", "label"), ("Delete documents", "delete"))


def drop_field(app: App) -> None:
    """Draw the upload field; what is dropped is queued at once and the field is empty again.

    It takes any type: the browser would drop what it does not know without a word, ingestion says why.
    """
    version = st.session_state.get("upload_version", 0)
    files = st.file_uploader(
        "PDF, Word, PowerPoint, Excel, CSV, web pages, e-mails, e-books, text and pictures, as many as you like",
        accept_multiple_files=True,
        key=f"upload-{version}",
        max_upload_size=uploads.limit_mb(app),
    )
    if files:
        with st.spinner("Taking the files in …"):
            state.keep("notice", uploads.add(app, files, st.session_state.get(collections.CHOSEN)))
        state.keep("upload_version", version + 1)  # a new key empties the field
        st.rerun()
    uploads.notices()


def overview(app: App) -> None:
    """Draw the list, live while something is being read."""
    busy = bool(uploads.pending(app.documents.documents()))
    st.fragment(_list, run_every=0.7 if busy else 5.0)(app, busy)


def _list(app: App, busy: bool) -> None:
    state.check(app)
    documents = app.documents.documents()
    if busy != bool(uploads.pending(documents)):
        uploads.redraw()
    if not documents:
        with st.container(key="empty", horizontal_alignment="center"):
            st.subheader("No documents yet", anchor=False, text_alignment="center")
            st.markdown(
                "Files you drop above are copied into DocMind's data folder, read and indexed on this machine. "
                "You can leave this page while that goes on.",
                text_alignment="center",
            )
        return
    if chosen := collections.bar(app):
        documents = [d for d in documents if d.collection == chosen]
    wanted = _toolbar(documents)
    found = [d for d in documents if wanted in f"{d.name} {','.join(d.tags)}".casefold()]
    # What is at work, waits or failed wants attention; the rest is newest first.
    found.sort(key=lambda d: str(d.added_at), reverse=True)
    found.sort(key=lambda d: {"queued": 1, "failed": 2, "ready": 3}.get(d.state, 0))
    if not found:
        st.caption(
            "No document has this in its name or tags."
            if wanted
            else "Nothing in this collection yet."
        )
    picked = _bulk(app, found)
    rows = st.container(key="documents", gap=None)
    pages = -(-len(found) // PER_PAGE)
    page = (st.pagination(pages, key="documents-page") or 1) if pages > 1 else 1
    with rows:
        for document in found[(page - 1) * PER_PAGE : page * PER_PAGE]:
            _row(app, document, picked)


def _toolbar(documents: Sequence[Document]) -> str:
    """Draw totals and the search box; return what is searched for."""
    ready = [d for d in documents if d.state == "ready"]
    words = [
        format.count(len(documents), "document"),
        format.count(sum(d.pages for d in ready), "page"),
    ]
    words += [
        format.count(sum(d.passages for d in ready), "passage"),
        format.size(sum(d.size for d in documents)),
    ]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.caption(" · ".join(words), width="content")
        return st.text_input(
            "Search documents",
            key="document-search",
            placeholder="Search by name or tag",
            label_visibility="collapsed",
            icon=":material/search:",
            width=260,
        ).casefold()


def _bulk(app: App, found: Sequence[Document]) -> set[str]:
    """Draw what can be done with several of the documents found; return the ids of those that are picked.

    A new choice of all or none gives the checkboxes new keys: what a browser still says of the old ones is void.
    """
    picked: set[str] = st.session_state.setdefault("picked", set())
    picked.intersection_update(
        [d.id for d in app.documents.documents()]
    )  # a deleted file may be added again
    chosen = [d.id for d in found if d.id in picked]
    busy = uploads.pending(found)

    def pick(ids: Iterable[str]) -> None:
        state.keep("picked", set(ids))
        state.keep("picks", st.session_state.get("picks", 0) + 1)

    with st.container(key="bulk", horizontal=True, vertical_alignment="center"):
        if chosen:
            st.markdown(f"**{len(chosen)} selected**", width="content")
        ids = [d.id for d in found]
        if len(chosen) < len(ids) > 1:
            st.button(
                f"Select all {len(ids)}",
                key="pick-all",
                type="tertiary",
                on_click=pick,
                args=(ids,),
            )
        for what, icon in _ACTIONS if chosen else ():
            if st.button(what, key=f"{icon}-picked", icon=f":material/{icon}:", type="tertiary"):
                dialogs.ask(what, chosen)
        if chosen:
            st.button("Clear", key="pick-none", type="tertiary", on_click=pick, args=((),))
        if len(busy) > 1:
            label, args = f"Cancel all {len(busy)} that are being read", (uploads.cancel, app, busy)
            st.button(
                label, icon=":material/close:", type="tertiary", on_click=state.attempt, args=args
            )
    return picked


def _pick(document: Document, picked: set[str]) -> None:
    key = f"pick-{document.id}-{st.session_state.get('picks', 0)}"

    def changed() -> None:
        (picked.add if st.session_state[key] else picked.discard)(document.id)

    name = plain(document.name)
    st.checkbox(
        name,
        document.id in picked,
        key,
        on_change=changed,
        label_visibility="collapsed",
        width="content",
    )


def _row(app: App, document: Document, picked: set[str]) -> None:
    with st.container(
        key=f"docrow-{document.id}", horizontal=True, wrap=False, vertical_alignment="center"
    ):
        _pick(document, picked)
        with st.container(gap=None):
            icon = _ICONS.get(document.suffix, "description")
            tags = "".join(f" :gray-badge[{plain(tag)}]" for tag in document.tags)
            st.markdown(f":material/{icon}: **{plain(document.name)}**{tags}")
            if document.state == "ready":
                facts = [format.count(document.pages, "page")] if document.pages else []
                facts += [format.count(document.passages, "passage"), format.size(document.size)]
                facts += [
                    f"read in {format.duration(document.seconds)}",
                    f"added {format.when(document.added_at)}",
                ]
                st.caption(plain(" · ".join(facts)))
            elif document.failure == Failure.CANCELLED:
                st.caption(f":material/block: {plain(document.reason)}")
            elif document.state == "failed":
                st.markdown(
                    f":red[:material/error: {plain(document.reason or 'It could not be read.')}]"
                )
                if document.failure == Failure.PASSWORD_WANTED:
                    _unlock(app, document)
            elif document.state == "queued":
                st.caption("Waiting")
            else:
                st.progress(*uploads.progress(document))
        act, key, do = app.documents, document.id, state.attempt
        if document.state == "failed" and document.failure != Failure.PASSWORD_WANTED:
            st.button(
                "Retry",
                key=f"retry-{key}",
                icon=":material/refresh:",
                on_click=do,
                args=(act.retry, key),
            )
        if document.state not in {"ready", "failed"}:
            st.button(
                "Cancel",
                key=f"cancel-{key}",
                icon=":material/close:",
                on_click=do,
                args=(act.cancel, key),
            )
        for what, icon in _ACTIONS:
            if st.button(
                "", key=f"{icon}-{key}", icon=f":material/{icon}:", type="tertiary", help=what
            ):
                dialogs.ask(what, [document.id])


def _unlock(app: App, document: Document) -> None:
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
        if st.form_submit_button("Open", icon=":material/lock_open:") and password:
            state.attempt(app.documents.retry, document.id, password)
            st.rerun()
