"""One suite for every mode of the store.

`server` talks HTTP to `rest.py`, or to the real Qdrant server that DOCMIND_TEST_QDRANT_URL names.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from docmind.errors import AlreadyRunning, StoreError
from docmind.passages import passage_id
from docmind.question_scope import PageRange
from docmind.retrieval.sparse import query_vector
from docmind.retrieval.store.base import Scope
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.rest import serve
from tests.retrieval.store.samples import DIMS, embedded, settings_for, unit

SERVER = os.environ.get("DOCMIND_TEST_QDRANT_URL")


@pytest.fixture(params=["edge", "local", "server"])
def opened(request, tmp_path):
    """A function that opens the store of one mode; what was opened is closed at the end."""
    server = {}
    if request.param == "server":
        server["url"] = SERVER or request.getfixturevalue("rest_url")
        server["collection"] = f"test-{uuid.uuid4()}"
    settings = settings_for(request.param, tmp_path, **server)
    stores = []

    def opener(dims=DIMS):
        store = open_store(settings, dims)
        stores.append(store)
        return store

    yield opener
    for store in stores:
        store.close()


@pytest.fixture
def store(opened):
    return opened()


@pytest.fixture
def filled(store):
    store.upsert(
        [
            embedded("a", 0, "the heron stands in the river", page=1),
            embedded("a", 1, "a mirror of glass ceramic", page=1),
            embedded("a", 2, "tickets cost twelve euros", page=2),
            embedded("b", 3, "the river runs past the mill"),
        ]
    )
    return store


def test_what_is_written_comes_back_whole(filled):
    passage = filled.passages("a")[2]
    assert passage.id == passage_id("a", 2)
    assert passage.document_id == "a"
    assert passage.file_name == "a.txt"
    assert passage.text == "tickets cost twelve euros"
    assert passage.page == 2
    assert passage.heading == "Head"
    assert (passage.start, passage.end) == (200, 90)
    assert passage.position == 2
    assert (filled.count(), filled.count("a"), filled.count("none")) == (4, 3, 0)


def test_writing_again_replaces(filled):
    filled.upsert([embedded("a", 2, "tickets are free", page=2)])
    assert filled.count() == 4
    assert filled.passages("a")[2].text == "tickets are free"


def test_search_by_words_by_meaning_and_by_both(filled):
    (by_words,) = filled.search(None, query_vector("ticket costs"), 1)
    assert by_words.passage.position == 2
    (by_meaning,) = filled.search(unit(1), None, 1)
    assert by_meaning.passage.position == 1
    both = filled.search(unit(3), query_vector("heron by the river"), 4)
    assert {result.passage.position for result in both[:2]} == {0, 3}
    scores = [result.score for result in both]
    assert scores == sorted(scores, reverse=True)
    assert len({result.passage.id for result in both}) == len(both)


def test_rare_words_count_more(store):
    store.upsert([embedded("a", i, "common words here and there") for i in range(20)])
    store.upsert([embedded("b", 0, "common zebra"), embedded("b", 1, "common common common here")])
    (best,) = store.search(None, query_vector("common zebra"), 1)
    assert best.passage.text == "common zebra"


def test_search_within_documents(filled):
    def found(document_ids):
        scope = Scope(document_ids=document_ids)
        return filled.search(unit(0), query_vector("river"), 9, scope)

    assert {result.passage.document_id for result in found(["b"])} == {"b"}
    assert len(found(["a", "b"])) == 4
    assert found([]) == found(["none"]) == []
    assert filled.search(None, query_vector("the of and"), 5) == []


@pytest.fixture
def library(store):
    """Two documents: pages 1 to 6 of which every third passage is a table; a text without pages."""
    for i in range(6):
        is_table = i % 3 == 0
        passage = embedded(
            "book", i, f"river chapter {i}", page=i + 1, name="Book.PDF", table=is_table
        )
        store.upsert([passage])
    store.upsert([embedded("notes", 0, "river notes")])
    return store


@pytest.mark.parametrize(
    ("scope", "positions"),
    [
        (Scope(), {0, 1, 2, 3, 4, 5}),
        (Scope(first_page=5), {4, 5}),
        (Scope(last_page=2), {0, 1}),
        (Scope(first_page=2, last_page=3), {1, 2}),
        (Scope(first_page=9), set()),
        (Scope(table=True), {0, 3}),
        (Scope(table=False, first_page=1), {1, 2, 4, 5}),
        (Scope(suffixes=["pdf"], table=True, last_page=2), {0}),
        (Scope(document_ids=["notes"], suffixes=[".pdf"]), set()),
        (Scope(document_ids=["notes", "book"], first_page=6), {5}),
        (Scope(pages={"book": [PageRange(2, 2), PageRange(4, 9)]}), {0, 1, 3, 4, 5}),
        (Scope(pages={"book": [PageRange(1, 1)]}, document_ids=["book"]), {0}),
    ],
)
def test_every_filter_holds_for_words_meaning_and_both(library, scope, positions):
    words = query_vector("river")
    for dense, sparse in ((unit(0), words), (unit(0), None), (None, words)):
        found = library.search(dense, sparse, 9, scope)
        assert {result.passage.position for result in found} == positions


def test_search_by_type_of_file(library):
    def names(*suffixes):
        found = library.search(unit(0), query_vector("river"), 9, Scope(suffixes=suffixes))
        return {result.passage.file_name for result in found}

    assert names("pdf") == names(".PDF") == {"Book.PDF"}
    assert names("pdf", "txt") == {"Book.PDF", "notes.txt"}
    assert names() == names("docx") == set()
    assert library.passages("book")[3].table
    assert not library.passages("book")[1].table


def test_passages_in_reading_order(store):
    passages = [embedded("a", i, f"text {i}", page=i // 10 + 1) for i in range(1100)]
    random.Random(1).shuffle(passages)
    store.upsert(passages)

    def positions(**where):
        return [passage.position for passage in store.passages("a", **where)]

    assert positions() == list(range(1100))
    assert positions(page=3) == list(range(20, 30))
    assert positions(near=20) == [19, 20, 21]
    assert positions(near=0) == [0, 1]
    assert store.passages("none") == []


def test_delete_removes_one_document(filled):
    filled.delete("a")
    filled.delete("none")
    assert (filled.count(), filled.count("b")) == (1, 1)
    found = filled.search(unit(0), query_vector("heron river"), 9)
    assert {result.passage.document_id for result in found} == {"b"}


def test_it_is_there_after_closing(opened):
    first = opened()
    first.upsert([embedded("a", 0, "still here")])
    first.optimize()
    first.close()
    first.close()
    assert [passage.text for passage in opened().passages("a")] == ["still here"]


def test_a_closed_store_says_so(filled):
    filled.close()
    with pytest.raises(StoreError, match=r"closed|reached"):
        filled.count()


def test_another_embedding_model_is_refused(opened):
    opened().close()
    with pytest.raises(StoreError, match="another embedding model"):
        opened(DIMS + 1)


def test_readers_and_writers_at_once(store):
    failures = []

    def write(document):
        try:
            for i in range(30):
                store.upsert([embedded(document, i, f"river word{i}")])
            store.optimize()
        except Exception as exc:  # noqa: BLE001
            failures.append(exc)

    def look():
        try:
            for i in range(60):
                store.search(unit(i), query_vector("river"), 5)
                store.passages("a")
        except Exception as exc:  # noqa: BLE001
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(document,)) for document in "ab"]
    threads += [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.count() == 60


KILLED = """
import sys
from pathlib import Path
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.samples import DIMS, embedded, settings_for
store = open_store(settings_for(sys.argv[1], Path(sys.argv[2])), DIMS)
for i in range(10_000):
    store.upsert([embedded("a", i, f"word{i} river")])
    print(i, flush=True)
"""


@pytest.mark.parametrize("mode", ["edge", "local"])
def test_what_was_acknowledged_survives_a_kill(mode, tmp_path):
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, mode, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    ) as writer:
        acknowledged = [int(writer.stdout.readline()) for _ in range(57)]
        writer.send_signal(signal.SIGKILL)
    store = open_store(settings_for(mode, tmp_path), DIMS)
    assert store.count() >= len(acknowledged)
    assert store.passages("a")[acknowledged[-1]].text == "word56 river"
    assert store.search(None, query_vector("word7"), 1)[0].passage.position == 7
    store.close()


@pytest.mark.parametrize("mode", ["edge", "local"])
def test_a_second_instance_is_told(mode, tmp_path):
    store = open_store(settings_for(mode, tmp_path), DIMS)
    with pytest.raises(AlreadyRunning, match="DOCMIND_DATA_DIR"):
        open_store(settings_for(mode, tmp_path), DIMS)
    store.close()


def test_a_server_that_wants_another_key(tmp_path):
    with serve(api_key="right") as url:
        open_store(settings_for("server", tmp_path, url=url, api_key="right"), DIMS).close()
        with pytest.raises(StoreError, match="DOCMIND_STORE__API_KEY"):
            open_store(settings_for("server", tmp_path, url=url, api_key="wrong"), DIMS)


def test_no_server_there(tmp_path):
    with pytest.raises(StoreError, match=r"can't be reached.*DOCMIND_STORE__MODE=edge"):
        open_store(settings_for("server", tmp_path, url="http://127.0.0.1:9"), DIMS)


def test_a_damaged_edge_store_says_what_to_do(tmp_path):
    settings = settings_for("edge", tmp_path)
    open_store(settings, DIMS).close()
    for path in settings.store_dir.rglob("*.json"):
        path.write_text("{")
    with pytest.raises(StoreError, match="remove the folder"):
        open_store(settings, DIMS)
