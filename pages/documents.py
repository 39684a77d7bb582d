"""Documents: add, watch, search, delete."""

from __future__ import annotations

import streamlit as st

from docmind.ui import documents, shared_app

app = shared_app.page_app()
st.title("Documents", anchor=False)
documents.draw_drop_field(app)
documents.draw_list(app)
