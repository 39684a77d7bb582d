"""The agents' tools. Documents' text is always handed over delimited and numbered: data, never instructions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Annotated

from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool, tool
from pydantic import Field

from docmind.agents.calculator import evaluate
from docmind.agents.state import TurnContext, defused, run_id
from docmind.context.summary import recall
from docmind.errors import DocMindError
from docmind.events import SourcesFound
from docmind.ingestion.service import IngestionService
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.base import Scope
from docmind.storage.documents import Document

Runtime = ToolRuntime[TurnContext]

NOTHING = "No passage was found."
FOUND = "\nThe search found: "
"""Before the numbers of what was found, where passages of earlier turns stand before it."""
MOST_SIDES = 3
"""Most documents that are searched one by one because a question names them."""
OUTLINE_LINES = 60
"""Most headings of an outline; a longer one is cut with a notice."""


def render_for_model(sources: Sequence[NumberedPassage]) -> str:
    """Return passages as the model reads them: numbered, located, delimited; text can't close the delimiters."""
    if not sources:
        return NOTHING
    blocks = "\n".join(_block(source) for source in sources)
    return f"<passages>\n{blocks}\n</passages>"


def _block(source: NumberedPassage) -> str:
    passage = source.passage
    where = passage.file_name
    if passage.page:
        where += f", page {passage.page}"
    if passage.heading:
        where += f", {passage.heading}"
    return defused(f"[{source.number}] ({where})\n{passage.text.strip()}\n")


def show(turn: TurnContext, run: str, found: Sequence[Passage], readable: Collection[str]) -> str:
    """Return what was found as a run reads it.

    The first time, passages that earlier turns found in documents of `readable` stand before it.
    """
    retained: list[NumberedPassage] = []
    if not turn.sources.known_to(run):
        retained = turn.sources.read_by(
            run, [p for p in turn.retained if p.document_id in readable]
        )
    own = turn.sources.read_by(run, found)
    if not retained:
        return render_for_model(own)
    new = [source for source in own if source.number > len(retained)]
    numbers = ", ".join(f"[{source.number}]" for source in own)
    return f"{render_for_model([*retained, *new])}{FOUND}{numbers}"


def find_document(name: str, documents: Iterable[Document]) -> Document | None:
    """Return the document that a text names: exactly, by all words of its name, or nearly."""
    documents = list(documents)
    wanted = name.casefold().strip()
    for document in documents:
        if document.name.casefold() == wanted:
            return document
    if within := [d for d in documents if d.name.casefold() in wanted]:
        return max(within, key=lambda d: len(d.name))
    if named := mentioned(wanted, documents):
        return named[0]
    stems = {d.name.rsplit(".", 1)[0].casefold(): d for d in documents}
    near = difflib.get_close_matches(wanted.rsplit(".", 1)[0], stems, n=1, cutoff=0.75)
    return stems[near[0]] if near else None


def mentioned(text: str, documents: Iterable[Document]) -> list[Document]:
    """Return the documents of whose names all words stand in a text, the longest names first."""

    def words(name: str) -> set[str]:
        return set(re.findall(r"\w+", name.casefold().replace("_", " ")))

    named = [(words(d.name.rsplit(".", 1)[0]), d) for d in documents]
    return [d for own, d in sorted(named, key=lambda n: -len(n[0])) if own and own <= words(text)]


def make_tools(
    retriever: Retriever, documents: IngestionService, top_k: int
) -> dict[str, BaseTool]:
    """Return the tools by name; a search shows `top_k` passages."""

    def ready(runtime: Runtime) -> list[Document]:
        return readable(documents, runtime.context)

    def found(runtime: Runtime, passages: list[Passage]) -> str:
        context = runtime.context
        sources = context.sources.add(passages)
        if sources:
            agent = run_id().split(":", 1)[0]
            context.emit(
                SourcesFound(context.conversation_id, context.turn_id, agent, tuple(sources))
            )
        return show(context, run_id(), passages, {d.id for d in ready(runtime)})

    def named(document: str, runtime: Runtime) -> Document:
        """Return the document meant; if there is none, the error tells the model which there are."""
        if known := find_document(document, ready(runtime)):
            return known
        raise DocMindError(f"There is no document called {document!r}. {listing(ready(runtime))}")

    def look(
        query: str, runtime: Runtime, document: str, k: int, table: bool | None = None
    ) -> list[Passage]:
        """Return the best hits in what the turn may read."""
        ids = [named(document, runtime).id] if document else runtime.context.document_ids
        sides = [] if document else mentioned(query, ready(runtime))[:MOST_SIDES]
        scopes = [
            Scope(ids, table=table),
            *(Scope([d.id], table=table) for d in sides if len(sides) > 1),
        ]
        return retriever.search_each(query, k, scopes)

    @tool
    def search_documents(query: str, runtime: Runtime, document: str = "") -> str:
        """Search the user's documents. Returns numbered passages.

        Args:
            query: What to look for, in plain words.
            document: File name, to search one document only.
        """
        return found(runtime, look(query, runtime, document, top_k))

    @tool
    def find_tables(query: str, runtime: Runtime, document: str = "") -> str:
        """Look up tables in the user's documents. Returns numbered tables.

        Args:
            query: What the table is about: its columns, rows or title.
            document: File name, to look in one document only.
        """
        hits = look(query, runtime, document, max(1, top_k // 2), table=True)
        return found(runtime, hits) if hits else "No table was found."

    @tool
    def read_pages(document: str, first_page: int, last_page: int, runtime: Runtime) -> str:
        """Read whole pages of one document. Returns numbered passages.

        Args:
            document: File name.
            first_page: First page, from 1.
            last_page: Last page; at most four pages are read at once.
        """
        chosen = named(document, runtime)
        if not chosen.pages:
            return found(runtime, retriever.passages(chosen.id)[: 4 * top_k])
        pages = range(
            max(1, first_page), min(max(first_page, last_page), first_page + 3, chosen.pages) + 1
        )
        hits = [hit for page in pages for hit in retriever.passages(chosen.id, page)]
        return found(runtime, hits) if hits else f"{chosen.name} has pages 1 to {chosen.pages}."

    @tool
    def list_documents(runtime: Runtime) -> str:
        """List the user's documents with their numbers of pages."""
        return listing(ready(runtime))

    @tool
    def outline(document: str, runtime: Runtime) -> str:
        """List the headings of one document with their pages.

        Args:
            document: File name.
        """
        chosen = named(document, runtime)
        headings = groupby(retriever.passages(chosen.id), key=lambda hit: (hit.heading, hit.page))
        lines = [
            f"{heading or '(no heading)'}{f', page {page}' if page else ''}"
            for (heading, page), _ in headings
        ]
        rest = f"\n… and {len(lines) - OUTLINE_LINES} more" if len(lines) > OUTLINE_LINES else ""
        return defused(f"Outline of {chosen.name}:\n" + "\n".join(lines[:OUTLINE_LINES]) + rest)

    @tool
    def calculate(expressions: Annotated[list[str], Field(max_length=8)]) -> str:
        """Compute exactly, for example ["431 - 107", "sum(3, 4, 5)"]; an empty list if nothing is to do.

        Args:
            expressions: Arithmetic with + - * / ** ( ), min, max, sum, avg, round, sqrt.
        """
        return "\n".join(f"{e} = {evaluate(e)}" for e in expressions) or "Nothing to compute."

    @tool("recall")
    def recall_earlier(query: str, runtime: Runtime) -> str:
        """Look up what was said earlier in this conversation.

        Args:
            query: What it was about.
        """
        return (
            earlier(recall(query, runtime.context.past)) or "Nothing was said about that earlier."
        )

    return {
        t.name: t
        for t in (
            search_documents, find_tables, read_pages, list_documents, outline, calculate, recall_earlier
        )
    }  # fmt: skip


def earlier(turns: Iterable[tuple[int, str, str]]) -> str:
    """Return earlier turns as the model reads them; "" for none."""
    text = "\n".join(f"Question {n}: {question}\nAnswer: {answer}" for n, question, answer in turns)
    return f"<earlier>\n{defused(text)}\n</earlier>" if text else ""


def readable(documents: IngestionService, turn: TurnContext) -> list[Document]:
    """Return the documents that a turn may read: ready, and among those it is confined to, if it is."""
    allowed = turn.document_ids
    return [
        d
        for d in documents.documents()
        if d.state == "ready" and (allowed is None or d.id in allowed)
    ]


def listing(documents: Sequence[Document]) -> str:
    """Return the documents' names and lengths in one line."""
    if not documents:
        return "There are no documents."
    return "Documents: " + "; ".join(
        f"{d.name} ({d.pages} pages)" if d.pages else d.name for d in documents
    )
