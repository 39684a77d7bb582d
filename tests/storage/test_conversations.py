import sqlite3

import pytest
from sqlalchemy import event

from docmind.errors import ConfigError
from docmind.events import Citation, ContextTrimmed, Usage, now
from docmind.storage.conversations import ConversationStore, StoredMessage
from tests.passages import numbered


def test_a_conversation_comes_back_whole_after_a_restart(tmp_path):
    store = ConversationStore(tmp_path / "docmind.sqlite3")
    conversation = store.create()
    answer = StoredMessage(
        "assistant",
        "25 days [1].",
        now(),
        sources=(
            numbered(1, "c1", "d1", "Urlaub 休暇.pdf", "25 days", page=3, heading="Time off"),
        ),
        citations=(Citation(1, "25 days.", True),),
        usage=Usage(100, 40, 5, 2, 0.5, 30.0, 105, 8192, 1.2),
        steps=({"event": "AgentStarted", "agent": "researcher", "task": "days?"},),
        stopped=True,
    )
    trim = ContextTrimmed(
        conversation.id, "t1", 7000, 5000, "3 oldest turns", "over the limit", now(), 3
    )
    store.add_question(conversation.id, "How many days off?")
    store.add_answer(conversation.id, answer)
    store.add_trims([trim])
    store.close()

    again = ConversationStore(tmp_path / "docmind.sqlite3")
    question, stored = again.messages(conversation.id)
    assert (question.role, question.text) == ("user", "How many days off?")
    assert stored == answer
    assert again.trims(conversation.id) == [trim]
    assert [c.title for c in again.list()] == ["How many days off?"]


def test_the_last_used_conversation_comes_first_and_long_questions_make_short_titles(tmp_path):
    store = ConversationStore(tmp_path / "docmind.sqlite3")
    first, second = store.create("first"), store.create()
    store.add_question(second.id, "word " * 40)
    assert store.list()[0].id == second.id
    assert len(store.list()[0].title) <= 60
    store.rename(first.id, "  renamed\n ")
    store.rename(second.id, "   ")
    assert store.get(first.id).title == "renamed"
    assert store.get(second.id).title.startswith("word")


def test_delete_takes_messages_and_trims_along_and_late_answers_are_dropped(tmp_path):
    store = ConversationStore(tmp_path / "docmind.sqlite3")
    conversation = store.create("x")
    store.add_question(conversation.id, "?")
    store.add_trims([ContextTrimmed(conversation.id, "t", 2, 1, "1 oldest turn", "r", now())])
    store.delete(conversation.id)
    store.add_answer(conversation.id, StoredMessage("assistant", "late", now()))
    assert store.list() == []
    assert store.messages(conversation.id) == []
    assert store.trims() == []


def test_a_database_of_an_earlier_version_gets_its_new_columns(tmp_path):
    database = tmp_path / "old.sqlite3"
    with sqlite3.connect(database) as db:
        db.execute(
            "CREATE TABLE trim_events (id INTEGER PRIMARY KEY, conversation_id VARCHAR NOT NULL,"
            " turn_id VARCHAR NOT NULL, tokens_before INTEGER NOT NULL, tokens_after INTEGER NOT NULL,"
            " dropped VARCHAR NOT NULL,"
            " reason VARCHAR NOT NULL, at VARCHAR NOT NULL, first_kept_turn INTEGER NOT NULL)"
        )
        db.execute(
            "INSERT INTO trim_events VALUES (1, 'c', 't', 9, 5, '1 oldest turn', 'full', 'now', 1)"
        )
    store = ConversationStore(database)
    assert [(t.first_kept_turn, t.summary) for t in store.trims("c")] == [(1, "")]
    store.close()


def test_a_full_disk_is_said_and_what_is_stored_stays(tmp_path):
    store = ConversationStore(tmp_path / "docmind.sqlite3")
    conversation = store.create()
    store.add_question(conversation.id, "How long?")
    event.listen(store._engine, "connect", lambda db, _: db.execute("PRAGMA max_page_count = 1"))
    store._engine.dispose()
    with pytest.raises(ConfigError, match=r"is full.*Free disk space"):
        store.add_answer(conversation.id, StoredMessage("assistant", "word " * 50_000, now()))
    assert [m.text for m in store.messages(conversation.id)] == ["How long?"]
    store.close()
