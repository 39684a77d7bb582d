"""A question in one language finds documents in another: it is searched for in both."""

import pytest

from docmind.agents.translation import is_covered
from docmind.events import AgentStep, SourcesFound
from docmind.passages import Passage
from docmind.retrieval.search import in_turn
from tests.agents.conftest import plan
from tests.engines import PromptedEngine

HARBOUR = (
    "# Hafenordnung\n\nGäste dürfen höchstens fünf Nächte im Hafen bleiben. Sie melden sich bei "
    "der Ankunft im Büro und zahlen die Gebühr für die Nacht im Voraus. Der Kran wird nur von dem "
    "Hafenmeister bedient, und die Tragkraft ist auf dem Schild am Kran angegeben.\n"
)
QUESTION = "How long may guests stay in the harbour at most?"


class Model:
    """Plans one look-up, translates, and refuses."""

    def __init__(self):
        self.translated = []

    def __call__(self, messages, constraint):
        if constraint is not None:
            return plan((QUESTION, "researcher"))
        if messages[0]["content"].startswith("You translate"):
            self.translated.append(messages[-1]["content"])
            return "Wie viele Nächte dürfen Gäste höchstens im Hafen bleiben?"
        return "Not found in your documents."


@pytest.fixture
def asked(make_app, ask):
    """`asked(text)` → what a question finds beside the English documents, and the model."""

    def run(text):
        model = Model()
        app = make_app(PromptedEngine(model))
        app.documents.add_bytes(text.encode(), "hafen.md")
        assert app.documents.wait(60)
        return ask(app, QUESTION), model

    return run


def test_a_german_document_is_found_by_an_english_question(asked):
    events, model = asked(HARBOUR)
    (request,) = model.translated
    assert request == f"Translate into German, keep names and numbers:\n{QUESTION}"
    steps = [event for event in events if isinstance(event, AgentStep)]
    assert [step.arguments for step in steps if step.tool == "translate"] == [
        {"language": "German"}
    ]
    found = [event for event in events if isinstance(event, SourcesFound)]
    texts = [numbered.passage.text for event in found for numbered in event.sources]
    assert any("fünf Nächte" in text for text in texts)


def test_documents_in_the_questions_language_need_no_translation(asked):
    _, model = asked(
        "# Harbour rules\n\nGuests may stay in the harbour for five nights at most, and that is "
        "how long the berth is theirs. They are to report to the office when they arrive.\n"
    )
    assert model.translated == []


def test_a_passage_that_has_most_of_a_questions_words_covers_it():
    passage = Passage(id="1", document_id="1", file_name="a.md", text="Guests stay in the harbour.")
    assert is_covered("Which guests stay in the harbour?", [passage])
    assert not is_covered("Who repairs the crane in the harbour?", [passage])


def test_of_two_searches_the_best_come_first_and_none_twice():
    one, two, three = (
        Passage(id=name, document_id=name, file_name=name, text=name) for name in "abc"
    )
    assert in_turn([[one, two], [three, one]]) == [one, three, two]
