import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from docmind.app import build_app
from docmind.errors import AlreadyRunning, ConfigError
from docmind.events import AgentFinished, AgentStarted, AgentStep
from docmind.storage import upgrade
from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore, Failure
from docmind.storage.migrations import MIGRATIONS, SCHEMA_VERSION, one_database
from docmind.storage.settings import load_settings, read_saved, save_settings
from tests.engines import PromptedEngine


def rows_of(path, table):
    """The rows of a table as the file has them, whatever DocMind makes of it."""
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid")]


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def opened(old_folder):
    """`opened()` → the database of the old folder, by today's code."""
    databases = []

    def make():
        database = Database(old_folder / "docmind.sqlite3")
        databases.append(database)
        return database

    yield make
    for database in databases:
        database.close()


def assert_nothing_is_lost(database, old_documents):
    """Check the whole folder of 0.1.0 by what must be in it."""
    documents = DocumentStore(database)
    assert len(documents.all()) == len(old_documents) == 6
    conversations = ConversationStore(database)
    assert [len(conversations.messages(c.id)) for c in conversations.list()] == [20, 8]
    assert len(conversations.trims()) == 1


def test_documents_of_0_1_0_come_back_with_their_states_collections_and_tags(old_folder, opened):
    old = {row["id"]: row for row in rows_of(old_folder / "docmind.sqlite3", "documents")}
    database = opened()
    documents = DocumentStore(database)
    assert len(documents.all()) == len(old) == 6
    for document in documents.all():
        row = old[document.id]
        for name in (
            "name", "size", "suffix", "state", "reason", "pages", "seconds", "added_at",
            "collection",
        ):  # fmt: skip
            assert getattr(document, name) == row[name], name
        assert document.passages == row["chunks"]
        assert list(document.tags) == [tag for tag in row["tags"].split(",") if tag]
        assert document.progress is None

    by_name = {document.name: document for document in documents.all()}
    assert by_name["secret.pdf"].failure == Failure.PASSWORD_WANTED
    assert by_name["ships.txt"].failure == Failure.CANCELLED
    assert by_name["broken.docx"].failure == Failure.UNREADABLE
    assert by_name["lease.txt"].failure is None
    assert by_name["lease.txt"].tags == ("2026", "flat rented", "Zürich")

    collections = CollectionStore(database, documents)
    assert [(c.id, c.name) for c in collections.all()] == [(1, "Everything else"), (2, "Contracts")]
    # The third was deleted in 0.1.0; its id is not given again.
    assert collections.create("Audits").id == 4


def test_conversations_of_0_1_0_come_back_whole(old_folder, opened):
    path = old_folder / "docmind.sqlite3"
    old_conversations = {row["id"]: row for row in rows_of(path, "conversations")}
    old_messages = rows_of(path, "message_store")
    old_trims = rows_of(path, "trim_events")
    conversations = ConversationStore(opened())

    assert len(conversations.list()) == len(old_conversations) == 2
    for conversation in conversations.list():
        row = old_conversations[conversation.id]
        assert conversation.title == row["title"]
        assert conversation.created_at == row["created_at"]
        assert conversation.updated_at == row["updated_at"]
        assert ",".join(map(str, conversation.scope.collections)) == row["collections"]
        old = [json.loads(m["message"]) for m in old_messages if m["session_id"] == row["id"]]
        stored = conversations.messages(conversation.id)
        assert len(stored) == len(old)
        for message, before in zip(stored, old, strict=True):
            assert_same_message(message, before["type"], before["data"])

    for trim, row in zip(conversations.trims(), old_trims, strict=True):
        expected = dict(row)
        expected["first_retained_turn"] = expected.pop("first_kept_turn")
        assert {"id": row["id"], **vars(trim)} == expected
    assert conversations.trims()[0].summary == "The user asked about the notice period."


def assert_same_message(message, kind, old):
    extra = old["additional_kwargs"]
    assert message.role == {"human": "user", "ai": "assistant"}[kind]
    assert message.text == old["content"]
    for name in ("at", "stopped", "error", "confidence", "open_points"):
        if name in extra:
            assert getattr(message, name) == extra[name], name
    assert list(message.notices) == extra.get("notices", [])
    assert [vars(citation) for citation in message.citations] == extra.get("citations", [])
    assert (vars(message.usage) if message.usage else None) == extra.get("usage")

    old_sources = extra.get("sources", [])
    assert len(message.sources) == len(old_sources)
    for source, before in zip(message.sources, old_sources, strict=True):
        assert source.number == before["number"]
        assert source.passage.id == before["chunk_id"]
        assert [list(box) for box in source.passage.boxes] == before["boxes"]
        for name in ("document_id", "file_name", "text", "page", "heading", "start", "end"):
            assert getattr(source.passage, name) == before[name], name

    old_steps = extra.get("steps", [])
    assert len(message.steps) == len(old_steps)
    for step, before in zip(message.steps, old_steps, strict=True):
        assert isinstance(step, AgentStarted | AgentStep | AgentFinished)
        expected = dict(before)
        assert type(step).__name__ == expected.pop("event")
        if isinstance(step, AgentStep):
            expected["message"] = expected.pop("said")
        assert vars(step) == expected


def test_the_folder_of_0_1_0_holds_what_these_tests_are_about(opened):
    conversations = ConversationStore(opened())
    messages = [m for c in conversations.list() for m in conversations.messages(c.id)]
    assert any(message.stopped for message in messages)
    assert any(message.error for message in messages)
    assert any(message.notices for message in messages)
    assert any(message.confidence for message in messages)
    assert any(citation.instead_of for m in messages for citation in m.citations)
    assert any(not citation.supported for m in messages for citation in m.citations)
    assert any(source.passage.boxes for m in messages for source in m.sources)
    assert any(step.message for m in messages for step in m.steps if isinstance(step, AgentStep))
    assert any(conversation.scope.collections for conversation in conversations.list())


def test_settings_of_0_1_0_are_read_before_and_after(old_folder, opened, monkeypatch):
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(old_folder))
    monkeypatch.delenv("DOCMIND_LLM__MAX_ANSWER_TOKENS", raising=False)
    saved = json.loads((old_folder / "settings.json").read_text())
    before = files_of(old_folder)
    assert read_saved(old_folder) == saved
    assert load_settings().llm.max_answer_tokens == 64
    assert files_of(old_folder) == before  # looking changes nothing

    opened()
    assert read_saved(old_folder) == saved
    assert load_settings().llm.max_answer_tokens == 64
    assert not (old_folder / "settings.json").exists()
    assert json.loads((old_folder / "settings.json.before-1").read_text()) == saved


def test_documents_read_before_migration_2_have_nothing_unread(old_folder, opened, monkeypatch):
    with monkeypatch.context() as at_schema_1:
        at_schema_1.setattr(upgrade, "MIGRATIONS", upgrade.MIGRATIONS[:1])
        at_schema_1.setattr(upgrade, "SCHEMA_VERSION", 1)
        opened().close()
    assert "unread" not in rows_of(old_folder / "docmind.sqlite3", "documents")[0]
    documents = DocumentStore(opened()).all()
    assert [document.unread for document in documents] == [()] * 6


def test_the_old_file_is_kept_aside(old_folder, opened):
    before = rows_of(old_folder / "docmind.sqlite3", "message_store")
    opened()
    before_file = old_folder / f"docmind.sqlite3.before-{SCHEMA_VERSION}"
    assert rows_of(before_file, "message_store") == before
    assert (old_folder / "engine.json").exists()
    assert not (old_folder / "docmind.sqlite3.migrating").exists()


def test_tables_of_before_0_1_0_get_their_missing_columns(tmp_path):
    path = tmp_path / "docmind.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE trim_events (id INTEGER PRIMARY KEY, conversation_id, turn_id,"
            " tokens_before, tokens_after, dropped, reason, at, first_kept_turn)"
        )
        db.execute(
            "INSERT INTO trim_events VALUES (1, 'c', 't', 9, 5, '1 oldest turn', 'full', 'now', 1)"
        )
        db.execute(
            "CREATE TABLE documents (id TEXT PRIMARY KEY, name, size, suffix, state, reason,"
            " pages, chunks, seconds, added_at, stage, done, total)"
        )
        db.execute(
            "INSERT INTO documents VALUES"
            " ('d', 'd.pdf', 1, '.pdf', 'embedding', '', 0, 0, 0, 'now', 'embed', 3, 10)"
        )
        db.commit()
    database = Database(path)
    (trim,) = ConversationStore(database).trims("c")
    assert (trim.first_retained_turn, trim.summary) == (1, "")
    document = DocumentStore(database).get("d")
    assert (document.collection, document.tags) == (1, ())
    assert (document.progress.stage, document.progress.done) == ("embed", 3)
    database.close()


MIGRATE_SLOWLY = """
import sys, time
from pathlib import Path
from docmind.storage import upgrade
from docmind.storage.database import Database
from docmind.storage.migrations import one_database

def slow(after):
    def run(*args, **kwargs):
        result = after(*args, **kwargs)
        print("in the middle", flush=True)
        time.sleep(60)
        return result
    return run

holder = {"upgrade": upgrade, "one_database": one_database}[sys.argv[2]]
setattr(holder, sys.argv[3], slow(getattr(holder, sys.argv[3])))
Database(Path(sys.argv[1]))
"""


@pytest.mark.parametrize(
    ("module", "step"),
    [
        ("one_database", "_take_rows"),  # the first of four tables is gone from the copy
        ("one_database", "_upgrade_message"),
        ("upgrade", "_make_single_file"),
        ("upgrade", "_migrated_copy"),
        ("upgrade", "_replace"),
    ],
)
def test_a_start_that_is_killed_while_migrating_is_made_good_by_the_next(
    old_folder, opened, module, step
):
    old_documents = rows_of(old_folder / "docmind.sqlite3", "documents")
    path = old_folder / "docmind.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", MIGRATE_SLOWLY, path, module, step],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout.readline().strip() == b"in the middle"
        process.send_signal(signal.SIGKILL)
    assert_nothing_is_lost(opened(), old_documents)
    assert not (old_folder / "settings.json").exists()
    assert read_saved(old_folder)["llm"] == {"max_answer_tokens": 64}


@pytest.mark.parametrize("call", ["Path.replace", "shutil.copyfile"])
def test_a_disk_that_is_full_while_migrating_is_said_and_the_old_file_stays(
    old_folder, opened, monkeypatch, call
):
    old_documents = rows_of(old_folder / "docmind.sqlite3", "documents")

    def full(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(f"docmind.storage.upgrade.{call}", full)
        with pytest.raises(ConfigError, match="No space left"):
            opened()
    assert rows_of(old_folder / "docmind.sqlite3", "documents") == old_documents
    assert_nothing_is_lost(opened(), old_documents)


def test_damaged_settings_stop_the_migration_and_change_nothing(old_folder, opened):
    old_documents = rows_of(old_folder / "docmind.sqlite3", "documents")
    settings = (old_folder / "settings.json").read_text()
    (old_folder / "settings.json").write_text("{broken")
    with pytest.raises(ConfigError, match=r"settings\.json"):
        opened()
    assert rows_of(old_folder / "docmind.sqlite3", "documents") == old_documents
    (old_folder / "settings.json").write_text(settings)
    assert_nothing_is_lost(opened(), old_documents)


def test_a_newer_schema_is_refused_and_nothing_is_touched(old_folder, opened, monkeypatch):
    opened().close()
    path = old_folder / "docmind.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = files_of(old_folder)
    with pytest.raises(ConfigError, match="newer DocMind"):
        opened()
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(old_folder))
    with pytest.raises(ConfigError, match="newer DocMind"):
        load_settings()
    assert files_of(old_folder) == before


def test_a_database_that_an_old_docmind_has_open_is_not_replaced(old_folder, opened):
    path = old_folder / "docmind.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("UPDATE documents SET pages = 77 WHERE name = 'lease.txt'")
        with pytest.raises(AlreadyRunning, match="Another DocMind"):
            opened()
        running.execute("UPDATE documents SET pages = 78 WHERE name = 'lease.txt'")
    by_name = {document.name: document for document in DocumentStore(opened()).all()}
    assert by_name["lease.txt"].pages == 78


def test_what_a_killed_0_1_0_left_in_its_log_is_not_lost(old_folder, opened, tmp_path):
    path = old_folder / "docmind.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as running:
        running.execute("PRAGMA journal_mode = WAL")
        running.execute("UPDATE documents SET pages = 77 WHERE name = 'lease.txt'")
        killed = tmp_path / "killed"
        shutil.copytree(old_folder, killed)  # with the log, as a kill leaves it
    assert (killed / "docmind.sqlite3-wal").stat().st_size > 0
    with closing(Database(killed / "docmind.sqlite3")) as database:
        by_name = {document.name: document for document in DocumentStore(database).all()}
        assert by_name["lease.txt"].pages == 77


def test_two_starts_at_once_migrate_once(old_folder):
    old_documents = rows_of(old_folder / "docmind.sqlite3", "documents")
    failures = []

    def start():
        try:
            with closing(Database(old_folder / "docmind.sqlite3")) as database:
                assert_nothing_is_lost(database, old_documents)
        except Exception as exc:  # noqa: BLE001 - a thread's error is the test's
            failures.append(exc)

    starts = [threading.Thread(target=start) for _ in range(4)]
    for thread in starts:
        thread.start()
    for thread in starts:
        thread.join()
    assert failures == []


def test_a_later_migration_begins_where_the_file_is(old_folder, opened, monkeypatch):
    """What the next version will do: settings are read before it, then the file is upgraded."""
    opened().close()
    save_settings(old_folder, {"llm": {"model": "a/b"}})

    def add_sketches(db, _data_dir):
        db.execute("CREATE TABLE sketches (text TEXT)")

    monkeypatch.setattr(upgrade, "MIGRATIONS", (*upgrade.MIGRATIONS, add_sketches))
    monkeypatch.setattr(upgrade, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    assert read_saved(old_folder)["llm"] == {"max_answer_tokens": 64, "model": "a/b"}
    database = opened()
    assert database.schema_version == SCHEMA_VERSION + 1
    assert rows_of(old_folder / "docmind.sqlite3", "sketches") == []
    before = f"docmind.sqlite3.before-{SCHEMA_VERSION}"
    assert len(rows_of(old_folder / before, "documents")) == 6
    later = f"docmind.sqlite3.before-{SCHEMA_VERSION + 1}"
    assert len(rows_of(old_folder / later, "documents")) == 6


def test_answers_of_before_have_no_statements(tmp_path):
    path = tmp_path / "docmind.sqlite3"
    with closing(sqlite3.connect(path)) as db:
        one_database.upgrade(db, tmp_path)
        db.execute("INSERT INTO conversations VALUES ('c', 'Pets', '', '', '[]')")
        db.execute(
            "INSERT INTO messages VALUES (1, 'c', 'assistant', 'Yes [1].', '', '[]', '[]', NULL,"
            " '[]', '[]', 0, NULL, NULL, '')"
        )
        db.execute("PRAGMA user_version = 1")
        db.commit()
    database = Database(path)
    (message,) = ConversationStore(database).messages("c")
    database.close()
    assert (message.text, message.statements) == ("Yes [1].", ())


def test_the_app_goes_on_with_the_folder_of_0_1_0(old_folder, models_dir, minilm):
    (old_folder / "models").symlink_to(models_dir)
    plan = {"count": 1, "questions": [{"question": "May I have a dog?", "kind": "look_up"}]}
    engine = PromptedEngine(
        [json.dumps(plan), "Pets are not allowed [1].", '{"support": 90, "open": ""}']
    )
    app = build_app(load_settings(data_dir=old_folder), engine=engine)
    try:
        # The vectors are not in the fixture: what was ready is embedded again.
        assert app.documents.wait(120)
        states = {document.name: document.state for document in app.documents.documents()}
        assert states == {
            "handbook.md": "ready",
            "lease.txt": "ready",
            "observatory.pdf": "ready",
            "secret.pdf": "failed",
            "broken.docx": "failed",
            "ships.txt": "failed",
        }
        conversation = app.conversations.list()[0]
        before = app.conversations.messages(conversation.id)
        turn = app.chat.ask("May I have a dog?", conversation.id)
        assert turn.wait(60)
        *earlier, question, answer = app.conversations.messages(conversation.id)
        assert earlier == before
        assert question.text == "May I have a dog?"
        assert answer.text == "Pets are not allowed [1]."
        assert answer.sources[0].passage.file_name == "lease.txt"
    finally:
        app.close()


def test_messages_of_before_become_one_line_and_a_cut_belongs_to_its_question(tmp_path):
    path = tmp_path / "docmind.sqlite3"
    messages = [
        (1, "c", "user", "Pets?", "2026-01-01T10:00:00.000+00:00"),
        (2, "d", "user", "Rent?", "2026-01-01T10:00:30.000+00:00"),
        (3, "c", "assistant", "No.", "2026-01-01T10:01:00.000+00:00"),
        (4, "c", "user", "Cats?", "2026-01-01T10:02:00.000+00:00"),
        (5, "c", "assistant", "No cats.", "2026-01-01T10:04:00.000+00:00"),
    ]
    with closing(sqlite3.connect(path)) as db:
        for step in MIGRATIONS[:3]:
            step(db, tmp_path)
        for conversation in ("c", "d"):
            db.execute(f"INSERT INTO conversations VALUES ('{conversation}', 'x', '', '', '[]')")
        db.executemany(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, '[]', '[]', NULL, '[]', '[]', 0, NULL,"
            " NULL, '', '[]')",
            messages,
        )
        db.execute(
            "INSERT INTO trim_events VALUES (1, 'c', 't', 9, 5, '1 oldest turn', 'r',"
            " '2026-01-01T10:03:00.000+00:00', 1, 's')"
        )
        db.execute("PRAGMA user_version = 3")
        db.commit()
    with closing(Database(path)) as database:
        store = ConversationStore(database)
        found = store.messages("c")
        assert [(message.id, message.parent) for message in found] == [
            (1, None),
            (3, 1),
            (4, 3),
            (5, 4),
        ]
        assert [message.text for message in store.messages("d")] == ["Rent?"]
        assert len(store.trims("c")) == 1
        assert store.trims("c", before=4) == []
        store.add_question("c", "Dogs?")
        assert store.messages("c")[-1].parent == 5
