"""The supervisor's messages to its agents, and the parts of an agent's conversation."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    BaseMessage,
    HumanMessage,
    ToolCall,
    ToolMessage,
)

_TASK_NAME = "supervisor"
_INSTRUCTION_NAME = "instruction"
# A human message with a name begins no turn of the conversation, see `trimming.begins_turn`.


def task_message(text: str) -> HumanMessage:
    """Return the message that hands a task to an agent."""
    return HumanMessage(text, name=_TASK_NAME)


def instruction_message(text: str) -> HumanMessage:
    """Return a message of ours that is neither a task nor the user's."""
    return HumanMessage(text, name=_INSTRUCTION_NAME)


def is_task(message: BaseMessage) -> bool:
    """Return whether a message hands a task to an agent."""
    return isinstance(message, HumanMessage) and message.name == _TASK_NAME


def task_index(messages: Sequence[AnyMessage]) -> int:
    """Return where an agent's task stands: the last one, as agents before it left theirs."""
    for index in reversed(range(len(messages))):
        if is_task(messages[index]):
            return index
    raise ValueError("an agent was called without a task")


def task_of(messages: Sequence[AnyMessage]) -> str:
    """Return the task of an agent's conversation."""
    return str(messages[task_index(messages)].content)


def replies_of(messages: Sequence[AnyMessage]) -> list[AIMessage]:
    """Return the agent's own messages since its task: its first calls, then one for each step."""
    since_task = messages[task_index(messages) :]
    return [message for message in since_task if isinstance(message, AIMessage)]


def results_of(messages: Sequence[AnyMessage]) -> list[ToolMessage]:
    """Return what the agent's tools have brought since its task."""
    since_task = messages[task_index(messages) :]
    return [message for message in since_task if isinstance(message, ToolMessage)]


def first_results(messages: Sequence[AnyMessage]) -> range:
    """Return where the results of the first tool calls stand: behind the task and the calls."""
    start = task_index(messages) + 2
    stop = start
    while stop < len(messages) and isinstance(messages[stop], ToolMessage):
        stop += 1
    return range(start, stop)


def was_called_before(messages: Sequence[AnyMessage], call: ToolCall) -> bool:
    """Return whether an agent has made a call of its last message before, with these arguments."""
    for reply in replies_of(messages):
        for earlier in reply.tool_calls:
            if earlier["id"] == call["id"]:
                return False
            if (earlier["name"], earlier["args"]) == (call["name"], call["args"]):
                return True
    return False


def repeats_itself(messages: Sequence[AnyMessage]) -> bool:
    """Return whether the last calls were all made before: it would go on like that for ever."""
    replies = replies_of(messages)
    if not replies or not replies[-1].tool_calls:
        return False
    earlier_calls: list[tuple[str, dict[str, object]]] = []
    for reply in replies[:-1]:
        earlier_calls += [(call["name"], call["args"]) for call in reply.tool_calls]
    return all((call["name"], call["args"]) in earlier_calls for call in replies[-1].tool_calls)


def results_before_task(messages: Sequence[AnyMessage], closing: str) -> list[AnyMessage]:
    """Return an agent's prompt with its first results before the task instead of after it.

    The 1.5B model gave no citation when the task stood before the passages, and did when it stood
    after them with the closing words. The same beginning also serves the prefix cache when the task
    is put differently.

    Args:
        messages: The agent's conversation.
        closing: Stands after the results, with `{task}` for the task.
    """
    results = first_results(messages)
    if not results:
        return list(messages)
    task = task_index(messages)
    texts = [str(messages[index].content) for index in results]
    texts.append(closing.format(task=str(messages[task].content)))
    return [*messages[:task], task_message("\n\n".join(texts)), *messages[results.stop :]]
