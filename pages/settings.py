"""Settings: what the Settings model offers, saved into the data folder."""

from __future__ import annotations

import streamlit as st

from docmind.errors import ConfigError
from docmind.settings import load_settings
from docmind.ui import settings_form, state
from docmind.ui.markdown import plain

app = state.page_app()
st.title("Settings", anchor=False)
st.caption(f"Saved in {plain(str(app.settings.saved_file))}. What the environment sets is shown and stays as it is.")
settings_form.restart_notice(app)
if notice := app.engine.status().notice:
    st.warning(plain(notice), icon=":material/warning:")
try:
    settings = load_settings(data_dir=app.settings.data_dir)  # as saved: the running app keeps to what it started with
except ConfigError as exc:
    st.error(plain(str(exc)), icon=":material/error:")
    settings_form.rescue()
else:
    settings_form.draw(settings)
