"""`docmind ask`: one question, its answer as it is written, and the passages that it cites."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from docmind.cli.console import err, out, printable
from docmind.cli.opening import open_library
from docmind.errors import DocMindError, NothingIndexed
from docmind.events import (
    AgentStarted,
    AgentStep,
    ChatEvent,
    SentenceReplaced,
    TokenDelta,
    TurnFailed,
    TurnFinished,
    to_dict,
)
from docmind.wording import best_citations, cost, doubt, place, support_summary, verdict

if TYPE_CHECKING:
    from docmind.api.client import Client


def ask(
    question: str,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole result as one JSON object.")
    ] = False,
    conversation: Annotated[str, typer.Option(help="Go on in this conversation (its id).")] = "",
    collection: Annotated[
        list[str] | None, typer.Option(help="Search this one only; may be said again.")
    ] = None,
) -> None:
    """Ask about the documents; the answer streams, its sources follow.

    The question may say where to look: "@report.pdf p. 10-20 What was decided?", "#Contracts …".
    """
    with open_library() as library:
        events = _ask(library, question, conversation, collection or [])
        if as_json:
            _print_json(events)
        else:
            _print_events(events)


def _ask(
    library: Client, question: str, conversation: str, collections: list[str]
) -> Iterator[ChatEvent]:
    """Ask once the model is loaded; return the turn's events."""
    if not any(document["state"] == "ready" for document in library.documents()):
        raise NothingIndexed(
            "There is no document to ask about. Add some with `docmind ingest FILES`."
        )
    with err.status("loading the model"):
        library.wait_for_model()
    return library.ask(question, conversation=conversation, collections=collections)


def _print_json(events: Iterator[ChatEvent]) -> None:
    """Print the turn's last event, which has all of it."""
    for event in events:
        if isinstance(event, TurnFinished | TurnFailed):
            print(json.dumps(to_dict(event), ensure_ascii=False, indent=2))
        if isinstance(event, TurnFailed):
            raise DocMindError(event.error)


def _print_events(events: Iterator[ChatEvent]) -> None:
    """Print what the agents do, the answer as it comes, and its sources."""
    # Only on a terminal: elsewhere text that an agent takes back would stay.
    streams = out.is_terminal
    for event in events:
        match event:
            case AgentStarted():
                err.print(f"[dim]→ {event.agent}: {escape(event.task)}[/dim]")
            case AgentStep():
                took = f"({event.duration_ms:.0f} ms)"
                err.print(f"[dim]  {event.tool}: {escape(event.result)} {took}[/dim]")
            case TokenDelta(channel="answer") if streams:
                print(printable(event.text), end="", flush=True)
            case SentenceReplaced(replacement=replacement):
                became = replacement.after or "taken out"
                err.print(
                    f"[yellow]! not supported: {escape(replacement.before)} → {escape(became)}"
                    "[/yellow]"
                )
            case TurnFinished():
                if streams and event.replacements:
                    print()  # what has been printed stays, so the whole answer follows
                if not streams or event.replacements:
                    print(printable(event.answer))
                print_sources(event)
            case TurnFailed():
                raise DocMindError(event.error)


def print_sources(end: TurnFinished) -> None:
    """Print the passages that the answer cites; on the error channel what else is known of it."""
    for notice in end.notices:
        err.print(f"[yellow]! {escape(notice)}[/yellow]")
    if end.confidence is not None:
        left_open = f", left open: {end.open_points}" if end.open_points else ""
        err.print(escape(f"confidence {end.confidence:.0%}{left_open}"))
    print()
    _print_verdicts(end)
    citations = best_citations(end.citations)
    for source in end.sources:
        citation = citations.get(source.number)
        if citation is None:
            continue
        found = verdict(citation)
        remark = f"  [yellow]({escape(found)})[/yellow]" if found else ""
        out.print(f"[bold]\\[{source.number}][/bold] {escape(place(source))}{remark}")
        excerpt = " ".join(source.passage.text.split())[:200]
        out.print(f"    [dim]{escape(excerpt)}[/dim]")
    err.print(f"[dim]{escape(cost(end.usage, end.agents))}[/dim]")


def _print_verdicts(end: TurnFinished) -> None:
    """Print how much of the answer is supported, and each sentence that is not."""
    summary = support_summary(end.statements)
    if summary:
        out.print(escape(summary))
    for statement in end.statements:
        found = doubt(statement)
        if found:
            out.print(f"[yellow]! {escape(statement.text)}[/yellow]  ({escape(found)})")
