"""The model judges statements: one letter each, from one step behind what it has just read.

A judgement is the chance of a letter, not a written text. Its prompt begins with an agent's own,
word for word, so that the engine has all but the statement in its prefix cache.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from docmind.engine.interface import Engine, EngineUsage, Message, Tool
from docmind.errors import DocMindError
from docmind.verification.judge_prompts import LETTERS, judge_request

log = logging.getLogger(__name__)

TIMEOUT_S = 120.0
"""Longest time for the statements of one text; the rules alone decide those that are left."""


@dataclass(frozen=True)
class Reading:
    """What an agent has read, as its prompt begins."""

    system: str
    """Its system message."""
    passages: str
    """Its passages, numbered and delimited: the beginning of its next message."""
    tools: tuple[Tool, ...] = ()
    """Those that its prompt offers."""

    def prompt(self, request: str) -> list[Message]:
        """Return the prompt that asks something of what was read."""
        return [
            {"role": "system", "content": self.system},
            {"role": "user", "content": f"{self.passages}\n\n{request}"},
        ]


@dataclass(frozen=True)
class Claim:
    """A statement to be judged."""

    statement: str
    """Without its marks."""
    question: str = ""
    """What it must answer; empty: it need only be so."""


@dataclass(frozen=True)
class Judgement:
    """What the model makes of a claim, in chances that are together 1."""

    supported: float
    contradicted: float
    not_stated: float


Judge = Callable[[Sequence[Claim]], Sequence[Judgement | None]]
"""Claims → what the model makes of each; None where it was not asked. Blocks."""


class StatementJudge:
    """Judges the statements of one turn, each once. Thread-safe; not for an event loop's thread."""

    def __init__(self, engine: Engine, on_end: Callable[[EngineUsage], None] | None = None) -> None:
        """Begin with nothing judged.

        Args:
            engine: Runs a model that is tuned to judge.
            on_end: Called with what each judgement cost.
        """
        self._engine = engine
        self._on_end = on_end
        self._lock = threading.Lock()
        self._known: dict[Claim, Judgement | None] = {}

    def judge(self, claims: Sequence[Claim], reading: Reading | None) -> list[Judgement | None]:
        """Return what the model makes of claims about what an agent has read.

        Args:
            claims: All of a text: they are judged at once.
            reading: None: only what this turn has judged already is known.
        """
        new = [claim for claim in dict.fromkeys(claims) if claim not in self._known]
        if new and reading is not None:
            judged = asyncio.run(self._judge_all(new, reading))
            with self._lock:
                self._known.update(zip(new, judged, strict=True))
        return [self._known.get(claim) for claim in claims]

    async def _judge_all(self, claims: Sequence[Claim], reading: Reading) -> list[Judgement | None]:
        """Judge claims together, so that the engine computes them in one batch."""
        judging = [asyncio.ensure_future(self._judge_one(claim, reading)) for claim in claims]
        await asyncio.wait(judging, timeout=TIMEOUT_S)
        judged: list[Judgement | None] = []
        for each in judging:
            if each.done():
                judged.append(each.result())
            else:
                each.cancel()
                judged.append(None)
        return judged

    async def _judge_one(self, claim: Claim, reading: Reading) -> Judgement | None:
        request = judge_request(claim.statement, claim.question)
        try:
            chances = await self._engine.choose(
                reading.prompt(request), LETTERS, tools=reading.tools, on_end=self._on_end
            )
        except DocMindError as exc:
            log.warning("a statement was not judged: %s", exc)
            return None
        if chances is None:
            return None
        return Judgement(*chances)
