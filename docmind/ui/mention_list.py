"""The list that opens while `@` or `#` is typed in the question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.ui.tab import this_tab

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

    from docmind.app import App
    from docmind.storage.documents import Document

SHOWN = 8
"""Most names that are offered at once."""
_KEY = "mention-list"
_SCRIPT = Path(__file__).parent / "mentions.js"


@dataclass(frozen=True)
class Offer:
    """A name that is offered for what was typed."""

    name: str
    """What stands behind the mark once it is chosen."""
    detail: str
    """What tells it from others."""


@st.fragment
def draw(app: App) -> None:
    """Draw what the page script needs; only this runs again at what is typed."""
    tab = this_tab()

    def note() -> None:
        tab.mention = st.session_state[_KEY].typed

    offers: list[Offer] = []
    number = 0
    if tab.mention:
        number = int(str(tab.mention["number"]))
        offers = offers_for(app, str(tab.mention["mark"]), str(tab.mention["text"]))
    draw_script = _script()
    with st.container(key="mention-script"):
        draw_script(
            key=_KEY,
            data={"number": number, "offers": [asdict(offer) for offer in offers]},
            on_typed_change=note,
        )


def offers_for(app: App, mark: str, typed: str) -> list[Offer]:
    """Return the documents (`@`), or collections and tags (`#`), that were begun to be typed.

    Those that begin so come first. A name that stands there already is offered no more.
    """
    wanted = typed.casefold()
    found: list[tuple[bool, bool, Offer]] = []
    for offer in _all(app, mark):
        name = offer.name.casefold()
        if name == wanted:
            return []
        place = name.find(wanted)
        if place >= 0:
            begins_word = place == 0 or not name[place - 1].isalnum()
            found.append((place > 0, not begins_word, offer))
    found.sort(key=lambda ranked: ranked[:2])
    return [offer for _, _, offer in found[:SHOWN]]


def _all(app: App, mark: str) -> Iterable[Offer]:
    documents = app.documents.documents()
    if mark == "@":
        for document in documents:
            yield Offer(name=document.name, detail=_detail(document))
        return
    for collection in app.collections.all():
        yield Offer(name=collection.name, detail="collection")
    counts: dict[str, int] = {}
    for document in documents:
        for tag in document.tags:
            counts[tag] = counts.get(tag, 0) + 1
    for tag, count in sorted(counts.items()):
        yield Offer(name=tag, detail=f"tag of {wording.count(count, 'document')}")


def _detail(document: Document) -> str:
    if document.state == "failed":
        return "could not be read"
    if document.state != "ready":
        return "not read yet"
    if document.pages:
        return wording.count(document.pages, "page")
    return ""


@st.cache_resource(show_spinner=False)
def _script() -> ComponentRenderer:
    return st.components.v2.component("docmind_mentions", js=_SCRIPT.read_text("utf-8"))
