"""Which documents there are: answered from their list and from search, in sentences of code.

The model only reads what is asked, under a grammar that allows the question's own words.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.tools import ToolRuntime
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool, tool
from langgraph.constants import TAG_NOSTREAM

from docmind.agents.run_ids import agent_of, run_id_of
from docmind.agents.state import TurnContext
from docmind.agents.tools import readable_documents
from docmind.engine.interface import Constraint
from docmind.ingestion.service import IngestionService
from docmind.passages import Passage
from docmind.phrases import Phrases, count, phrases_in
from docmind.retrieval.language import answer_language
from docmind.retrieval.search import Retriever
from docmind.storage.documents import Document
from docmind.verification.sentences import MARK
from docmind.verification.support import words_with_place
from docmind.verification.words import content_words, words_of_name

log = logging.getLogger(__name__)

Runtime = ToolRuntime[TurnContext]

MOST_SEARCHED = 200
"""Passages among which documents about a topic are looked for, the best ones first."""
MOST_LISTED = 50
"""Most documents that are listed."""
MOST_NEAREST = 5
"""Documents that are listed where none has the words of a topic."""
LONGEST_TOPIC = 5
"""Words of a topic."""
LONGEST_QUESTION = 40
"""Words of a question, the last ones, that may be its topic."""
QUERY_TOKENS = 64

ALL_DOCUMENTS = "all documents"
"""Stands for no topic. The 1.5B wrote an empty one where the question had one."""

RULES = """You read what a user wants to know about the list of their documents, and write it as \
JSON.
about: the topic that the documents should be about, in the user's words; else "all documents"
type: the type of file, where one is asked for
order: how the list is sorted: name, or newest, oldest, longest or shortest where that is asked for

Which documents do I have about rent?
{"about": "rent", "order": "name"}
How many files are there?
{"about": "all documents", "order": "name"}
Is there anything on solar panels in my sheets?
{"about": "solar panels", "order": "name"}
Which PDF did I add last?
{"about": "all documents", "type": "pdf", "order": "newest"}
Was habe ich zum Thema Steuern?
{"about": "Steuern", "order": "name"}
What is my shortest document?
{"about": "all documents", "order": "shortest"}
Which of the contracts mention dogs?
{"about": "dogs", "order": "name"}"""

_WORD = re.compile(r"[\w][\w'-]*")
_ORDERS = ("name", "newest", "oldest", "longest", "shortest")


@dataclass(frozen=True)
class LibraryQuery:
    """What is asked of the list of documents."""

    about: str = ""
    """A topic, in the question's words; empty for all documents."""
    file_type: str = ""
    """The ending of the files' names, without its dot; empty for all."""
    order: str = "name"


def library_schema(question: str, file_types: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of what may be asked of the documents.

    Args:
        question: A topic is one to `LONGEST_TOPIC` words of it, and a type of file one of it.
        file_types: Those that there are.
    """
    words = list(_WORD.finditer(question))[-LONGEST_QUESTION:]
    topics: dict[str, None] = {ALL_DOCUMENTS: None}  # an ordered set
    for first, word in enumerate(words):
        for last in words[first : first + LONGEST_TOPIC]:
            topics[question[word.start() : last.end()]] = None
    properties: dict[str, Any] = {"about": {"enum": list(topics)}}
    said = {word.casefold().rstrip("s") for word in _WORD.findall(question)}
    types_said = [file_type for file_type in file_types if file_type in said]
    if types_said:
        properties["type"] = {"enum": types_said}
    properties["order"] = {"enum": list(_ORDERS)}
    return {
        "type": "object",
        "properties": properties,
        "required": ["about", "order"],
        "additionalProperties": False,
    }


def read_library_query(text: str) -> LibraryQuery:
    """Return what a model wrote under the schema.

    Raises:
        ValueError: It was cut off, or does not follow the schema.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or "about" not in data:
        raise ValueError(f"this is no query to the library: {text[:100]!r}")
    about = str(data["about"])
    return LibraryQuery(
        about=about.replace(ALL_DOCUMENTS, ""),
        file_type=str(data.get("type", "")),
        order=str(data.get("order", "name")),
    )


def sort_documents(documents: Sequence[Document], order: str) -> list[Document]:
    """Return documents in the order that is asked for, by name where that leaves it open."""
    by_name = sorted(documents, key=lambda document: document.name.casefold())
    match order:
        case "newest" | "oldest":
            return sorted(by_name, key=_added_at, reverse=order == "newest")
        case "longest" | "shortest":
            return sorted(by_name, key=_length, reverse=order == "longest")
        case _:
            return by_name


def _added_at(document: Document) -> str:
    return document.added_at


def _length(document: Document) -> tuple[int, int]:
    return document.pages, document.passages


@dataclass(frozen=True)
class _Found:
    """Documents about a topic, with the passage of each that speaks of it."""

    documents: list[Document]
    passages: dict[str, Passage]
    """By document id; none where only a document's name has the words."""
    nearest: bool = False
    """Whether none has the words: these come nearest in meaning."""


def make_find_documents(
    model: BaseChatModel, retriever: Retriever, documents: IngestionService
) -> BaseTool:
    """Return the tool that says which documents there are."""
    silent_model = model.with_config(tags=[TAG_NOSTREAM])

    async def read_question(question: str, file_types: Sequence[str]) -> LibraryQuery:
        schema = library_schema(question, file_types)
        constrained = silent_model.bind(
            constraint=Constraint("json", schema), max_tokens=QUERY_TOKENS, silent=True
        )
        prompt: list[AnyMessage] = [SystemMessage(RULES), HumanMessage(question)]
        reply = await constrained.ainvoke(prompt)
        try:
            return read_library_query(str(reply.content))
        except ValueError as exc:  # a server that ignores the schema
            log.warning("%s", exc)
            return LibraryQuery()

    @tool
    async def find_documents(question: str, runtime: Runtime) -> str:
        """List the documents that are about something.

        Args:
            question: The user's question about their documents.
        """
        context = runtime.context
        phrases = phrases_in(answer_language(question))
        readable = readable_documents(documents, context)
        if not readable:
            return phrases.no_documents
        began = time.perf_counter()
        file_types = sorted({document.suffix.lstrip(".") for document in readable})
        query = await read_question(question, file_types)
        context.events.agent_step(
            agent=agent_of(run_id_of(runtime)),
            run_id=run_id_of(runtime),
            tool="read_question",
            arguments={},
            result=f"about {query.about!r}, type {query.file_type or 'any'}, by {query.order}",
            began=began,
        )
        if query.file_type:
            of_type = f".{query.file_type}"
            readable = [document for document in readable if document.suffix == of_type]
        listed = sort_documents(readable, query.order)
        total = count(len(listed), phrases.document, phrases.documents)
        if not content_words(query.about):
            beginning = _sorted_how(phrases.all_documents.format(count=total), query, phrases)
            return _list(beginning, listed, {}, phrases=phrases)
        found = _about(query.about, listed, retriever, context)
        marks = _report(found, runtime)
        return _say_found(query, found, total, marks=marks, phrases=phrases)

    return find_documents


def _about(
    topic: str, readable: Sequence[Document], retriever: Retriever, context: TurnContext
) -> _Found:
    """Return the documents whose name, or one passage, has all words of a topic."""
    wanted = content_words(topic)
    best: dict[str, Passage] = {}
    speaking: dict[str, Passage] = {}
    for hit in retriever.search(topic, MOST_SEARCHED, context.request.scope()):
        best.setdefault(hit.passage.document_id, hit.passage)
        if wanted <= words_with_place(hit.passage):
            speaking.setdefault(hit.passage.document_id, hit.passage)
    found: list[Document] = []
    for document in readable:
        named_so = wanted <= words_of_name(document.name)
        if named_so or document.id in speaking:
            found.append(document)
    if found:
        return _Found(documents=found, passages=speaking)
    by_id = {document.id: document for document in readable}
    nearest = [by_id[document_id] for document_id in best if document_id in by_id]
    return _Found(documents=nearest[:MOST_NEAREST], passages=best, nearest=True)


def _report(found: _Found, runtime: Runtime) -> dict[str, int]:
    """Report the passages behind a list of documents; return their numbers by document."""
    context = runtime.context
    run_id = run_id_of(runtime)
    shown: list[Passage] = []
    for document in found.documents[:MOST_LISTED]:
        if document.id in found.passages:
            shown.append(found.passages[document.id])
    if not shown:
        return {}
    numbered = context.state.passages.add(shown)
    context.events.passages_found(agent_of(run_id), numbered)
    marks: dict[str, int] = {}
    for each in context.state.passages.read_by(run_id, shown):
        marks[each.passage.document_id] = each.number
    return marks


def _say_found(
    query: LibraryQuery,
    found: _Found,
    total: str,
    *,
    marks: dict[str, int],
    phrases: Phrases,
) -> str:
    if not found.nearest:
        beginning = phrases.documents_about.format(
            topic=query.about, found=len(found.documents), count=total
        )
        beginning = _sorted_how(beginning, query, phrases)
        return _list(beginning, found.documents, marks, phrases=phrases)
    text = phrases.no_document_about.format(count=total, topic=query.about)
    if found.documents:
        nearest = _list(phrases.nearest_documents, found.documents, marks, phrases=phrases)
        text = f"{text}\n\n{nearest}"
    return text


def _sorted_how(beginning: str, query: LibraryQuery, phrases: Phrases) -> str:
    """Return what stands before a list, with how it is sorted."""
    order = phrases.orders[query.order]
    if not order:
        return beginning
    return f"{beginning}, {order}"


def _list(
    beginning: str, documents: Sequence[Document], marks: dict[str, int], *, phrases: Phrases
) -> str:
    """Return documents as a list for the user, with the marks of their passages."""
    if not documents:
        return f"{beginning}."
    lines = [f"{beginning}:", ""]
    for document in documents[:MOST_LISTED]:
        name = MARK.sub(r"(\1)", document.name)  # a file's own [2] is no citation
        line = f"- {name}"
        if document.pages:
            line += f" ({count(document.pages, phrases.page, phrases.pages)})"
        if document.id in marks:
            line += f" [{marks[document.id]}]"
        lines.append(line)
    if len(documents) > MOST_LISTED:
        lines.append(f"- {phrases.more_documents.format(number=len(documents) - MOST_LISTED)}")
    return "\n".join(lines)
