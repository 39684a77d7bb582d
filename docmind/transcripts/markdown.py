"""A conversation as one Markdown file."""

from __future__ import annotations

from collections.abc import Iterable

from docmind import wording
from docmind.events import Citation
from docmind.passages import NumberedPassage
from docmind.storage.messages import StoredMessage


def transcript(title: str, messages: Iterable[StoredMessage]) -> str:
    """Return a conversation as Markdown.

    Each answer stands with what became of it and the passages that it cites.
    """
    paragraphs = [f"# {title}"]
    for message in messages:
        if message.role == "user":
            question = " ".join(message.text.split())
            paragraphs.append(f"## {question}")
            asked_of = [document.label for document in message.scope.documents]
            asked_of += [f"#{tag}" for tag in message.scope.tags]
            if asked_of:
                paragraphs.append(f"*Asked of: {', '.join(asked_of)}*")
        else:
            paragraphs.extend(_answer(message))
            paragraphs.extend(_rating(message))
    return "\n\n".join(paragraphs) + "\n"


def answer_with_sources(message: StoredMessage) -> str:
    """Return one answer as Markdown, with what became of it and the passages that it cites."""
    return "\n\n".join(_answer(message)) + "\n"


def _rating(message: StoredMessage) -> list[str]:
    if message.rating is None:
        return []
    words = "Rated helpful" if message.rating == "up" else "Rated not helpful"
    if message.rating_reason:
        words += f": {message.rating_reason}"
    return [f"*{words}*"]


def _answer(message: StoredMessage) -> list[str]:
    paragraphs = []
    if message.text:
        paragraphs.append(message.text)
    if message.error:
        paragraphs.append(f"*{message.error}*")
    for notice in message.notices:
        paragraphs.append(f"*{notice}*")
    if message.stopped:
        paragraphs.append("*Stopped before it was complete.*")
    citations = wording.best_citations(message.citations)
    for source in message.sources:
        citation = citations.get(source.number)
        if citation is not None:
            paragraphs.extend(_cited_passage(source, citation))
    return paragraphs


def _cited_passage(source: NumberedPassage, citation: Citation) -> list[str]:
    verdict = wording.verdict(citation)
    remark = f" ({verdict})" if verdict else ""
    lines = source.passage.text.strip().splitlines()
    quoted = [f"> {line}".rstrip() for line in lines]
    return [f"**[{source.number}] {wording.place(source)}**{remark}", "\n".join(quoted)]
