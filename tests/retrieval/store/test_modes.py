"""The three modes against each other: one collection, one question, one ranking."""

import random

import pytest

from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.sparse import document_vector, query_vector
from docmind.retrieval.store.base import Scope
from docmind.retrieval.store.opening import open_store
from tests.retrieval.store.rest import serve
from tests.retrieval.store.samples import settings_for

DIMS = 16
WORDS = ["river", "heron", "mill", "glass", "ticket", "bridge", "stone", "harbour", "ship"]
WORDS += [f"w{number}" for number in range(80)]
SCOPES = [
    Scope(),
    Scope(document_ids=["d1", "d2"]),
    Scope(first_page=3, table=False),
    Scope(suffixes=["pdf"], last_page=5),
]


def vector(pick):
    return [pick.gauss(0, 1) for _ in range(DIMS)]


def made_up_passage(pick, position):
    """Return a passage of random words; those of documents d0 to d2 are in PDF files."""
    number = position % 7
    suffix = "pdf" if number < 3 else "txt"
    document_id = f"d{number}"
    text = " ".join(pick.choices(WORDS, k=pick.randint(5, 60)))
    passage = Passage(
        id=passage_id(document_id, position),
        document_id=document_id,
        file_name=f"{document_id}.{suffix}",
        text=text,
        page=position % 9 + 1,
        end=1,
        position=position,
        table=position % 5 == 0,
    )
    return EmbeddedPassage(passage=passage, dense=vector(pick), sparse=document_vector(text))


@pytest.fixture(scope="module")
def modes(tmp_path_factory):
    """The same 500 passages in each mode."""
    pick = random.Random(5)
    passages = [made_up_passage(pick, position) for position in range(500)]
    with serve() as url:
        settings = [
            settings_for("edge", tmp_path_factory.mktemp("edge")),
            settings_for("local", tmp_path_factory.mktemp("local")),
            settings_for("server", tmp_path_factory.mktemp("server"), url=url),
        ]
        stores = [open_store(of_mode, DIMS) for of_mode in settings]
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
        edge, local, server = [store.search(dense, sparse, 10, scope) for store in modes]
        ids = [result.passage.id for result in edge]
        assert ids == [result.passage.id for result in local]
        assert ids == [result.passage.id for result in server]
        scores = [result.score for result in edge]
        assert scores == pytest.approx([result.score for result in local], abs=1e-4)
        assert len(edge) == 10
