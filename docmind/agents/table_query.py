"""Answers from tables: the model picks the operation, code computes it on all rows.

One model call under a grammar writes a query to the tables that the question finds; what it gives
is stated by code, and its evidence is a passage with the rows that it was computed from. Nothing is
copied from a passage into a calculator.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable
from langgraph.constants import TAG_NOSTREAM

from docmind.agents.run_ids import agent_of
from docmind.agents.state import TurnContext
from docmind.context.delimiters import defuse_tags
from docmind.engine.interface import Constraint
from docmind.errors import DocMindError
from docmind.ingestion.service import IngestionService
from docmind.passages import NumberedPassage, Passage, merged_passage_id
from docmind.phrases import Phrases, phrases_in
from docmind.retrieval.language import answer_language
from docmind.tables.compute import Computed, Selected, compute
from docmind.tables.grammar import query_grammar
from docmind.tables.prompt import RULES, tables_for_model
from docmind.tables.query import Query, parse_query
from docmind.tables.statement import evidence, query_text, statement
from docmind.tables.table import DocumentTable
from docmind.verification.citations import citations_answer_question
from docmind.verification.support import words_with_place
from docmind.verification.words import content_words

log = logging.getLogger(__name__)

QUERY_TOKENS = 160
"""Longest query."""
MOST_ASKED = 0.5
"""Fraction of a look-up's words that tables must have to be asked before its passages are read."""
MOST_TABLES = 4
"""Tables that the model chooses from; the small model loses its way among more."""


def speak_of(task: str, passages: Sequence[Passage], least: float) -> bool:
    """Return whether passages have at least a fraction of a task's words.

    A query costs a model call, which is wasted on tables of something else.
    """
    asked = content_words(task)
    words: set[str] = set()
    for passage in passages:
        words |= asked & words_with_place(passage)
    return bool(words) and len(words) >= least * len(asked)


class TableAnswers:
    """Answers tasks from the tables that their passages are of."""

    def __init__(self, model: BaseChatModel, documents: IngestionService) -> None:
        self._model = model.with_config(tags=[TAG_NOSTREAM])
        self._documents = documents

    async def answer(
        self, task: str, found: Sequence[Passage], *, run_id: str, context: TurnContext
    ) -> str:
        """Return a sentence that answers a task, with the run's marks; "" if no table does.

        Args:
            task: What is asked.
            found: Passages of tables, best first.
            run_id: The agent's run, in whose name it is computed.
            context: The turn.
        """
        around = await asyncio.to_thread(tables_around, found, self._documents)
        # The one beside the best may stand on a page that is not searched.
        searched = context.request.searched
        tables: list[DocumentTable] = []
        for table in around:
            if searched.has_page(table.document_id, table.table.page):
                tables.append(table)
        if not tables:
            return ""
        began = time.perf_counter()
        prompt, tables = await asyncio.to_thread(_fitted_prompt, context, tables, task)
        query: Query | None = None
        text = ""
        try:
            query = await write_query(self._model, prompt, tables, task)
            result = "no table holds the answer"
            if query is not None:
                computed = await asyncio.to_thread(compute, query, tables)
                text = await asyncio.to_thread(
                    self._state, computed, task=task, run_id=run_id, context=context
                )
                result = statement(computed) or "the tables have no such value"
                if statement(computed) and not text:
                    result += ": not what is asked"
        except (DocMindError, ValueError) as exc:
            log.warning("a query to tables failed: %s", exc)
            result = f"not computed: {exc}"
        context.events.agent_step(
            agent=agent_of(run_id),
            run_id=run_id,
            tool="compute",
            arguments={"query": "" if query is None else query_text(query)},
            result=result,
            began=began,
        )
        return text

    def _state(self, computed: Computed, *, task: str, run_id: str, context: TurnContext) -> str:
        """Return what was computed with its marks; "" if it is nothing, or not what is asked."""
        phrases = phrases_in(answer_language(task))
        told = statement(computed, phrases)
        if not told:
            return ""
        passages: list[Passage] = []
        for part in computed.parts:
            passages.append(_evidence(computed, part, self._documents, phrases=phrases))
        # The small model takes a table for the answer that has nothing to do with the question.
        sources: list[NumberedPassage] = []
        for passage in passages:
            sources.append(NumberedPassage(number=len(sources) + 1, passage=passage))
        checked = context.services.check_answer(task, f"{told} {_marks(sources)}.", sources)
        if not citations_answer_question(task, sources, checked):
            return ""
        numbered = context.state.passages.add(passages)
        context.events.passages_found(agent_of(run_id), numbered)
        return f"{told} {_marks(context.state.passages.read_by(run_id, passages))}."


def _marks(passages: Sequence[NumberedPassage]) -> str:
    numbers = dict.fromkeys(str(passage.number) for passage in passages)  # an ordered set
    return f"[{', '.join(numbers)}]"


async def write_query(
    model: Runnable[LanguageModelInput, AIMessage],
    prompt: Sequence[AnyMessage],
    tables: Sequence[DocumentTable],
    question: str,
) -> Query | None:
    """Return the query that a model writes; None if it finds that no table holds the answer.

    Raises:
        ValueError: it wrote none, or was cut off: a server that ignores the grammar.
        EngineError: the engine refuses the request.
    """
    constrained = model.bind(
        constraint=Constraint("grammar", query_grammar(tables, question)),
        max_tokens=QUERY_TOKENS,
        silent=True,
    )
    reply = await constrained.ainvoke(list(prompt))
    return parse_query(str(reply.content))


def query_prompt(tables: Sequence[DocumentTable], question: str) -> list[AnyMessage]:
    """Return what the model reads to write a query."""
    shown = defuse_tags(tables_for_model(tables, question))
    return [
        SystemMessage(RULES),
        HumanMessage(f"<tables>\n{shown}\n</tables>\n\nQuestion: {question}\nQuery:"),
    ]


def tables_around(passages: Sequence[Passage], documents: IngestionService) -> list[DocumentTable]:
    """Return the tables that passages are of: the two best, those beside the best, the others."""
    of_document: dict[str, list[DocumentTable]] = {}
    found: dict[tuple[str, int], DocumentTable] = {}
    for passage in passages:
        if passage.document_id not in of_document:
            of_document[passage.document_id] = documents.tables(passage.document_id)
        for table in of_document[passage.document_id]:
            if table.table.start <= passage.start < table.table.end:
                found.setdefault(table.place, table)
    if not found:
        return []
    best = list(found.values())
    chosen: dict[tuple[str, int], DocumentTable] = {}
    # A question to one sheet often needs the one beside it.
    for table in [*best[:2], *of_document[best[0].document_id], *best]:
        chosen.setdefault(table.place, table)
    return with_different_names(list(chosen.values())[:MOST_TABLES])


def with_different_names(tables: Sequence[DocumentTable]) -> list[DocumentTable]:
    """Return the tables, those whose name another one has with a number in their title."""
    named: dict[str, DocumentTable] = {}
    for table in tables:
        count = 1
        renamed = table
        while renamed.name in named:
            count += 1
            renamed = table.renamed(count)
        named[renamed.name] = renamed
    return list(named.values())


def _fitted_prompt(
    context: TurnContext, tables: Sequence[DocumentTable], question: str
) -> tuple[list[AnyMessage], list[DocumentTable]]:
    """Return the prompt with as many of the tables as fit, and those tables."""
    fitting = list(tables)
    limit = context.request.budget.with_room(QUERY_TOKENS).limit
    prompt = query_prompt(fitting, question)
    while len(fitting) > 1 and context.services.count_tokens(prompt) > limit:
        fitting.pop()
        prompt = query_prompt(fitting, question)
    return prompt, fitting


def _evidence(
    computed: Computed, part: Selected, documents: IngestionService, *, phrases: Phrases
) -> Passage:
    """Return the passage of a result: its statement, the rows behind it, and where they stand."""
    table = part.table
    text = documents.text(table.document_id)
    start = table.table.start
    end = table.table.end
    if part.rows:
        start = table.table.rows[part.rows[0]].start
        end = table.table.rows[part.rows[-1]].end
    # Another query to the same rows is another passage.
    place = f"{table.document_id}:{query_text(computed.query)}"
    return Passage(
        id=merged_passage_id(place, start, end),
        document_id=table.document_id,
        file_name=table.file_name,
        text=evidence(computed, part, text, phrases=phrases),
        page=table.table.page,
        heading=table.table.title,
        start=start,
        end=end,
        table=True,
        merged=True,
    )
