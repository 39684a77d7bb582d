"""What every page has: the stylesheet, the content policy, clicks on citations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from docmind.ui import dialogs

_HERE = Path(__file__).parent
ICON = _HERE / "favicon.png"


def draw() -> None:
    """Apply the style and policy; open a clicked citation's passage."""
    st.html(_HERE / "style.css")
    with st.container(key="docmind-page"):
        clicked = _page()(key="page", on_opened_change=lambda: None)
    if clicked.opened:
        st.session_state[dialogs.OPEN] = ("Passage", str(clicked.opened))


@st.cache_resource(show_spinner=False)
def _page() -> Any:
    return st.components.v2.component("docmind_page", js=(_HERE / "page.js").read_text("utf-8"))
