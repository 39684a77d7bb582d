"""Handing files over to ingestion, and showing how far it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui.markdown import plain
from docmind.ui.tab import Notice, this_tab

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from docmind.app import App
    from docmind.storage.documents import Document


@dataclass(frozen=True)
class _Stage:
    """A stage of ingestion: what it is called, and which part of the bar it fills."""

    words: str
    begin: float
    end: float


_STAGES = {
    "parse": _Stage(words="Reading", begin=0.02, end=0.3),
    "split": _Stage(words="Splitting", begin=0.3, end=0.35),
    "embed": _Stage(words="Embedding", begin=0.35, end=0.98),
    "store": _Stage(words="Storing", begin=0.98, end=1.0),
}
_PARTS = {
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".pptx": "slide",
    ".pptm": "slide",
    ".ods": "sheet",
    ".odp": "slide",
    ".mbox": "mail",
    ".zip": "file",
    ".epub": "chapter",
}
"""What is counted while a file of this type is read; of all others pages."""


@dataclass(frozen=True)
class Progress:
    """How far the ingestion of a document has come."""

    fraction: float
    """0 to 1."""
    words: str


def limit_mb(app: App) -> int:
    """Return the largest file that the browser may send, in whole MB as Streamlit wants it.

    Ingestion checks the limit exactly.
    """
    return max(1, math.ceil(app.settings.ingestion.max_file_mb))


def add(app: App, files: Sequence[UploadedFile], collection: int | None = None) -> list[Notice]:
    """Queue the files, and return what is to be said of them. One bad file stops no other.

    Args:
        collection: files that are new go into it.
    """
    notices = []
    for file in files:
        try:
            added = app.documents.add_bytes(file, file.name)
            if collection and not added.known:
                app.collections.move(added.document.id, collection)
        except DocMindError as exc:
            notices.append(Notice(kind="error", text=plain(str(exc))))
            continue
        if added.known:
            notices.append(_already_there(file.name, added.document))
    return notices


def _already_there(file_name: str, document: Document) -> Notice:
    name = plain(file_name)
    known_name = plain(document.name)
    if name == known_name:
        text = f"**{name}** is already there; nothing had to be read again."
    else:
        text = f"**{name}** has the same content as **{known_name}**, which is already there."
    return Notice(kind="known", text=text)


def draw_notices() -> None:
    """Draw what the last upload or question had to say, until the user goes on.

    Nothing is said of plain successes: they are in the list.
    """
    tab = this_tab()
    notices = tab.notices
    tab.notices = []
    tab.said_notices = notices
    known = _lines(notices, "known")
    if known:
        st.info(known, icon=":material/content_copy:")
    errors = _lines(notices, "error")
    if errors:
        st.error(errors, icon=":material/error:")
    waits = _lines(notices, "wait")
    if waits:
        st.warning(waits, icon=":material/hourglass_empty:")


def _lines(notices: Sequence[Notice], kind: str) -> str:
    return "  \n".join(notice.text for notice in notices if notice.kind == kind)


def redraw() -> NoReturn:
    """Draw the page anew because something ended by itself.

    The user may not have read the notices yet: they are said again.
    """
    tab = this_tab()
    if not tab.notices:
        tab.notices = tab.said_notices
    st.rerun()


def pending(documents: Sequence[Document]) -> list[Document]:
    """Return the documents that are still being worked on."""
    return [document for document in documents if document.state not in {"ready", "failed"}]


def progress(document: Document) -> Progress:
    """Return how far a document that is being worked on has come."""
    if document.progress is None:
        begin = _STAGES["parse"]
        return Progress(fraction=begin.begin, words=begin.words)
    stage = _STAGES[document.progress.stage]
    done = document.progress.done
    total = document.progress.total
    if not total:
        return Progress(fraction=stage.begin, words=stage.words)
    fraction_of_stage = min(done / total, 1.0)
    if stage is _STAGES["parse"]:
        part = _PARTS.get(document.suffix, "page")
        detail = f"{part} {min(done + 1, total):,} of {total:,}"
    elif stage is _STAGES["split"]:
        detail = f"{fraction_of_stage:.0%}"
    else:
        detail = f"passage {done:,} of {total:,}"
    return Progress(
        fraction=stage.begin + (stage.end - stage.begin) * fraction_of_stage,
        words=f"{stage.words} {detail}",
    )


def cancel(app: App, documents: Sequence[Document]) -> None:
    """End the ingestion of these documents, the waiting ones first."""
    waiting_first = sorted(documents, key=lambda document: document.state != "queued")
    for document in waiting_first:
        app.documents.cancel(document.id)
