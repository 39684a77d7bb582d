"""Migration 1: one schema for all that DocMind remembers, from nothing or from version 0.1.0.

Version 0.1.0 kept documents and collections in tables of its own, conversations in others, messages
as JSON of LangChain's (table `message_store`), and the saved settings in `settings.json`. Versions
before it had the same tables with fewer columns; those that are missing get their default.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from docmind.errors import ConfigError

SETTINGS_FILE = "settings.json"
"""Where version 0.1.0 kept the saved settings, in the data folder."""
FIRST_COLLECTION = 1
"""The id of the collection "General"."""

_TABLES = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL
);
INSERT OR IGNORE INTO collections (id, name) VALUES (1, 'General');
CREATE TABLE documents (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    suffix TEXT NOT NULL,
    state TEXT NOT NULL,
    failure TEXT,
    reason TEXT NOT NULL,
    stage TEXT,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    passages INTEGER NOT NULL,
    seconds FLOAT NOT NULL,
    added_at TEXT NOT NULL,
    collection INTEGER NOT NULL REFERENCES collections (id),
    tags JSON NOT NULL
);
CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    collections JSON NOT NULL
);
CREATE TABLE messages (
    id INTEGER NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    at TEXT NOT NULL,
    sources JSON NOT NULL,
    citations JSON NOT NULL,
    usage JSON,
    steps JSON NOT NULL,
    notices JSON NOT NULL,
    stopped BOOLEAN NOT NULL,
    error TEXT,
    confidence FLOAT,
    open_points TEXT NOT NULL
);
CREATE INDEX messages_of_conversation ON messages (conversation_id);
CREATE TABLE trim_events (
    id INTEGER NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    turn_id TEXT NOT NULL,
    tokens_before INTEGER NOT NULL,
    tokens_after INTEGER NOT NULL,
    dropped TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TEXT NOT NULL,
    first_kept_turn INTEGER NOT NULL,
    summary TEXT NOT NULL
);
CREATE INDEX trim_events_of_conversation ON trim_events (conversation_id);
CREATE TABLE settings (
    section TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (section, name)
);
"""

Row = dict[str, Any]
"""A table's row, by column."""

_FAILURE_OF_STAGE = {"password": "password_wanted", "cancelled": "cancelled"}
"""What 0.1.0 wrote into a failed document's `stage` → the failure; it was empty for all others."""


def upgrade(db: sqlite3.Connection, data_dir: Path) -> None:
    """Make the tables and fill them with what earlier versions wrote."""
    old_documents = _take_rows(db, "documents", order="rowid")
    old_conversations = _take_rows(db, "conversations", order="rowid")
    old_messages = _take_rows(db, "message_store", order="id")
    old_trims = _take_rows(db, "trim_events", order="id")

    for statement in _TABLES.split(";"):
        db.execute(statement)

    for document in old_documents:
        _insert(db, "documents", _upgrade_document(document))
    for conversation in old_conversations:
        _insert(db, "conversations", _upgrade_conversation(conversation))
    for message in old_messages:
        _insert(db, "messages", _upgrade_message(message))
    for trim in old_trims:
        _insert(db, "trim_events", {"summary": "", **trim})
    for setting in _saved_settings(data_dir / SETTINGS_FILE):
        _insert(db, "settings", setting)


def _take_rows(db: sqlite3.Connection, table: str, order: str) -> list[Row]:
    """Return the rows of an old table and drop it; none if there is no such table."""
    found = db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    if found.fetchone() is None:
        return []
    cursor = db.execute(f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, values, strict=True)) for values in cursor]
    db.execute(f"DROP TABLE {table}")
    return rows


def _insert(db: sqlite3.Connection, table: str, row: Row) -> None:
    columns = ", ".join(row)
    places = ", ".join(f":{column}" for column in row)
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # noqa: S608


def _upgrade_document(old: Row) -> Row:
    """Return a document's row; its failure, which stood in `stage`, gets a column of its own."""
    failure: str | None
    stage: str | None
    if old["state"] == "failed":
        failure = _FAILURE_OF_STAGE.get(old["stage"], "unreadable")
        stage = None
    else:
        failure = None
        stage = old["stage"] or None
    # Collections and tags came later than the table: in the oldest one there are no such columns.
    collection = old.get("collection", FIRST_COLLECTION)
    tags = [tag for tag in old.get("tags", "").split(",") if tag]
    return {
        "id": old["id"],
        "name": old["name"],
        "size": old["size"],
        "suffix": old["suffix"],
        "state": old["state"],
        "failure": failure,
        "reason": old["reason"],
        "stage": stage,
        "done": old["done"],
        "total": old["total"],
        "pages": old["pages"],
        "passages": old["chunks"],
        "seconds": old["seconds"],
        "added_at": old["added_at"],
        "collection": collection,
        "tags": _json(tags),
    }


def _upgrade_conversation(old: Row) -> Row:
    """Return a conversation whose collections are a list; they were numbers between commas."""
    chosen = [int(number) for number in old.get("collections", "").split(",") if number]
    return {
        "id": old["id"],
        "title": old["title"],
        "created_at": old["created_at"],
        "updated_at": old["updated_at"],
        "collections": _json(chosen),
    }


def _upgrade_message(old: Row) -> Row:
    """Return a message with columns; it was JSON, all but the text in `additional_kwargs`."""
    message = json.loads(old["message"])
    data = message["data"]
    extra = data["additional_kwargs"]
    usage = extra.get("usage")
    sources = [_upgrade_source(source) for source in extra.get("sources", ())]
    steps = [_upgrade_step(step) for step in extra.get("steps", ())]
    return {
        "id": old["id"],
        "conversation_id": old["session_id"],
        "role": {"human": "user", "ai": "assistant"}[message["type"]],
        "text": data["content"],
        "at": extra.get("at", ""),
        "sources": _json(sources),
        "citations": _json(extra.get("citations", [])),
        "usage": None if usage is None else _json(usage),
        "steps": _json(steps),
        "notices": _json(extra.get("notices", [])),
        "stopped": extra.get("stopped", False),
        "error": extra.get("error"),
        "confidence": extra.get("confidence"),
        "open_points": extra.get("open_points", ""),
    }


def _upgrade_source(old: Row) -> Row:
    """Return a passage with its number; the score, which compared within its search only, goes."""
    source = {name: value for name, value in old.items() if name not in {"chunk_id", "score"}}
    return {"id": old["chunk_id"], **source}


def _upgrade_step(old: Row) -> Row:
    """Return an agent's event; what it had written before a tool call was called `said`."""
    step = dict(old)
    if "said" in step:
        step["message"] = step.pop("said")
    return step


def _saved_settings(path: Path) -> list[Row]:
    """Return the settings of `settings.json` as rows; ConfigError if the file is damaged."""
    rows: list[Row] = []
    try:
        sections = _expect_object(json.loads(path.read_text("utf-8")))
        for section, values in sections.items():
            for name, value in _expect_object(values).items():
                rows.append({"section": section, "name": name, "value": _json(value)})
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{path} can't be read ({exc}). Mend it or delete it to return to the defaults."
        ) from exc
    return rows


def _expect_object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
