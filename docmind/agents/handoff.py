"""Tasks as calls of handoff tools, the form in which langgraph-supervisor and models know them."""

from __future__ import annotations

from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, ToolCall, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from docmind.agents.plan import Task

PREFIX = "transfer_to_"
"""Begins the name of each handoff tool; the agent's name follows."""


def handoff_tool(agent: str, purpose: str) -> BaseTool:
    """Return the tool that hands a task to an agent."""

    def transfer(task: str) -> str:
        return task  # never runs: the supervisor sends its tasks out itself

    tool = StructuredTool.from_function(transfer, name=f"{PREFIX}{agent}", description=purpose)
    # So that create_supervisor adds no handoff tools of its own.
    tool.metadata = {"__handoff_destination": agent}
    return tool


def handoff_call(task: Task) -> ToolCall:
    """Return a task as the call that hands it out."""
    return ToolCall(
        name=f"{PREFIX}{task.agent}",
        args={"task": task.question},
        id=f"call_{uuid4().hex}",
        type="tool_call",
    )


def handoff_messages(task: Task, supervisor: str) -> list[AnyMessage]:
    """Return the handoff of a task as messages, for the agents that come after it."""
    call = handoff_call(task)
    # Their ids keep them from being added twice.
    handoff = AIMessage("", tool_calls=[call], name=supervisor, id=uuid4().hex)
    receipt = ToolMessage(
        f"Handed over to {task.agent}.",
        tool_call_id=str(call["id"]),
        name=call["name"],
        id=uuid4().hex,
    )
    return [handoff, receipt]
