"""Whatever disagrees in a data folder is found, mended, said, and not found again."""

import shutil

import pytest

from docmind.errors import StoreError
from docmind.events import now
from docmind.storage import schema
from docmind.storage.conversations import INTERRUPTED, ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore, IngestionProgress
from tests.agents.conftest import make_app  # noqa: F401 - a fixture
from tests.engines import PromptedEngine
from tests.passages import embed, numbered


@pytest.fixture
def app(make_app):  # noqa: F811
    """An app with `lease.txt` and `handbook.md`."""
    return make_app(PromptedEngine(["Three years."]))


@pytest.fixture
def lease(app):
    return next(found for found in app.documents.documents() if found.name == "lease.txt")


@pytest.fixture
def handbook(app):
    return next(found for found in app.documents.documents() if found.name == "handbook.md")


def file_of(app, document, ending=None):
    return app.settings.files_dir / f"{document.id}{ending or document.suffix}"


def said(app):
    """Repair, wait until all is read, and return what was said, and what is left for the user."""
    findings = app.documents.repair()
    assert app.documents.wait(60)
    mended = [f"{found.what} {found.done}" for found in findings if found.is_mended]
    left = [f"{found.what} {found.done}" for found in findings if not found.is_mended]
    return mended, left


def assert_agrees(app):
    assert app.documents.repair() == []
    stored = app.backups._store.documents()
    ready = [found for found in app.documents.documents() if found.state == "ready"]
    assert stored == {document.id: document.passages for document in ready}


def test_a_sound_library_is_left_as_it_is(app):
    before = app.documents.documents()
    assert said(app) == ([], [])
    assert app.documents.documents() == before


def test_lost_and_foreign_passages(app, lease, handbook, embedder):
    store = app.backups._store
    store.delete(lease.id)
    extra = numbered(1, "0" * 32, "unknown", "gone.txt", "A page of nobody's.").passage
    store.upsert(embed(embedder, [extra]))
    twice = numbered(1, "1" * 32, handbook.id, "handbook.md", "A second copy.").passage
    store.upsert(embed(embedder, [twice]))
    mended, left = said(app)
    assert left == []
    text = "\n".join(mended)
    assert f"'lease.txt' has 0 of its {lease.passages} passages in the store. It is read" in text
    assert f"'handbook.md' has {handbook.passages + 1} of its {handbook.passages} pass" in text
    assert "passages of 1 document that the list of documents does not have" in text
    assert_agrees(app)


def test_lost_texts_and_tables_are_read_again(app, lease, handbook):
    file_of(app, lease, ".json").write_text('{"sections": [{"te')  # a full disk cut it off
    file_of(app, handbook, ".tables-1.json").unlink()
    mended, left = said(app)
    assert (len(mended), left) == (2, [])
    assert "three years" in app.documents.text(lease.id)
    assert_agrees(app)


def test_a_lost_or_damaged_original_is_said_and_comes_back_by_adding_it(app, lease, handbook):
    content = file_of(app, lease).read_bytes()
    file_of(app, lease).unlink()
    file_of(app, handbook).write_bytes(b"something else")
    mended, left = said(app)
    assert mended == []
    assert sorted(words.split(" is ")[0] for words in left) == [
        "The file of 'handbook.md'",
        "The file of 'lease.txt'",
    ]
    # Their passages are sound, so they can still be asked about.
    assert {found.state for found in app.documents.documents()} == {"ready"}
    assert app.documents.add_bytes(content, "lease.txt").known
    assert file_of(app, lease).read_bytes() == content
    assert len(said(app)[1]) == 1


def test_what_cannot_be_read_again_says_so_until_it_is_added(app, lease):
    content = file_of(app, lease).read_bytes()
    file_of(app, lease).unlink()
    app.backups._store.delete(lease.id)
    _, left = said(app)
    assert "Add the same file again" in left[0]
    failed = app.documents.get(lease.id)
    assert (failed.state, "Add the same file again" in failed.reason) == ("failed", True)
    app.documents.add_bytes(content, "lease.txt")
    assert app.documents.wait(60)
    assert app.documents.get(lease.id).state == "ready"
    assert_agrees(app)


def test_a_killed_deletion_is_ended(app, lease, handbook, monkeypatch):
    """The kill may come behind each of its steps."""
    store = app.backups._store
    delete = store.delete

    def killed(document_id):
        delete(document_id)
        raise StoreError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store, "delete", killed)
        with pytest.raises(StoreError):
            app.documents.delete(lease.id)
    app.documents._files.note_deletion(handbook.id)
    app.documents._documents.delete(handbook.id)
    mended, _ = said(app)
    assert "Deleting 2 documents was interrupted. It is done now." in mended
    assert app.documents.documents() == []
    assert list(app.settings.files_dir.iterdir()) == []
    assert_agrees(app)


def test_documents_left_in_the_middle_are_read(app, lease):
    progress = IngestionProgress(stage="embed", done=1, total=2)
    app.documents._documents.note_progress(lease.id, progress)
    mended, _ = said(app)
    assert mended == ["'lease.txt' was left in the middle of being read. It is read again."]
    assert_agrees(app)


def test_files_that_the_list_has_lost_come_back(app, lease):
    """As after a database was restored that is older than the files."""
    app.documents._documents.delete(lease.id)
    mended, left = said(app)
    assert left == []
    assert "its name was lost with it" in "\n".join(mended)
    found = app.documents.get(lease.id)
    assert (found.state, found.name) == ("ready", f"{lease.id[:12]}.txt")
    assert_agrees(app)


def test_the_next_start_mends_passages_by_itself(app, lease, make_app):  # noqa: F811
    app.backups._store.delete(lease.id)
    app.close()
    from docmind.app import build_app

    again = build_app(app.settings, engine=PromptedEngine([]))
    assert again.documents.wait(60)
    assert again.documents.get(lease.id).state == "ready"
    assert_agrees(again)
    shutil.rmtree(app.settings.files_dir)
    again.close()
    # A lost folder loses no document: they are still there, and can be asked about.
    third = build_app(app.settings, engine=PromptedEngine([]))
    assert third.documents.wait(60)
    assert {found.state for found in third.documents.documents()} == {"ready"}
    third.close()


def test_what_a_kill_leaves_of_a_conversation_is_said(tmp_path):
    database = Database(tmp_path / "docmind.sqlite3")
    conversations = ConversationStore(database)
    asked = conversations.create().id
    question = conversations.add_question(asked, "How long does the lease run?")
    conversations.create()
    with database.write() as connection:
        orphan = {"conversation_id": "gone", "role": "user", "text": "?", "at": now()}
        empty = {"sources": [], "citations": [], "steps": [], "notices": [], "open_points": ""}
        connection.execute(schema.messages.insert().values(**orphan, **empty, stopped=False))
    mended = conversations.mend_interrupted()
    assert (mended.unanswered, mended.empty, mended.lost_rows) == (1, 1, 1)
    (conversation,) = conversations.list()
    told = conversations.messages(conversation.id)[-1]
    assert (told.role, told.error, told.parent) == ("assistant", INTERRUPTED, question)
    again = conversations.mend_interrupted()
    assert (again.unanswered, again.empty, again.lost_rows) == (0, 0, 0)
    assert DocumentStore(database).all() == []
    database.close()
