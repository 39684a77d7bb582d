"""The documents that a question names: found strictly, or said to be missing.

A name that no document has is never taken for another one's.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from docmind.ingestion.readers.formats import SUPPORTED
from docmind.ingestion.readers.source_code import SUFFIXES
from docmind.phrases import ENGLISH, Phrases
from docmind.storage.documents import Document
from docmind.verification.words import numbers

MOST_NEAR = 3
"""Names that are offered where one is missing."""
NEAR = 0.6
"""Likeness of two names (`difflib` ratio) from which one is offered for the other."""
SAME = 0.85
"""Likeness from which a name is a slip of the pen for another, if both have the same figures."""

_ENDINGS = "|".join(
    # Code's would make files of Node.js, U.S.C. and example.pl.
    re.escape(ending.lstrip("."))
    for ending in sorted(SUPPORTED.keys() - SUFFIXES)
)
_ALL_ENDINGS = "|".join(re.escape(ending.lstrip(".")) for ending in sorted(SUPPORTED))
_FILE_ENDING = re.compile(rf"\.(?:{_ALL_ENDINGS})(?!\w)", re.IGNORECASE)
"""With which every file's name ends, that of a document as well."""
_FILE_NAME = re.compile(rf"[\w()+-][\w()+.-]*\.(?:{_ENDINGS})\b", re.IGNORECASE)
"""A word that is a file's name: `report-2031.pdf`. A name with blanks is known as a document's, or
taken for its last word."""
_QUOTED_NAME = re.compile(
    rf"[\"'\u201c\u201e\u2018`]([^\"'\u201d\u201c\u2019`\n]+\.(?:{_ENDINGS}))[\"'\u201d\u201c\u2019`]",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"\d+")
_PAGE = re.compile(r"\b(?:pages?|pp?\.|seiten?|s\.)\s*(\d{1,4}|[a-z]{3,9})\b", re.IGNORECASE)
"""`page 3`, `p. 3`, `page three`."""


def named_page(text: str) -> int | None:
    """Return the page that a text names, from 1; None if it names none."""
    for match in _PAGE.finditer(text):
        for number in numbers(match[1]):
            if number.isdigit() and int(number) > 0:
                return int(number)
    return None


@dataclass(frozen=True)
class Named:
    """What a text names."""

    documents: tuple[Document, ...] = ()
    """Those that may be read."""
    missing: tuple[str, ...] = ()
    """Names that none of these has."""


def named_documents(text: str, readable: Iterable[Document]) -> Named:
    """Return the documents whose files a text names, and the names that no document has."""
    if not _FILE_ENDING.search(text):  # most questions name no file, and there may be thousands
        return Named()
    rest = text
    found: dict[str, Document] = {}
    missing: list[str] = []
    longest_first = sorted(readable, key=lambda document: -len(document.name))
    for document in longest_first:
        # An attachment is called by its own name as well as with the mail's before it.
        for name in dict.fromkeys((document.name, document.own_name)):
            whole_name = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
            without = whole_name.sub(" ", rest)
            if without != rest:
                found[document.id] = document
                rest = without
    names = _QUOTED_NAME.findall(rest)
    names += _FILE_NAME.findall(_QUOTED_NAME.sub(" ", rest))
    for name in names:
        meant = same_name(name, longest_first)
        if meant is not None:
            found[meant.id] = meant
        elif name not in missing:
            missing.append(name)
    for document in reversed(longest_first):
        # Who names a mail means what is attached to it as well.
        if not found.keys().isdisjoint(document.parents):
            found[document.id] = document
    return Named(documents=tuple(found.values()), missing=tuple(missing))


def same_name(name: str, documents: Iterable[Document]) -> Document | None:
    """Return the document that a file name means: the same words, or a slip of the pen."""
    wanted = _plain(name)
    best: Document | None = None
    best_likeness = SAME
    for document in documents:
        plain_name = _plain(document.own_name)
        likeness = difflib.SequenceMatcher(None, wanted, plain_name, autojunk=False).ratio()
        same_figures = _FIGURES.findall(wanted) == _FIGURES.findall(plain_name)
        if same_figures and likeness >= best_likeness:
            best = document
            best_likeness = likeness
    return best


def near_names(name: str, documents: Iterable[Document]) -> list[str]:
    """Return the names that come near to one that no document has, the nearest first."""
    wanted = _plain(name)
    words = set(wanted.split())
    scores: dict[str, float] = {}
    for document in documents:
        plain_name = _plain(document.name)
        likeness = difflib.SequenceMatcher(None, wanted, plain_name, autojunk=False).ratio()
        shared = len(words & set(plain_name.split())) / max(1, len(words))
        if likeness >= NEAR or shared >= NEAR:
            scores[document.name] = likeness + shared
    return sorted(scores, key=lambda other: -scores[other])[:MOST_NEAR]


def say_missing(
    name: str,
    *,
    readable: Sequence[Document],
    others: Iterable[Document],
    seen_names: Collection[str],
    phrases: Phrases = ENGLISH,
) -> str:
    """Return a sentence that says why a named document can't be read, and what is near it.

    Args:
        name: as the question has it.
        readable: the documents that the turn may read.
        others: those that are there but not for this turn: elsewhere, unread or failed.
        seen_names: names of documents that this conversation's answers have cited.
        phrases: the language in which it is said.
    """
    elsewhere = same_name(name, others)
    if elsewhere is not None:
        return _why_not_readable(elsewhere, phrases)
    deleted = [seen for seen in seen_names if _plain(seen) == _plain(name)]
    if deleted:
        return phrases.deleted.format(name=deleted[0])
    near = ""
    names = near_names(name, readable)
    if names:
        near = phrases.near_names.format(names=", ".join(names))
    return phrases.no_such_document.format(name=name, near=near)


def _why_not_readable(document: Document, phrases: Phrases) -> str:
    if document.state == "ready":
        return phrases.elsewhere.format(name=document.name)
    if document.state == "failed":
        return f"{phrases.unreadable.format(name=document.name)} {document.reason}".strip()
    return phrases.still_read.format(name=document.name)


def _plain(name: str) -> str:
    """Return a file's name in lower case, its words one space apart, without its ending."""
    stem, _, _ = name.rpartition(".")
    return " ".join(re.findall(r"[^\W_]+", (stem or name).casefold()))
