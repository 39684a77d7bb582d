"""What Qdrant Edge brings on its own: rebuilding in the background, and surviving a kill then."""

import threading
import time

import pytest

from benchmarks.kill import survived_kills
from docmind.retrieval.sparse import query_vector
from docmind.retrieval.store import edge
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.samples import DIMS, embedded, settings_for, unit


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store that is rebuilt from 160 passages on, or when more than 10 were deleted."""
    monkeypatch.setattr(edge, "INDEX_KIB", 5)
    monkeypatch.setattr(edge, "DELETED", 10)
    store = open_store(settings_for("edge", tmp_path), DIMS)
    yield store
    store.close()


def fill(store, document, count):
    store.upsert([embedded(document, i, f"river word{i}") for i in range(count)])


def folders(store):
    return sorted(path.name for path in store._where.parent.iterdir())


def test_a_store_that_grew_is_rebuilt_and_one_that_did_not_is_left_alone(store, tmp_path):
    fill(store, "a", 100)
    store.optimize(wait=True)
    assert folders(store) == ["edge"]
    fill(store, "b", 300)
    store.optimize(wait=True)
    assert folders(store) == ["edge.1"]
    assert store.count() == 400
    assert store.search(None, query_vector("word299"), 1)[0].passage.position == 299
    store.optimize(wait=True)
    assert folders(store) == ["edge.1"]
    store.close()
    again = open_store(settings_for("edge", tmp_path), DIMS)
    assert again.count() == 400
    assert folders(store) == ["edge.1"]
    again.close()


def test_deleted_passages_give_their_space_back(store):
    fill(store, "a", 100)
    fill(store, "b", 30)
    store.delete("a")
    store.optimize(wait=True)
    assert folders(store) == ["edge.1"]
    assert (store.count(), store.count("b")) == (30, 30)


def test_readers_and_writers_go_on_while_it_is_rebuilt(store, monkeypatch):
    rebuild_started = threading.Event()
    shards_changed = threading.Event()
    popen = edge.subprocess.Popen
    take_over = edge.EdgeStore._take_over

    def observed_popen(command):
        rebuild_started.set()
        return popen(command)

    def observed_take_over(self, rebuild):
        take_over(self, rebuild)
        shards_changed.set()

    monkeypatch.setattr(edge.subprocess, "Popen", observed_popen)
    monkeypatch.setattr(edge.EdgeStore, "_take_over", observed_take_over)
    fill(store, "a", 300)
    store.optimize()
    assert rebuild_started.wait(10)
    written = 0
    found = []
    # All of this happens before or while the shards change places.
    while not shards_changed.is_set():
        store.upsert([embedded("b", written, f"heron word{written}")])
        written += 1
        if written == 5:
            store.delete("a")
        found.append(len(store.search(unit(0), query_vector("heron"), 5)))
        time.sleep(0.002)
    assert written > 10
    assert all(found)
    assert store.count() == store.count("b") == written
    assert [passage.position for passage in store.passages("b")] == list(range(written))


def test_a_shard_that_cannot_be_taken_over_is_not_taken_for_the_one_in_use(
    store, tmp_path, monkeypatch
):
    fill(store, "a", 300)
    (store._where.parent / "edge.bak").mkdir()  # somebody's copy

    class Library:
        """Loads the copy, and fails to load it in its place."""

        def load(self, path, config):
            if path.endswith(".1"):
                raise OSError("no room")
            return edge_shard.load(path, config)

    edge_shard = edge.qe.EdgeShard
    monkeypatch.setattr(edge.qe, "EdgeShard", Library())
    store.optimize(wait=True)
    monkeypatch.undo()
    assert folders(store) == ["edge", "edge.bak"]
    store.upsert([embedded("b", 0, "written afterwards")])
    store.close()
    again = open_store(settings_for("edge", tmp_path), DIMS)
    assert again.documents() == {"a": 300, "b": 1}
    assert folders(again) == ["edge", "edge.bak"]
    again.close()


def test_closing_ends_a_rebuild(store, tmp_path):
    fill(store, "a", 300)
    store.optimize()
    store.close()
    again = open_store(settings_for("edge", tmp_path), DIMS)
    assert again.count() == 300
    again.close()


def test_what_was_acknowledged_survives_a_kill_at_any_point(tmp_path):
    assert survived_kills(tmp_path, 6, seed=time.time_ns()) == 6
