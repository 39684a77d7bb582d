"""Extract: the same questions asked of many documents."""

from __future__ import annotations

import streamlit as st

from docmind.ui import extraction, shared_app

app = shared_app.page_app()
st.title("Extract", anchor=False)
extraction.draw_form(app)
extraction.draw_grid(app)
