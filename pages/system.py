"""System: the machine, the engine and its plan, storage, versions, the trim log."""

from __future__ import annotations

import streamlit as st

from docmind.ui import state, system

app = state.page_app()
st.title("System", anchor=False)

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Machine", anchor=False)
    system.machine(app)
with right:
    st.subheader("Engine", anchor=False)
    system.engine(app)
    st.subheader("Storage", anchor=False)
    system.storage(app)

st.subheader("Engine plan", anchor=False)
system.plan(app)
st.subheader("Context trims", anchor=False)
system.trims(app)
st.subheader("Versions", anchor=False)
system.versions()
