"""System: the machine, the engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import streamlit as st

from docmind.ui import state, system

app = state.page_app()
st.title("System", anchor=False)
for title, part in {
    "Machine": system.machine,
    "Engine": system.engine,
    "Engine plan": system.plan,
    "Storage": system.storage,
    "Context trims": system.trims,
}.items():
    st.subheader(title, anchor=False)
    part(app)
