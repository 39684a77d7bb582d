"""Which agent run something belongs to: LangGraph's paths of nodes are read here and nowhere else.

A path names every node that is being carried out, `researcher:UUID|tools:UUID`. Its outermost node
tells two runs of the same agent apart, and is what we call a run's id.
"""

from __future__ import annotations

from typing import Protocol

from langgraph.runtime import ExecutionInfo


class NodeRuntime(Protocol):
    """LangGraph's runtime of a middleware hook or of a tool."""

    @property
    def execution_info(self) -> ExecutionInfo | None:
        """Which node is being carried out."""


def run_id_of_path(path: str) -> str:
    """Return the run's id, from the path of any node in it."""
    outermost, _, _ = path.partition("|")
    return outermost


def run_id_of(runtime: NodeRuntime) -> str:
    """Return the id of the agent run that a middleware hook or a tool is called in."""
    if runtime.execution_info is None:
        return ""
    return run_id_of_path(runtime.execution_info.checkpoint_ns)


def agent_of(run_id: str) -> str:
    """Return the name of the agent whose run it is."""
    agent, _, _ = run_id.partition(":")
    return agent
