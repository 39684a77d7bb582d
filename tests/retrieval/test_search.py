from types import SimpleNamespace

import pytest

from docmind.passages import EmbeddedPassage, Passage, ScoredPassage, passage_id
from docmind.retrieval.fusion import fuse
from docmind.retrieval.search import Retriever, diverse
from docmind.retrieval.sparse import document_vector
from docmind.retrieval.store.base import Scope, open_store
from docmind.storage.settings import load_settings

TEXTS = (
    "The garage has room for forty vehicles.",
    "Error code X-4711 means that the pump is blocked.",
    "Bees make honey from nectar.",
    "Bees make honey from the nectar.",
    "The annual budget was approved in March.",
)


@pytest.fixture
def retriever(tmp_path, embedder):
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    chunks = [
        Passage(
            id=passage_id(f"d{i % 2}", i),
            document_id=f"d{i % 2}",
            file_name=f"d{i % 2}.txt",
            text=text,
            page=i + 1,
            end=len(text),
            position=i,
        )
        for i, text in enumerate(TEXTS)
    ]
    vectors = embedder.embed_texts(list(TEXTS))
    store.upsert(
        [
            EmbeddedPassage(c, v, document_vector(c.text))
            for c, v in zip(chunks, vectors, strict=True)
        ]
    )
    yield Retriever(store, embedder, settings)
    store.close()


def test_meaning_and_exact_words_are_both_found(retriever):
    assert retriever.search("Where can I park my car?", 1)[0].passage.page == 1
    assert retriever.search("X-4711", 1)[0].passage.page == 2
    assert retriever.search("X-4711", 1, mode="bm25_only")[0].passage.page == 2
    assert retriever.search("Where can I park my car?", 1, mode="dense_only")[0].passage.page == 1
    assert retriever.search("park my car", 5, mode="bm25_only") == []


def test_the_same_passage_is_not_shown_twice(retriever):
    assert sum("honey" in h.passage.text for h in retriever.search("What do bees make?", 5)) == 1


def test_only_in_the_chosen_documents(retriever):
    assert {h.passage.document_id for h in retriever.search("garage", 5, Scope(["d1"]))} == {"d1"}
    assert retriever.search("garage", 5, Scope([])) == []


def test_every_side_of_a_comparison_is_heard(retriever):
    sides = [Scope(["d0"]), Scope(["d1"])]
    assert [h.document_id for h in retriever.search_each("What do bees make?", 2, sides)] == [
        "d0",
        "d1",
    ]
    alone = retriever.search("What do bees make?", 3)
    assert retriever.search_each("What do bees make?", 3, [Scope()]) == [h.passage for h in alone]
    three = retriever.search_each("What do bees make?", 5, [Scope(), *sides])
    assert len({h.id for h in three}) == len(three) > 2


def test_the_best_passage_comes_with_its_neighbours(tmp_path, embedder):
    texts = [
        "Open the valve.",
        "Then press the red lever.",
        "Wait for the green lamp.",
        "Lunch is at noon.",
    ]
    found = {}
    for number in (0, 1):
        settings = load_settings(data_dir=tmp_path / str(number), retrieval={"neighbours": number})
        store = open_store(settings, embedder.dims)
        for document in ("a", "b"):
            chunks = [
                Passage(
                    id=passage_id(document, i),
                    document_id=document,
                    file_name="f",
                    text=f"{document} {text}",
                    start=i * 50,
                    end=i * 50 + 40,
                    position=i,
                    table=i == 3,
                )
                for i, text in enumerate(texts)
            ]
            vectors = embedder.embed_texts([c.text for c in chunks])
            store.upsert(
                [
                    EmbeddedPassage(c, v, document_vector(c.text))
                    for c, v in zip(chunks, vectors, strict=True)
                ]
            )
        retriever = Retriever(store, embedder, settings)
        found[number] = [h.position for h in retriever.search_each("red lever", 1, [Scope(["a"])])]
        tables = retriever.search_each("lunch", 1, [Scope(["a"], table=True)])
        assert [h.position for h in tables] == [3]  # a table's neighbours are tables
        store.close()
    assert found == {0: [1], 1: [0, 1, 2]}


def test_an_empty_question_finds_nothing(retriever):
    assert retriever.search("   ", 5) == []


def hit(document, start, end, text):
    passage = Passage(
        id=f"{document}{start}",
        document_id=document,
        file_name="f",
        text=text,
        start=start,
        end=end,
        position=start,
    )
    return ScoredPassage(passage=passage, score=1.0)


def test_overlapping_spans_are_one_passage():
    a, b, c = (
        hit("d", 0, 100, "one two"),
        hit("d", 40, 140, "three four"),
        hit("d", 90, 190, "five six"),
    )
    assert diverse([a, b, c], 3) == [a, c]
    assert diverse([a, hit("e", 0, 100, "seven eight")], 1) == [a]


def ranking(**scores):
    payload = {
        "document_id": "d",
        "file_name": "f",
        "text": "t",
        "page": None,
        "heading": "",
        "start": 0,
        "end": 1,
    }
    return [
        SimpleNamespace(id=i, score=x, payload=payload | {"position": 0}) for i, x in scores.items()
    ]


def test_a_search_that_cannot_tell_passages_apart_has_little_say():
    knows, guesses = ranking(a=20.0, b=9.0, c=1.0), ranking(c=0.71, b=0.70, a=0.69)
    assert [point.id for point, _ in fuse([knows, guesses], 3)] == ["a", "b", "c"]


def test_what_a_full_search_left_out_counts_as_its_last():
    assert [point.id for point, _ in fuse([ranking(a=10.0, b=9.0), ranking(c=1.0, a=0.8)], 2)] == [
        "c",
        "a",
        "b",
    ]
    assert [point.id for point, _ in fuse([ranking(b=0.1, a=-0.2)], 2)] == ["b", "a"]
    assert fuse([[], []], 2) == []


def test_where_all_cosines_are_high_their_differences_decide():
    """E5 gives 0.76 to what has nothing to do with the question: 0.80 is little, 0.90 much."""
    meaning, words = ranking(a=0.90, b=0.80), ranking(b=5.0, a=2.0)
    assert [point.id for point, _ in fuse([meaning, words], 2)] == ["b", "a"]
    assert [point.id for point, _ in fuse([meaning, words], 2, [0.76, 0.0])] == ["a", "b"]
