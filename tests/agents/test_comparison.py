"""Documents are compared by a table: each cell comes from its own document, and is checked."""

import json

import pytest

from docmind.agents.comparison import (
    comparison_text,
    how_many,
    is_comparison,
    read_asked,
    sketch,
    spans,
)
from docmind.events import AgentStep, TurnFinished, Verdict
from docmind.passages import Passage
from docmind.verification.comparisons import Cell
from tests.agents.conftest import plan
from tests.engines import PromptedEngine

LEASES = {
    "lease-elm.md": "# Lease of Elm Street 3\n\n## Rent\n\nThe rent is EUR 950 a month.\n\n"
    "## Term\n\nThe lease runs for two years. The notice period is six weeks.\n\n"
    "## Pets\n\nPets are not allowed.\n",
    "lease-oak.md": "# Lease of Oak Road 7\n\n## Rent\n\nThe rent is EUR 1,100 a month.\n\n"
    "## Term\n\nThe lease runs for 24 months. The notice period is three months.\n",
    "mietvertrag.md": "# Mietvertrag Lindenallee\n\n## Miete\n\nDie Miete beträgt 870 Euro im "
    "Monat.\n\n## Kündigung\n\nDie Kündigungsfrist beträgt drei Monate.\n",
    "mietvertrag-ost.md": "# Mietvertrag Ostplatz\n\n## Miete\n\nDie Miete beträgt 990 Euro im "
    "Monat.\n\n## Kündigung\n\nDie Kündigungsfrist beträgt drei Monate.\n",
}
"""Documents that are made up for these tests, beside those of every test here."""

NOT_FOUND = "Not found in your documents."


class Model:
    """What a model writes: the plan, what is compared, and a value for each cell."""

    def __init__(self, question, documents, aspects, values):
        self.question = question
        self.asked = {"documents": documents, "named": aspects}
        self.values = values
        """(part of the file's name, aspect) → what is written; else a refusal."""
        self.cells = []
        """The prompts of cells."""

    def __call__(self, messages, constraint):
        if constraint is None:
            prompt = messages[-1]["content"]
            self.cells.append(prompt)
            asked = prompt.rpartition("</passages>")[2]
            for (document, aspect), value in self.values.items():
                if document in prompt and aspect in asked:
                    return value
            return NOT_FOUND
        if "count" in json.dumps(constraint.value):
            return plan((self.question, "comparer"))
        return json.dumps(self.asked)


@pytest.fixture
def compare(make_app, ask):
    """`compare(model, mends=True)` → the turn's events."""

    def run(model, mends="mend"):
        app = make_app(PromptedEngine(model), agents={"unsupported_sentences": mends})
        for name, text in LEASES.items():
            app.documents.add_bytes(text.encode(), name)
        assert app.documents.wait(60)
        return ask(app, model.question)

    return run


TWO = ["lease-elm.md", "lease-oak.md"]


def test_named_aspects_of_two_documents_become_a_table_with_a_conclusion(compare):
    model = Model(
        "Compare the two leases: rent, notice period and deposit.",
        TWO,
        ["rent", "notice period", "deposit"],
        {
            ("lease-elm", "rent"): "EUR 950",
            ("lease-oak", "rent"): "EUR 1,100",
            ("lease-elm", "notice"): "six weeks",
            ("lease-oak", "notice"): "Three months [1].",
        },
    )
    end = compare(model)[-1]
    assert isinstance(end, TurnFinished)
    table, _, told = end.answer.partition("\n\n")
    assert table.splitlines()[0] == "|  | lease-elm.md | lease-oak.md |"
    assert "| deposit | not stated | not stated |" in table
    assert told == "Different: rent and notice period; stated in none: deposit."
    assert [found.verdict for found in end.statements] == [Verdict.SUPPORTED] * 5
    sources = {source.number: source.passage for source in end.sources}
    for statement in end.statements[:4]:
        document, _, _ = statement.text.partition(",")
        assert {sources[number].file_name for number in statement.passages} == {document}
    assert all(citation.supported for citation in end.citations)


def test_a_cell_is_read_from_its_own_document_alone(compare):
    model = Model("Compare the two leases: rent.", TWO, ["rent"], {})
    compare(model)
    assert len(model.cells) == 2
    for prompt in model.cells:
        assert ("lease-elm" in prompt) != ("lease-oak" in prompt)


def test_a_value_that_is_not_there_gives_way_to_the_documents_sentence(compare):
    model = Model(
        "Compare the two leases: rent.",
        TWO,
        ["rent"],
        {("lease-elm", "rent"): "EUR 9,500", ("lease-oak", "rent"): NOT_FOUND},
    )
    end = compare(model)[-1]
    assert '"The rent is EUR 950 a month."' in end.answer
    assert '"The rent is EUR 1,100 a month."' in end.answer
    assert "9,500" not in end.answer
    assert {found.verdict for found in end.statements} == {Verdict.SUPPORTED}


def test_an_unsupported_value_is_marked_where_the_user_wants_that(compare):
    model = Model(
        "Compare the two leases: rent.",
        TWO,
        ["rent"],
        {("lease-elm", "rent"): "EUR 9,500", ("lease-oak", "rent"): "EUR 1,100"},
    )
    end = compare(model, mends="mark")[-1]
    verdicts = {found.text: found.verdict for found in end.statements}
    assert verdicts["lease-elm.md, rent: EUR 9,500"] is Verdict.NOT_FOUND
    assert verdicts["lease-oak.md, rent: EUR 1,100"] is Verdict.SUPPORTED
    assert verdicts["Different: rent."] is Verdict.NOT_FOUND


def test_a_yes_no_question_is_answered_by_what_was_found_in_both(compare):
    model = Model(
        "Do both leases have the same term?",
        TWO,
        ["term"],
        {("lease-elm", "term"): "two years", ("lease-oak", "term"): "24 months"},
    )
    end = compare(model)[-1]
    first, _, _ = end.answer.partition("\n")
    assert first.startswith("Yes, term: two years (lease-elm.md) [")
    assert "24 months (lease-oak.md) [" in first
    assert {found.verdict for found in end.statements} == {Verdict.SUPPORTED}


def test_a_german_question_is_answered_in_german(compare):
    model = Model(
        "Vergleiche die beiden Verträge und sag mir, wie hoch die Miete und die Kaution in den "
        "Verträgen ist.",
        ["mietvertrag.md", "mietvertrag-ost.md"],
        ["Miete", "Kaution"],
        {("mietvertrag", "Miete"): "870 Euro im Monat", ("-ost.md", "Miete"): "990 Euro"},
    )
    end = compare(model)[-1]
    assert "870 Euro im Monat [" in end.answer
    assert "nicht angegeben" in end.answer
    assert end.answer.endswith("Verschieden: Miete; nirgends angegeben: Kaution.")


def test_three_documents_stand_below_each_other(compare):
    model = Model(
        "Compare lease-elm.md, lease-oak.md and mietvertrag.md by rent.",
        [*TWO, "mietvertrag.md"],
        ["rent"],
        {
            ("lease-elm", "rent"): "EUR 950",
            ("lease-oak", "rent"): "EUR 1,100",
            ("mietvertrag", "rent"): "870 Euro",
        },
    )
    end = compare(model)[-1]
    lines = end.answer.splitlines()
    assert lines[0] == "|  | rent |"
    assert [line.split(" | ")[0] for line in lines[2:5]] == [
        "| lease-elm.md",
        "| lease-oak.md",
        "| mietvertrag.md",
    ]


def test_each_cell_is_told_as_a_step(compare):
    values = {("lease-elm", "rent"): "EUR 950", ("lease-oak", "rent"): "EUR 1,100"}
    events = compare(Model("Compare the two leases: rent.", TWO, ["rent"], values))
    steps = [event for event in events if isinstance(event, AgentStep)]
    cells = {
        (step.arguments["document"], step.result) for step in steps if step.tool == "read_cell"
    }
    assert cells == {("lease-elm.md", "EUR 950"), ("lease-oak.md", "EUR 1,100")}


def test_what_is_no_comparison_of_documents_is_answered_from_passages(compare):
    model = Model("Is the rent of Elm Street or its notice period longer?", [], ["rent"], {})
    model.values = {("lease-elm", "Look for the answer"): "The rent is EUR 950 a month [1]."}
    end = compare(model)[-1]
    assert end.answer.startswith("The rent is EUR 950 a month [")
    assert "|" not in end.answer


def test_a_model_without_grammar_does_not_end_the_turn(compare):
    model = Model("Compare the two leases: rent.", TWO, ["rent"], {})
    model.asked = "The rent and the notice period."
    end = compare(model)[-1]
    assert isinstance(end, TurnFinished)
    assert "|" not in end.answer


def test_what_the_question_names_is_a_stretch_of_it():
    found = spans("Compare the two agreements of Brightcode Ltd: monthly fee, notice period.")
    assert {"monthly fee", "notice period", "fee"} <= set(found)
    assert "fee, notice" not in found
    assert "initial term" in spans("Do the two agreements have the same initial term?")
    assert spans("") == []


def test_documents_and_aspects_are_read_from_what_the_model_wrote():
    labels = {"a.pdf": "A", "b.pdf": "B", "c.pdf": "C"}
    asked = {"documents": ["a.pdf", "b.pdf"], "named": ["rent", "monthly rent", "term"]}
    question = "Compare the monthly rent and the term."
    assert read_asked(json.dumps(asked), question, labels).aspects == ["monthly rent", "term"]
    topics = {"documents": ["a.pdf", "b.pdf"], "topics": ["Rent"]}
    assert read_asked(json.dumps(topics), "Compare.", labels).aspects == ["Rent"]
    assert read_asked(json.dumps(asked)[:40], "Compare.", labels) is None
    asked["documents"] = ["b.pdf"]
    assert read_asked(json.dumps(asked), "Compare.", labels) is None
    assert read_asked(json.dumps(asked), "Compare both.", labels).documents == ["B", "A"]
    asked["documents"] = ["a.pdf", "b.pdf", "c.pdf"]
    assert read_asked(json.dumps(asked), "Compare both.", labels).documents == ["A", "B"]


def test_parts_of_one_aspect_are_one_and_the_documents_kind_is_none():
    labels = {"policy-travel-2023.md": "A", "policy-travel-2025.md": "B"}
    asked = {"documents": list(labels), "named": ["meals", "allowance", "travel policies"]}
    question = "Do both travel policies have the same allowance for meals?"
    assert read_asked(json.dumps(asked), question, labels).aspects == ["allowance for meals"]
    asked["named"] = ["fee", "monthly fee", "notice period"]
    question = "Compare both: monthly fee, notice period."
    aspects = read_asked(json.dumps(asked), question, labels).aspects
    assert aspects == ["monthly fee", "notice period"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Do both leases have the same rent?", True),
        ("Do the two offers differ in price?", True),
        ("Haben beide Mietverträge dieselbe Frist?", True),
        ("What is the same in both leases?", False),
        ("Do all tenants pay the same?", False),
        ("Are both parents mentioned?", False),
    ],
)
def test_a_look_up_may_have_the_form_of_a_comparison(question, expected):
    assert is_comparison(question) is expected


@pytest.mark.parametrize(
    ("question", "count"),
    [
        ("Compare the two agreements.", 2),
        ("Do both contracts end in May?", 2),
        ("Haben beide Verträge dieselbe Laufzeit?", 2),
        ("Vergleiche die drei Angebote.", 3),
        ("Compare contracts that run for two years.", 0),
    ],
)
def test_a_question_may_say_how_many_documents_it_means(question, count):
    assert how_many(question) == count


def test_a_document_is_sketched_by_its_headings_else_by_its_beginning():
    first = Passage("1", "d", "a.md", "# Lease\n\n## Rent\n\nEUR 950.", heading="Lease > Rent")
    assert sketch([first]) == "Rent; Lease"
    plain = Passage("2", "d", "a.txt", "The  rent\nis 5.")
    assert sketch([plain]) == "The rent is 5."
    assert sketch([]) == ""


def test_a_short_german_question_has_german_words_around_the_cells():
    cells = [Cell("a.md", "Miete", "870 Euro", (1,)), Cell("b.md", "Miete", "990 Euro", (2,))]
    assert comparison_text("Haben beide dieselbe Miete?", cells).startswith("Nein")
    assert comparison_text("Do both have the same rent?", cells).startswith("No,")


VERSIONS = {
    "policy-2023.md": "# Travel policy\n\n## Meals\n\nThe allowance for meals is EUR 40 a day. "
    "Receipts are not needed.\n\n## Hotels\n\nHotels cost at most EUR 120 a night.\n\n## Trains\n\n"
    "Trains are booked in second class.\n",
    "policy-2025.md": "# Travel policy\n\n## Meals\n\nThe allowance for meals is EUR 46 a day. "
    "Receipts are not needed.\n\n## Hotels\n\nHotels cost at most EUR 120 a night.\n\n## Trains\n\n"
    "Trains are booked in second class.\n\n## Cars\n\nRented cars need an approval.\n",
}
"""Two versions of one document, made up for this test."""


def test_what_changed_between_two_versions_is_told_sentence_by_sentence(make_app, ask):
    question = "What changed between policy-2023.md and policy-2025.md?"
    model = Model(question, list(VERSIONS), [], {})
    model.asked = {"documents": list(VERSIONS), "topics": ["Meals", "Hotels"]}
    app = make_app(PromptedEngine(model))
    for name, text in VERSIONS.items():
        app.documents.add_bytes(text.encode(), name)
    assert app.documents.wait(60)

    finished = ask(app, question)[-1]

    assert isinstance(finished, TurnFinished)
    assert '| Meals | "The allowance for meals is EUR 40 a day." [' in finished.answer
    assert '| "The allowance for meals is EUR 46 a day." [' in finished.answer
    assert '| Cars | not stated | "Rented cars need an approval." [' in finished.answer
    assert "Hotels" not in finished.answer
    assert {statement.verdict for statement in finished.statements} == {Verdict.SUPPORTED}
    assert not model.cells  # the model reads none of it


def test_a_question_that_only_asks_what_changed_names_no_aspect():
    names = ["a.md", "b.md"]
    assert spans("What changed between a.md and b.md?", names) == []
    assert spans("What is the difference between a.md and b.md?", names) == []
    assert spans("Was hat sich in b.md gegenüber a.md geändert?", names) == []
    assert "rent" in spans("Compare the rent in a.md and b.md", names)


def test_a_comparison_that_was_planned_as_a_check_is_compared(make_app, ask):
    question = "Do both leases have the same rent?"
    model = Model(question, TWO, ["rent"], {})
    model.values = {("elm", "rent"): "EUR 950 a month", ("oak", "rent"): "EUR 1,100 a month"}
    app = make_app(
        PromptedEngine(
            lambda messages, constraint: (
                plan((question, "verifier"))
                if constraint is not None and "count" in json.dumps(constraint.value)
                else model(messages, constraint)
            )
        ),
        agents={"unsupported_sentences": "mend"},
    )
    for name in TWO:
        app.documents.add_bytes(LEASES[name].encode(), name)
    assert app.documents.wait(60)

    finished = ask(app, question)[-1]

    assert finished.answer.startswith("No, rent: EUR ")
