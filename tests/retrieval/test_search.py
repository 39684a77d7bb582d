from dataclasses import dataclass

import pytest

from docmind.passages import Passage, ScoredPassage, passage_id
from docmind.question_scope import PageRange
from docmind.retrieval.fusion import best_points, fuse, missing_ids
from docmind.retrieval.search import Retriever, diverse
from docmind.retrieval.store.base import Scope
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings
from tests.passages import embed

TEXTS = (
    "The garage has room for forty vehicles.",
    "Error code X-4711 means that the pump is blocked.",
    "Bees make honey from nectar.",
    "Bees make honey from the nectar.",
    "The annual budget was approved in March.",
)


@pytest.fixture
def retriever(tmp_path, embedder):
    """A search in two documents, d0 and d1, that have the texts in turn, one a page."""
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    passages = []
    for i, text in enumerate(TEXTS):
        document_id = f"d{i % 2}"
        passage = Passage(
            id=passage_id(document_id, i),
            document_id=document_id,
            file_name=f"{document_id}.txt",
            text=text,
            page=i + 1,
            end=len(text),
            position=i,
        )
        passages.append(passage)
    store.upsert(embed(embedder, passages))
    yield Retriever(store, embedder, settings)
    store.close()


def test_meaning_and_exact_words_are_both_found(retriever):
    def page_of_best(question, **options):
        (best,) = retriever.search(question, 1, **options)
        return best.passage.page

    assert page_of_best("Where can I park my car?") == 1
    assert page_of_best("X-4711") == 2
    assert page_of_best("X-4711", mode="bm25_only") == 2
    assert page_of_best("Where can I park my car?", mode="dense_only") == 1
    assert retriever.search("park my car", 5, mode="bm25_only") == []


def test_the_same_passage_is_not_shown_twice(retriever):
    texts = [result.passage.text for result in retriever.search("What do bees make?", 5)]
    assert sum("honey" in text for text in texts) == 1


def test_only_in_the_chosen_documents(retriever):
    found = retriever.search("garage", 5, Scope(document_ids=["d1"]))
    assert {result.passage.document_id for result in found} == {"d1"}
    assert retriever.search("garage", 5, Scope(document_ids=[])) == []


def test_every_side_of_a_comparison_is_heard(retriever):
    sides = [Scope(document_ids=["d0"]), Scope(document_ids=["d1"])]
    both = retriever.search_each("What do bees make?", 2, sides)
    assert [passage.document_id for passage in both] == ["d0", "d1"]
    everywhere = retriever.search_each("What do bees make?", 3, [Scope()])
    alone = retriever.search("What do bees make?", 3)
    assert everywhere == [result.passage for result in alone]
    three = retriever.search_each("What do bees make?", 5, [Scope(), *sides])
    assert len({passage.id for passage in three}) == len(three) > 2


STEPS = (
    "Open the valve.",
    "Then press the red lever.",
    "Wait for the green lamp.",
    "Lunch is at noon.",
)


def steps(document_id):
    """Return the steps as passages of a document; the last one is a table."""
    return [
        Passage(
            id=passage_id(document_id, i),
            document_id=document_id,
            file_name="f",
            text=f"{document_id} {text}",
            start=i * 50,
            end=i * 50 + 40,
            position=i,
            table=i == 3,
        )
        for i, text in enumerate(STEPS)
    ]


@pytest.mark.parametrize(("neighbours", "positions"), [(0, [1]), (1, [0, 1, 2])])
def test_the_best_passage_comes_with_its_neighbours(tmp_path, embedder, neighbours, positions):
    settings = load_settings(data_dir=tmp_path, retrieval={"neighbours": neighbours})
    store = open_store(settings, embedder.dims)
    store.upsert(embed(embedder, steps("a")))
    store.upsert(embed(embedder, steps("b")))
    retriever = Retriever(store, embedder, settings)
    found = retriever.search_each("red lever", 1, [Scope(document_ids=["a"])])
    assert [passage.position for passage in found] == positions
    # A table's neighbours are tables.
    tables = retriever.search_each("lunch", 1, [Scope(document_ids=["a"], table=True)])
    assert [passage.position for passage in tables] == [3]
    store.close()


def test_neighbours_on_pages_that_are_not_searched_stay_away(retriever):
    # Texts 0, 2 and 4 are d0's, on pages 1, 3 and 5.
    scope = Scope(document_ids=["d0"], pages={"d0": [PageRange(3, 3)]})
    found = retriever.search_each("What do bees make?", 3, [scope])
    assert [passage.page for passage in found] == [3]


def test_an_empty_question_finds_nothing(retriever):
    assert retriever.search("   ", 5) == []


def result(*, document, start, end, text):
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
    first = result(document="d", start=0, end=100, text="one two")
    overlapping = result(document="d", start=40, end=140, text="three four")
    touching = result(document="d", start=90, end=190, text="five six")
    elsewhere = result(document="e", start=0, end=100, text="seven eight")
    assert diverse([first, overlapping, touching], 3) == [first, touching]
    assert diverse([first, elsewhere], 1) == [first]


@dataclass
class Point:
    """What a search in Qdrant finds, as far as fusing looks at it."""

    id: str
    score: float


def found(**scores):
    return [Point(id=name, score=score) for name, score in scores.items()]


def fused_ids(results, floors=None, others=((), ())):
    return [point.id for point, _score in fuse(results, others[: len(results)], floors)]


def test_a_search_that_cannot_tell_passages_apart_has_little_say():
    knows = found(a=20.0, b=9.0, c=1.0)
    guesses = found(c=0.71, b=0.70, a=0.69)
    assert fused_ids([knows, guesses]) == ["a", "b", "c"]


def test_a_passage_without_the_questions_words_counts_by_its_meaning_alone():
    words = found(a=10.0, b=9.0)
    meaning = found(c=1.0, a=0.8)
    assert fused_ids([words, meaning], others=[[], found(b=0.7)]) == ["a", "b", "c"]
    assert fused_ids([words, meaning], others=[[], found(b=-5.0)]) == ["a", "c", "b"]
    assert fused_ids([found(b=0.1, a=-0.2)]) == ["b", "a"]
    assert fused_ids([[], []]) == []


def test_where_all_cosines_are_high_their_differences_decide():
    """E5 gives 0.76 to what has nothing to do with the question: 0.80 is little, 0.90 much."""
    meaning = found(a=0.90, b=0.80)
    words = found(b=5.0, a=2.0)
    assert fused_ids([meaning, words]) == ["b", "a"]
    assert fused_ids([meaning, words], [0.76, 0.0]) == ["a", "b"]


def test_the_best_of_a_search_are_the_same_whatever_order_it_finds_them_in():
    points = found(b=1.0, a=1.0, c=2.0)
    assert [point.id for point in best_points(points, 2)] == ["c", "a"]
    assert [point.id for point in best_points(points[::-1], 2)] == ["c", "a"]
    assert missing_ids([points, found(d=1.0, a=2.0)]) == [["d"], ["b", "c"]]


def test_versions_that_differ_only_in_figures_are_both_shown(tmp_path, embedder):
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    lease = (
        "The monthly rent of the warehouse at Dock 4 is {} euros. The tenant pays it on the third "
        "day of every month to the landlord and keeps the receipts for six years."
    )
    passages = []
    for document_id, rent in (("a", 900), ("b", 1250), ("c", 1250)):
        text = lease.format(rent)
        passages.append(
            Passage(
                id=passage_id(document_id, 0),
                document_id=document_id,
                file_name=f"{document_id}.txt",
                text=text,
                end=len(text),
                position=0,
            )
        )
    store.upsert(embed(embedder, passages))
    found = Retriever(store, embedder, settings).search("What is the rent at Dock 4?", 5)
    assert len(found) == 2  # a copy is shown once
    assert {
        word for result in found for word in ("900", "1250") if word in result.passage.text
    } == {
        "900",
        "1250",
    }
    store.close()


def test_the_document_that_a_question_names_is_searched_first(tmp_path, embedder):
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    passages = []
    for company in ("Northwind", "Contoso", "Fabrikam"):
        for year in (2021, 2022):
            document_id = f"{company}{year}"
            texts = (
                f"{company} paid its suppliers 5{year % 10} million.",
                f"{company} Inc., notes",
            )
            for position, text in enumerate(texts):
                passage = Passage(
                    id=passage_id(document_id, position),
                    document_id=document_id,
                    file_name=f"{company.upper()}INC_{year}_10K.pdf",
                    text=text,
                    position=position,
                )
                passages.append(passage)
    store.upsert(embed(embedder, passages))
    retriever = Retriever(store, embedder, settings)
    found = retriever.search("What did Contoso Inc. pay to suppliers in FY2021?", 3)
    assert "Contoso2021" in {result.passage.document_id for result in found[:2]}
    # What the names do not tell is still found.
    everywhere = retriever.search("What did Contoso Inc. pay to suppliers in FY2021?", 12)
    assert {result.passage.document_id for result in everywhere} > {"Contoso2021"}
    # A document that came or went since is named, or is not.
    store.delete("Contoso2021")
    assert "Contoso2021" not in store.stored_documents()
    left = retriever.search("What did Contoso Inc. pay to suppliers in FY2021?", 3)
    assert left
    store.close()
