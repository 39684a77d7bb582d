"""Keep what the model sees inside its window: whole old turns go first, then oversized tool results.

Pure functions: they return new lists, and the stored conversation is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage, ToolMessage

Counter = Callable[[Sequence[AnyMessage]], int]
"""Exact prompt length in tokens, under the model's own tokenizer and chat template."""

NOTICE = "\n[… shortened to fit the context window; ask for single pages to read the rest …]"


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

    @property
    def changed(self) -> bool:
        """Whether the model sees less than it was given."""
        return bool(self.dropped_turns or self.shortened)

    @property
    def dropped(self) -> str:
        """What was cut, in words for the user."""
        parts = []
        if self.dropped_turns:
            parts.append(f"{self.dropped_turns} oldest turn{'s' if self.dropped_turns > 1 else ''}")
        if self.shortened:
            parts.append(f"parts of {self.shortened} tool result{'s' if self.shortened > 1 else ''}")
        return " and ".join(parts)


def split_turns(messages: Sequence[AnyMessage]) -> tuple[list[AnyMessage], list[list[AnyMessage]]]:
    """Return the leading system messages, and the turns: each begins with a user's message."""
    head: list[AnyMessage] = [m for m in messages if isinstance(m, SystemMessage)]
    turns: list[list[AnyMessage]] = []
    for message in messages:
        if isinstance(message, SystemMessage):
            continue
        if isinstance(message, HumanMessage) or not turns:
            turns.append([])
        turns[-1].append(message)
    return head, turns


def fit(messages: Sequence[AnyMessage], count: Counter, budget: Budget) -> Fitted:
    """Return the messages cut to the budget.

    System messages and the last turn always stay; a tool call is never parted from its result, because turns go
    whole. If the last turn alone is too long, the longest tool results in it are shortened with a notice.

    Args:
        messages: The whole prompt, oldest first.
        count: Exact token counter.
        budget: Limit and target, in tokens.
    """
    before = count(messages)
    if before <= budget.limit:
        return Fitted(list(messages), before, before)
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
    shortened = 0
    if after > budget.limit:
        kept, shortened = _shorten(kept, count, budget.target)
        after = count(kept)
    return Fitted(kept, before, after, dropped_turns=low, shortened=shortened)


def _shorten(messages: list[AnyMessage], count: Counter, target: int) -> tuple[list[AnyMessage], int]:
    """Halve the longest tool result again and again until the target is reached or nothing long is left."""
    kept = list(messages)
    touched: set[int] = set()
    while count(kept) > target:
        sizes = {i: len(str(m.content)) for i, m in enumerate(kept) if isinstance(m, ToolMessage)}
        longest = max(sizes, key=sizes.__getitem__, default=None)
        if longest is None or sizes[longest] < 4 * len(NOTICE):
            break
        text = str(kept[longest].content).removesuffix(NOTICE)
        kept[longest] = kept[longest].model_copy(update={"content": text[: len(text) // 2] + NOTICE})
        touched.add(longest)
    return kept, len(touched)
