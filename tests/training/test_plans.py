"""What plans are trained on: as the product writes prompts and plans, and none that is measured."""

import json
import random

import jsonschema
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from benchmarks.questions import load_routing
from docmind.agents.library import library_schema
from docmind.agents.plan import PlanForm, plan_schema, read_plan
from docmind.agents.planner import PlanMode, PlanRequest, lay_out_plan
from docmind.agents.team import TEAM
from tests.parts import find_shared_data
from training.plans import Question, joined, plan_examples
from training.prepare import plan_words

KINDS = {agent.kind: agent.name for agent in TEAM}


@pytest.fixture(scope="module")
def examples():
    wording = plan_words()
    pick = random.Random(4)
    return list(plan_examples(find_shared_data("train"), wording, pick, wording["reported"]))


def test_every_plan_follows_the_products_schema_and_is_read_by_it(examples):
    for example in examples:
        data = json.loads(example.target)
        if example.kind == "library query":
            jsonschema.validate(data, library_schema(example.user, []))
            continue
        form = PlanForm.LIST
        if example.kind.startswith("in conversation"):
            form = PlanForm.FULL_QUESTION
        jsonschema.validate(data, plan_schema([*KINDS], 3, form))
        plan = read_plan(example.target, KINDS)
        assert plan.questions_seen >= len(plan.tasks)
        assert plan.tasks or plan.own


def test_no_message_on_which_figures_are_reported_is_among_them(examples):
    reported = {message["message"].casefold().strip(" ?.!") for message in load_routing()}
    for example in examples:
        *_, message = example.user.split("Message: ")
        message = message.partition("\nWrite this message")[0]
        assert message.casefold().strip(" ?.!") not in reported


def test_a_conversation_stands_in_the_prompt_as_the_planner_lays_it_out(examples):
    laid_out = lay_out_plan(
        [
            PlanRequest(content="", mode=PlanMode.ALL, form=PlanForm.FULL_QUESTION),
            HumanMessage("Who is the landlord?"),
            AIMessage("Jo is."),
            HumanMessage("Since when?"),
        ]
    )
    lines = laid_out[-1].text.splitlines()
    example = next(each for each in examples if each.kind == "in conversation 1")
    assert [line.split(":")[0] for line in lines[:3]] == ["User", "You", "Message"]
    assert example.user.splitlines()[-1] == lines[-1]
    assert example.user.splitlines()[-2].startswith("Message: ")


def test_questions_of_one_message_keep_their_words():
    questions = [
        Question(text="Who signed the lease?", kind="look_up"),
        Question(text="What is the rent?", kind="look_up"),
    ]
    for seed in range(40):
        message = joined(questions, random.Random(seed)).casefold()
        assert "who signed the lease" in message
        assert "what is the rent" in message
