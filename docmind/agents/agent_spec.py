"""What makes one agent differ from another: its prompt, its tools, and what it does unasked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


@dataclass(frozen=True)
class FirstCall:
    """A tool called with the task before the model is asked."""

    tool: str
    argument: str
    """The argument that takes the task."""


class TableUse(Enum):
    """When an agent's answer is computed from tables before its model is asked."""

    NEVER = auto()
    IF_BEST = auto()
    """Where the best passage that it found is of a table."""
    ALWAYS = auto()
    """Where it found any passage of a table."""


@dataclass(frozen=True)
class AgentSpec:
    """One agent of the team."""

    name: str
    kind: str
    """The kind of task that it is for, as the supervisor reads it."""
    purpose: str
    """What that kind of task is, as the supervisor reads it."""
    system_prompt: str
    closing: str
    """Stands after the passages, where a small model heeds it most; `{task}` becomes the task."""
    tools: tuple[str, ...]
    """Names of the tools that it may call."""
    first_calls: tuple[FirstCall, ...]
    """Made before the model is asked."""
    forced_tool: str = ""
    """A tool that the model must call first, under a grammar."""
    closing_after_refusal: str = ""
    """In place of the closing once the agent refused; what it then writes counts if its passages
    support it. Empty: a refusal is final."""
    first_result_is_answer: bool = False
    """Whether what its first call brings is its answer as it is: no model writes, and it tells what
    the app knows of its documents, which no passage can support."""
    tables: TableUse = TableUse.NEVER
    """When tables answer, see `table_query`."""
    compares_documents: bool = False
    """Whether every task compares documents, which `comparison` does before the model is asked; it
    also does where a look-up has the form of one."""
    adds_figures: bool = False
    """Whether the document's sentences with values that its text leaves out are quoted below it."""
    compares_statement: bool = False
    """Whether the task is a statement that is compared with the passages before the model is asked.
    """
