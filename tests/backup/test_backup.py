"""A backup brings everything back, into an empty folder, after a kill, and from older versions."""

import shutil
import stat
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from docmind.api.client import Client
from docmind.api.server import serve
from docmind.app import build_app
from docmind.backup import restoring
from docmind.backup.archive import check_archive
from docmind.backup.restoring import restore_files, restore_passages
from docmind.backup.staging import is_unfinished
from docmind.errors import ConfigError
from docmind.events import TurnFinished
from docmind.retrieval.store.base import made_by
from docmind.storage.settings import load_settings
from tests.agents.conftest import make_app, plan  # noqa: F401 - fixtures
from tests.api.conftest import answering
from tests.engines import PromptedEngine

OLD_BACKUP = Path(__file__).parent / "data" / "backup-schema-5.zip"
"""Made by the first version that had backups, with `docmind backup`."""


def quiet(_what, _done, _total):
    """Report no progress."""


def restore(file, data_dir, *, replace=False, progress=quiet):
    """Restore as `docmind restore` does; return what was kept aside."""
    kept = restore_files(file, data_dir, replace=replace, progress=progress)
    settings = load_settings(data_dir=data_dir)
    maker = made_by(settings.retrieval.embedding_model)
    restore_passages(settings, maker=maker, progress=progress)
    return kept


def state_of(app):
    """Return all that a backup must bring back, as plain values."""
    documents = app.documents.documents()
    passages = {}
    for document in documents:
        for embedded in app.backups._store.embedded(document.id):
            dense = tuple(round(number, 4) for number in embedded.dense)
            passages[embedded.passage.id] = (embedded.passage, dense, embedded.sparse)
    conversations = {}
    for conversation in app.conversations.list():
        conversations[conversation.id] = (
            conversation,
            app.conversations.messages(conversation.id),
        )
    files = {}
    for path in app.settings.files_dir.iterdir():
        files[path.name] = path.read_bytes()
    return {
        "documents": documents,
        "passages": passages,
        "conversations": conversations,
        "collections": app.collections.all(),
        "files": files,
    }


@pytest.fixture
def library(make_app):  # noqa: F811
    """An app with two documents, a tag, a collection and a conversation."""
    app = make_app(PromptedEngine(answering()))
    first, _ = app.documents.documents()
    app.collections.tag(first.id, ["2026"])
    app.collections.move(first.id, app.collections.create("Contracts").id)
    app.chat.ask("Are pets allowed?", app.conversations.create().id).wait()
    return app


@pytest.fixture
def backup(library, tmp_path):
    """A backup of the library, made over its socket as the command does."""
    server = serve(library)
    file = tmp_path / "library.backup"
    with closing(Client(server.socket)) as client:
        client.save_backup(file)
    return file


@pytest.fixture
def reopen(models_dir):
    """`reopen(data_dir)` → an app over it, when nothing is left to be read."""
    apps = []

    def build(data_dir):
        settings = load_settings(data_dir=data_dir)
        if not settings.models_dir.exists():
            settings.models_dir.symlink_to(models_dir)
        app = build_app(settings, engine=PromptedEngine(answering()))
        assert app.documents.wait(60)
        apps.append(app)
        return app

    yield build
    for app in apps:
        app.close()


def test_everything_comes_back_and_nothing_is_read_anew(library, backup, reopen, tmp_path):
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    target = tmp_path / "restored"
    assert restore(backup, target) is None
    app = reopen(target)
    # Equal with the seconds that its ingestion took: no document was read again.
    assert state_of(app) == state_of(library)
    end = list(app.chat.stream("Are pets allowed?", app.conversations.create().id))[-1]
    assert isinstance(end, TurnFinished)
    assert end.sources[0].passage.file_name == "lease.txt"
    assert not (target / "restoring").exists()
    assert not list(library.settings.data_dir.glob("backup-*"))


def test_a_backup_is_of_one_moment_while_documents_come_and_go(library, tmp_path, reopen):
    server = serve(library)
    stop = threading.Event()

    def add_and_delete():
        number = 0
        while not stop.is_set():
            number += 1
            text = f"Note {number}: the meeting is on day {number}."
            added = library.documents.add_bytes(text.encode(), f"note {number}.txt")
            library.documents.wait(30)
            if number % 2:
                library.documents.delete(added.document.id)

    thread = threading.Thread(target=add_and_delete)
    thread.start()
    files = []
    try:
        with closing(Client(server.socket)) as client:
            for number in range(3):
                files.append(tmp_path / f"{number}.backup")
                client.save_backup(files[-1])
    finally:
        stop.set()
        thread.join()
    restore(files[-1], tmp_path / "restored")
    app = reopen(tmp_path / "restored")
    documents = app.documents.documents()
    assert {"lease.txt", "handbook.md"} <= {document.name for document in documents}
    stored = app.backups._store.documents()
    assert stored == {document.id: document.passages for document in documents}
    for document in documents:
        assert document.state == "ready"
        assert app.documents.file_path(document.id).is_file()


def interrupted_restore(backup, target, monkeypatch, stop_at):
    """Restore, but end at the step with this number; return whether there was such a step."""
    steps = 0
    move_aside = restoring._move_aside

    def step(*_anything):
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt

    def move(current, aside):
        step()
        move_aside(current, aside)

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "_move_aside", move)
        try:
            restore(backup, target, progress=step)
        except KeyboardInterrupt:
            return True
    return False


def test_an_interrupted_restore_goes_on_and_until_then_the_app_does_not_start(
    backup, library, reopen, tmp_path, monkeypatch
):
    wanted = state_of(library)
    refused = []
    targets = []
    for stop_at in range(1, 100):
        target = tmp_path / str(stop_at)
        if not interrupted_restore(backup, target, monkeypatch, stop_at):
            break
        if is_unfinished(target):
            refused.append(target)
        else:
            assert not (target / "docmind.sqlite3").exists(), "no half of it is in place"
        targets.append(target)
    with pytest.raises(ConfigError, match="docmind restore FILE"):
        reopen(refused[0])
    for target in targets:
        restore(backup, target)
        assert not (target / "restoring").exists()
    assert len(targets) > 10
    for target in (targets[0], refused[0], targets[-1]):
        assert state_of(reopen(target)) == wanted


def test_a_damaged_backup_is_found_and_changes_nothing(backup, library, reopen, tmp_path):
    whole = backup.read_bytes()
    manifest = check_archive(backup)
    with zipfile.ZipFile(backup) as archive:
        places = [info.header_offset + 60 + len(info.filename) for info in archive.infolist()]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        backup.write_bytes(damaged)
        with pytest.raises(ConfigError, match="backup"):
            restore(backup, tmp_path / "restored")
        assert not (tmp_path / "restored" / "docmind.sqlite3").exists()
    backup.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConfigError, match="no whole backup"):
        restore(backup, tmp_path / "restored")
    # What was unpacked of the damaged ones is compared again.
    backup.write_bytes(whole)
    restore(backup, tmp_path / "restored")
    assert len(reopen(tmp_path / "restored").documents.documents()) == manifest.documents


def test_what_is_there_is_kept_beside(backup, library, reopen, tmp_path):
    target = tmp_path / "other"
    other = reopen(target)
    other.documents.add_bytes(b"Another library.", "other.txt")
    other.documents.wait(30)
    other.close()
    with pytest.raises(ConfigError, match="--replace"):
        restore(backup, target)
    kept = restore(backup, target, replace=True)
    assert state_of(reopen(target)) == state_of(library)
    (old,) = reopen(kept).documents.documents()
    assert (old.name, old.state) == ("other.txt", "ready")


def test_a_backup_of_an_older_version_comes_up_to_date(reopen, tmp_path):
    restore(OLD_BACKUP, tmp_path / "restored")
    app = reopen(tmp_path / "restored")
    lease, handbook = sorted(app.documents.documents(), key=lambda document: document.size)
    assert (lease.name, lease.state) == ("lease.txt", "ready")
    assert (handbook.tags, handbook.state) == (("2026",), "ready")
    (conversation,) = app.conversations.list()
    question, answer = app.conversations.messages(conversation.id)
    assert question.text == "Are pets allowed?"
    assert answer.sources[0].passage.file_name == "lease.txt"


def test_a_backup_of_a_newer_version_is_refused(backup, tmp_path):
    newer = tmp_path / "newer.backup"
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(newer, "w") as archive:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                data = data.replace(b'"schema": ', b'"schema": 9')
            archive.writestr(name, data)
    with pytest.raises(ConfigError, match="newer DocMind"):
        restore(newer, tmp_path / "restored")


def test_vectors_of_another_model_are_made_anew(backup, reopen, tmp_path, monkeypatch, minilm):
    other = shutil.copytree(minilm, tmp_path / "other-model")
    monkeypatch.setenv("DOCMIND_RETRIEVAL__EMBEDDING_MODEL", str(other))
    restore(backup, tmp_path / "restored")
    app = reopen(tmp_path / "restored")
    assert {document.state for document in app.documents.documents()} == {"ready"}
    assert app.backups._store.count() == 2


def test_the_copy_that_a_killed_backup_has_left_goes_at_the_next_start(library, reopen, tmp_path):
    data_dir = library.settings.data_dir
    archive = library.backups.archive()
    next(archive)
    (left,) = data_dir.glob("unfinished-*")
    shutil.copytree(left, tmp_path / "left")
    archive.close()
    assert not left.exists()
    library.close()
    shutil.copytree(tmp_path / "left", left)
    reopen(data_dir)
    assert not left.exists(), "conversations and keys are in it"
