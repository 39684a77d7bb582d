"""Notes: what was kept from answers."""

from __future__ import annotations

import streamlit as st

from docmind.ui import notes, shared_app

app = shared_app.page_app()
st.title("Notes", anchor=False)
notes.draw(app)
