"""A table's values are computed from all its rows, and the computation is the answer's evidence."""

import io

import openpyxl
import pytest

from docmind.agents.tools import LONGEST_RESULT
from docmind.events import AgentStep, TurnFinished, Verdict
from docmind.verification.statements import check_answer
from tests.agents.conftest import plan
from tests.engines import PromptedEngine, asks_for_plan

ROWS = [("Travel", 100 + 0.25 * number) for number in range(300)]
TOTAL = sum(amount for _, amount in ROWS)


def workbook():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Expenses"
    sheet.append(["Category", "Amount EUR"])
    for row in ROWS:
        sheet.append(row)
    sheet.append(["Meals", 12.5])
    budget = book.create_sheet("Budget")
    budget.append(["Category", "Budget EUR"])
    budget.append(["Travel", 50000])
    budget.append(["Meals", 10])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@pytest.fixture
def asked(make_app, ask):
    """`asked(question, query)` → engine and events, where the model writes this query."""

    def run(question, query, answer="It says so [1]."):
        def reply(messages, constraint):
            if constraint is None:
                return answer
            if constraint.kind == "grammar":
                return query
            if asks_for_plan(constraint):
                return plan((question, "analyst"))
            return '[{"name": "calculate", "arguments": {"expressions": []}}]'

        engine = PromptedEngine(reply)
        app = make_app(engine)
        app.documents.add_bytes(workbook(), "costs.xlsx")
        app.documents.wait(60)
        return engine, ask(app, question)

    return run


def source_of(end):
    """The passage that the only citation leads to."""
    (citation,) = end.citations
    (source,) = [source for source in end.sources if source.number == citation.number]
    return source


TRAVEL = 'SELECT SUM("Amount EUR") FROM "costs Expenses" WHERE "Category" = \'Travel\''


def test_a_sum_is_of_all_rows_and_supported_by_its_computation(asked):
    engine, events = asked("What was spent on Travel in total?", TRAVEL)
    end = events[-1]
    assert isinstance(end, TurnFinished)
    assert f"{TOTAL:,.2f} EUR" in end.answer
    assert [statement.verdict for statement in end.statements] == [Verdict.SUPPORTED]
    assert [citation.supported for citation in end.citations] == [True]
    source = source_of(end)
    assert source.passage.file_name == "costs.xlsx"
    assert "computed from 300 of 301 rows" in source.passage.text
    assert TRAVEL in source.passage.text
    # One call plans, one writes the query: the sentence is not a model's.
    assert len(engine.requests) == 2


def test_the_query_is_told_as_a_step_of_the_agent(asked):
    _, events = asked("What was spent on Travel in total?", TRAVEL)
    steps = [event for event in events if isinstance(event, AgentStep)]
    (compute,) = [step for step in steps if step.tool == "compute"]
    assert compute.arguments == {"query": TRAVEL}
    assert f"{TOTAL:,.2f} EUR" in compute.result


def test_a_citation_leads_to_the_rows_in_the_document(asked):
    _, events = asked(
        "Which category has the lowest amount?",
        'SELECT "Category", "Amount EUR" FROM "costs Expenses" ORDER BY "Amount EUR" ASC LIMIT 1',
    )
    source = source_of(events[-1])
    assert (source.passage.page, source.passage.heading) == (1, "Expenses")
    assert "| Meals | 12.5 |" in source.passage.text
    assert source.passage.end - source.passage.start == len("| Meals | 12.5 |")


def test_two_sheets_are_compared_and_both_are_cited(asked):
    budget = 'SELECT "Budget EUR" FROM "costs Budget" WHERE "Category" = \'Travel\''
    _, events = asked("Is Travel over its budget?", f"SELECT ({TRAVEL}) > ({budget})")
    end = events[-1]
    assert end.answer.startswith("No, the sum of Amount EUR where Category is Travel")
    assert "50,000 EUR" in end.answer
    assert {statement.verdict for statement in end.statements} == {Verdict.SUPPORTED}
    assert len({citation.number for citation in end.citations}) == 2


def test_a_sentence_with_another_number_does_not_pass(asked):
    _, events = asked("What was spent on Travel in total?", TRAVEL)
    end = events[-1]
    for wrong in ("1,000.00", "100.25", "300"):
        changed = end.answer.replace(f"{TOTAL:,.2f}", wrong)
        checked = check_answer("", changed, end.sources)
        assert checked.statements[0].verdict is not Verdict.SUPPORTED, wrong


def test_where_no_table_answers_the_passages_are_read(asked):
    engine, events = asked("What was spent on Travel in total?", "NONE")
    assert events[-1].answer == "It says so [1]."
    assert any("| Travel |" in str(message["content"]) for message in engine.prompts[-1])


def test_a_model_that_writes_no_query_costs_nothing_but_the_value(asked):
    # A server may ignore the grammar.
    _, events = asked("What was spent on Travel in total?", "It is about 29 thousand EUR.")
    assert events[-1].answer == "It says so [1]."
    steps = [event for event in events if isinstance(event, AgentStep)]
    (compute,) = [step for step in steps if step.tool == "compute"]
    assert compute.result.startswith("not computed")


def test_the_model_is_shown_columns_and_values_not_rows(asked):
    engine, _ = asked("What was spent on Travel in total?", TRAVEL)
    prompts = [p[-1]["content"] for p in engine.prompts if "Query:" in str(p[-1]["content"])]
    (shown,) = prompts
    assert "\"Category\" text: 'Travel', 'Meals'" in shown
    assert shown.count("Travel") < 6
    assert LONGEST_RESULT < len(shown) < 2000


def test_a_computed_value_that_is_not_what_is_asked_is_no_answer(asked):
    _, events = asked("Who signed the agreement with Harbour Foods about pallets?", TRAVEL)
    assert events[-1].answer == "It says so [1]."


def test_a_look_up_that_finds_a_table_best_is_answered_by_its_row(make_app, ask):
    query = 'SELECT "Rate" FROM "rates Sheet" WHERE "Name" = \'M. Okafor\''

    def reply(messages, constraint):
        if constraint and constraint.kind == "grammar":
            return query.replace("rates Sheet", "rates")
        return plan(("What is the rate of M. Okafor?", "researcher")) if constraint else "No [1]."

    app = make_app(PromptedEngine(reply))
    app.documents.add_bytes(b"Name,Rate\nM. Okafor,140 EUR\nA. Lund,120 EUR\n", "rates.csv")
    app.documents.wait(60)
    events = ask(app, "What is the rate of M. Okafor?")
    answer = "The Rate where Name is M. Okafor is 140 EUR (rates.csv)"
    assert events[-1].answer.startswith(answer)
    assert "| M. Okafor | 140 EUR |" in source_of(events[-1]).passage.text
    assert [statement.verdict for statement in events[-1].statements] == [Verdict.SUPPORTED]
