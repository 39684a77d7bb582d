"""What every page has: the stylesheet, the content policy, clicks on citations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from docmind.ui.dialogs import PassageDialog
from docmind.ui.tab import this_tab

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

_FOLDER = Path(__file__).parent
ICON = _FOLDER / "favicon.png"


def draw() -> None:
    """Apply the style and policy; open a clicked citation's passage."""
    st.html(_FOLDER / "style.css")
    draw_page_script = _page_script()
    with st.container(key="docmind-page"):
        clicked = draw_page_script(key="page", on_opened_change=_do_nothing)
    if clicked.opened:
        this_tab().dialog = PassageDialog.from_link(str(clicked.opened))


def _do_nothing() -> None:
    """Streamlit passes on only those events that have a callback."""


@st.cache_resource(show_spinner=False)
def _page_script() -> ComponentRenderer:
    script = (_FOLDER / "page.js").read_text("utf-8")
    return st.components.v2.component("docmind_page", js=script)
