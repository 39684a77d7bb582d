"""Questions, answers, the agents' steps and the sources under an answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from docmind.events import Citation, ContextTrimmed
from docmind.passages import NumberedPassage
from docmind.ui import dialogs, format, state
from docmind.ui.markdown import markers, plain, plain_block, safe
from docmind.ui.turn_view import AgentRun, TurnView

if TYPE_CHECKING:
    from docmind.storage.messages import StoredMessage

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
    view = TurnView()
    for step in message.steps:
        view.step(step)
    with st.container(key=f"answer-{index}"):
        if view.runs:
            _stored_steps(view)
        sources = {s.number: s for s in message.sources}
        drawn = markers(message.text)
        if message.text:
            cite = citer(sources, verdicts(drawn, message.citations), str(index))
            st.markdown(safe(message.text, cite), anchors=False)
        if message.stopped:
            kept = (
                "what had been written is kept."
                if message.text
                else "nothing had been written yet."
            )
            st.caption(f":material/stop_circle: You stopped this answer; {kept}")
        for notice in message.notices:
            st.warning(plain(notice), icon=":material/incomplete_circle:")
        if message.error:
            st.error(plain(message.error), icon=":material/error:")
        if message.confidence is not None:  # only with output_mode `structured`
            left_open = f" · Left open: {message.open_points}" if message.open_points else ""
            st.caption(
                f":material/speed: {plain(f'Confidence {message.confidence:.0%}{left_open}')}"
            )
        _sources(message, sources, drawn, index)
        if message.usage:
            st.caption(plain(format.cost(message.usage, view.agents)))


def running(view: TurnView, elapsed_s: float) -> None:
    """Draw a turn as it happens, and how long it takes so far."""
    with st.container(key="live"):
        for trim in view.trims:
            st.caption(f":material/content_cut: {plain(trimmed(trim))}")
        _live_steps(view)
        if view.answer:
            st.markdown(safe(view.answer + " ▍", citer(view.sources, {}, "live")), anchors=False)
        st.caption(f":shimmer[{view.doing} …] {plain(format.elapsed(elapsed_s))}")


def trimmed(trim: ContextTrimmed) -> str:
    """Return in words what was cut; `dropped` is "2 oldest turns", or "researcher: parts of 1 tool result"."""
    figures = f"{trim.tokens_before:,} → {trim.tokens_after:,} tokens"
    return f"Left out to fit the window: {trim.dropped} ({figures}). What is stored stays whole."


def citer(
    sources: Mapping[int, NumberedPassage], checked: Mapping[int, Citation], message: str
) -> Callable[[int, int], str]:
    """Return the function that draws `[n]` as a link which page.js opens. Unknown numbers stay text.

    Args:
        sources: by number.
        checked: by the mark's position, see `verdicts`.
        message: what the page calls the message.
    """

    def cite(number: int, position: int) -> str:
        source = sources.get(number)
        if source is None:
            return f"\\[{number}\\]"
        citation = checked.get(position)
        found = format.verdict(citation) if citation else ""
        title = format.place(source) + (f": {found}" if found else "")
        title = re.sub(r'(["\\])', r"\\\1", title.replace("\n", " "))
        if citation and not citation.supported:
            return f'[{number} unverified](#unverified-{message}-{number} "{title}")'
        return f'[{number}](#cite-{message}-{number} "{title}")'

    return cite


def verdicts(drawn: Sequence[int], citations: Sequence[Citation]) -> dict[int, Citation]:
    """Return what was found of each position in `drawn` (see `markers`); where it is not clear which citation stands
    there, the best of the same number.
    """
    if [c.number for c in citations] == list(drawn):
        return dict(enumerate(citations))
    best = format.best(citations)
    return {i: best[n] for i, n in enumerate(drawn) if n in best}


def _sources(
    message: StoredMessage, sources: Mapping[int, NumberedPassage], drawn: Iterable[int], index: int
) -> None:
    """Draw one button for each source that the answer cites; what else was found is behind a fold."""
    cited = set(drawn) & set(sources)
    doubtful = {
        n for n, citation in format.best(message.citations).items() if not citation.supported
    }
    if cited:
        with st.container(
            key=f"sources-{index}", horizontal=True, gap="small", vertical_alignment="center"
        ):
            st.caption("Sources", width="content")
            for number in sorted(cited):
                _source_button(sources[number], index, number in doubtful)
    if rest := [s for n, s in sources.items() if n not in cited]:
        label = f"{format.count(len(rest), 'passage')} found but not cited"
        with st.expander(label, type="compact"), st.container(horizontal=True, gap="small"):
            for source in rest:
                _source_button(source, index, False)


def _source_button(source: NumberedPassage, index: int, doubtful: bool) -> None:
    page = f" p. {source.passage.page}" if source.passage.page else ""
    st.button(
        plain(f"{source.number} · {source.passage.file_name}{page}")
        + (" · unverified" if doubtful else ""),
        key=f"source-{index}-{source.number}",
        help=plain(source.passage.heading) or None,
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
        if step.message:
            st.caption(plain(_short(step.message, 280)))
        arguments = ", ".join(f"{k}: {_short(str(v), 60)}" for k, v in step.arguments.items())
        took = format.duration(step.duration_ms / 1000)
        found = plain(f"{arguments} → {_short(step.result, 120)} · {took}")
        st.caption(f":material/build: **{plain(step.tool)}** {found}")
    if run.error:
        st.caption(f":material/error: {plain(run.error)}")
    elif run.text:
        text = " ".join(run.text.split())
        # What is being written is followed at its end.
        st.caption(plain(_short(text, 280) if run.done or len(text) <= 280 else f"… {text[-280:]}"))


def _short(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
