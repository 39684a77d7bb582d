"""Chat: a conversation about the documents."""

from __future__ import annotations

import streamlit as st

from docmind.ui import answer, chat, collections, dialogs, state, uploads

SHOWN = 40  # messages drawn at first; older ones on demand

app = state.page_app()
conversation = state.conversation_id(app)
turn = app.chat.active(conversation) if conversation else None
messages = app.conversations.messages(conversation) if conversation else []

foot = (
    st.bottom.container()
)  # always there and first: where the input's place changes, the whole page is made anew
with foot if messages else st.container():  # a conversation is scrolled to its end
    chat.engine_banner(app)

waiting = st.session_state.get("waiting")
if not messages and turn is None and not waiting:
    chat.empty(app)

first = 0 if st.session_state.get("whole") == conversation else max(0, len(messages) - SHOWN)
if first and st.button(
    f"Show {first} earlier messages", type="tertiary", icon=":material/expand_less:"
):
    state.keep("whole", conversation)
    st.rerun()

for index, message in enumerate(messages[first:], first):
    if message.role == "user":
        answer.question(message.text, index)
    else:
        answer.answer(message, index)

if turn is not None and conversation:
    if not messages or messages[-1].role != "user":
        answer.question(turn.question, "live")
    chat.follow(app, conversation)

if waiting:
    chat.waiting(app, waiting)
elif (
    messages
    and turn is None
    and messages[-1].role == "assistant"
    and (messages[-1].error or messages[-1].stopped)
):
    last = next((m.text for m in reversed(messages) if m.role == "user"), "")
    st.button("Ask again", icon=":material/refresh:", on_click=chat.ask, args=(app, last))

with foot:
    uploads.notices()
    if uploads.pending(app.documents.documents()):
        chat.ingesting(app)
    if turn is not None:
        with st.container(key="stop", horizontal=True, horizontal_alignment="center"):
            shortcut = (
                None if st.session_state.get(dialogs.OPEN) else "Escape"
            )  # it closes the dialog
            st.button(
                "Stop",
                icon=":material/stop:",
                shortcut=shortcut,
                on_click=turn.stop,
                key="stop-turn",
            )
    if draft := state.take("draft"):
        st.session_state[chat.INPUT] = draft
    collections.chooser(app, conversation)

# Not within st.bottom, where it stands all the same: Streamlit follows the end of a page only with its input outside.
if value := st.chat_input(
    "Ask about your documents, or drop files",
    key=chat.INPUT,
    accept_file="multiple",
    max_upload_size=uploads.limit_mb(app),
):
    chat.submit(app, value)
