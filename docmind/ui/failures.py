"""Documents that could not be read, grouped by the reason, with one retry for each group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.storage.documents import Failure
from docmind.ui import shared_app
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

LEAST = 2
"""Documents of one reason that make a group; a single one has its button in its row."""
NAMES_SHOWN = 3


def group_by_reason(documents: Sequence[Document]) -> dict[str, list[Document]]:
    """Return the documents that failed by the reason, without their names in it.

    Documents that want a password are in no group: each has its own.
    """
    groups: dict[str, list[Document]] = {}
    for document in documents:
        if document.state == "failed" and document.failure != Failure.PASSWORD_WANTED:
            groups.setdefault(_reason(document), []).append(document)
    return groups


def draw_failures(app: App, documents: Sequence[Document]) -> None:
    """Draw each reason that several documents share, and a button that tries all of them again."""
    for number, (reason, group) in enumerate(group_by_reason(documents).items()):
        if len(group) >= LEAST:
            with st.container(
                key=f"failures-{number}",
                horizontal=True,
                horizontal_alignment="distribute",
                vertical_alignment="center",
            ):
                _draw_group(app, number, reason, group)


def _draw_group(app: App, number: int, reason: str, group: Sequence[Document]) -> None:
    names = ", ".join(document.name for document in group[:NAMES_SHOWN])
    if len(group) > NAMES_SHOWN:
        names += f" and {len(group) - NAMES_SHOWN} more"
    count = wording.count(len(group), "document")
    st.markdown(f":red[:material/error: **{count}**: {plain(reason)}]  \n{plain(names)}")

    def retry() -> None:
        for document in group:
            app.documents.retry(document.id)

    st.button(
        f"Retry all {len(group)}",
        key=f"retry-group-{number}",
        icon=":material/refresh:",
        on_click=shared_app.attempt,
        args=(retry,),
    )


def _reason(document: Document) -> str:
    reason = document.reason or "It could not be read."
    for name in (document.name, document.own_name):
        reason = reason.replace(f"'{name}'", "It").replace(name, "It")
    return reason
