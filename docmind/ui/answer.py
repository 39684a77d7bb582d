"""Questions, answers and the sources under an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.events import ContextTrimmed
from docmind.passages import NumberedPassage
from docmind.ui import agent_steps
from docmind.ui.citation_links import citations_by_position, link_maker
from docmind.ui.markdown import markers, plain, plain_block, safe
from docmind.ui.tab import this_tab
from docmind.ui.turn_view import TurnView, view_stored
from docmind.ui.viewer import ViewerPane

if TYPE_CHECKING:
    from docmind.storage.messages import StoredMessage

LIVE = "live"
"""What the answer that is being written is called where stored ones have their index."""


def draw_question(text: str, name: int | str, scope: Sequence[str] = ()) -> None:
    """Draw what the user asked.

    Args:
        text: As it was typed.
        name: the stored message's index, or another name that no other question on the page has.
        scope: what it is asked of; nothing: all documents.
    """
    with st.container(key=f"question-{name}", horizontal=True, horizontal_alignment="right"):
        st.markdown(plain_block(text), width="content")
    if scope:
        with st.container(key=f"asked-of-{name}", horizontal=True, horizontal_alignment="right"):
            badges = " ".join(f":gray-badge[{plain(label)}]" for label in scope)
            st.markdown(f":material/filter_alt: {badges}", width="content")


def draw_answer(message: StoredMessage, index: int) -> None:
    """Draw a stored answer with its steps, sources and cost; actions stand below."""
    view = view_stored(message)
    numbers = markers(message.text)
    with st.container(key=f"answer-{index}"):
        if view.runs:
            agent_steps.draw_stored(view)
        if message.text:
            checked = citations_by_position(numbers, message.citations)
            cite = link_maker(view.sources, checked, str(index))
            st.markdown(safe(with_doubts(message), cite), anchors=False)
            # Below: what was being read stays where it is when the check is done.
            summary = wording.support_summary(message.statements)
            if summary:
                st.caption(f":material/fact_check: {plain(summary)}")
        _draw_remarks(message)
        _draw_replacements(view)
        _draw_sources(message, view, index, cited=set(numbers))
        if message.usage:
            st.caption(plain(wording.cost(message.usage, view.agents)))


def draw_running(view: TurnView, elapsed_s: float) -> None:
    """Draw a turn as it happens, and how long it takes so far."""
    with st.container(key="live"):
        for trim in view.trims:
            st.caption(f":material/content_cut: {plain(trimmed(trim))}")
        # What goes on is said above what grows: below, each new line would move it.
        activity = f":shimmer[{view.activity} …] {plain(wording.elapsed(elapsed_s))}"
        if view.answer:
            # As it is with a stored answer, which takes this one's place without a jump.
            with st.container(key="live-head", horizontal=True, wrap=False):
                agent_steps.draw_stored(view)
                st.caption(activity, width="content")
            cite = link_maker(view.sources, {}, LIVE)
            st.markdown(safe(view.answer + " ▍", cite), anchors=False)
        else:
            st.caption(activity)
            agent_steps.draw_live(view)


def with_doubts(message: StoredMessage) -> str:
    """Return an answer's Markdown with a remark behind each sentence that is not supported."""
    pieces: list[str] = []
    done = 0
    for statement in message.statements:
        found = wording.doubt(statement)
        if found:
            pieces.append(f"{message.text[done : statement.end]} *({found})*")
            done = statement.end
    pieces.append(message.text[done:])
    return "".join(pieces)


def trimmed(trim: ContextTrimmed) -> str:
    """Return in words what was cut.

    `trim.dropped` is "2 oldest turns", or "researcher: parts of 1 tool result".
    """
    figures = f"{trim.tokens_before:,} → {trim.tokens_after:,} tokens"
    return f"Left out to fit the window: {trim.dropped} ({figures}). What is stored stays whole."


def _draw_remarks(message: StoredMessage) -> None:
    """Say what became of the answer: stopped, incomplete, failed; and how sure the model is."""
    if message.stopped and message.text:
        _draw_stopped("what had been written is kept.")
    elif message.stopped:
        _draw_stopped("nothing had been written yet.")
    for notice in message.notices:
        st.warning(plain(notice), icon=":material/incomplete_circle:")
    if message.error:
        st.error(plain(message.error), icon=":material/error:")
    if message.confidence is not None:  # only with output_mode `structured`
        words = f"Confidence {message.confidence:.0%}"
        if message.open_points:
            words += f" · Left open: {message.open_points}"
        st.caption(f":material/speed: {plain(words)}")


def _draw_replacements(view: TurnView) -> None:
    """Show behind a fold what the model had written where no passage supported it."""
    if not view.replacements:
        return
    with st.expander(wording.replaced(view.replacements), type="compact"):
        for replacement in view.replacements:
            st.markdown(f"~~{plain(replacement.before)}~~", anchors=False)
            if replacement.after:
                st.markdown(plain(replacement.after), anchors=False)


def _draw_stopped(what_is_there: str) -> None:
    st.caption(f":material/stop_circle: You stopped this answer; {what_is_there}")


def _draw_sources(message: StoredMessage, view: TurnView, index: int, cited: set[int]) -> None:
    """Draw a button for each source that the answer cites; the others are behind a fold."""
    best = wording.best_citations(message.citations)
    doubtful = {number for number, citation in best.items() if not citation.supported}
    cited_sources = []
    other_sources = []
    for number, source in sorted(view.sources.items()):
        if number in cited:
            cited_sources.append(source)
        else:
            other_sources.append(source)
    if cited_sources:
        with st.container(
            key=f"sources-{index}", horizontal=True, gap="small", vertical_alignment="center"
        ):
            st.caption("Sources", width="content")
            for source in cited_sources:
                _draw_source_button(source, index, doubtful=source.number in doubtful)
    if other_sources:
        label = f"{wording.count(len(other_sources), 'passage')} found but not cited"
        with st.expander(label, type="compact"), st.container(horizontal=True, gap="small"):
            for source in other_sources:
                _draw_source_button(source, index, doubtful=False)


def _draw_source_button(source: NumberedPassage, index: int, doubtful: bool) -> None:
    passage = source.passage
    page = f" p. {passage.page_name}" if passage.page else ""
    label = plain(f"{source.number} · {passage.file_name}{page}")
    if doubtful:
        label += " · unverified"
    st.button(
        label,
        key=f"source-{index}-{source.number}",
        help=plain(passage.heading) or None,
        on_click=this_tab().open_dialog,
        args=(ViewerPane(number=source.number, message=index),),
    )
