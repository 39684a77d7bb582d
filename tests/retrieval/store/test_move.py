"""Moving between the modes of the store: whole, resumable, compared before the old one goes."""

import itertools
import random
import uuid
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from docmind.cli.main import cli
from docmind.errors import StoreError
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.sparse import query_vector
from docmind.retrieval.store.move import BATCH, copy_passages
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings, read_saved
from tests.retrieval.store.samples import DIMS, embedded, settings_for, unit

MODES = ["edge", "local", "server"]


@pytest.fixture
def opened(tmp_path, rest_url):
    """A function that opens an empty store of a mode; what was opened is closed at the end."""
    stores = []

    def opener(mode):
        server = {}
        if mode == "server":
            server = {"url": rest_url, "collection": f"test-{uuid.uuid4()}"}
        store = open_store(settings_for(mode, tmp_path / mode, **server), DIMS)
        stores.append(store)
        return store

    yield opener
    for store in stores:
        store.close()


def passages_of(document, count, **fields):
    """Return the passages of a document, the same at every call."""
    pick = random.Random(document)
    passages = []
    for i in range(count):
        dense = [pick.gauss(0, 1) for _ in range(DIMS)]
        text = f"river {document} word{i}"
        passages.append(embedded(document, i, text, page=i % 3 + 1, dense=dense, **fields))
    return passages


def quiet(_done, _total):
    pass


@pytest.mark.parametrize(("old", "new"), list(itertools.permutations(MODES, 2)))
def test_all_of_it_arrives_and_is_found_alike(opened, old, new):
    source = opened(old)
    target = opened(new)
    source.upsert(passages_of("a", BATCH + 3, name="A.pdf", table=True))
    source.upsert(passages_of("b", 5))
    seen = []
    moved = copy_passages(source, target, lambda done, total: seen.append((done, total)))
    assert moved == BATCH + 8
    assert seen == [(1, 2), (2, 2)]
    assert source.documents() == target.documents() == {"a": BATCH + 3, "b": 5}
    assert target.passages("a") == source.passages("a")
    words = query_vector("word3 word7")
    assert target.search(unit(2), words, 8) == source.search(unit(2), words, 8)


def test_an_interrupted_move_goes_on(opened, monkeypatch):
    source = opened("edge")
    target = opened("local")
    for document in "abcd":
        source.upsert(passages_of(document, 5))

    def interrupt(done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_passages(source, target, interrupt)
    assert len(target.documents()) == 2
    missing = [document for document in "abcd" if document not in target.documents()]
    third = missing[0]
    target.upsert(passages_of(third, 5)[:3])  # killed in the middle of a document
    source.delete("a")  # and used in between
    copied = []
    upsert = target.upsert

    def observed_upsert(passages):
        copied.append(passages[0].passage.document_id)
        upsert(passages)

    monkeypatch.setattr(target, "upsert", observed_upsert)
    assert copy_passages(source, target, quiet) == 15
    assert third in copied
    assert len(copied) == 2
    assert target.documents() == {"b": 5, "c": 5, "d": 5}


def test_what_others_have_on_a_server_is_left_alone(opened):
    source = opened("edge")
    target = opened("server")
    source.upsert(passages_of("a", 5))
    target.upsert(passages_of("theirs", 3))
    with pytest.raises(StoreError, match="DOCMIND_STORE__COLLECTION"):
        copy_passages(source, target, quiet, shared=True)
    assert target.documents() == {"theirs": 3}


def with_another_text(embedded):
    return replace(embedded, passage=replace(embedded.passage, text="another text"))


def with_another_vector(embedded):
    return replace(embedded, dense=[-x for x in embedded.dense])


def with_other_weights(embedded):
    return replace(embedded, sparse={word: 2 * x for word, x in embedded.sparse.items()})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(with_another_text, id="text"),
        pytest.param(with_another_vector, id="vector"),
        pytest.param(with_other_weights, id="weights"),
    ],
)
def test_a_difference_is_found_and_mended_by_the_next_move(opened, change):
    source = opened("local")
    target = opened("edge")
    first, *others = passages_of("a", 5)
    source.upsert([first, *others])
    target.upsert([change(first), *others])
    with pytest.raises(StoreError, match="old one, which is kept"):
        copy_passages(source, target, quiet)
    assert copy_passages(source, target, quiet) == 5
    assert source.count() == 5


def test_the_command_moves_and_only_then_removes_the_old_store(tmp_path, minilm, monkeypatch):
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DOCMIND_RETRIEVAL__EMBEDDING_MODEL", str(minilm))
    dims = Embedder(minilm).dims
    padding = [0.1] * (dims - DIMS)
    passages = [
        replace(embedded, dense=[*embedded.dense, *padding]) for embedded in passages_of("a", 9)
    ]
    store = open_store(load_settings(), dims)
    store.upsert(passages)
    store.close()
    there = CliRunner().invoke(cli, ["store", "move", "--to", "edge"])
    assert (there.exit_code, "in the mode edge already" in there.output) == (0, True)
    moved = CliRunner().invoke(cli, ["store", "move", "--to", "local"])
    assert moved.exit_code == 0, moved.exception
    assert "9 passages are in the mode local now" in moved.output
    assert read_saved(tmp_path)["store"]["mode"] == "local"
    assert [path.name for path in load_settings().store_dir.iterdir()] == ["local"]
    store = open_store(load_settings(), dims)
    assert store.count("a") == 9
    store.close()
    # A kill between the change of the mode and the removal of the old store.
    (load_settings().store_dir / "edge" / "segments").mkdir(parents=True)
    kept = CliRunner().invoke(cli, ["store", "move", "--to", "local", "--keep"])
    assert (kept.exit_code, (load_settings().store_dir / "edge").exists()) == (0, True)
    again = CliRunner().invoke(cli, ["store", "move", "--to", "local"])
    assert again.exit_code == 0
    assert "What was left of the mode edge is removed" in again.output
    assert [path.name for path in load_settings().store_dir.iterdir()] == ["local"]
    store = open_store(load_settings(), dims)
    assert store.count("a") == 9
    store.close()
