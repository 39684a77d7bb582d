"""Nothing unsupported is left in an answer: what no passage supports is written again or quoted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from docmind.agents.refusals import NOT_FOUND, is_refusal
from docmind.agents.state import TurnCheck, TurnContext
from docmind.agents.turn_events import SUPERVISOR
from docmind.events import Replacement, Statement, Verdict
from docmind.passages import NumberedPassage
from docmind.verification.judge import Reading
from docmind.verification.mending import (
    is_about_another,
    needs_mending,
    replace_statement,
    to_mend,
    without_empty_headings,
)
from docmind.verification.quotations import Quotation, find_quotation
from docmind.verification.statements import CheckedAnswer
from docmind.verification.values import values
from docmind.verification.words import content_words

MOST_REWRITES = 2
"""Sentences of one answer that are written again; of the others the passage is quoted."""
MOST_LOOKS = 3
"""How often a mended answer is looked at for more to take out."""
REWRITE_TOKENS = 96
"""Longest sentence that is written again."""
TOLD = 0.6
"""Fraction of a passage's sentence whose words a sentence of the answer has, if it tells the same.
"""
WRITE_AGAIN = """No passage supports this sentence: {sentence}

What answers the question stands in passage [{number}]: {words}

Question: {question}
Write one full sentence that answers the question in the words of that passage. End it with \
[{number}]."""
"""The passages stand before it, and the engine has them in its prefix cache."""

WriteAgain = Callable[[str], Awaitable[str]]
"""Instruction → what the model writes after its answer."""


@dataclass(frozen=True)
class MendedAnswer:
    """An answer without what no passage supports."""

    text: str
    replacements: tuple[Replacement, ...] = ()
    """What gave way, in reading order; none: the answer is as it was."""


@dataclass(frozen=True)
class Mender:
    """Mends one agent's answer."""

    question: str
    passages: Sequence[NumberedPassage]
    """Those that the agent was shown, under the numbers that its answer uses."""
    check: TurnCheck
    """Blocks while it compares."""
    reading: Reading | None = None
    """How the agent was shown them, for the judge."""
    quotes: bool = True
    """Whether a passage's sentence may stand for an answer; a row stands for no sum."""
    computed: str = ""
    """Results of the agent's calculations. A value that is one of them is no passage's, and its
    sentence stays, marked."""

    async def checked(self, text: str) -> CheckedAnswer:
        """Return a text with the verdicts of its sentences."""
        return await asyncio.to_thread(self.check, self.question, text, self.passages, self.reading)

    async def find_faults(self, text: str) -> list[Statement]:
        """Return the sentences of a checked text that may not stand."""
        known = values(self.computed)
        found: list[Statement] = []
        for statement in to_mend(await self.checked(text)):
            stated = values(statement.text)
            if not any(value in known for value in stated):
                found.append(statement)
        return found

    async def mend(self, answer: str, write_again: WriteAgain | None) -> MendedAnswer:
        """Return the answer with every sentence that may not stand replaced or taken out.

        Args:
            answer: as the model wrote it.
            write_again: asks the model; None quotes at once.
        """
        if not self.passages:
            return self._refused(answer)
        checked = await self.checked(answer)
        if is_about_another(self.question, checked, self.passages):
            return self._refused(answer)
        text = checked.text
        faults = await self.find_faults(text)
        if not faults:
            return MendedAnswer(text=answer)
        replacements: list[Replacement] = []
        rewrites = 0
        for fault in faults:
            words = ""
            quotation = await self._quotation_for(fault, checked)
            if quotation is not None and write_again is not None and rewrites < MOST_REWRITES:
                rewrites += 1
                words = await self._written_again(fault, quotation, write_again)
            if quotation is not None and not words:
                words = str(quotation)
            if _is_said(words, text, replacements):
                words = ""
            before = text[fault.start : fault.end]
            replacements.append(Replacement(before=before, after=words))
        for fault, replacement in reversed(list(zip(faults, replacements, strict=True))):
            text = replace_statement(text, fault, replacement.after)
        text = without_empty_headings(await self._without_faults(text))
        if not await self._says_something(text):
            return self._refused(answer)
        return MendedAnswer(text=text, replacements=tuple(replacements))

    async def _quotation_for(self, fault: Statement, checked: CheckedAnswer) -> Quotation | None:
        """Return what a passage says in a sentence's place, unless the answer tells it already."""
        if not self.quotes:
            return None
        quotation = await asyncio.to_thread(
            find_quotation, self.question, fault.text, self.passages
        )
        if quotation is None or _is_told(quotation, checked):
            return None
        return quotation

    async def _written_again(
        self, fault: Statement, quotation: Quotation, write_again: WriteAgain
    ) -> str:
        """Return what the model writes in a sentence's place; empty if that is not supported."""
        instruction = WRITE_AGAIN.format(
            sentence=fault.text,
            number=quotation.number,
            words=quotation.words,
            question=self.question,
        )
        written = await write_again(instruction)
        line, _, _ = written.strip().partition("\n")
        if not line or is_refusal(line):
            return ""
        checked = await self.checked(line)
        if any(needs_mending(statement) for statement in checked.statements):
            return ""
        if not _has_support(checked) or is_about_another(self.question, checked, self.passages):
            return ""
        return checked.text

    async def _without_faults(self, text: str) -> str:
        """Return a mended text without what its parts, read together, do not support either.

        What is left alone must answer the question by itself, so it is looked at again.
        """
        for _ in range(MOST_LOOKS):
            faults = await self.find_faults(text)
            if not faults:
                break
            for fault in reversed(faults):
                text = replace_statement(text, fault, "")
        return text

    async def _says_something(self, text: str) -> bool:
        """Return whether anything is left that answers."""
        checked = await self.checked(text)
        return _has_support(checked) or bool(to_mend(checked))

    def _refused(self, answer: str) -> MendedAnswer:
        replacement = Replacement(before=answer.strip(), after=NOT_FOUND)
        return MendedAnswer(text=NOT_FOUND, replacements=(replacement,))


async def mend_own_text(context: TurnContext) -> None:
    """Mend what the supervisor has written from its agents' results, by quotation alone."""
    answer = context.events.answer
    parts = answer.parts()
    if len(parts) != 1 or not context.state.results:
        return
    part = parts[0]
    if part.question or not part.text:  # an agent's own text has been mended
        return
    mender = Mender(
        question=context.request.question,
        passages=context.state.passages.all(),
        check=context.services.check_answer,
    )
    mended = await mender.mend(part.text, None)
    if not mended.replacements:
        return
    run_id = answer.revise_directly(mended.text)
    for replacement in mended.replacements:
        context.state.replacements.append(replacement)
        context.events.sentence_replaced(
            agent=SUPERVISOR, run_id=run_id, replacement=replacement, text=mended.text
        )


def _has_support(checked: CheckedAnswer) -> bool:
    return any(found.verdict is Verdict.SUPPORTED for found in checked.statements)


def _is_told(quotation: Quotation, checked: CheckedAnswer) -> bool:
    """Return whether a supported sentence of an answer tells what a passage's sentence says."""
    words = content_words(quotation.words)
    for statement in checked.statements:
        if statement.verdict is Verdict.SUPPORTED:
            shared = words & content_words(statement.text)
            if len(shared) >= TOLD * len(words):
                return True
    return False


def _is_said(words: str, text: str, replacements: Sequence[Replacement]) -> bool:
    """Return whether an answer says this already, or another replacement does."""
    return words in text or any(words == other.after for other in replacements)
