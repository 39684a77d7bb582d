"""What is behind a citation: the passage with its place, and what cites it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.events import Citation
from docmind.passages import NumberedPassage, Passage
from docmind.ui.markdown import plain, plain_block
from docmind.ui.turn_view import view_turn

if TYPE_CHECKING:
    from docmind.app import App


@dataclass(frozen=True)
class CitedPassage:
    """A source of an answer."""

    source: NumberedPassage
    citations: tuple[Citation, ...]
    """What of the answer cites it; nothing is known of an answer that is being written."""
    answer_sources: tuple[NumberedPassage, ...]
    """All sources that the answer cites."""
    claims: tuple[Citation, ...] = ()
    """All that the answer cites something for, in its order."""


def find_passage(
    app: App, conversation_id: str, message: int | None, number: int
) -> CitedPassage | None:
    """Return the source `[number]` of an answer, or None if there is no such.

    Args:
        message: the stored answer's index; None: the answer that is being written, or that was
            until a moment ago.
    """
    turn = app.chat.active(conversation_id)
    if message is None and turn is not None:
        source = view_turn(turn.events()).sources.get(number)
        if source is None:
            return None
        return CitedPassage(source=source, citations=(), answer_sources=(source,))
    messages = app.conversations.messages(conversation_id)
    if message is None:
        message = len(messages) - 1
    if not 0 <= message < len(messages):
        return None
    answer = messages[message]
    citations = tuple(citation for citation in answer.citations if citation.number == number)
    cited_numbers = {citation.number for citation in answer.citations}
    # What was found but not cited can be looked at too.
    cited_numbers.add(number)
    cited_sources = tuple(source for source in answer.sources if source.number in cited_numbers)
    for source in cited_sources:
        if source.number == number:
            return CitedPassage(
                source=source,
                citations=citations,
                answer_sources=cited_sources,
                claims=tuple(answer.citations),
            )
    return None


def draw_passage(cited: CitedPassage) -> None:
    """Draw the passage with its place and what cites it."""
    passage = cited.source.passage
    _draw_place(passage)
    with st.container(key="passage"):
        st.markdown(plain_block(passage.text))
    for citation in cited.citations:
        _draw_citation(citation)


def _draw_place(passage: Passage) -> None:
    parts = []
    if passage.page:
        parts.append(f"Page {passage.page_name}")
    if passage.heading:
        parts.append(passage.heading)
    if parts:
        st.markdown(f"**{plain(' · '.join(parts))}**")


def _draw_citation(citation: Citation) -> None:
    icon = "check" if citation.supported else "help"
    finding = wording.verdict(citation) or "supported by this passage"
    sentence = f"{finding[0].upper()}{finding[1:]}"
    st.caption(f":material/{icon}: “{plain(citation.sentence)}”  \n{plain(sentence)}\\.")
