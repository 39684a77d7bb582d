"""Settings: what the Settings model offers, saved into the data folder."""

from __future__ import annotations

import streamlit as st

from docmind.ui import settings_form, shared_app

app = shared_app.page_app()
st.title("Settings", anchor=False)
settings_form.draw(app)
