"""What a question says that it is asked of: `@report.pdf p. 10-20`, `#Contracts`, `#tax`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from docmind.agents.naming import named_documents, say_missing
from docmind.errors import DocMindError
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from docmind.storage.collections import Collection
from docmind.storage.documents import Document

_MARK = re.compile(r"(?:^|(?<=[\s(\[\"'“„]))[@#](?=\S)")
"""Where a mention may begin: not within a word, as in an e-mail address."""
_PAGES = re.compile(
    r"\s*,?\s*(?:pages?|pp?\.|seiten?|s\.)\s*(\d{1,6})(?:\s*(?:[-\u2013\u2014]|to|bis)\s*(\d{1,6}))?(?!\w)",
    re.IGNORECASE,
)
"""`p. 3`, `pages 10-20`, behind a document's name."""


@dataclass(frozen=True)
class Mentions:
    """A question, and what it is asked of."""

    question: str
    """As the model reads it: without what was said of the documents before it. Empty if nothing
    else was said."""
    scope: QuestionScope


@dataclass(frozen=True)
class _Mention:
    start: int
    end: int
    name: str
    """What stands in the question in its place, within a sentence."""
    scope: QuestionScope


def read_mentions(
    text: str, documents: Sequence[Document], collections: Sequence[Collection]
) -> Mentions:
    """Return what is asked, and the documents, pages, collections and tags that are named for it.

    What only looks like a mention stays as it is: `@dataclass`, `#1`.

    Raises:
        DocMindError: a file is named that is not there, or pages that it does not have.
    """
    question = ""
    scope = QuestionScope()
    done = 0
    for mark in _MARK.finditer(text):
        if mark.start() < done:
            continue
        mention = _mention(text, mark.start(), documents, collections)
        if mention is None:
            continue
        question += text[done : mention.start]
        # Before the question it only says where to look; within a sentence it is a word of it.
        if question.strip():
            question += mention.name
        else:
            question = ""
        scope = scope.with_more(mention.scope)
        done = mention.end
    question += text[done:]
    if scope:
        question = question.lstrip(" ,:;\n\t")
    return Mentions(question=question.strip(), scope=scope)


def _mention(
    text: str, start: int, documents: Sequence[Document], collections: Sequence[Collection]
) -> _Mention | None:
    if text[start] == "@":
        return _document(text, start, documents)
    return _collection_or_tag(text, start, documents, collections)


def _document(text: str, start: int, documents: Sequence[Document]) -> _Mention | None:
    found: Document | None = None
    length = 0
    for document in documents:
        # With or without its ending; the longest name wins.
        for name in (document.name, PurePath(document.name).stem):
            if len(name) > length and _stands_at(text, start + 1, name):
                found = document
                length = len(name)
    if found is None:
        found = _misspelt(text, start, documents)
        if found is None:
            return None
        length = len(text[start + 1 :].split(maxsplit=1)[0].rstrip(".,;:!?)"))
    end = start + 1 + length
    pages: PageRange | None = None
    said = _PAGES.match(text, end)
    if said is not None:
        pages = _pages(found, int(said[1]), int(said[2] or said[1]))
        end = said.end()
    chosen = ChosenDocument(id=found.id, name=found.name, pages=pages)
    scope = QuestionScope(documents=(chosen,))
    return _Mention(start=start, end=end, name=found.name, scope=scope)


def _misspelt(text: str, start: int, documents: Sequence[Document]) -> Document | None:
    """Return the document whose name is nearly what stands there; None if it is no file's name.

    Raises:
        DocMindError: it is a file's name, and no document has it.
    """
    word = text[start + 1 :].split(maxsplit=1)[0]
    named = named_documents(word, documents)
    if named.documents:
        return named.documents[0]
    if named.missing:
        raise DocMindError(
            say_missing(named.missing[0], readable=documents, others=(), seen_names=())
        )
    return None


def _collection_or_tag(
    text: str, start: int, documents: Sequence[Document], collections: Sequence[Collection]
) -> _Mention | None:
    scopes: dict[str, QuestionScope] = {}
    for document in documents:
        for tag in document.tags:
            scopes[tag] = QuestionScope(tags=(tag,))
    for collection in collections:  # of one name, the collection is meant
        scopes[collection.name] = QuestionScope(collections=(collection.id,))
    best = ""
    for name in scopes:
        if len(name) > len(best) and _stands_at(text, start + 1, name):
            best = name
    if not best:
        return None
    end = start + 1 + len(best)
    return _Mention(start=start, end=end, name=best, scope=scopes[best])


def _stands_at(text: str, start: int, name: str) -> bool:
    """Return whether a name stands at this place as a whole word, in whatever case."""
    end = start + len(name)
    if text[start:end].casefold() != name.casefold():
        return False
    return not text[end : end + 1].isalnum() and text[end : end + 1] != "_"


def pages_of(document: Document, text: str) -> PageRange | None:
    """Return the pages that somebody typed, such as `10-20`; None for all.

    Raises:
        DocMindError: these are no pages, or the document does not have them.
    """
    if not text.strip():
        return None
    said = _PAGES.fullmatch(f"p. {text.strip()}")
    if said is None:
        raise DocMindError(
            f"“{text.strip()}” are no pages. Type one, or the first and last: 10-20."
        )
    return _pages(document, int(said[1]), int(said[2] or said[1]))


def _pages(document: Document, first: int, last: int) -> PageRange:
    if not document.pages:
        raise DocMindError(f"{document.name} has no pages. Choose it as a whole.")
    last = min(max(first, last), document.pages)
    if not 1 <= first <= document.pages:
        raise DocMindError(f"{document.name} has pages 1 to {document.pages}, and no page {first}.")
    return PageRange(first=first, last=last)
