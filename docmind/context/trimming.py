"""Keep what the model sees inside its window: whole old turns go first, then oversized tool results, then old steps.

Pure functions: they return new lists, and the stored conversation is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage

Counter = Callable[[Sequence[AnyMessage]], int]
"""Exact prompt length in tokens, under the model's own tokenizer and chat template."""

NOTICE = "\n[… shortened to fit the context window; ask for single pages to read the rest …]"
SHORTEST = 4 * len(NOTICE)
"""Characters of a tool result that are left in any case."""
_CLOSING = re.compile(r"(\n</\w+>)(?:\n[^\n]*)?\s*\Z")
"""What ends delimited data stays, or the text after it would seem to be part of the data; a line on it does not."""


@dataclass(frozen=True)
class Budget:
    """How much of the window a prompt may use.

    Args:
        window: The model's context window, in tokens.
        reserve: Tokens kept free for the answer.
        threshold: Share of the window at which the prompt is cut.
        low_water: Share of the window aimed at when it is cut. Cutting deeper than needed and therefore less
            often keeps the prompt's prefix stable, so that the engine's prefix cache serves the next turns.
    """

    window: int
    reserve: int
    threshold: float
    low_water: float

    @property
    def limit(self) -> int:
        """Longest prompt, in tokens, that is left as it is."""
        return min(int(self.window * self.threshold), self.window - self.reserve)

    def with_room(self, tokens: int) -> Budget:
        """Return this budget with at least so many tokens kept free for what is to be written."""
        return replace(self, reserve=max(self.reserve, tokens))

    @property
    def target(self) -> int:
        """Length, in tokens, that a cut aims at."""
        return min(int(self.window * self.low_water), self.limit)


def answer_room(max_answer_tokens: int, window: int) -> int:
    """Return the longest answer, in tokens: as asked, but never more than a quarter of a known window."""
    return min(max_answer_tokens, window // 4) if window else max_answer_tokens


@dataclass(frozen=True)
class Fitted:
    """Messages that fit, and what was done to them.

    `tokens_before == tokens_after` with nothing dropped or shortened means that nothing had to be done. If even
    the question alone is over the limit, `tokens_after` says so and the engine will refuse the prompt.
    """

    messages: list[AnyMessage]
    tokens_before: int
    tokens_after: int
    dropped_turns: int = 0
    shortened: int = 0
    dropped_steps: int = 0
    limit: int = 0
    """The longest prompt that would have been left as it is, in tokens."""

    @property
    def changed(self) -> bool:
        """Whether the model sees less than it was given."""
        return bool(self.dropped_turns or self.shortened or self.dropped_steps)

    @property
    def dropped(self) -> str:
        """What was cut, in words for the user."""
        counts = (
            (self.dropped_turns, "{} oldest turn{}"),
            (self.shortened, "parts of {} tool result{}"),
            (self.dropped_steps, "{} older tool call{} with results"),
        )
        return " and ".join(words.format(n, "s" if n > 1 else "") for n, words in counts if n)


def split_turns(messages: Sequence[AnyMessage]) -> tuple[list[AnyMessage], list[list[AnyMessage]]]:
    """Return the leading system messages, and the turns: each begins with a message of the user.

    A human message with a name is an agent's (a task, say) and begins no turn.
    """
    head: list[AnyMessage] = [m for m in messages if isinstance(m, SystemMessage)]
    turns: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, SystemMessage):
            continue
        if not turns or (isinstance(message, HumanMessage) and not message.name):
            turns.append([])
        turns[-1].append(message)
    return head, turns


def fit(messages: Sequence[AnyMessage], count: Counter, budget: Budget) -> Fitted:
    """Return the messages cut to the budget.

    System messages and the last turn's own words always stay; a tool call is never parted from its result. If the
    last turn alone is too long, the longest tool results in it are shortened with a notice; if that is not enough,
    its oldest tool calls but the first go with their results.
    """
    before = count(messages)
    if before <= budget.limit:
        return Fitted(list(messages), before, before, limit=budget.limit)
    head, turns = split_turns(messages)

    def keep(dropped: int) -> list[AnyMessage]:
        return [*head, *(m for turn in turns[dropped:] for m in turn)]

    low, high = 0, max(len(turns) - 1, 0)
    while low < high:  # fewest dropped turns that reach the target; lengths fall as turns go
        middle = (low + high) // 2
        if count(keep(middle)) <= budget.target:
            high = middle
        else:
            low = middle + 1
    kept = keep(low)
    after = count(kept)
    shortened = steps = 0
    if after > budget.limit:
        kept, shortened = _shorten(kept, count, budget.target)
        while (after := count(kept)) > budget.limit and (step := _second_step(kept)):
            kept = [*kept[: step.start], *kept[step.stop :]]
            steps += 1
    return Fitted(kept, before, after, low, shortened, steps, budget.limit)


def _shorten(
    messages: list[AnyMessage], count: Counter, target: int
) -> tuple[list[AnyMessage], int]:
    """Cut the longest tool result, to half at most, again and again until the target is reached or all are short."""
    kept = list(messages)
    touched: set[int] = set()
    while (tokens := count(kept)) > target:
        sizes = {i: len(str(m.content)) for i, m in enumerate(kept) if isinstance(m, ToolMessage)}
        longest = max(sizes, key=sizes.__getitem__, default=None)
        if longest is None or sizes[longest] < SHORTEST:
            break
        excess = (
            (tokens - target) * sum(len(str(m.content)) for m in kept) // tokens
        )  # characters, about
        kept[longest] = _shorter(
            kept[longest], max(sizes[longest] // 2, sizes[longest] - excess - 2 * len(NOTICE))
        )
        touched.add(longest)
    return kept, len(touched)


def _shorter(message: AnyMessage, length: int) -> AnyMessage:
    """Return the message with `length` characters of its text, a notice, and the delimiter that closes it."""
    text, closing = str(message.content), ""
    if found := _CLOSING.search(text):
        text, closing = text[: found.start()], found[1]
    return message.model_copy(
        update={"content": text.removesuffix(NOTICE)[:length] + NOTICE + closing}
    )


def _second_step(messages: Sequence[AnyMessage]) -> range | None:
    """Return where the second of at least three tool calls since the last task stands, with its results.

    The first found the passages. Calls before the task are other agents' and no steps of this one.
    """
    calls = [i for i, m in enumerate(messages) if isinstance(m, AIMessage) and m.tool_calls]
    last = calls[-1] if calls else 0
    task = max((i for i, m in enumerate(messages[:last]) if isinstance(m, HumanMessage)), default=0)
    starts = [i for i in calls if i > task]
    if len(starts) < 3:
        return None
    stop = starts[1] + 1
    while isinstance(messages[stop], ToolMessage):
        stop += 1
    return range(starts[1], stop)
