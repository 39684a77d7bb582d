"""A table of documents by aspects is checked cell by cell, and its conclusion computed again."""

import pytest

from docmind.events import Verdict
from docmind.verification.comparisons import (
    ENGLISH,
    GERMAN,
    Cell,
    ComparisonTable,
    Outcome,
    check_comparison,
    compare,
    conclusion,
    find_table,
    render,
    yes_or_no,
)
from tests.passages import numbered

ELM = (
    "The rent is EUR 950 a month. The notice period is six weeks. Pets are not allowed. "
    "Repairs are paid by the landlord. The lease runs for two years."
)
OAK = (
    "The rent is EUR 1,100 a month. The notice period is three months. Pets are allowed. "
    "Repairs up to EUR 100 are paid by the tenant. The lease runs for 24 months."
)
SOURCES = [
    numbered(number=1, passage_id="a", document_id="elm", file_name="elm.pdf", text=ELM),
    numbered(number=2, passage_id="b", document_id="oak", file_name="oak.pdf", text=OAK),
]


def row(aspect, elm, oak):
    """The two cells of an aspect; an empty one is not stated."""
    return [
        Cell(document="elm.pdf", aspect=aspect, text=elm, numbers=(1,) if elm else ()),
        Cell(document="oak.pdf", aspect=aspect, text=oak, numbers=(2,) if oak else ()),
    ]


def verdicts(cells, question="Compare the leases."):
    """The verdict of each cell that states something, by the whole check of an answer."""
    answer = render(cells, ENGLISH)
    checked = check_comparison(question, answer, SOURCES)
    assert checked.text == answer
    return [statement.verdict for statement in checked.statements]


def test_each_cell_is_a_statement_with_its_passage():
    cells = [*row("rent", "EUR 950", "EUR 1,100"), *row("deposit", "", "")]
    checked = check_comparison("", render(cells, ENGLISH), SOURCES)
    texts = [checked.text[found.start : found.end] for found in checked.statements]
    assert texts == ["EUR 950 [1]", "EUR 1,100 [2]"]
    assert [found.passages for found in checked.statements] == [(1,), (2,)]
    assert checked.statements[0].text == "elm.pdf, rent: EUR 950"
    assert [citation.supported for citation in checked.citations] == [True, True]


def test_a_value_of_the_other_document_or_another_aspect_does_not_pass():
    assert verdicts(row("rent", "EUR 1,100", "EUR 950")) == [Verdict.NOT_FOUND] * 2
    assert verdicts(row("notice period", "two years", "24 months")) == [Verdict.NOT_FOUND] * 2


def test_a_cell_that_cites_another_document_does_not_pass():
    swapped = [
        Cell(document="elm.pdf", aspect="rent", text="EUR 1,100", numbers=(2,)),
        Cell(document="oak.pdf", aspect="rent", text="EUR 950", numbers=(1,)),
    ]
    assert verdicts(swapped) == [Verdict.NOT_FOUND] * 2


def test_allowed_is_not_what_a_document_says_that_forbids():
    assert verdicts(row("pets", "allowed", "allowed")) == [Verdict.CONTRADICTED, Verdict.SUPPORTED]


def test_a_quoted_sentence_passes_as_it_stands():
    assert verdicts(row("pets", '"Pets are not allowed."', '"Pets are allowed."')) == [
        Verdict.SUPPORTED,
        Verdict.SUPPORTED,
    ]


@pytest.mark.parametrize(
    ("elm", "oak", "outcome"),
    [
        ("two years", "24 months", Outcome.SAME),
        ("EUR 950", "950 EUR a month", Outcome.SAME),
        ("1.5 million", "1,500,000", Outcome.SAME),
        ("EUR 950", "GBP 950", Outcome.DIFFERENT),
        ("six weeks", "three months", Outcome.DIFFERENT),
        ("at least 5 days", "at most 5 days", Outcome.DIFFERENT),
        ("within 14 days", "not within 14 days", Outcome.DIFFERENT),
        ("five years after the end", "five years from signing", Outcome.OTHER_WORDS),
        ("the laws of Germany", "England and Wales", Outcome.OTHER_WORDS),
        ("Germany", "germany", Outcome.SAME),
        ("six weeks", "", Outcome.NOT_EVERYWHERE),
        ("", "", Outcome.NOWHERE),
    ],
)
def test_what_is_the_same_is_computed(elm, oak, outcome):
    assert compare(row("x", elm, oak)) is outcome


CELLS = [
    *row("rent", "EUR 950", "EUR 1,100"),
    *row("notice period", "six weeks", "three months"),
    *row("lease", "two years", "24 months"),
    *row("pets", "", "allowed"),
]


def test_the_conclusion_says_what_differs_and_is_as_well_supported_as_the_cells():
    told = conclusion(ComparisonTable(tuple(CELLS)), ENGLISH)
    assert told == ("Different: rent and notice period; the same: lease; not stated in each: pets.")
    checked = check_comparison("", f"{render(CELLS, ENGLISH)}\n\n{told}", SOURCES)
    *_, last = checked.statements
    assert (last.text, last.verdict, last.passages) == (told, Verdict.SUPPORTED, (1, 2))


def test_a_conclusion_that_the_cells_do_not_give_is_not_supported():
    wrong = "Different: lease; the same: rent and notice period; not stated in each: pets."
    checked = check_comparison("", f"{render(CELLS, ENGLISH)}\n\n{wrong}", SOURCES)
    assert checked.statements[-1].verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("question", "aspect", "first"),
    [
        ("Do both leases have the same rent?", "rent", "No"),
        ("Does the rent differ?", "rent", "Yes"),
        ("Is the term the same in both leases?", "lease", "Yes"),
        ("Do they differ in their term?", "lease", "No"),
    ],
)
def test_a_yes_no_question_is_answered_first_with_both_values(question, aspect, first):
    table = ComparisonTable(tuple(cell for cell in CELLS if cell.aspect == aspect))
    told = yes_or_no(question, table, ENGLISH)
    assert told.startswith(f"{first}, {aspect}: ")
    assert table.cells[0].text in told
    assert table.cells[1].text in told
    checked = check_comparison(question, f"{told}\n\n{render(table.cells, ENGLISH)}", SOURCES)
    assert {found.verdict for found in checked.statements} == {Verdict.SUPPORTED}
    turned = told.replace("Yes", "xx").replace("No", "Yes").replace("xx", "No")
    checked = check_comparison(question, f"{turned}\n\n{render(table.cells, ENGLISH)}", SOURCES)
    assert checked.statements[0].verdict is not Verdict.SUPPORTED


def test_where_values_do_not_tell_there_is_no_yes_or_no():
    table = ComparisonTable(tuple(row("pets", "", "allowed")))
    assert yes_or_no("Do both have the same rule for pets?", table, ENGLISH) == ""
    lease = ComparisonTable(tuple(row("lease", "two years", "24 months")))
    assert yes_or_no("What is the same in both?", lease, ENGLISH) == ""


def test_the_longer_side_runs_down_the_page():
    few_aspects = [
        Cell(document=f"{name}.pdf", aspect="rent", text="EUR 1", numbers=(1,)) for name in "abc"
    ]
    assert render(few_aspects, ENGLISH).startswith("|  | rent |\n")
    assert render(CELLS, ENGLISH).startswith("|  | elm.pdf | oak.pdf |\n")


def test_german_words_are_known_to_the_check():
    cells = [*row("Miete", "EUR 950", "EUR 1,100"), *row("Kaution", "", "")]
    told = conclusion(ComparisonTable(tuple(cells)), GERMAN)
    assert told == "Verschieden: Miete; nirgends angegeben: Kaution."
    answer = f"{render(cells, GERMAN)}\n\n{told}"
    table = find_table(answer, SOURCES)
    assert [cell.text for cell in table.of_aspect("Kaution")] == ["", ""]


def test_a_table_of_something_else_is_checked_as_before():
    answer = "| thing | rent |\n| --- | --- |\n| Elm | EUR 950 [1] |"
    assert find_table(answer, SOURCES) is None
    assert len(check_comparison("", answer, SOURCES).statements) == 2
