import pytest

from docmind.retrieval.embeddings import Embedder
from docmind.verification.citations import cite
from docmind.verification.sentences import CitedSentence, cited_sentences
from tests.passages import numbered

SOURCES = (
    numbered(
        1,
        "a",
        "d",
        "report.pdf",
        "In 2024 revenue grew by 12 % to 5.3 million euros. Profit was 3,400 euros.",
    ),
    numbered(
        2,
        "b",
        "d",
        "handbook.docx",
        "Employees may work from home on two days a week after the probation period.",
    ),
    numbered(
        3,
        "c",
        "e",
        "trip.txt",
        "The conference took place in Porto. Mina Okafor gave the opening talk.",
    ),
    numbered(
        4,
        "d",
        "f",
        "access.pdf",
        "A row permission is a database object that expresses a row access control rule for a specific table. A column "
        "mask is a database object that manifests a column value access control rule for a specific column in a "
        "specific table. It does not replace object level security.",
    ),
)


@pytest.fixture
def check(embedder):
    return lambda answer: [
        (c.number, c.supported) for c in cite(answer, SOURCES, embedder.nearness)[1]
    ]


def test_marks_in_all_their_forms():
    answer = (
        "Revenue grew. [1] Profit too [1, 2]. Both [1][3].\n- A point [2-3]\n1. Numbered【no】 [2]\n"
        "Not `x[1]` but this [3].\n```\na[1]\n```\nSee [1](http://x) or [foo]."
    )
    found = [(sentence.text, sentence.numbers) for sentence in cited_sentences(answer)]
    assert found == [
        ("Revenue grew.", (1,)),
        ("Profit too.", (1, 2)),
        ("Both.", (1, 3)),
        ("A point", (2, 3)),
        ("Numbered【no】", (2,)),
        ("Not `x[1]` but this.", (3,)),
    ]


def test_a_mark_alone_belongs_to_the_sentence_before():
    found = list(cited_sentences("The sky is blue.\n[1]"))
    assert found == [CitedSentence(text="The sky is blue.", numbers=(1,), marks=((17, 20),))]


def test_a_sentence_that_only_points_stands_for_the_one_before(check):
    assert check("Revenue grew by 12% in 2024. This can be found in the passage [1].") == [
        (1, True)
    ]
    assert check("Revenue grew by 15% in 2024. See document [1].") == [(1, False)]


def test_quotes_and_close_wording_are_supported(check):
    assert check("Revenue grew by 12% in 2024 [1].") == [(1, True)]
    assert check("Profit: 3400 euros [1].") == [(1, True)]
    assert check("Remote work is allowed two days per week once probation is over [2].") == [
        (2, True)
    ]
    assert check("Mina Okafor opened the conference in Porto [3].") == [(3, True)]


def test_wrong_numbers_names_and_passages_are_not(check):
    assert check("Revenue grew by 15% in 2024 [1].") == [(1, False)]
    assert check("The conference took place in Lisbon [3].") == [(3, False)]
    assert check("Bananas are yellow [1].") == [(1, False)]


def test_one_subject_with_what_is_said_of_another_is_not(check):
    rule = "is a database object that manifests a column value access control rule for a specific column."
    assert check(f"A column mask {rule} [4]") == [(4, True)]
    assert check(f"A row permission {rule} [4]") == [(4, False)]


def test_the_opposite_is_not(check):
    assert check("A column mask does not replace object level security [4].") == [(4, True)]
    assert check("A column mask replaces object level security [4].") == [(4, False)]
    assert check("Employees may not work from home after the probation period [2].") == [(2, False)]


def test_numbers_must_stand_with_what_they_are_said_of(check):
    sources = (
        numbered(
            1,
            "a",
            "d",
            "a.txt",
            f"The hall holds 40 people. {'Nothing else is told. ' * 3}The lot has 90 spaces.",
        ),
    )
    assert [
        c.supported
        for c in cite("The hall holds 40 people in all [1].", sources, lambda *_: 0.0)[1]
    ] == [True]
    assert [
        c.supported for c in cite("The hall holds 90 people [1].", sources, lambda *_: 0.0)[1]
    ] == [False]


def test_lines_of_a_page_are_read_as_sentences():
    text = (
        "The average cost that is incurred for each lost record\n"
        "containing sensitive information increased more than\n9% to $145 per record."
    )
    source = numbered(1, "a", "d", "a.pdf", text)
    told = "The average cost for each lost record with sensitive information increased by more than 9% to $145 [1]."
    assert [c.supported for c in cite(told, (source,), lambda *_: 0.0)[1]] == [True]


def test_a_number_without_a_source_is_reported(check):
    assert check("Something else [9].") == [(9, False)]


def test_a_mark_that_names_the_wrong_passage_is_put_right(embedder):
    told = "Revenue grew by 12% in 2024 {}. It was `a[1]`.\n- Mina Okafor opened the conference. {}\nBananas [2]."
    mended, citations = cite(told.format("[2, 3]", "[1] [2]"), SOURCES, embedder.nearness)
    assert mended == told.format("[1]", "[3] ")
    assert [(c.number, c.supported, c.instead_of) for c in citations] == [
        (1, True, 2),
        (3, True, 1),
        (2, False, None),
    ]


def test_two_passages_may_carry_a_sentence_together(check):
    answer = "Profit was 3,400 euros and employees may work from home two days a week [1][2]."
    assert check(answer) == [(1, True), (2, True)]


def test_no_marks_no_citations(check):
    assert check("Nothing was found in your documents.") == []
    assert check("") == []


def test_nothing_is_embedded_twice_however_often_it_is_compared(minilm):
    embedded = []

    class Counting(Embedder):
        def embed_texts(self, texts):
            embedded.extend(texts)
            return super().embed_texts(texts)

    said = "eople spend two days away and stay home once their trial ends"
    cite(f"P{said} [3]. In this firm p{said} [1].", SOURCES, Counting(minilm).nearness)
    assert embedded
    assert len(embedded) == len(set(embedded))
