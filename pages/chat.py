"""Chat: a conversation about the documents."""

from __future__ import annotations

import streamlit as st

from docmind.ui import answer, asking, chat, mention_list, shared_app, tab, uploads

app = shared_app.page_app()
conversation_id = tab.shown_conversation(app)
turn = None
messages = []
if conversation_id is not None:
    turn = app.chat.active(conversation_id)
    messages = app.conversations.messages(conversation_id)
waiting = tab.this_tab().waiting

# Always there and first: where the input's place changes, the whole page is made anew.
foot = st.bottom.container()

# Also there without a banner: what stands behind keeps its place in the page, and so does not jump.
head = st.container()

# A conversation is scrolled to its end: the banner stands there too.
with foot if messages else head:
    chat.draw_engine_banner(app)

# Emptied before the first question is drawn: else that would stand below what is still there, and
# jump up when it goes.
welcome = st.empty()
if not messages and turn is None and waiting is None:
    with welcome.container():
        chat.draw_empty(app, conversation_id)

if conversation_id is not None:
    chat.draw_messages(app, messages, conversation_id)

if turn is not None and conversation_id is not None:
    if not messages or messages[-1].role != "user":
        answer.draw_question(turn.question, answer.LIVE)
    chat.follow(app, conversation_id)

if waiting is not None:
    chat.draw_waiting(app, waiting)
elif turn is None:
    chat.draw_ask_again(app, messages)
    if messages:
        chat.draw_next_questions(app, messages, conversation_id)

with foot:
    uploads.draw_notices()
    if uploads.pending(app.documents.documents()):
        chat.draw_ingesting(app)
    chat.write_draft_into_input()
    chat.draw_question_options(app, conversation_id, turn)

# Not within st.bottom, where it stands all the same: Streamlit follows the end of a page only
# with its input outside.
sent = chat.draw_input(app)
mention_list.draw(app)
if sent:
    asking.submit(app, sent)
