"""Keep what the model sees inside its window.

Whole old turns go first, then parts of oversized tool results, then old steps. Pure functions: they
return new lists, and the stored conversation is never touched.
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
"""What ends delimited data stays, or the text after it would seem to be part of the data; a line on
it does not."""


@dataclass(frozen=True)
class Budget:
    """How much of the window a prompt may use."""

    window: int
    """The model's context window, in tokens."""
    reserve: int
    """Tokens kept free for the answer."""
    threshold: float
    """Fraction of the window at which the prompt is cut."""
    low_water: float
    """Fraction of the window aimed at when it is cut. Cutting deeper than needed and therefore less
    often keeps the prompt's prefix stable, so that the engine's prefix cache serves the next turns.
    """

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


@dataclass(frozen=True)
class Fitted:
    """Messages that fit, and what was done to them.

    `tokens_before == tokens_after` with nothing dropped or shortened means that nothing had to be
    done. If even the question alone is over the limit, `tokens_after` says so and the engine will
    refuse the prompt.
    """

    messages: list[AnyMessage]
    tokens_before: int
    tokens_after: int
    limit: int
    """The longest prompt that would have been left as it is, in tokens."""
    dropped_turns: int = 0
    shortened_results: int = 0
    """Tool results that lost a part."""
    dropped_steps: int = 0
    """Tool calls that went with their results."""

    @property
    def changed(self) -> bool:
        """Whether the model sees less than it was given."""
        return bool(self.dropped_turns or self.shortened_results or self.dropped_steps)

    @property
    def dropped(self) -> str:
        """What was cut, in words for the user."""
        parts: list[str] = []
        if self.dropped_turns:
            parts.append(f"{self.dropped_turns} oldest turn{_plural(self.dropped_turns)}")
        if self.shortened_results:
            results = f"{self.shortened_results} tool result{_plural(self.shortened_results)}"
            parts.append(f"parts of {results}")
        if self.dropped_steps:
            steps = f"{self.dropped_steps} older tool call{_plural(self.dropped_steps)}"
            parts.append(f"{steps} with results")
        return " and ".join(parts)


def _plural(count: int) -> str:
    return "s" if count > 1 else ""


def begins_turn(message: AnyMessage) -> bool:
    """Return whether a message is the user's own.

    A human message with a name is the supervisor's (a task, say) and begins no turn.
    """
    return isinstance(message, HumanMessage) and not message.name


def split_turns(messages: Sequence[AnyMessage]) -> tuple[list[AnyMessage], list[list[AnyMessage]]]:
    """Return the leading system messages, and the turns: each begins with a message of the user."""
    head: list[AnyMessage] = []
    turns: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, SystemMessage):
            head.append(message)
            continue
        if not turns or begins_turn(message):
            turns.append([])
        turns[-1].append(message)
    return head, turns


def fit(messages: Sequence[AnyMessage], count: Counter, budget: Budget) -> Fitted:
    """Return the messages cut to the budget.

    First whole turns go, the oldest first. If the last turn alone is too long, the longest tool
    results in it are shortened with a notice; if that is not enough, its oldest tool calls but the
    first go with their results. System messages and the user's message of the last turn always
    stay; a tool call is never parted from its result.
    """
    before = count(messages)
    if before <= budget.limit:
        return Fitted(
            messages=list(messages), tokens_before=before, tokens_after=before, limit=budget.limit
        )
    # What goes easily goes down to the target, well below the limit, so that the next cut is far
    # off; an agent's own steps only as far as they must, it still works with them.
    remaining, dropped_turns = _drop_turns(messages, count, budget.target)
    shortened_results = 0
    dropped_steps = 0
    after = count(remaining)
    if after > budget.limit:
        # The last turn alone is too long.
        remaining, shortened_results = _shorten_results(remaining, count, budget.target)
        remaining, dropped_steps = _drop_steps(remaining, count, budget.limit)
        after = count(remaining)
    return Fitted(
        messages=remaining,
        tokens_before=before,
        tokens_after=after,
        limit=budget.limit,
        dropped_turns=dropped_turns,
        shortened_results=shortened_results,
        dropped_steps=dropped_steps,
    )


def _drop_turns(
    messages: Sequence[AnyMessage], count: Counter, target: int
) -> tuple[list[AnyMessage], int]:
    """Return the messages without the oldest turns, and how many had to go; the last turn stays."""
    head, turns = split_turns(messages)

    def without(dropped: int) -> list[AnyMessage]:
        rest = list(head)
        for turn in turns[dropped:]:
            rest += turn
        return rest

    # The fewest that reach the target, by bisection: the length falls with every turn that goes.
    fewest = 0
    most = max(len(turns) - 1, 0)
    while fewest < most:
        middle = (fewest + most) // 2
        if count(without(middle)) <= target:
            most = middle
        else:
            fewest = middle + 1
    return without(fewest), fewest


def _shorten_results(
    messages: list[AnyMessage], count: Counter, target: int
) -> tuple[list[AnyMessage], int]:
    """Return the messages with their longest tool results shortened, and how many were.

    The longest one is cut, to half at most, again and again until the target is reached or all are
    short.
    """
    remaining = list(messages)
    shortened: set[int] = set()
    tokens = count(remaining)
    while tokens > target:
        sizes: dict[int, int] = {}  # of each tool result, by its place
        for index, message in enumerate(remaining):
            if isinstance(message, ToolMessage):
                sizes[index] = len(str(message.content))
        longest = max(sizes, key=sizes.__getitem__, default=None)
        if longest is None or sizes[longest] < SHORTEST:
            break
        characters = sum(len(str(message.content)) for message in remaining)
        excess = (tokens - target) * characters // tokens  # in characters, about
        length = max(sizes[longest] // 2, sizes[longest] - excess - 2 * len(NOTICE))
        remaining[longest] = _shorter(remaining[longest], length)
        shortened.add(longest)
        tokens = count(remaining)
    return remaining, len(shortened)


def _shorter(message: AnyMessage, length: int) -> AnyMessage:
    """Return the message with `length` characters of its text, a notice and its delimiter."""
    text = str(message.content)
    delimiter = ""
    found = _CLOSING.search(text)
    if found:
        text = text[: found.start()]
        delimiter = found[1]
    text = text.removesuffix(NOTICE)[:length]
    return message.model_copy(update={"content": f"{text}{NOTICE}{delimiter}"})


def _drop_steps(
    messages: list[AnyMessage], count: Counter, limit: int
) -> tuple[list[AnyMessage], int]:
    """Return the messages without as many older tool calls as needed, and how many that are."""
    remaining = messages
    dropped = 0
    while count(remaining) > limit:
        step = _second_step(remaining)
        if step is None:
            break
        remaining = [*remaining[: step.start], *remaining[step.stop :]]
        dropped += 1
    return remaining, dropped


def _second_step(messages: Sequence[AnyMessage]) -> range | None:
    """Return where the second tool call since the last task stands, with its results.

    None if there are fewer than three: the first found the passages, and the last one's result has
    not been read yet. Calls before the task are other agents' and no steps of this one.
    """
    calls: list[int] = []
    task = 0
    last_human = 0
    for index, message in enumerate(messages):
        if isinstance(message, HumanMessage):
            last_human = index
        elif isinstance(message, AIMessage) and message.tool_calls:
            calls.append(index)
            task = last_human
    steps = [index for index in calls if index > task]
    if len(steps) < 3:
        return None
    stop = steps[1] + 1
    while isinstance(messages[stop], ToolMessage):
        stop += 1
    return range(steps[1], stop)
