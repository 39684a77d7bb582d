"""Handing files over to ingestion, and showing how far it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.ingestion.registry import Document

_DRAWN = {"error": (st.error, "error"), "wait": (st.warning, "hourglass_empty")}
STAGES = {"queued": "Waiting", "parse": "Reading", "split": "Splitting", "embed": "Embedding", "store": "Storing"}


def limit_mb(app: App) -> int:
    """Return the largest file that the browser may send; Streamlit wants whole MB, ingestion checks exactly."""
    return max(1, math.ceil(app.settings.ingestion.max_file_mb))


def add(app: App, files: Sequence[Any], collection: int | None = None) -> list[tuple[str, str]]:
    """Queue the files; return (kind, message) notices: `added`, `known` or `error`. One bad file stops no other.

    New ones go into the collection, if one is given.
    """
    notices = []
    for file in files:
        try:
            added = app.documents.add_bytes(file, file.name)
        except DocMindError as exc:
            notices.append(("error", plain(str(exc))))
            continue
        name = plain(file.name)
        if not added.known:
            if collection:
                app.collections.move(added.document.id, collection)
            notices.append(("added", f"**{name}** was added."))
        elif added.document.name == file.name:
            notices.append(("known", f"**{name}** is already there; nothing had to be read again."))
        else:
            there = plain(added.document.name)
            notices.append(("known", f"**{name}** has the same content as **{there}**, which is already there."))
    return notices


def notices() -> None:
    """Draw, once, what the last upload or question had to say; plain successes are visible in the list."""
    said = state.take("notice") or []
    if known := [text for kind, text in said if kind == "known"]:
        st.info("  \n".join(known), icon=":material/content_copy:")
    for kind, text in said:
        if kind in _DRAWN:
            box, icon = _DRAWN[kind]
            box(text, icon=f":material/{icon}:")


def pending(documents: Sequence[Document]) -> list[Document]:
    """Return the documents that are still being worked on."""
    return [d for d in documents if d.state not in {"ready", "failed"}]


def progress(document: Document) -> tuple[float, str]:
    """Return (share from 0 to 1, words) of a document that is being worked on."""
    stage = document.stage or ("queued" if document.state == "queued" else "parse")
    order = list(STAGES)
    at = order.index(stage) if stage in order else 1
    part = document.done / document.total if document.total else 0.0
    # Embedding takes nearly all of the time; the other stages share the rest of the bar.
    begins = {"queued": 0.0, "parse": 0.02, "split": 0.12, "embed": 0.15, "store": 0.95}
    begin = begins.get(stage, 0.0)
    end = begins[order[at + 1]] if at + 1 < len(order) else 1.0
    words = STAGES.get(stage, stage.capitalize())
    if document.total and stage != "queued":
        words += f" {document.done:,} of {document.total:,}"
    return min(begin + (end - begin) * min(part, 1.0), 1.0), words
