"""What one document says of one thing: a short answer with its passage, checked.

The model reads the passages that the search finds in that document, and writes a value. Where the
check does not find it supported, the passage's own sentence takes its place; where there is none,
nothing is stated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langgraph.constants import TAG_NOSTREAM

from docmind.agents.reading import estimated_tokens
from docmind.agents.refusals import NOT_FOUND, is_refusal
from docmind.agents.tools import render_for_model
from docmind.context.finish_reason import cut_off_reason
from docmind.events import Verdict
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.base import Scope
from docmind.verification.comparisons import ENGLISH, Cell, one_line, render
from docmind.verification.quotations import Quotation, closest_quotation, find_quotation
from docmind.verification.sentences import MARK
from docmind.verification.statements import CheckedAnswer
from docmind.verification.values import values
from docmind.verification.words import content_words, words_alone

CELL_TOKENS = 48
"""Longest value."""
PASSAGES = 3
"""Passages of a document that are read for one cell."""
SHARED_TOKENS = 700
"""Length, in tokens, up to which all cells of a document are read from the same passages: they are
then read once, the prefix cache has them for the others."""
AT_ONCE = 4
"""Cells that are read at the same time."""

_RULE = f"in few words of the passages. If no passage says anything about it, write: {NOT_FOUND}"
ASPECT = f"What do the passages state for: {{asked}}? Write the value alone, {_RULE}"
QUESTION = f"Question: {{asked}}\n\nWrite the answer alone, {_RULE}"


Check = Callable[[str, str, Sequence[NumberedPassage]], CheckedAnswer]
"""(question, text, passages) → the text with its verdicts."""


@dataclass(frozen=True)
class CellAnswer:
    """What was found for a cell."""

    text: str = ""
    """Empty where the document states nothing."""
    passage: Passage | None = None
    """The passage that supports it."""
    verdict: Verdict = Verdict.NO_STATEMENT


class CellReader:
    """Reads cells with the model."""

    def __init__(
        self,
        *,
        model: BaseChatModel,
        retriever: Retriever,
        check: Check,
        system_prompt: str,
        mends: bool,
    ) -> None:
        """Set up a reader.

        Args:
            model: Writes the values.
            retriever: Finds passages.
            check: Checks them; blocks while it compares.
            system_prompt: The model's rules; the researcher's, which the prefix cache has.
            mends: Whether an unsupported value gives way to a quotation; else it stays as it is.
        """
        self._model = model.with_config(tags=[TAG_NOSTREAM])
        self._retriever = retriever
        self._check = check
        self._system_prompt = system_prompt
        self._mends = mends
        self._places = asyncio.Semaphore(AT_ONCE)

    def find(self, asked: Sequence[str], scope: Scope) -> Mapping[str, Sequence[Passage]]:
        """Return the passages to read for each of several things asked. Blocks.

        Args:
            asked: aspects or questions.
            scope: one document, or pages of it.
        """
        found: dict[str, list[Passage]] = {}
        together: dict[str, Passage] = {}
        for each in asked:
            results = self._retriever.search(each, PASSAGES, scope)
            found[each] = [result.passage for result in results]
            for passage in found[each]:
                together.setdefault(passage.id, passage)
        if estimated_tokens(together.values()) > SHARED_TOKENS:
            return found
        in_order = sorted(together.values(), key=attrgetter("position"))
        return dict.fromkeys(asked, in_order)

    async def read(self, asked: str, passages: Sequence[Passage]) -> CellAnswer:
        """Return what passages of one document say of an aspect, or answer to a question.

        Raises:
            EngineError: the engine refuses the request, or is gone.
        """
        sources: list[NumberedPassage] = []
        for passage in passages:
            sources.append(NumberedPassage(number=len(sources) + 1, passage=passage))
        if not sources:
            return CellAnswer()
        prompt = [SystemMessage(self._system_prompt), question_message(asked, sources)]
        async with self._places:
            reply = await self._model.ainvoke(
                prompt, max_tokens=CELL_TOKENS, stop=["\n"], silent=True
            )
        return await asyncio.to_thread(self._checked, asked, sources, reply)

    def _checked(
        self, asked: str, sources: Sequence[NumberedPassage], reply: AIMessage
    ) -> CellAnswer:
        """Return the model's value if it is supported, else a quotation. Blocks."""
        text = _value(reply)
        if not values(text) and content_words(text) <= content_words(asked):
            text = ""  # it says the aspect again
        if text:
            answer = self._supported(text, asked, sources)
            if answer.verdict is Verdict.SUPPORTED or not self._mends:
                return answer
        quotation = find_quotation(asked, text, sources)
        if quotation is None:
            quotation = _sentence_with(text, sources)
        if quotation is None:
            return CellAnswer()
        return self._supported(f'"{quotation.words}"', asked, sources)

    def _supported(self, text: str, asked: str, sources: Sequence[NumberedPassage]) -> CellAnswer:
        """Return a text as a cell with its verdict and the passage that supports it."""
        cell = Cell(
            document=sources[0].passage.file_name,
            aspect=one_line(asked),
            text=text,
            numbers=tuple(source.number for source in sources),
        )
        checked = self._check(asked, render([cell], ENGLISH), sources)
        statement = checked.statements[0]
        passage = sources[0].passage
        if statement.passages:
            passage = sources[statement.passages[0] - 1].passage
        return CellAnswer(text=text, passage=passage, verdict=statement.verdict)


def question_message(asked: str, sources: Sequence[NumberedPassage]) -> HumanMessage:
    """Return what is asked of one cell; the passages come first, for the prefix cache."""
    closing = ASPECT
    if asked.rstrip().endswith(("?", "\uff1f")):
        closing = QUESTION
    return HumanMessage(f"{render_for_model(sources)}\n\n{closing.format(asked=asked)}")


def _value(reply: AIMessage) -> str:
    """Return the value that a model wrote; empty if it refused or was cut off."""
    text, _, _ = str(reply.content).strip().partition("\n")
    if is_refusal(text) or cut_off_reason(reply):
        return ""
    text = MARK.sub("", text).strip().strip('"\u201c\u201d\u201e').strip()
    if text.endswith(".") and " " in text:
        text = text.removesuffix(".")
    return one_line(text)


def _sentence_with(text: str, sources: Sequence[NumberedPassage]) -> Quotation | None:
    """Return the passage's sentence in which a value stands word for word."""
    words = words_alone(text)
    for source in sources:
        if words and f" {words} " in f" {words_alone(source.passage.text)} ":
            return closest_quotation(text, source)
    return None
