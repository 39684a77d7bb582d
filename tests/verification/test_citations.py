import pytest

from docmind.retrieval.embeddings import Embedder
from docmind.verification.statements import check_answer
from tests.passages import numbered

SOURCES = (
    numbered(
        number=1,
        passage_id="a",
        document_id="d",
        file_name="report.pdf",
        text="In 2024 revenue grew by 12 % to 5.3 million euros. Profit was 3,400 euros.",
    ),
    numbered(
        number=2,
        passage_id="b",
        document_id="d",
        file_name="handbook.docx",
        text="Employees may work from home on two days a week after the probation period.",
    ),
    numbered(
        number=3,
        passage_id="c",
        document_id="e",
        file_name="trip.txt",
        text="The conference took place in Porto. Mina Okafor gave the opening talk.",
    ),
    numbered(
        number=4,
        passage_id="d",
        document_id="f",
        file_name="access.pdf",
        text="A row permission is a database object that expresses a row access control rule for a "
        "specific table. A column mask is a database object that manifests a column value access "
        "control rule for a specific column in a specific table. It does not replace object level "
        "security.",
    ),
)


@pytest.fixture
def check(embedder):
    """Return the number and the verdict of each citation of an answer from SOURCES."""

    def check(answer):
        checked = check_answer("", answer, SOURCES, embedder.nearness)
        return [(citation.number, citation.supported) for citation in checked.citations]

    return check


def is_supported(answer, text):
    """Return the verdict on an answer with one citation, by the words of one passage alone."""
    source = numbered(number=1, passage_id="a", document_id="d", file_name="a.txt", text=text)

    (citation,) = check_answer("", answer, [source]).citations
    return citation.supported


def test_a_sentence_that_only_points_stands_for_the_one_before(check):
    right = "Revenue grew by 12% in 2024. This can be found in the passage [1]."
    wrong = "Revenue grew by 15% in 2024. See document [1]."
    assert check(right) == [(1, True)]
    assert check(wrong) == [(1, False)]


def test_quotes_and_close_wording_are_supported(check):
    assert check("Revenue grew by 12% in 2024 [1].") == [(1, True)]
    assert check("Profit: 3400 euros [1].") == [(1, True)]
    remote = "Remote work is allowed two days per week once probation is over [2]."
    assert check(remote) == [(2, True)]
    assert check("Mina Okafor opened the conference in Porto [3].") == [(3, True)]


def test_wrong_numbers_names_and_passages_are_not(check):
    assert check("Revenue grew by 15% in 2024 [1].") == [(1, False)]
    assert check("The conference took place in Lisbon [3].") == [(3, False)]
    assert check("Bananas are yellow [1].") == [(1, False)]


def test_one_subject_with_what_is_said_of_another_is_not(check):
    rule = (
        "is a database object that manifests a column value access control rule "
        "for a specific column."
    )
    assert check(f"A column mask {rule} [4]") == [(4, True)]
    assert check(f"A row permission {rule} [4]") == [(4, False)]


def test_the_opposite_is_not(check):
    assert check("A column mask does not replace object level security [4].") == [(4, True)]
    assert check("A column mask replaces object level security [4].") == [(4, False)]
    assert check("Employees may not work from home after the probation period [2].") == [(2, False)]


def test_numbers_must_stand_with_what_they_are_said_of():
    elsewhere = "Nothing else is told. " * 3
    text = f"The hall holds 40 people. {elsewhere}The lot has 90 spaces."
    assert is_supported("The hall holds 40 people in all [1].", text) is True
    assert is_supported("The hall holds 90 people [1].", text) is False


def test_lines_of_a_page_are_read_as_sentences():
    text = (
        "The average cost that is incurred for each lost record\n"
        "containing sensitive information increased more than\n9% to $145 per record."
    )
    answer = (
        "The average cost for each lost record with sensitive information "
        "increased by more than 9% to $145 [1]."
    )
    assert is_supported(answer, text) is True


def test_a_number_without_a_source_is_reported(check):
    assert check("Something else [9].") == [(9, False)]


def test_a_mark_that_names_the_wrong_passage_is_put_right(embedder):
    answer = (
        "Revenue grew by 12% in 2024 {}. It was `a[1]`.\n"
        "- Mina Okafor opened the conference. {}\n"
        "Bananas [2]."
    )
    checked = check_answer("", answer.format("[2, 3]", "[1] [2]"), SOURCES, embedder.nearness)
    citations = checked.citations
    assert checked.text == answer.format("[1]", "[3] ")
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

    statement = "mployees stay home two days each week once their trial ends"
    answer = f"E{statement} [3]. In this firm e{statement} [1]."
    check_answer("", answer, SOURCES, Counting(minilm).nearness)
    assert embedded
    assert len(embedded) == len(set(embedded))
