import pytest

from docmind.events import Source
from docmind.retrieval.citations import cite, cited_sentences

SOURCES = (
    Source(1, "a", "d", "report.pdf", "In 2024 revenue grew by 12 % to 5.3 million euros. Profit was 3,400 euros."),
    Source(2, "b", "d", "handbook.docx", "Employees may work from home on two days a week after the probation period."),
    Source(3, "c", "e", "trip.txt", "The conference took place in Porto. Mina Okafor gave the opening talk."),
)


@pytest.fixture
def check(embedder):
    return lambda answer: [(c.number, c.supported) for c in cite(answer, SOURCES, embedder.embed_texts)]


def test_marks_in_all_their_forms():
    answer = (
        "Revenue grew. [1] Profit too [1, 2]. Both [1][3].\n- A point [2-3]\n1. Numbered【no】 [2]\n"
        "Not `x[1]` but this [3].\n```\na[1]\n```\nSee [1](http://x) or [foo]."
    )
    assert list(cited_sentences(answer)) == [
        ("Revenue grew.", [1]),
        ("Profit too.", [1, 2]),
        ("Both.", [1, 3]),
        ("A point", [2, 3]),
        ("Numbered【no】", [2]),
        ("Not `x[1]` but this.", [3]),
    ]


def test_a_mark_alone_belongs_to_the_sentence_before():
    assert list(cited_sentences("The sky is blue.\n[1]")) == [("The sky is blue.", [1])]


def test_quotes_and_close_wording_are_supported(check):
    assert check("Revenue grew by 12% in 2024 [1].") == [(1, True)]
    assert check("Profit: 3400 euros [1].") == [(1, True)]
    assert check("Remote work is allowed two days per week once probation is over [2].") == [(2, True)]
    assert check("Mina Okafor opened the conference in Porto [3].") == [(3, True)]


def test_wrong_numbers_names_and_passages_are_not(check):
    assert check("Revenue grew by 15% in 2024 [1].") == [(1, False)]
    assert check("The conference took place in Lisbon [3].") == [(3, False)]
    assert check("Revenue grew by 12% in 2024 [2].") == [(2, False)]
    assert check("Bananas are yellow [1].") == [(1, False)]


def test_a_number_without_a_source_is_reported(check):
    assert check("Something else [9].") == [(9, False)]


def test_two_passages_may_carry_a_sentence_together(check):
    answer = "Profit was 3,400 euros and employees may work from home two days a week [1][2]."
    assert check(answer) == [(1, True), (2, True)]


def test_no_marks_no_citations(check):
    assert check("Nothing was found in your documents.") == []
    assert check("") == []
