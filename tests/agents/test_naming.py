"""The documents that a question names are found strictly, or said to be missing."""

import pytest

from docmind.agents.naming import (
    named_documents,
    named_page,
    near_names,
    same_name,
    say_missing,
)
from docmind.events import AgentStep
from docmind.storage.documents import Document
from tests.agents.conftest import plan
from tests.engines import PromptedEngine
from tests.samples import write_pdf


def document(name, state="ready", **fields):
    _, _, suffix = name.rpartition(".")
    return Document(
        id=name, name=name, size=1, suffix=f".{suffix}", state=state, added_at="", **fields
    )


HARBOUR = document("contract-harbour.docx")
NORTHWIND = document("contract-northwind.docx")
REPORT = document("Quarterly report 2030.pdf")
LIBRARY = (HARBOUR, NORTHWIND, REPORT)


def names_in(text):
    named = named_documents(text, LIBRARY)
    return [found.name for found in named.documents], list(named.missing)


@pytest.mark.parametrize(
    ("text", "found", "missing"),
    [
        ("Summarize contract-harbour.docx", [HARBOUR.name], []),
        ("Summarize CONTRACT-HARBOUR.DOCX, please.", [HARBOUR.name], []),
        ("Sum up contract_harbour.docx", [HARBOUR.name], []),
        ("Sum up contract-harbor.docx", [HARBOUR.name], []),
        ("What is in Quarterly report 2030.pdf?", [REPORT.name], []),
        ("What is in quarterly-report-2031.pdf?", [], ["quarterly-report-2031.pdf"]),
        ("What is in “Letter of 3 May.pdf”?", [], ["Letter of 3 May.pdf"]),
        ("Compare contract-harbour.docx and lease.txt", [HARBOUR.name], ["lease.txt"]),
        ("What is the rent?", [], []),
        ("Does Node.js follow U.S.C. 17 on example.pl?", [], []),
        ("Is it due on 3.5. or e.g. later?", [], []),
    ],
)
def test_names_in_a_question(text, found, missing):
    assert names_in(text) == (found, missing)


def test_an_attachment_is_named_by_its_own_name_and_comes_with_its_mail():
    mail = document("offer.eml")
    attached = document("offer.eml / price list 2030.pdf", parents=(mail.id,))
    library = (*LIBRARY, mail, attached)
    assert named_documents("Sum up price list 2030.pdf", library).documents == (attached,)
    assert named_documents("Sum up price-list-2030.pdf", library).documents == (attached,)
    named = named_documents("What does offer.eml say?", library)
    assert set(named.documents) == {mail, attached}
    assert named.missing == ()


def test_another_year_is_another_document():
    assert same_name("quarterly-report-2030.pdf", LIBRARY) is REPORT
    assert same_name("quarterly-report-2031.pdf", LIBRARY) is None
    assert near_names("quarterly-report-2031.pdf", LIBRARY) == [REPORT.name]


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("What stands on page 3 of report.pdf?", 3),
        ("What stands on page three?", 3),
        ("See p. 12.", 12),
        ("Was steht auf Seite 4?", 4),
        ("Which pages are there?", None),
        ("What is the rent?", None),
    ],
)
def test_a_page_that_a_question_names(text, page):
    assert named_page(text) == page


def missing(name, *, readable=LIBRARY, others=(), seen=()):
    return say_missing(name, readable=readable, others=others, seen_names=seen)


def test_why_a_document_can_not_be_read_is_said():
    assert missing("zebra.pdf") == "There is no document called zebra.pdf among your documents."
    assert missing("quarterly-report-2031.pdf").endswith("; near it: Quarterly report 2030.pdf.")
    assert "deleted" in missing("zebra.pdf", seen=["Zebra.pdf"])
    assert "not among the documents" in missing("zebra.pdf", others=[document("zebra.pdf")])
    assert "still being read" in missing("zebra.pdf", others=[document("zebra.pdf", "queued")])
    failed = document("zebra.pdf", "failed", reason="It has a password.")
    assert missing("zebra.pdf", others=[failed]) == (
        "zebra.pdf could not be read. It has a password."
    )


@pytest.mark.parametrize("agent", ["summarizer", "researcher", "analyst"])
def test_a_document_that_is_not_there_is_never_replaced_by_another(make_app, ask, agent):
    task = "Summarize quarterly-report-2031.pdf"
    engine = PromptedEngine([plan((task, agent))])
    events = ask(make_app(engine), task)
    assert events[-1].answer == (
        "There is no document called quarterly-report-2031.pdf among your documents."
    )
    assert events[-1].sources == ()
    assert not [event for event in events if isinstance(event, AgentStep)]


def test_a_deleted_document_is_said_to_be_deleted(make_app, ask):
    task = "How long is the notice period in lease.txt?"
    engine = PromptedEngine(
        [
            plan((task, "researcher")),
            "The notice period is three months [1].",
            plan((task, "researcher")),
        ]
    )
    app = make_app(engine)
    conversation = app.conversations.create().id
    ask(app, task, conversation)
    (lease,) = [found for found in app.documents.documents() if found.name == "lease.txt"]
    app.documents.delete(lease.id)
    assert app.documents.wait(60)
    end = ask(app, task, conversation)[-1]
    assert end.answer == "lease.txt is no longer there: it was deleted."


def test_what_is_there_of_two_documents_is_read_and_the_other_one_is_named(make_app, ask):
    task = "How long is the notice period in lease.txt and in lease-2031.pdf?"
    engine = PromptedEngine([plan((task, "researcher")), "The notice period is three months [1]."])
    end = ask(make_app(engine), task)[-1]
    assert end.answer == "The notice period is three months [1]."
    assert "There is no document called lease-2031.pdf" in end.notices[0]


def test_a_page_that_is_named_is_read_first(make_app, ask, tmp_path):
    pages = [f"Chapter {n} tells of the {thing}." for n, thing in enumerate(("sea", "sky", "sun"))]
    report = write_pdf(tmp_path / "report.pdf", pages)
    task = "What stands on page two of report.pdf?"
    engine = PromptedEngine(
        [plan((task, "researcher")), "Chapter 1 tells of the sky [1].", plan((task, "researcher"))]
    )
    app = make_app(engine)
    app.documents.add(report)
    assert app.documents.wait(120)
    end = ask(app, task)[-1]
    assert end.sources[0].passage.page == 2
    assert {source.passage.file_name for source in end.sources} == {"report.pdf"}


def test_a_page_that_is_not_there_is_said(make_app, ask, tmp_path):
    report = write_pdf(tmp_path / "report.pdf", ["It tells of the sea."])
    task = "What stands on page 9 of report.pdf?"
    engine = PromptedEngine([plan((task, "researcher")), "It tells of the sea [1]."])
    app = make_app(engine)
    app.documents.add(report)
    assert app.documents.wait(120)
    assert "report.pdf has no page 9: it has 1 page." in ask(app, task)[-1].notices


def test_a_report_on_another_year_is_not_summarized_in_its_place(make_app, ask):
    task = "Summarize the lease of the year 2031"
    engine = PromptedEngine([plan((task, "summarizer")), "The lease of 2031 runs for nine years."])
    end = ask(make_app(engine, agents={"unsupported_sentences": "mend"}), task)[-1]
    assert end.answer == "Not found in your documents."
    assert end.sources == ()
