"""The three modes against each other: one collection, one question, one ranking."""

import random

import pytest

from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store.base import Scope
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.rest import serve
from tests.retrieval.store.test_store import settings_for

DIMS = 16
WORDS = [
    "river",
    "heron",
    "mill",
    "glass",
    "ticket",
    "bridge",
    "stone",
    "harbour",
    "ship",
    *map("w{}".format, range(80)),
]
SCOPES = [
    Scope(),
    Scope(["d1", "d2"]),
    Scope(first_page=3, table=False),
    Scope(suffixes=["pdf"], last_page=5),
]


def vector(pick):
    return [pick.gauss(0, 1) for _ in range(DIMS)]


@pytest.fixture(scope="module")
def modes(tmp_path_factory):
    """The same 500 chunks in each mode."""
    pick = random.Random(5)
    passages = []
    for i in range(500):
        document, text = f"d{i % 7}", " ".join(pick.choices(WORDS, k=pick.randint(5, 60)))
        name = f"{document}.{'pdf' if i % 7 < 3 else 'txt'}"
        passage = Passage(
            id=passage_id(document, i),
            document_id=document,
            file_name=name,
            text=text,
            page=i % 9 + 1,
            end=1,
            position=i,
            table=i % 5 == 0,
        )
        embedded = EmbeddedPassage(
            passage=passage, dense=vector(pick), sparse=document_vector(text)
        )
        passages.append(embedded)
    with serve() as url:
        extra = {"edge": {}, "local": {}, "server": {"url": url}}
        stores = [
            open_store(settings_for(m, tmp_path_factory.mktemp(m), **extra[m]), DIMS) for m in extra
        ]
        for store in stores:
            store.upsert(passages)
        yield stores
        for store in stores:
            store.close()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("by", ["words", "meaning", "both"])
def test_every_mode_gives_the_same_ranking(modes, scope, by):
    pick = random.Random(f"{by} {scope}")
    for _ in range(25):
        dense = None if by == "words" else vector(pick)
        sparse = None if by == "meaning" else query_vector(" ".join(pick.choices(WORDS, k=3)))
        edge, local, server = (s.search(dense, sparse, 10, scope) for s in modes)
        assert (
            [h.passage.id for h in edge]
            == [h.passage.id for h in local]
            == [h.passage.id for h in server]
        )
        assert [h.score for h in edge] == pytest.approx([h.score for h in local], abs=1e-4)
        assert len(edge) == 10
