"""OpenAI's chat completions over the agents, for the clients that there are.

What OpenAI's format has no place for (sources, verdicts, what was replaced) stands under `docmind`,
where clients that do not know it pass it on or over.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from docmind.agents.mentions import read_mentions
from docmind.api.following import follow
from docmind.api.scope import named_scope
from docmind.errors import DocMindError, EngineError
from docmind.events import TokenDelta, TurnFailed, TurnFinished, to_dict
from docmind.turns import CompletedTurn, Turn, streamed_answer

if TYPE_CHECKING:
    from docmind.app import App

MODEL = "docmind"
"""The one model there is: the agents with the documents."""

CORRECTED = "\n\n---\nAfter checking, the answer is:\n\n"
"""Before the whole answer where the text that was streamed has sentences that did not stand."""

_MARK = re.compile(r"\[(\d+)\]")

_REFUSED = {
    "tools": "DocMind's agents have tools of their own",
    "functions": "DocMind's agents have tools of their own",
    "response_format": "an answer is text with citations",
    "logprobs": "an answer is the work of several model calls",
    "audio": "an answer is text",
}
"""Parameters that ask for another kind of answer, and why there is none."""

_USED = {"stream_options", "user", "store"}
"""Extra parameters that are used, or mean nothing to the answer."""


class TextPart(BaseModel):
    """A piece of a message; pictures and sound can't be asked about."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """One message of a conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart] | None = None

    @property
    def text(self) -> str:
        """The message without its division into parts."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class ChatRequest(BaseModel):
    """The parameters that are used; all others are told in the answer's notices, or refused."""

    model_config = ConfigDict(extra="allow")

    model: str
    messages: list[ChatMessage]
    stream: bool = False
    temperature: float | None = None
    n: int | None = 1
    metadata: dict[str, str] | None = None


@dataclass(frozen=True)
class _Asked:
    """A request, understood."""

    turn: Turn
    notices: list[str] = field(default_factory=list)
    """What of the request could not be heeded."""


def make_routes(app: App) -> APIRouter:
    """Return the routes under `/v1`."""
    routes = APIRouter(prefix="/v1")
    started = int(time.time())

    @routes.get("/models")
    def list_models() -> dict[str, Any]:
        """Return the one model, with the name of the language model behind it."""
        return {"object": "list", "data": [describe_model()]}

    @routes.get("/models/{model}")
    def get_model(model: str) -> dict[str, Any]:
        """Return the model of this name."""
        _check_model(model)
        return describe_model()

    def describe_model() -> dict[str, Any]:
        engine = app.engine.status()
        return {
            "id": MODEL,
            "object": "model",
            "created": started,
            "owned_by": "docmind",
            "root": engine.model,
            "max_model_len": engine.window,
        }

    @routes.post("/chat/completions", response_model=None)
    async def complete(
        request: ChatRequest, connection: Request
    ) -> StreamingResponse | dict[str, Any]:
        """Answer the last message."""
        asked = await run_in_threadpool(_ask, app, request)
        if request.stream:
            return StreamingResponse(_server_sent(asked, request), media_type="text/event-stream")
        return _completion(asked, await _end_of(asked.turn, connection))

    return routes


def _ask(app: App, request: ChatRequest) -> _Asked:
    """Begin the turn that a request asks for."""
    _check_model(request.model)
    notices = _notices(request)
    metadata = request.metadata or {}
    collections = _names(metadata, "collection")
    documents = _names(metadata, "document")
    last, earlier = _split(request.messages)
    mentions = read_mentions(last, app.documents.documents(), app.collections.all())
    named = named_scope(app, collections=collections, documents=documents)
    scope = mentions.scope.with_more(named)
    app.engine.start()
    conversation = metadata.get("conversation", "")
    if not conversation:
        turn = app.chat.ask_unstored(
            mentions.question,
            earlier=earlier,
            scope=scope,
            temperature=request.temperature,
        )
        return _Asked(turn, notices)
    if earlier:
        notices.append("The conversation is stored here, so its earlier messages were not read.")
    stored_in = "" if conversation == "new" else conversation
    if stored_in and app.conversations.get(stored_in) is None:
        raise DocMindError(f"There is no conversation {stored_in}.")
    with app.conversations.existing_or_new(stored_in) as asked_in:
        if scope:
            app.conversations.search_in(asked_in, scope)
        turn = app.chat.ask(mentions.question, asked_in, temperature=request.temperature)
    return _Asked(turn, notices)


def _check_model(name: str) -> None:
    if name != MODEL:
        raise DocMindError(f"There is no model '{name}'. There is one: '{MODEL}'.")


def _notices(request: ChatRequest) -> list[str]:
    """Return what of a request can't be heeded; DocMindError where nothing useful would be left."""
    if request.n not in (None, 1):
        raise DocMindError("DocMind gives one answer: leave out the parameter n.")
    extra = {name: value for name, value in (request.model_extra or {}).items() if value}
    for name, why in _REFUSED.items():
        if name in extra:
            raise DocMindError(f"The parameter {name} can't be used: {why}.")
    notices: list[str] = []
    unused = sorted(extra.keys() - _USED)
    if unused:
        notices.append(f"These parameters are not used: {', '.join(unused)}.")
    if any(message.role in ("system", "developer") for message in request.messages):
        notices.append("System messages are not used: the agents have their own.")
    return notices


def _names(metadata: Mapping[str, str], kind: str) -> list[str]:
    """Return the names in `collection` (one) and `collections` (with commas between them)."""
    found: list[str] = []
    if metadata.get(kind):
        found.append(metadata[kind])
    for name in metadata.get(f"{kind}s", "").split(","):
        if name.strip():
            found.append(name.strip())
    return found


def _split(messages: Sequence[ChatMessage]) -> tuple[str, list[CompletedTurn]]:
    """Return the last message, which must be the user's, and the turns before it."""
    spoken = [message for message in messages if message.role in ("user", "assistant")]
    if not spoken or spoken[-1].role != "user":
        raise DocMindError("The last message must be the user's: it is what is answered.")
    earlier: list[CompletedTurn] = []
    question = ""
    for message in spoken[:-1]:
        if message.role == "user":
            question = message.text
        elif question and message.text:
            earlier.append(CompletedTurn(question=question, answer=message.text))
            question = ""
    return spoken[-1].text, earlier


async def _end_of(turn: Turn, connection: Request) -> TurnFinished:
    """Return how a turn ended; it is stopped if nobody waits for it any more."""

    async def stop_if_left() -> None:
        # The request has been read, so what comes next is that its sender has gone.
        while (await connection.receive())["type"] != "http.disconnect":
            pass
        turn.stop()

    watch = asyncio.create_task(stop_if_left())
    try:
        async for event in follow(turn):
            if isinstance(event, TurnFinished):
                return event
            if isinstance(event, TurnFailed):
                raise EngineError(event.error)
    finally:
        watch.cancel()
    raise EngineError("The answer was lost. Ask again.")


def _completion(asked: _Asked, end: TurnFinished) -> dict[str, Any]:
    message = {
        "role": "assistant",
        "content": end.answer,
        "refusal": None,
        "annotations": _annotations(end),
    }
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        **_head(asked.turn, "chat.completion"),
        "choices": [choice],
        "usage": _usage(end),
        "docmind": _details(asked, end),
    }


async def _server_sent(asked: _Asked, request: ChatRequest) -> AsyncIterator[str]:
    """Yield the answer as OpenAI streams one: chunks as server-sent events, then `[DONE]`."""
    turn = asked.turn
    yield _sent(_chunk(turn, {"role": "assistant", "content": ""}))
    streamed = ""
    async for event in follow(turn):
        match event:
            case TokenDelta(channel="answer"):
                streamed += event.text
                yield _sent(_chunk(turn, {"content": event.text}))
            case TurnFailed():
                error = {"message": event.error, "type": "DocMindError", "param": None}
                yield _sent({"error": {**error, "code": None}})
            case TurnFinished():
                rest = _rest(turn, streamed, event)
                if rest:
                    yield _sent(_chunk(turn, {"content": rest}))
                last = _chunk(turn, {"annotations": _annotations(event)}, finish_reason="stop")
                last["docmind"] = _details(asked, event)
                yield _sent(last)
                options = (request.model_extra or {}).get("stream_options") or {}
                if options.get("include_usage"):
                    yield _sent({**_chunk(turn, {}), "choices": [], "usage": _usage(event)})
    yield "data: [DONE]\n\n"


def _rest(turn: Turn, streamed: str, end: TurnFinished) -> str:
    """Return what a reader of the stream lacks.

    Text can't be taken back. Where sentences did not stand the check, or an agent took its words
    back, the whole answer follows; a reader must not be left with what no document says.
    """
    if not streamed:
        return end.answer
    stood = streamed_answer(turn.events()[:-1]) == streamed
    if stood and not end.replacements:
        return ""
    return f"{CORRECTED}{end.answer}"


def _annotations(end: TurnFinished) -> list[dict[str, Any]]:
    """Return each mark of an answer with the passage that it leads to, as OpenAI's citations."""
    sources = {source.number: source.passage for source in end.sources}
    annotations: list[dict[str, Any]] = []
    for mark in _MARK.finditer(end.answer):
        passage = sources.get(int(mark[1]))
        if passage is None:
            continue
        place = f"#page={passage.page}" if passage.page else ""
        citation = {
            "start_index": mark.start(),
            "end_index": mark.end(),
            "title": passage.file_name,
            "url": f"docmind://documents/{passage.document_id}{place}",
        }
        annotations.append({"type": "url_citation", "url_citation": citation})
    return annotations


def _details(asked: _Asked, end: TurnFinished) -> dict[str, Any]:
    """Return all that is known of an answer; the notices of its request come first."""
    details = to_dict(end)
    details["notices"] = [*asked.notices, *end.notices]
    return details


def _usage(end: TurnFinished) -> dict[str, Any]:
    usage = end.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _head(turn: Turn, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{turn.id}",
        "object": kind,
        "created": int(time.time()),
        "model": MODEL,
    }


def _chunk(turn: Turn, delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {**_head(turn, "chat.completion.chunk"), "choices": [choice]}


def _sent(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
