"""Prompts of one turn within its budget; every cut is reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from langchain_core.messages import AnyMessage

from docmind.agents.state import TurnContext
from docmind.context.trimming import Fitted, fit
from docmind.engine.interface import Tool

Layout = Callable[[Sequence[AnyMessage]], list[AnyMessage]]
"""How messages are put to the model."""


def fit_prompt(
    context: TurnContext,
    messages: Sequence[AnyMessage],
    *,
    reader: str,
    tools: Sequence[Tool] = (),
    lay_out: Layout = list,
    room: int = 0,
) -> list[AnyMessage]:
    """Return the messages as they are put to the model, cut to the turn's budget.

    Blocks while the tokenizer counts: not for the event loop.

    Args:
        context: The turn.
        messages: What the prompt is made of.
        reader: The agent that is to read it.
        tools: What the template renders beside it.
        lay_out: How the messages are put to the model; lengths are counted so.
        room: Tokens that may be written, if more than the budget keeps free.
    """

    def count(some: Sequence[AnyMessage]) -> int:
        return context.services.count_tokens(lay_out(some), tools)

    fitted = fit(messages, count, context.request.budget.with_room(room))
    if fitted.changed:
        dropped = f"{reader}: {fitted.dropped}"
        report_cut(context, fitted, dropped=dropped, tokens_after=fitted.tokens_after)
    return lay_out(fitted.messages)


def report_cut(context: TurnContext, fitted: Fitted, *, dropped: str, tokens_after: int) -> None:
    """Store a cut in the turn's state and report it.

    Later turns start from the turns that the state then retains.

    Args:
        context: The turn.
        fitted: What was cut.
        dropped: What was cut, in words for the user.
        tokens_after: Length of the prompt that is put to the model.
    """
    event = context.events.context_trimmed(
        fitted,
        budget=context.request.budget,
        dropped=dropped,
        tokens_after=tokens_after,
        first_retained_turn=context.state.first_retained_turn,
        summary=context.state.summary,
    )
    context.state.trims.append(event)
