"""Questions about the library are answered from its list and from search, by no passage's words."""

import json

import pytest

from docmind.agents.library import library_schema, read_library_query
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from tests.agents.conftest import plan
from tests.engines import PromptedEngine, asks_for_plan
from tests.samples import write_pdf


@pytest.fixture
def answer(make_app, ask):
    """`answer(question, about="…")` → how the turn ended, with four documents."""

    def run(question, **asked):
        def reply(messages, constraint):
            if asks_for_plan(constraint):
                return plan((question, "librarian"))
            assert asked["about"] in constraint.value["properties"]["about"]["enum"]
            return json.dumps(asked)

        app = make_app(PromptedEngine(reply))
        app.documents.add_bytes(b"The gardener comes on Mondays.", "note-04-garden.txt")
        app.documents.add_bytes(b"The roof was mended. Pets were seen.", "note-05-roof.txt")
        assert app.documents.wait(120)
        return ask(app, question)[-1]

    return run


def test_documents_about_a_topic_are_listed_each_with_the_passage_that_speaks_of_it(answer):
    end = answer("Which of my files mention pets?", about="pets")
    assert end.answer == (
        "About “pets”: 2 of your 4 documents:\n\n- lease.txt [1]\n- note-05-roof.txt [2]"
    )
    cited = {source.number: source.passage.file_name for source in end.sources}
    assert [(cited[c.number], c.supported) for c in end.citations] == [
        ("lease.txt", True),
        ("note-05-roof.txt", True),
    ]
    assert end.statements == ()
    assert end.notices == ()
    assert end.usage.engine_calls == 2  # the plan, and what is asked of the list


def test_a_document_is_about_what_its_name_says(answer):
    end = answer("Which documents do I have about the garden?", about="garden")
    assert "- note-04-garden.txt" in end.answer
    assert "lease" not in end.answer


def test_only_the_pages_that_a_question_is_asked_of_tell_what_a_document_is_about(
    make_app, tmp_path
):
    question = "Which of my files mention herons?"
    asked = json.dumps({"about": "herons", "order": "name"})
    app = make_app(PromptedEngine([plan((question, "librarian")), asked]))
    pages = ("Herons stand in the river and wait.", "The mill beside it grinds wheat.")
    path = write_pdf(tmp_path / "river.pdf", pages)
    added = app.documents.add_bytes(path.read_bytes(), "river.pdf")
    assert app.documents.wait(60)
    second = ChosenDocument(
        id=added.document.id, name="river.pdf", pages=PageRange(first=2, last=2)
    )
    conversation = app.conversations.create().id
    turn = app.chat.ask(question, conversation, scope=QuestionScope(documents=(second,)))
    *_, end = turn.stream()
    assert end.answer.startswith("None of your 1 document")
    assert {source.passage.page for source in end.sources} <= {2}


def test_without_a_topic_all_documents_are_listed(answer):
    end = answer("Which documents do I have?", about="all documents")
    assert end.answer.startswith("You have 4 documents:")
    assert end.answer.count("\n- ") == 4


def test_the_newest_document_stands_first(answer):
    end = answer("What did I add last?", about="all documents", order="newest")
    beginning, _, first, *_ = end.answer.splitlines()
    assert beginning == "You have 4 documents, the newest first:"
    assert first == "- note-05-roof.txt"


def test_documents_of_one_type_are_listed(answer):
    end = answer("Which md files are there?", about="all documents", type="md")
    assert end.answer == "You have 1 document:\n\n- handbook.md"


def test_a_topic_that_no_document_has_is_said(answer):
    end = answer("Do I have documents about submarines?", about="submarines")
    assert end.answer.startswith("None of your 4 documents speaks of “submarines”.")


def test_a_german_question_is_answered_in_german(answer):
    end = answer("Welche Dokumente habe ich über Pets?", about="Pets")
    assert end.answer.startswith("Zu „Pets“: 2 von 4 Dokumenten:")


def test_a_topic_is_made_of_the_questions_own_words():
    topics = library_schema("Anything on solar panels?", ["pdf"])["properties"]["about"]["enum"]
    assert {"all documents", "solar panels", "panels"} <= set(topics)
    assert "wind" not in topics


def test_a_type_of_file_is_asked_for_only_where_the_question_names_one():
    types = ["md", "pdf"]
    assert "type" not in library_schema("How many documents are there?", types)["properties"]
    assert library_schema("How many PDFs?", types)["properties"]["type"] == {"enum": ["pdf"]}


def test_what_is_no_query_is_said():
    with pytest.raises(ValueError, match="no query"):
        read_library_query('{"topic": "pets"}')
