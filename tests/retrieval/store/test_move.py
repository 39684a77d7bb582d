"""Moving between the modes of the store: whole, resumable, compared, and the old one stays until then."""

import random
import uuid
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from docmind.cli.main import cli
from docmind.errors import StoreError
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.sparse import query_vector
from docmind.retrieval.store.base import open_store
from docmind.retrieval.store.move import BATCH, move
from docmind.storage.settings import load_settings, read_saved
from tests.retrieval.store.test_store import DIMS, embedded, settings_for, unit

MODES = ["edge", "local", "server"]


@pytest.fixture
def opened(tmp_path, rest_url):
    """Open an empty store of a mode; closed at the end."""
    stores = []

    def opener(mode):
        extra = {"url": rest_url, "collection": f"test-{uuid.uuid4()}"} if mode == "server" else {}
        stores.append(open_store(settings_for(mode, tmp_path / mode, **extra), DIMS))
        return stores[-1]

    yield opener
    for store in stores:
        store.close()


def chunks(document, count, **more):
    pick = random.Random(document)
    return [
        embedded(
            document,
            i,
            f"river {document} word{i}",
            i % 3 + 1,
            [pick.gauss(0, 1) for _ in range(DIMS)],
            **more,
        )
        for i in range(count)
    ]


def quiet(_done, _total):
    pass


@pytest.mark.parametrize(("old", "new"), [(a, b) for a in MODES for b in MODES if a != b])
def test_all_of_it_arrives_and_is_found_alike(opened, old, new):
    source, target = opened(old), opened(new)
    source.upsert([*chunks("a", BATCH + 3, name="A.pdf", table=True), *chunks("b", 5)])
    seen = []
    assert move(source, target, lambda done, total: seen.append((done, total))) == BATCH + 8
    assert seen == [(1, 2), (2, 2)]
    assert source.documents() == target.documents() == {"a": BATCH + 3, "b": 5}
    assert target.passages("a") == source.passages("a")
    asked = (unit(2), query_vector("word3 word7"), 8)
    assert target.search(*asked) == source.search(*asked)


def test_an_interrupted_move_goes_on(opened, monkeypatch):
    source, target = opened("edge"), opened("local")
    for document in "abcd":
        source.upsert(chunks(document, 5))

    def interrupt(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(source, target, interrupt)
    assert len(target.documents()) == 2
    third = next(d for d in "abcd" if d not in target.documents())
    target.upsert(chunks(third, 5)[:3])  # killed in the middle of a document
    source.delete("a")  # and used in between
    copied = []
    upsert = target.upsert
    monkeypatch.setattr(
        target, "upsert", lambda some: (copied.append(some[0].passage.document_id), upsert(some))
    )
    assert move(source, target, quiet) == 15
    assert third in copied
    assert len(copied) == 2
    assert target.documents() == {"b": 5, "c": 5, "d": 5}


def test_what_others_have_on_a_server_is_left_alone(opened):
    source, target = opened("edge"), opened("server")
    source.upsert(chunks("a", 5))
    target.upsert(chunks("theirs", 3))
    with pytest.raises(StoreError, match="DOCMIND_STORE__COLLECTION"):
        move(source, target, quiet, shared=True)
    assert target.documents() == {"theirs": 3}


@pytest.mark.parametrize("what", ["text", "vector", "weights"])
def test_a_difference_is_found_and_mended_by_the_next_move(opened, what):
    source, target = opened("local"), opened("edge")
    source.upsert(chunks("a", 5))
    wrong = chunks("a", 5)
    first = wrong[0]
    wrong[0] = {
        "text": replace(first, passage=replace(first.passage, text="another text")),
        "vector": replace(first, dense=[-x for x in first.dense]),
        "weights": replace(first, sparse={k: v * 2 for k, v in first.sparse.items()}),
    }[what]
    target.upsert(wrong)
    with pytest.raises(StoreError, match="old one, which is kept"):
        move(source, target, quiet)
    assert move(source, target, quiet) == 5
    assert source.count() == 5


def test_the_command_moves_and_only_then_removes_the_old_store(tmp_path, minilm, monkeypatch):
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DOCMIND_RETRIEVAL__EMBEDDING_MODEL", str(minilm))
    dims = Embedder(minilm).dims
    store = open_store(load_settings(), dims)
    store.upsert([replace(c, dense=[*c.dense, *[0.1] * (dims - DIMS)]) for c in chunks("a", 9)])
    store.close()
    again = CliRunner().invoke(cli, ["store", "move", "--to", "edge"])
    assert isinstance(again.exception, StoreError)
    moved = CliRunner().invoke(cli, ["store", "move", "--to", "local"])
    assert moved.exit_code == 0, moved.exception
    assert "9 passages are in the mode local now" in moved.output
    assert read_saved(tmp_path)["store"]["mode"] == "local"
    assert [p.name for p in load_settings().store_dir.iterdir()] == ["local"]
    store = open_store(load_settings(), dims)
    assert store.count("a") == 9
    store.close()
