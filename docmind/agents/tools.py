"""The agents' tools. Documents' text is always handed over delimited and numbered: data, never instructions."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool, tool

from docmind.agents.turn import TurnContext
from docmind.events import Source, SourcesFound
from docmind.ingestion.registry import Document
from docmind.ingestion.service import IngestionService
from docmind.retrieval.search import Retriever
from docmind.retrieval.store import Hit, Scope

Runtime = ToolRuntime[TurnContext]

NOTHING = "No passage was found."
_TAG = re.compile(r"</?(passages?|results?|work)\b", re.IGNORECASE)


def render(sources: Sequence[Source]) -> str:
    """Return passages as the model reads them: numbered, located, delimited; text can't close the delimiters."""
    if not sources:
        return NOTHING
    return "<passages>\n" + "\n".join(_passage(s) for s in sources) + "\n</passages>"


def _passage(source: Source) -> str:
    where = source.file_name + (f", page {source.page}" if source.page else "")
    heading = f", {source.heading}" if source.heading else ""
    return _TAG.sub(
        lambda m: m.group().replace("<", "\u2039"), f"[{source.number}] ({where}{heading})\n{source.text.strip()}\n"
    )


def find_document(name: str, documents: Iterable[Document]) -> Document | None:
    """Return the document that a text names: exactly, by all words of its name, or nearly."""
    documents = list(documents)
    wanted = name.casefold().strip()
    for document in documents:
        if document.name.casefold() == wanted:
            return document
    if within := [d for d in documents if d.name.casefold() in wanted]:
        return max(within, key=lambda d: len(d.name))
    words = {d.id: set(re.findall(r"\w+", d.name.rsplit(".", 1)[0].casefold().replace("_", " "))) for d in documents}
    spoken = set(re.findall(r"\w+", wanted.replace("_", " ")))
    named = [d for d in documents if words[d.id] and words[d.id] <= spoken]
    if named:
        return max(named, key=lambda d: len(words[d.id]))
    stems = {d.name.rsplit(".", 1)[0].casefold(): d for d in documents}
    near = difflib.get_close_matches(wanted.rsplit(".", 1)[0], stems, n=1, cutoff=0.75)
    return stems[near[0]] if near else None


def make_tools(retriever: Retriever, documents: IngestionService, top_k: int) -> dict[str, BaseTool]:
    """Return the tools by name.

    Args:
        retriever: Hybrid search over the store.
        documents: The registry of what was uploaded.
        top_k: Passages per search.
    """

    def ready(runtime: Runtime) -> list[Document]:
        return readable(documents, runtime.context)

    def found(runtime: Runtime, agent: str, hits: list[Hit]) -> str:
        context = runtime.context
        sources = context.sources.add(hits)
        if sources:
            context.emit(SourcesFound(context.conversation_id, context.turn_id, agent, tuple(sources)))
        return render(sources)

    @tool
    def search_documents(query: str, runtime: Runtime, document: str = "") -> str:
        """Search the user's documents. Returns numbered passages.

        Args:
            query: What to look for, in plain words.
            document: File name, to search one document only.
        """
        ids = runtime.context.document_ids
        if document:
            named = find_document(document, ready(runtime))
            if named is None:
                return f"There is no document called {document!r}. " + listing(ready(runtime))
            ids = [named.id]
        return found(runtime, "search_documents", retriever.search(query, top_k, Scope(ids)))

    @tool
    def read_pages(document: str, first_page: int, last_page: int, runtime: Runtime) -> str:
        """Read whole pages of one document. Returns numbered passages.

        Args:
            document: File name.
            first_page: First page, from 1.
            last_page: Last page; at most four pages are read at once.
        """
        named = find_document(document, ready(runtime))
        if named is None:
            return f"There is no document called {document!r}. " + listing(ready(runtime))
        if not named.pages:
            return found(runtime, "read_pages", retriever.chunks(named.id)[: 4 * top_k])
        pages = range(max(1, first_page), min(max(first_page, last_page), first_page + 3, named.pages) + 1)
        hits = [hit for page in pages for hit in retriever.chunks(named.id, page)]
        return found(runtime, "read_pages", hits) if hits else f"{named.name} has pages 1 to {named.pages}."

    @tool
    def list_documents(runtime: Runtime) -> str:
        """List the user's documents with their numbers of pages."""
        return listing(ready(runtime))

    return {t.name: t for t in (search_documents, read_pages, list_documents)}


def readable(documents: IngestionService, turn: TurnContext) -> list[Document]:
    """Return the documents that a turn may read: ready, and among those it is confined to, if it is."""
    allowed = turn.document_ids
    return [d for d in documents.documents() if d.state == "ready" and (allowed is None or d.id in allowed)]


def listing(documents: Sequence[Document]) -> str:
    """Return the documents' names and lengths in one line."""
    if not documents:
        return "There are no documents."
    return "Documents: " + "; ".join(f"{d.name} ({d.pages} pages)" if d.pages else d.name for d in documents)
