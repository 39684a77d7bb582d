"""Handing files over to ingestion, and showing how far it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import streamlit as st

from docmind.errors import DocMindError
from docmind.storage.documents import IngestionProgress
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

_DRAWN = {
    "known": (st.info, "content_copy"),
    "error": (st.error, "error"),
    "wait": (st.warning, "hourglass_empty"),
}
_STAGES = {
    "parse": (0.02, "Reading"),
    "split": (0.3, "Splitting"),
    "embed": (0.35, "Embedding"),
    "store": (0.98, "Storing"),
}
"""Where each stage begins on the bar, and what it is called."""
_PARTS = {
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".pptx": "slide",
    ".pptm": "slide",
    ".epub": "chapter",
}


def limit_mb(app: App) -> int:
    """Return the largest file that the browser may send; Streamlit wants whole MB, ingestion checks exactly."""
    return max(1, math.ceil(app.settings.ingestion.max_file_mb))


def add(app: App, files: Sequence[Any], collection: int | None = None) -> list[tuple[str, str]]:
    """Queue the files; return (kind, message) notices: `known` or `error`. One bad file stops no other.

    New ones go into the collection, if one is given.
    """
    notices = []
    for file in files:
        try:
            added = app.documents.add_bytes(file, file.name)
            if collection and not added.known:
                app.collections.move(added.document.id, collection)
        except DocMindError as exc:
            notices.append(("error", plain(str(exc))))
            continue
        name, there = plain(file.name), plain(added.document.name)
        if added.known and name == there:
            notices.append(("known", f"**{name}** is already there; nothing had to be read again."))
        elif added.known:
            notices.append(
                (
                    "known",
                    f"**{name}** has the same content as **{there}**, which is already there.",
                )
            )
    return notices


def notices() -> None:
    """Draw what the last upload or question had to say until the user goes on; plain successes are in the list."""
    said = state.take("notice") or []
    state.keep("said", said)
    for kind, (box, icon) in _DRAWN.items():
        if texts := [text for k, text in said if k == kind]:
            box("  \n".join(texts), icon=f":material/{icon}:")


def redraw() -> NoReturn:
    """Draw the page anew because something ended by itself: the user may not have read the notices yet."""
    state.keep("notice", st.session_state.get("notice") or st.session_state.get("said"))
    st.rerun()


def pending(documents: Sequence[Document]) -> list[Document]:
    """Return the documents that are still being worked on."""
    return [d for d in documents if d.state not in {"ready", "failed"}]


def progress(document: Document) -> tuple[float, str]:
    """Return (share from 0 to 1, words) of a document that is being worked on."""
    at = document.progress or IngestionProgress(stage="parse", done=0, total=0)
    stage = at.stage
    begin, words = _STAGES[stage]
    end = min((b for b, _ in _STAGES.values() if b > begin), default=1.0)
    done = at.done
    total = at.total
    part = min(done / total, 1.0) if total else 0.0
    if total and stage == "parse":
        words += f" {_PARTS.get(document.suffix, 'page')} {min(done + 1, total):,} of {total:,}"
    elif total and stage == "split":
        words += f" {part:.0%}"
    elif total:
        words += f" passage {done:,} of {total:,}"
    return begin + (end - begin) * part, words


def cancel(app: App, documents: Sequence[Document]) -> None:
    """End the ingestion of these documents, the waiting ones first."""
    for document in sorted(documents, key=lambda d: d.state != "queued"):
        app.documents.cancel(document.id)
