"""What every page has: the stylesheet, the content policy, clicks on citations, the clipboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from docmind.ui.dialogs import CopyByHand, Keys
from docmind.ui.tab import this_tab
from docmind.ui.viewer import ViewerPane

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_FOLDER = Path(__file__).parent
ICON = _FOLDER / "favicon.png"


def draw() -> None:
    """Apply the style and policy; open a clicked citation's passage."""
    tab = this_tab()
    st.html(_FOLDER / "style.css")
    draw_page_script = _page_script()
    with st.container(key="docmind-page"):
        happened = draw_page_script(
            key="page",
            data={"text": tab.clipping.text, "number": tab.clipping.number},
            on_opened_change=_do_nothing,
            on_refused_change=_do_nothing,
            on_help_change=_do_nothing,
        )
    if happened.opened:
        tab.dialog = ViewerPane.from_link(str(happened.opened))
    if happened.help:
        tab.dialog = Keys()
    if happened.refused:
        tab.dialog = CopyByHand(tab.clipping.text)


def _do_nothing() -> None:
    """Streamlit passes on only those events that have a callback."""


@st.cache_resource(show_spinner=False)
def _page_script() -> ComponentRenderer:
    script = (_FOLDER / "page.js").read_text("utf-8")
    return st.components.v2.component("docmind_page", js=script)
