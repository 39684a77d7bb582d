"""System: the machine, the engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import streamlit as st

from docmind.ui import shared_app, system

app = shared_app.page_app()
st.title("System", anchor=False)

st.header("Machine", anchor=False)
system.draw_machine(app)

st.header("Engine", anchor=False)
system.draw_engine(app)

st.header("Engine plan", anchor=False)
system.draw_plan(app)

st.header("Storage", anchor=False)
system.draw_storage(app)

st.header("Context trims", anchor=False)
system.draw_trims(app)
