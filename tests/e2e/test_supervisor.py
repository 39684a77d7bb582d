"""The supervisor's plan by a real engine: SmolLM2 plans badly, but what it writes is a plan."""

import asyncio

import pytest
from langchain_core.messages import HumanMessage

from docmind.agents.planner import PLAN, PlanMode, PlanRequest, SupervisorModel

pytestmark = pytest.mark.engine
KINDS = {"look_up": "researcher", "summarize": "summarizer", "check": "verifier"}


def test_a_plan_is_valid_by_construction_and_its_cost_is_counted(engine):
    model = SupervisorModel(engine=engine, kinds=KINDS)
    system = PlanRequest(
        content=PLAN.format(kinds="\n".join(f"- {k}" for k in KINDS)), mode=PlanMode.ALL
    )
    messages = [system, HumanMessage("Are pets allowed, and how long is the notice period?")]
    plan = asyncio.run(model.ainvoke(messages))
    assert len(plan.tool_calls) <= 3
    for call in plan.tool_calls:
        assert call["name"].removeprefix("transfer_to_") in KINDS.values()
        assert call["args"]["task"]
    assert plan.content == ""
    assert plan.usage_metadata["input_tokens"] == engine.count_tokens(
        [
            {"role": "system", "content": system.content},
            {"role": "user", "content": messages[1].content},
        ]
    )
