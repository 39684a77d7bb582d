import re

from benchmarks.reports import DEPTH, ReportQuestion, _measure, _ranks, read_questions
from docmind.passages import Passage, ScoredPassage


def found(page, file_name="a.pdf"):
    passage = Passage(
        id=f"{file_name}-{page}", document_id=file_name, file_name=file_name, text="", page=page
    )
    return ScoredPassage(passage=passage, score=1.0)


def test_every_wanted_page_counts_once_and_any_that_will_do():
    question = ReportQuestion("a.pdf", "analyst", "Turnover?", [[58, 59], [60]])
    assert _ranks(question, [found(1), found(59), found(58)]) == [2]
    assert _ranks(question, [found(60), found(58)]) == [2, 1]
    assert _ranks(question, [found(58, "b.pdf")]) == []


def test_the_halves_are_reported_apart():
    questions = [
        ReportQuestion("a.pdf", "literal", "even", [[1]]),
        ReportQuestion("a.pdf", "literal", "odd", [[2], [3]]),
    ]
    figures = _measure(questions, lambda _query: [found(2)] * DEPTH)
    assert figures["literal.chosen.recall10"] == 0
    assert figures["literal.reported.recall10"] == figures["recall10"] == 0.5
    assert figures["mrr10"] == 1


def test_there_are_enough_questions_with_their_pages():
    questions = read_questions()
    assert len(questions) >= 120
    assert len({question.text for question in questions}) == len(questions)
    for question in questions:
        assert re.fullmatch(r"[\w-]+\.pdf", question.file_name)
        assert all(page >= 1 for pages in question.pages for page in pages)
