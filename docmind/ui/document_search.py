"""Search within the document that the pane shows: the matches, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind.passages import Passage
from docmind.ui.icon_button import icon_button
from docmind.ui.markdown import plain
from docmind.wording import comparable

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

AROUND = 80
"""Characters that are shown on either side of what was found."""


def find_passages(passages: Sequence[Passage], text: str) -> list[Passage]:
    """Return the passages in which a text stands; upper and lower case and line ends are one."""
    wanted = comparable(text)
    found: list[Passage] = []
    for passage in passages:
        if wanted and wanted in comparable(passage.text):
            found.append(passage)
    return found


def excerpt(passage: Passage, text: str) -> str:
    """Return as Markdown what stands around the first match in a passage."""
    shown = " ".join(passage.text.split())
    start = shown.casefold().find(comparable(text))
    if start < 0:  # a letter that has another length in lower case stands before it
        return plain(shown[: 2 * AROUND])
    end = start + len(comparable(text))
    # Whole words, so that the blanks between the parts are known.
    start = shown.rfind(" ", 0, start) + 1
    end = shown.find(" ", end)
    if end < 0:
        end = len(shown)
    before = plain(shown[max(0, start - AROUND) : start])
    after = plain(shown[end : end + AROUND])
    return f"… {before} **{plain(shown[start:end])}** {after} …"


def draw_search(
    app: App, document: Document, place: int, go: Callable[[int, Passage], None]
) -> Passage | None:
    """Draw the field and, once something is found, the way to the next match.

    Args:
        app: The app.
        document: What is searched.
        place: Which of the matches is looked at.
        go: Called with the place of another match and its passage.

    Returns:
        The match that is looked at.
    """
    key = f"viewer-search-{document.id}"

    def find() -> list[Passage]:
        text = str(st.session_state.get(key, ""))
        if not text.strip():
            return []
        return find_passages(app.documents.passages(document.id), text)

    def go_to_first() -> None:
        found = find()
        if found:
            go(0, found[0])

    with st.container(
        key="viewer-search", horizontal=True, gap="small", vertical_alignment="center", wrap=False
    ):
        text = st.text_input(
            "Search in this document",
            key=key,
            placeholder="Search in this document",
            label_visibility="collapsed",
            icon=":material/search:",
            on_change=go_to_first,
        )
        if not text.strip():
            return None
        found = find()
        if not found:
            st.caption("Not found", width="content")
            return None
        place = min(place, len(found) - 1)
        before = (place - 1) % len(found)
        after = (place + 1) % len(found)
        icon_button(
            "Match before",
            "keyboard_arrow_up",
            key="viewer-match-before",
            on_click=go,
            args=(before, found[before]),
        )
        st.caption(f"{place + 1} of {len(found)}", width="content")
        icon_button(
            "Next match",
            "keyboard_arrow_down",
            key="viewer-match-next",
            on_click=go,
            args=(after, found[after]),
        )
    st.caption(excerpt(found[place], text))
    return found[place]
