"""Router: page configuration, navigation, sidebar. All else is in pages/ and docmind/ui/."""

from __future__ import annotations

import streamlit as st

from docmind.errors import DocMindError
from docmind.ui import conversations, dialogs, settings_form, shared_app, shell, sidebar
from docmind.ui.markdown import plain

# A Material icon here would be fetched from a font server; the file comes from this machine.
st.set_page_config("DocMind", shell.ICON, layout="wide", initial_sidebar_state="auto")
page = st.navigation(
    [
        st.Page("pages/chat.py", title="Chat", icon=":material/forum:", default=True),
        st.Page("pages/documents.py", title="Documents", icon=":material/folder_open:"),
        st.Page("pages/extract.py", title="Extract", icon=":material/table_view:"),
        st.Page("pages/notes.py", title="Notes", icon=":material/sticky_note_2:"),
        st.Page("pages/system.py", title="System", icon=":material/monitoring:"),
        st.Page("pages/settings.py", title="Settings", icon=":material/tune:"),
    ]
)
shell.draw()

try:
    app = shared_app.get_app()
except DocMindError as exc:
    st.title("DocMind could not start", anchor=False)
    st.error(plain(str(exc)), icon=":material/error:")
    st.button("Try again", icon=":material/refresh:", type="primary")
    settings_form.offer_to_take_back()
    if page.title == "Settings":
        settings_form.draw(None)
    st.stop()

try:
    with st.sidebar:
        if page.title == "Chat":
            conversations.draw(app)
        sidebar.draw(app)
    page.run()
    dialogs.draw(app)
except DocMindError as exc:  # the disk is full, the database can't be read …
    st.error(plain(str(exc)), icon=":material/error:")
