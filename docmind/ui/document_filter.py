"""Which documents the list shows, and in which order: by name or tag, state, type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from docmind.storage.documents import Document

ANY = "any"
_STATES = {
    ANY: "All states",
    "ready": "Ready",
    "unfinished": "Being read or waiting",
    "failed": "Failed",
}
_NEWEST = "newest"
_ORDERS = {
    _NEWEST: "Newest first",
    "oldest": "Oldest first",
    "name": "By name",
    "largest": "Largest first",
    "pages": "Most pages first",
}
_STATE_KEY = "documents-state"
_TYPE_KEY = "documents-type"
_ORDER_KEY = "documents-order"
_RANK_OF_STATE = {"parsing": 0, "embedding": 0, "queued": 1, "failed": 2, "ready": 3}
"""Where documents of a state stand unless another order is chosen: those that are at work, wait or
failed come first."""


def draw_filter(documents: Sequence[Document]) -> list[Document]:
    """Draw the choice of state, type and order; return what is chosen, in that order."""
    suffixes = sorted({document.suffix for document in documents})
    types = {ANY: "All types"}
    for suffix in suffixes:
        types[suffix] = suffix.removeprefix(".").upper()
    if st.session_state.get(_TYPE_KEY) not in types:
        # The last document of that type is gone: a list that stays empty would not be understood.
        st.session_state[_TYPE_KEY] = ANY
    with st.container(key="document-filter", horizontal=True, gap="small"):
        state = _draw_choice("State", _STATES, _STATE_KEY)
        suffix = _draw_choice("Type", types, _TYPE_KEY)
        order = _draw_choice("Order", _ORDERS, _ORDER_KEY)
    found: list[Document] = []
    for document in documents:
        has_state = state in {ANY, _state_group(document)}
        if has_state and suffix in {ANY, document.suffix}:
            found.append(document)
    return _ordered(found, order)


def is_filtered() -> bool:
    """Return whether a state or a type is chosen."""
    chosen = {st.session_state.get(_STATE_KEY, ANY), st.session_state.get(_TYPE_KEY, ANY)}
    return chosen != {ANY}


def _draw_choice(label: str, names: dict[str, str], key: str) -> str:
    return st.selectbox(
        label,
        list(names),
        format_func=names.__getitem__,
        key=key,
        label_visibility="collapsed",
        width=190,
    )


def _state_group(document: Document) -> str:
    if document.state in {"ready", "failed"}:
        return document.state
    return "unfinished"


def _ordered(documents: list[Document], order: str) -> list[Document]:
    match order:
        case "oldest":
            return sorted(documents, key=lambda document: document.added_at)
        case "name":
            return sorted(documents, key=lambda document: document.name.casefold())
        case "largest":
            return sorted(documents, key=lambda document: document.size, reverse=True)
        case "pages":
            return sorted(documents, key=lambda document: document.pages, reverse=True)
    # Sorting is stable: within a rank the newest stays first.
    newest_first = sorted(documents, key=lambda document: document.added_at, reverse=True)
    return sorted(newest_first, key=lambda document: _RANK_OF_STATE[document.state])
