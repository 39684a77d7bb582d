"""The analyst's way with tables: the model picks the operation, code computes it on all rows.

One model call under a grammar writes a query to the tables that the question finds; what it gives
is stated by code, and its evidence is a passage with the rows that it was computed from. Nothing is
copied from a passage into a calculator.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.constants import TAG_NOSTREAM

from docmind.agents.run_ids import agent_of, run_id_of
from docmind.agents.state import TurnContext
from docmind.agents.tools import Library, PassagesShown
from docmind.context.delimiters import defuse_tags
from docmind.engine.interface import Constraint
from docmind.errors import DocMindError
from docmind.ingestion.service import IngestionService
from docmind.passages import Passage, merged_passage_id
from docmind.retrieval.search import Retriever
from docmind.tables.compute import Computed, Selected, compute
from docmind.tables.grammar import query_grammar
from docmind.tables.prompt import RULES, tables_for_model
from docmind.tables.query import Query, parse_query
from docmind.tables.statement import evidence, query_text, statement
from docmind.tables.table import DocumentTable

log = logging.getLogger(__name__)

QUERY_TOKENS = 160
"""Longest query."""
FOUND_PASSAGES = 16
"""Passages of tables that are looked at to find the tables that a question is about."""
MOST_TABLES = 4
"""Tables that the model chooses from; the small model loses its way among more."""


@dataclass(frozen=True)
class ComputedAnswer:
    """A tool's result that is the answer already; no model has to put it into words."""

    text: str
    """A sentence with the run's own passage numbers."""
    passages: PassagesShown


TableResult = tuple[str, ComputedAnswer | PassagesShown | None]


def make_query_tables(
    model: BaseChatModel, retriever: Retriever, documents: IngestionService, top_k: int
) -> BaseTool:
    """Return the tool that answers from tables; where none holds the answer, it shows passages."""
    library = Library(retriever, documents)
    silent_model = model.with_config(tags=[TAG_NOSTREAM])

    async def computed_answer(
        question: str, found: Sequence[Passage], runtime: ToolRuntime[TurnContext]
    ) -> ComputedAnswer | None:
        """Return the answer that tables give; None if none of them does."""
        tables = await asyncio.to_thread(tables_around, found, documents)
        if not tables:
            return None
        context = runtime.context
        began = time.perf_counter()
        prompt, tables = await asyncio.to_thread(_fitted_prompt, context, tables, question)
        query: Query | None = None
        result = "no table holds the answer"
        computed: Computed | None = None
        try:
            query = await write_query(silent_model, prompt, tables)
            if query is not None:
                computed = await asyncio.to_thread(compute, query, tables)
                result = statement(computed) or "the table has no such value"
        except (DocMindError, ValueError) as exc:
            log.warning("a query to tables failed: %s", exc)
            result = f"not computed: {exc}"
        run_id = run_id_of(runtime)
        context.events.agent_step(
            agent=agent_of(run_id),
            run_id=run_id,
            tool="compute",
            arguments={"query": "" if query is None else query_text(query)},
            result=result,
            began=began,
        )
        if computed is None or not statement(computed):
            return None
        passages: list[Passage] = []
        for part in computed.parts:
            passages.append(await asyncio.to_thread(_evidence, computed, part, documents))
        numbered = context.state.passages.add(passages)
        context.events.passages_found(agent_of(run_id), numbered)
        of_run = context.state.passages.read_by(run_id, passages)
        numbers: dict[int, None] = {}  # an ordered set: both sides may be from one place
        for each in of_run:
            numbers[each.number] = None
        marks = ", ".join(str(number) for number in numbers)
        return ComputedAnswer(
            text=f"{statement(computed)} [{marks}].",
            passages=PassagesShown(found=len(numbers), shown=len(numbers)),
        )

    @tool(response_format="content_and_artifact")
    async def query_tables(question: str, runtime: ToolRuntime[TurnContext]) -> TableResult:
        """Compute with the tables in the user's documents. Returns the result, or numbered passages.

        Args:
            question: What to compute.
        """  # noqa: E501  the model reads this line as it is

        def find() -> list[Passage]:
            return library.search(question, "", runtime, limit=FOUND_PASSAGES, table=True)

        found = await asyncio.to_thread(find)
        answer = await computed_answer(question, found, runtime)
        if answer is not None:
            return answer.text, answer

        def show() -> tuple[str, PassagesShown | None]:
            others = library.search(question, "", runtime, limit=top_k)
            shown = {passage.id: passage for passage in [*found[: max(1, top_k // 2)], *others]}
            return library.report(runtime, list(shown.values()))

        return await asyncio.to_thread(show)

    return query_tables


async def write_query(
    model: BaseChatModel, prompt: Sequence[AnyMessage], tables: Sequence[DocumentTable]
) -> Query | None:
    """Return the query that a model writes; None if it finds that no table holds the answer.

    Raises:
        ValueError: it wrote none, or was cut off: a server that ignores the grammar.
        EngineError: the engine refuses the request.
    """
    constrained = model.bind(
        constraint=Constraint("grammar", query_grammar(tables)),
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


def tables_around(
    passages: Sequence[Passage], documents: IngestionService
) -> list[DocumentTable]:
    """Return the tables that passages are of, best first, then the others beside the best one."""
    tables: list[DocumentTable] = []
    of_document: dict[str, list[DocumentTable]] = {}
    for passage in passages:
        if passage.document_id not in of_document:
            of_document[passage.document_id] = documents.tables(passage.document_id)
        for table in of_document[passage.document_id]:
            within = table.table.start <= passage.start < table.table.end
            if within and table not in tables:
                tables.append(table)
    if tables:
        beside = of_document[tables[0].document_id]
        tables[1:1] = [table for table in beside if table not in tables][: MOST_TABLES - 2]
    return with_different_names(tables[:MOST_TABLES])


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


def _evidence(computed: Computed, part: Selected, documents: IngestionService) -> Passage:
    """Return the passage of a result: its statement, the rows behind it, and where they stand."""
    table = part.table
    text = documents.text(table.document_id)
    rows = [table.table.rows[index] for index in part.rows]
    start = table.table.start
    end = table.table.end
    if rows:
        start = rows[0].start
        end = rows[-1].end
    # Another query to the same rows is another passage.
    place = f"{table.document_id}:{query_text(computed.query)}"
    return Passage(
        id=merged_passage_id(place, start, end),
        document_id=table.document_id,
        file_name=table.file_name,
        text=evidence(computed, part, text),
        page=table.table.page,
        heading=table.table.title,
        start=start,
        end=end,
        table=True,
        merged=True,
    )


