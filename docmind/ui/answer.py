"""Questions, answers, the agents' steps and the sources under an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind.events import Citation, ContextTrimmed, Source
from docmind.ui import dialogs, format, state
from docmind.ui.markdown import markers, plain, plain_block, safe
from docmind.ui.turn_view import AgentRun, TurnView, fold_stored

if TYPE_CHECKING:
    from docmind.conversations import StoredMessage

_ICONS = {
    "researcher": ":material/search:",
    "summarizer": ":material/subject:",
    "analyst": ":material/calculate:",
    "verifier": ":material/fact_check:",
}


def question(text: str, index: int | str) -> None:
    """Draw what the user asked."""
    with st.container(key=f"question-{index}", horizontal=True, horizontal_alignment="right"):
        st.markdown(plain_block(text), width="content")


def answer(message: StoredMessage, index: int) -> None:
    """Draw a stored answer with its steps, sources and cost."""
    view = fold_stored(message.steps)
    with st.container(key=f"answer-{index}"):
        if view.runs:
            _stored_steps(view)
        sources = {s.number: s for s in message.sources}
        drawn = markers(message.text)
        if message.text:
            unsupported = unverified(drawn, message.citations)
            st.markdown(safe(message.text, citer(sources, unsupported, str(index))), anchors=False)
        if message.stopped:
            kept = "what had been written is kept." if message.text else "nothing had been written yet."
            st.caption(f":material/stop_circle: You stopped this answer; {kept}")
        for notice in message.notices:
            st.warning(plain(notice), icon=":material/incomplete_circle:")
        if message.error:
            st.error(plain(message.error), icon=":material/error:")
        if message.confidence is not None:  # only with output_mode `structured`
            left_open = f" · Left open: {message.open_points}" if message.open_points else ""
            st.caption(f":material/speed: {plain(f'Confidence {message.confidence:.0%}{left_open}')}")
        _sources(message, sources, drawn, index)
        if message.usage:
            st.caption(plain(format.cost(message.usage, view.agents)))


def running(view: TurnView) -> None:
    """Draw a turn as it happens."""
    with st.container(key="live"):
        for trim in view.trims:
            st.caption(f":material/content_cut: {plain(trimmed(trim))}")
        _live_steps(view)
        if view.answer:
            st.markdown(safe(view.answer + " ▍", citer(view.sources, set(), "live")), anchors=False)


def trimmed(trim: ContextTrimmed) -> str:
    """Return in words what was cut; `dropped` is "2 oldest turns", or "researcher: parts of 1 tool result"."""
    figures = f"{trim.tokens_before:,} → {trim.tokens_after:,} tokens"
    return f"Left out to fit the window: {trim.dropped} ({figures}). What is stored stays whole."


def citer(sources: Mapping[int, Source], unsupported: set[int], message: str) -> Callable[[int, int], str]:
    """Return the function that draws `[n]` as a link which page.js opens. Unknown numbers stay text."""

    def cite(number: int, position: int) -> str:
        source = sources.get(number)
        if source is None:
            return f"\\[{number}\\]"
        title = re.sub(r'(["\\])', r"\\\1", format.place(source).replace("\n", " "))
        if position in unsupported:
            note = "the passage was not found to support this sentence"
            return f'[{number} unverified](#unverified-{message}-{number} "{title}: {note}")'
        return f'[{number}](#cite-{message}-{number} "{title}")'

    return cite


def unverified(drawn: Sequence[int], citations: Iterable[Citation]) -> set[int]:
    """Return the positions in `drawn` (see `markers`) that their passage does not support."""
    checked = list(citations)
    if [c.number for c in checked] == list(drawn):
        return {i for i, c in enumerate(checked) if not c.supported}
    verdicts: dict[int, list[bool]] = {}
    for citation in checked:
        verdicts.setdefault(citation.number, []).append(citation.supported)
    return {i for i, n in enumerate(drawn) if n in verdicts and not any(verdicts[n])}


def _sources(message: StoredMessage, sources: Mapping[int, Source], drawn: Iterable[int], index: int) -> None:
    """Draw one button for each source that the answer cites; what else was found is behind a fold."""
    cited = set(drawn) & set(sources)
    doubtful = {c.number for c in message.citations if not c.supported}
    doubtful -= {c.number for c in message.citations if c.supported}
    if cited:
        with st.container(key=f"sources-{index}", horizontal=True, gap="small", vertical_alignment="center"):
            st.caption("Sources", width="content")
            for number in sorted(cited):
                _source_button(sources[number], index, number in doubtful)
    if rest := [s for n, s in sources.items() if n not in cited]:
        label = f"{format.count(len(rest), 'passage')} found but not cited"
        with st.expander(label, type="compact"), st.container(horizontal=True, gap="small"):
            for source in rest:
                _source_button(source, index, False)


def _source_button(source: Source, index: int, doubtful: bool) -> None:
    page = f" p. {source.page}" if source.page else ""
    st.button(
        plain(f"{source.number} · {source.file_name}{page}") + (" · unverified" if doubtful else ""),
        key=f"source-{index}-{source.number}",
        help=plain(source.heading) or None,
        on_click=state.keep,
        args=(dialogs.OPEN, ("Passage", f"{index}-{source.number}")),
    )


def _stored_steps(view: TurnView) -> None:
    tools = sum(len(run.steps) for run in view.runs)
    failed = sum(bool(run.error) for run in view.runs)
    label = ", ".join(a.capitalize() for a in view.agents) or "Supervisor"
    label += f" · {format.count(tools, 'tool call')}" if tools else ""
    label += f" · {failed} failed" if failed else ""
    with st.expander(plain(label), type="compact"):
        for run in view.runs:
            if run.agent == "supervisor" and not run.steps and not run.error:
                continue
            st.markdown(f"**{plain(run.agent.capitalize())}** {plain(run.task)}")
            _run_body(run)


def _live_steps(view: TurnView) -> None:
    """Draw the agents at work: side by side when they run at the same time."""
    workers = [r for r in view.runs if r.agent != "supervisor"]
    if not workers:
        if not view.answer:
            doing = "Putting earlier turns into a summary" if view.runs else "Reading the question"
            with st.container(key="thinking"):
                st.markdown(f":shimmer[{doing} …]")
        return
    for first in range(0, len(workers), 3):
        group = workers[first : first + 3]
        for slot, run in zip(st.columns(len(group), gap="small"), group, strict=True):
            state: Any = "error" if run.error else "complete" if run.done or view.end else "running"
            icon = _ICONS.get(run.agent, ":material/smart_toy:")
            label = f"{icon} **{plain(run.agent.capitalize())}** {plain(_short(run.task, 80))}"
            box = slot.status(label, state=state, expanded=not view.answer)
            with box.container():  # used as a context itself, a status ends as complete
                _run_body(run)


def _run_body(run: AgentRun) -> None:
    for step in run.steps:
        arguments = ", ".join(f"{k}: {_short(str(v), 60)}" for k, v in step["arguments"].items())
        took = format.duration(step["duration_ms"] / 1000)
        st.caption(
            f":material/build: **{plain(step['tool'])}** {plain(arguments)} → {plain(_short(step['result'], 120))}"
            f" · {plain(took)}"
        )
    if run.text and not run.error:
        text = " ".join(run.text.split())
        # What is being written is followed at its end.
        st.caption(plain(_short(text, 280) if run.done or len(text) <= 280 else f"… {text[-280:]}"))
    if run.error:
        st.caption(f":material/error: {plain(run.error)}")


def _short(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
