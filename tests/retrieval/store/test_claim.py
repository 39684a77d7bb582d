"""A server's collection knows which embedding model made its vectors."""

import uuid

import pytest

from docmind.errors import StoreError
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.samples import DIMS, embedded, settings_for


@pytest.fixture
def store(tmp_path, rest_url):
    settings = settings_for("server", tmp_path, url=rest_url, collection=f"test-{uuid.uuid4()}")
    store = open_store(settings, DIMS)
    yield store
    store.close()


def test_vectors_of_another_model_are_not_searched_with_this_one(store):
    store.claim("minilm", ["a"], stale=False)
    store.upsert([embedded("a", 0, "river"), embedded("a", 1, "mill")])
    store.claim("minilm", [], stale=False)  # another DocMind with the same model
    store.claim("minilm", ["a"], stale=True)  # one that had another model elsewhere
    assert store.documents() == {"a": 2}
    with pytest.raises(StoreError, match=r"made by minilm.*DOCMIND_STORE__COLLECTION"):
        store.claim("e5-small", ["b"], stale=False)
    assert store.documents() == {"a": 2}


def test_ones_own_vectors_make_room_for_another_model(store):
    store.upsert([embedded("a", 0, "river")])
    store.claim("minilm", ["a"], stale=False)  # from before there was a note
    store.claim("e5-small", ["a"], stale=False)
    assert store.documents() == {}
    store.upsert([embedded("a", 0, "river")])
    with pytest.raises(StoreError, match="made by e5-small"):
        store.claim("minilm", [], stale=False)


def test_without_a_note_a_changed_model_takes_the_own_vectors_away_and_no_others(store):
    store.upsert([embedded("a", 0, "river"), embedded("theirs", 1, "mill")])
    with pytest.raises(StoreError, match="made by another embedding model"):
        store.claim("e5-small", ["a"], stale=True)
    store.delete("theirs")
    store.claim("e5-small", ["a"], stale=True)
    assert store.documents() == {}
