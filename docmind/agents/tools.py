"""The agents' tools.

Documents' text is always handed over delimited and numbered: data, never instructions. A tool that
finds passages returns beside its text how many they are (`PassagesShown`), as its artifact.
"""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated

from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, tool
from pydantic import Field

from docmind.agents.calculator import evaluate
from docmind.agents.naming import named_documents, named_page
from docmind.agents.run_ids import agent_of, run_id_of
from docmind.agents.state import TurnContext
from docmind.agents.translation import Translator, is_covered
from docmind.context.delimiters import defuse_tags
from docmind.context.summary import RecalledTurn, recall_turns
from docmind.errors import DocMindError
from docmind.ingestion.service import IngestionService
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.search import Retriever, in_turn
from docmind.storage.documents import Document
from docmind.wording import count

Runtime = ToolRuntime[TurnContext]

NOTHING = "No passage was found."
FOUND = "\nThe search found: "
"""Before the numbers of what was found, where passages of earlier turns stand before it."""
MOST_NAMED = 3
"""Most documents that are searched one by one because a question names them."""
OUTLINE_LINES = 60
"""Most headings of an outline; a longer one is cut with a notice."""
MOST_PAGES = 4
"""Most pages that are read at once."""
LONGEST_RESULT = 80
"""Characters of a result that is reported as it is; of a longer one the words are counted."""


@dataclass(frozen=True)
class PassagesShown:
    """How many passages a tool's result has."""

    found: int
    """Those that were looked for."""
    shown: int
    """With those of earlier turns that stand before them."""


PassageResult = tuple[str, PassagesShown | None]
"""What a tool that finds passages returns: its text, and how many they are."""


def describe_result(result: ToolMessage) -> str:
    """Return in a few words what a tool brought, for the user."""
    text = str(result.content)
    if result.status == "error":
        return text[:200]
    words = f"{len(text.split())} words"
    count = result.artifact
    if isinstance(count, PassagesShown) and count.shown:
        passages = "passages" if count.found > 1 else "passage"
        with_earlier = ""
        if count.found < count.shown:
            with_earlier = f" ({count.shown} with those of earlier turns)"
        return f"{count.found} {passages}{with_earlier}, {words}"
    if len(text) <= LONGEST_RESULT:
        return text
    return words


def render_for_model(passages: Sequence[NumberedPassage]) -> str:
    """Return passages as the model reads them: numbered, located, delimited.

    Their text can't close the delimiters.
    """
    if not passages:
        return NOTHING
    blocks = "\n".join(_block(numbered) for numbered in passages)
    return f"<passages>\n{blocks}\n</passages>"


def _block(numbered: NumberedPassage) -> str:
    passage = numbered.passage
    where = passage.file_name
    if passage.page:
        where += f", page {passage.page}"
    if passage.heading:
        where += f", {passage.heading}"
    return defuse_tags(f"[{numbered.number}] ({where})\n{passage.text.strip()}\n")


def shows_all(text: str, passages: Sequence[NumberedPassage]) -> bool:
    """Return whether passages stand in a text as the model reads them, each whole."""
    return all(_block(numbered) in text for numbered in passages)


def show_passages(
    context: TurnContext, run_id: str, *, found: Sequence[Passage], readable_ids: Collection[str]
) -> PassageResult:
    """Return what was found as a run reads it, under the run's numbers.

    The first time, passages that earlier turns found in documents of `readable_ids` stand before
    it.
    """
    numbers = context.state.passages
    retained: list[NumberedPassage] = []
    if not numbers.known_to(run_id):
        still_readable = [
            passage
            for passage in context.request.readable(context.request.retained_passages)
            if passage.document_id in readable_ids
        ]
        retained = numbers.read_by(run_id, still_readable)
    own = numbers.read_by(run_id, found)
    if not retained:
        return render_for_model(own), PassagesShown(found=len(own), shown=len(own))
    new = [numbered for numbered in own if numbered.number > len(retained)]
    shown = [*retained, *new]
    marks = ", ".join(f"[{numbered.number}]" for numbered in own)
    text = f"{render_for_model(shown)}{FOUND}{marks}"
    return text, PassagesShown(found=len(own), shown=len(shown))


def find_document(name: str, documents: Iterable[Document]) -> Document | None:
    """Return the document that a text names: exactly, by all words of its name, or nearly."""
    documents = list(documents)
    wanted = name.casefold().strip()
    for document in documents:
        if wanted in {document.name.casefold(), document.own_name.casefold()}:
            return document
    within = [document for document in documents if document.name.casefold() in wanted]
    if within:
        return max(within, key=lambda document: len(document.name))
    named = mentioned_documents(wanted, documents)
    if named:
        return named[0]
    by_stem = {_stem(document).casefold(): document for document in documents}
    wanted_stem = wanted.rsplit(".", 1)[0]
    near = difflib.get_close_matches(wanted_stem, by_stem, n=1, cutoff=0.75)
    if near:
        return by_stem[near[0]]
    return None


def mentioned_documents(text: str, documents: Iterable[Document]) -> list[Document]:
    """Return the documents of whose names all words stand in a text, the longest names first."""
    words_of_text = _words(text)
    mentioned: list[tuple[int, Document]] = []
    for document in documents:
        words_of_name = _words(_stem(document))
        if words_of_name and words_of_name <= words_of_text:
            mentioned.append((len(words_of_name), document))
    mentioned.sort(key=lambda pair: pair[0], reverse=True)
    return [document for _, document in mentioned]


def _stem(document: Document) -> str:
    """Return a document's own name without its ending."""
    return document.own_name.rsplit(".", 1)[0]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold().replace("_", " ")))


def readable_documents(documents: IngestionService, context: TurnContext) -> list[Document]:
    """Return what a turn may read: documents that are ready and, if it is confined, its own."""
    allowed = context.request.document_ids
    ready = [document for document in documents.documents() if document.state == "ready"]
    if allowed is None:
        return ready
    return [document for document in ready if document.id in allowed]


def list_names(documents: Sequence[Document]) -> str:
    """Return the documents' names and lengths in one line."""
    if not documents:
        return "There are no documents."
    names: list[str] = []
    for document in documents:
        if document.pages:
            names.append(f"{document.name} ({document.pages} pages)")
        else:
            names.append(document.name)
    return f"Documents: {'; '.join(names)}"


def earlier_turns_for_model(turns: Iterable[RecalledTurn]) -> str:
    """Return earlier turns as the model reads them; "" for none."""
    blocks = [f"Question {turn.number}: {turn.question}\nAnswer: {turn.answer}" for turn in turns]
    if not blocks:
        return ""
    text = defuse_tags("\n".join(blocks))
    return f"<earlier>\n{text}\n</earlier>"


def _meant_without_name(readable: Sequence[Document], cited: Sequence[str]) -> list[Document]:
    """Return the document whose page is meant: the only one, or the last that was cited."""
    if len(readable) == 1:
        return list(readable)
    by_name = {document.name: document for document in readable}
    for name in cited:
        if name in by_name:
            return [by_name[name]]
    return []


class _Library:
    """The documents, as the tools of all turns look things up in them."""

    def __init__(
        self,
        retriever: Retriever,
        documents: IngestionService,
        translator: Translator | None = None,
    ) -> None:
        self._retriever = retriever
        self._documents = documents
        self._translator = translator

    async def search_in_languages(
        self, query: str, document: str, runtime: Runtime, *, limit: int
    ) -> list[Passage]:
        """Return the best passages; of a question in another language also by its translation."""
        found = await asyncio.to_thread(self.search, query, document, runtime, limit=limit)
        if self._translator is None or is_covered(query, found):
            return found
        languages = await asyncio.to_thread(self._languages, runtime)
        translations = await self._translator.translations(
            query, languages, run_id=run_id_of(runtime), context=runtime.context
        )
        rankings = [found]
        for translation in translations:
            rankings.append(
                await asyncio.to_thread(self.search, translation, document, runtime, limit=limit)
            )
        return in_turn(rankings)[:limit]

    def _languages(self, runtime: Runtime) -> list[str]:
        """Return the language of each document that the turn may read."""
        return self._retriever.languages(runtime.context.request.scope())

    def readable(self, runtime: Runtime) -> list[Document]:
        """Return what the turn may read."""
        return readable_documents(self._documents, runtime.context)

    def named(self, document: str, runtime: Runtime) -> Document:
        """Return the document meant; if there is none, the error tells which there are."""
        readable = self.readable(runtime)
        known = find_document(document, readable)
        if known is None:
            names = list_names(readable)
            raise DocMindError(f"There is no document called {document!r}. {names}")
        return known

    def search(
        self, query: str, document: str, runtime: Runtime, *, limit: int, table: bool | None = None
    ) -> list[Passage]:
        """Return the best passages in one document or, if none is named, in all readable ones.

        Of documents that the query itself mentions, each gets its own search beside that.
        """
        turn = runtime.context.request
        if document:
            scopes = [turn.scope(self.named(document, runtime), table=table)]
        else:
            readable = self.readable(runtime)
            named = list(named_documents(query, readable).documents)
            if not named and named_page(query) is not None:
                named = _meant_without_name(readable, turn.cited_documents)
            if len(named) == 1:
                return self._search_named(query, named[0], runtime, limit=limit, table=table)
            scopes = [turn.scope(table=table)]
            mentioned = mentioned_documents(query, readable)[:MOST_NAMED]
            if len(mentioned) > 1:
                scopes += [turn.scope(each, table=table) for each in mentioned]
        return self._retriever.search_each(query, limit, scopes)

    def _search_named(
        self,
        query: str,
        document: Document,
        runtime: Runtime,
        *,
        limit: int,
        table: bool | None,
    ) -> list[Passage]:
        """Return the best passages in the only file that a query names, a page of it first."""
        passages: list[Passage] = []
        page = named_page(query)
        if page is not None and not table and document.pages:
            passages += self.passages(document, runtime, page)[:limit]
            if page > document.pages:
                runtime.context.state.notices.append(
                    f"{document.name} has no page {page}: it has {count(document.pages, 'page')}."
                )
        scopes = [runtime.context.request.scope(document, table=table)]
        for passage in self._retriever.search_each(query, limit, scopes):
            if passage not in passages:
                passages.append(passage)
        return passages[: max(limit, 1)]

    def passages(
        self, document: Document, runtime: Runtime, page: int | None = None
    ) -> list[Passage]:
        """Return a document's passages (or those of one page), as far as the turn may read them."""
        return runtime.context.request.readable(self._retriever.passages(document.id, page))

    def report(self, runtime: Runtime, passages: Sequence[Passage]) -> PassageResult:
        """Number and report what was found; return it as the run reads it."""
        context = runtime.context
        run_id = run_id_of(runtime)
        numbered = context.state.passages.add(passages)
        if numbered:
            context.events.passages_found(agent_of(run_id), numbered)
        readable_ids = {document.id for document in self.readable(runtime)}
        return show_passages(context, run_id, found=passages, readable_ids=readable_ids)


def make_tools(
    retriever: Retriever,
    documents: IngestionService,
    top_k: int,
    *,
    translator: Translator | None = None,
) -> dict[str, BaseTool]:
    """Return the tools by name.

    Args:
        retriever: finds passages.
        documents: those that there are.
        top_k: passages that a search shows.
        translator: translates what is searched for; None: it is searched for as it is.
    """
    library = _Library(retriever, documents, translator)
    made = [
        *_tools_that_find_passages(library, top_k),
        *_tools_that_survey(library),
        *_tools_without_documents(),
    ]
    return {each.name: each for each in made}


def _tools_that_find_passages(library: _Library, top_k: int) -> list[BaseTool]:
    @tool(response_format="content_and_artifact")
    async def search_documents(query: str, runtime: Runtime, document: str = "") -> PassageResult:
        """Search the user's documents. Returns numbered passages.

        Args:
            query: What to look for, in plain words.
            document: File name, to search one document only.
        """
        found = await library.search_in_languages(query, document, runtime, limit=top_k)
        return await asyncio.to_thread(library.report, runtime, found)

    @tool(response_format="content_and_artifact")
    def find_tables(query: str, runtime: Runtime, document: str = "") -> PassageResult:
        """Look up tables in the user's documents. Returns numbered tables.

        Args:
            query: What the table is about: its columns, rows or title.
            document: File name, to look in one document only.
        """
        tables = library.search(query, document, runtime, limit=max(1, top_k // 2), table=True)
        if not tables:
            return "No table was found.", None
        return library.report(runtime, tables)

    @tool(response_format="content_and_artifact")
    def read_pages(
        document: str, first_page: int, last_page: int, runtime: Runtime
    ) -> PassageResult:
        """Read whole pages of one document. Returns numbered passages.

        Args:
            document: File name.
            first_page: First page, from 1.
            last_page: Last page; at most four pages are read at once.
        """
        chosen = library.named(document, runtime)
        if not chosen.pages:
            beginning = library.passages(chosen, runtime)[: MOST_PAGES * top_k]
            return library.report(runtime, beginning)
        # A last page before the first one means the first one alone.
        last = min(max(first_page, last_page), first_page + MOST_PAGES - 1, chosen.pages)
        passages: list[Passage] = []
        for page in range(max(1, first_page), last + 1):
            passages += library.passages(chosen, runtime, page)
        if not passages:
            ranges = runtime.context.request.searched.pages.get(chosen.id)
            if ranges:
                allowed = ", ".join(map(str, ranges))
                return f"Of {chosen.name} only {allowed} may be read for this question.", None
            return f"{chosen.name} has pages 1 to {chosen.pages}.", None
        return library.report(runtime, passages)

    return [search_documents, find_tables, read_pages]


def _tools_that_survey(library: _Library) -> list[BaseTool]:
    @tool
    def list_documents(runtime: Runtime) -> str:
        """List the user's documents with their numbers of pages."""
        return list_names(library.readable(runtime))

    @tool
    def outline(document: str, runtime: Runtime) -> str:
        """List the headings of one document with their pages.

        Args:
            document: File name.
        """
        chosen = library.named(document, runtime)
        lines: list[str] = []
        passages = library.passages(chosen, runtime)
        places = [(passage.heading, passage.page) for passage in passages]
        for (heading, page), _ in groupby(places):
            line = heading or "(no heading)"
            if page:
                line += f", page {page}"
            lines.append(line)
        text = "\n".join(lines[:OUTLINE_LINES])
        if len(lines) > OUTLINE_LINES:
            text += f"\n… and {len(lines) - OUTLINE_LINES} more"
        return defuse_tags(f"Outline of {chosen.name}:\n{text}")

    return [list_documents, outline]


def _tools_without_documents() -> list[BaseTool]:
    # Not on the module's level: the model reads a docstring with its indentation, in all tools the
    # same.
    @tool
    def calculate(expressions: Annotated[list[str], Field(max_length=8)]) -> str:
        """Compute exactly, for example ["431 - 107", "sum(3, 4, 5)"]; an empty list if nothing is to do.

        Args:
            expressions: Arithmetic with + - * / ** ( ), min, max, sum, avg, round, sqrt.
        """  # noqa: E501  the model reads this line as it is
        results = [f"{expression} = {evaluate(expression)}" for expression in expressions]
        return "\n".join(results) or "Nothing to compute."

    @tool
    def recall(query: str, runtime: Runtime) -> str:
        """Look up what was said earlier in this conversation.

        Args:
            query: What it was about.
        """
        turns = recall_turns(query, runtime.context.request.completed_turns)
        return earlier_turns_for_model(turns) or "Nothing was said about that earlier."

    return [calculate, recall]
