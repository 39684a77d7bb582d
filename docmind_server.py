"""What `docmind run` has Streamlit serve: the pages, and the app behind them from the start on."""

import streamlit as st

from docmind.ui.shared_app import opened_from_start

# Streamlit finds `app` by this very form, and the pages beside this file.
app = st.App("streamlit_app.py", lifespan=opened_from_start)
