"""What a question names, read from what somebody types."""

import pytest

from docmind.agents.mentions import pages_of, read_mentions
from docmind.errors import DocMindError
from docmind.question_scope import PageRange
from docmind.storage.collections import Collection
from docmind.storage.documents import Document


def document(name, pages=0, tags=()):
    return Document(
        id=name, name=name, size=1, suffix="", state="ready", added_at="", pages=pages, tags=tags
    )


DOCUMENTS = [
    document("report.pdf", pages=60),
    document("report 2031.pdf", pages=8),
    document("notes.txt", tags=("tax", "tax return")),
    document("Übersicht (neu).xlsx", pages=3),
]
COLLECTIONS = [Collection(id=1, name="General"), Collection(id=7, name="Annual reports")]


def read(text):
    """Return the question, and what is chosen, in short."""
    mentions = read_mentions(text, DOCUMENTS, COLLECTIONS)
    scope = mentions.scope
    chosen = [found.label for found in scope.documents]
    chosen += [f"collection {number}" for number in scope.collections]
    chosen += [f"#{tag}" for tag in scope.tags]
    return mentions.question, chosen


@pytest.mark.parametrize(
    ("text", "question", "chosen"),
    [
        ("@report.pdf What is due?", "What is due?", ["report.pdf"]),
        ("@report What is due?", "What is due?", ["report.pdf"]),
        ("@REPORT.PDF: what is due?", "what is due?", ["report.pdf"]),
        ("@report.pdf p. 10-20 What is due?", "What is due?", ["report.pdf p. 10-20"]),
        ("@report.pdf, pages 10 to 99: due?", "due?", ["report.pdf p. 10-60"]),
        ("@report.pdf p. 7 due?", "due?", ["report.pdf p. 7"]),
        ("@report.pdf Seiten 3 bis 5 was?", "was?", ["report.pdf p. 3-5"]),
        ("@report 2031.pdf What is due?", "What is due?", ["report 2031.pdf"]),
        ("Summarize @report.pdf", "Summarize report.pdf", ["report.pdf"]),
        ("What does @notes say on it?", "What does notes.txt say on it?", ["notes.txt"]),
        ("@übersicht (neu).xlsx p. 2 Summe?", "Summe?", ["Übersicht (neu).xlsx p. 2"]),
        ("@notes.txt @report.pdf p. 3: same?", "same?", ["notes.txt", "report.pdf p. 3"]),
        ("#Annual reports What is due?", "What is due?", ["collection 7"]),
        ("#annual reports #tax due?", "due?", ["collection 7", "#tax"]),
        ("#tax return due?", "due?", ["#tax return"]),
        ("@reporrt.pdf What is due?", "What is due?", ["report.pdf"]),
        ("@report.pdf", "", ["report.pdf"]),
        # None of these names anything.
        ("Who is me@report.pdf?", "Who is me@report.pdf?", []),
        ("What does @dataclass do?", "What does @dataclass do?", []),
        ("Is issue #1 closed?", "Is issue #1 closed?", []),
        ("@ what", "@ what", []),
        ("@reports what?", "@reports what?", []),
    ],
)
def test_a_question_says_what_it_is_asked_of(text, question, chosen):
    assert read(text) == (question, chosen)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("@invoices-7.pdf due?", "no document called invoices-7.pdf"),
        ("@report.pdf p. 61 due?", "has pages 1 to 60, and no page 61"),
        ("@report.pdf p. 0 due?", "no page 0"),
        ("@notes.txt p. 2 due?", "notes.txt has no pages"),
    ],
)
def test_what_is_not_there_is_said_and_never_taken_for_something_else(text, reason):
    with pytest.raises(DocMindError, match=reason):
        read(text)


def test_pages_are_typed_alone_as_well():
    report = DOCUMENTS[0]
    assert pages_of(report, " 10-20 ") == PageRange(first=10, last=20)
    assert pages_of(report, "7") == PageRange(first=7, last=7)
    assert pages_of(report, " ") is None
    with pytest.raises(DocMindError, match="are no pages"):
        pages_of(report, "the end")
