import tarfile
from pathlib import Path

import pytest

from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore

DATA = Path(__file__).parent / "data"


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "docmind.sqlite3")
    yield database
    database.close()


@pytest.fixture
def documents(database):
    return DocumentStore(database)


@pytest.fixture
def collections(database, documents):
    return CollectionStore(database, documents)


@pytest.fixture
def conversations(database):
    return ConversationStore(database)


@pytest.fixture
def old_folder(tmp_path):
    """A data folder as version 0.1.0 left it."""
    folder = tmp_path / "old"
    with tarfile.open(DATA / "docmind-0.1.0.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder
