"""An OpenAI-compatible server (`vllm serve`, launch_vllm_fp8.sh, others) as the engine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from docmind.engine.interface import Constraint, Delta, Engine, EngineUsage, Message, Tool, ToolCall
from docmind.engine.prompts import normalise
from docmind.errors import ConfigError, EngineError, EngineFailed, PromptTooLong
from docmind.settings import Settings

CONNECT_S, READ_S = 5.0, 600.0
DEFAULT_WINDOW = 8_192
"""Assumed where the server does not say (`max_model_len` is vLLM's own)."""
BYTES_PER_TOKEN = 3
"""Of UTF-8. For servers that can't count; low on purpose, so that a prompt that seems to fit does."""


class RemoteEngine(Engine):
    """A model behind a URL.

    Tokens are counted by the server (`/tokenize`, vLLM), else estimated: then `status().notes` says so.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.llm.base_url:
            raise ConfigError("There is no server to use. Set DOCMIND_LLM__BASE_URL.")
        self._url = settings.llm.base_url.rstrip("/")
        self._settings = settings
        self._server_counts = True
        super().__init__(settings.llm.model, device=urlsplit(self._url).netloc)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the prompt's length in tokens: exact if the server can tell."""
        self._check()
        messages = normalise(messages, arguments_as_text=True)
        if self._server_counts:
            from openai import APIConnectionError, APIError, InternalServerError, OpenAI

            body = {"model": self._status.model, "messages": messages, "tools": list(tools) or None}
            options = self._options(CONNECT_S) | {"base_url": self._url.removesuffix("/v1")}
            try:
                with OpenAI(**options) as client:
                    return int(client.post("/tokenize", body=body, cast_to=dict[str, Any])["count"])
            except (APIConnectionError, InternalServerError):
                pass  # it may be able to the next time
            except (APIError, KeyError, TypeError, ValueError):
                self._server_counts = False
                self._update(
                    notes=(*self._status.notes, "tokens = estimated: the server has no /tokenize")
                )
        text = "".join(f"{m['content']}{m.get('tool_calls', '')}" for m in messages) + "".join(
            map(str, tools)
        )
        return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 8 * (len(messages) + 1)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        constraint: Constraint | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> AsyncIterator[Delta]:
        """Generate, see `Engine`. Closing the iterator closes the HTTP stream, and so aborts on the server.

        A server counts at the end only: of an aborted request `on_end` hears nothing.
        """
        self._check()
        from openai import AsyncOpenAI, Timeout

        begun = time.monotonic()
        first = last = None
        reason = usage = None
        calls: dict[int, ToolCall] = {}
        try:
            # A client for each call: its connections belong to the caller's event loop.
            async with AsyncOpenAI(**self._options(Timeout(READ_S, connect=CONNECT_S))) as client:
                chunks = await client.chat.completions.create(
                    **self._request(messages, tools, constraint),
                    max_tokens=max_tokens,
                    temperature=temperature,
                    stop=list(stop) or None,
                    stream=True,
                    stream_options={"include_usage": True},
                )
                async with chunks:
                    async for chunk in chunks:
                        usage = chunk.usage or usage
                        if not chunk.choices:
                            continue
                        choice = chunk.choices[0]
                        reason = choice.finish_reason or reason
                        for piece in choice.delta.tool_calls or ():
                            _collect(calls, piece)
                        if choice.delta.content or choice.delta.tool_calls:
                            last = time.monotonic()
                            first = first or last
                        if choice.delta.content:
                            yield Delta(text=choice.delta.content)
        except (
            Exception
        ) as exc:  # where a connection is cut, also the HTTP client's own and the JSON reader's
            raise self._translate(exc) from exc
        if reason in {None, "abort", "error"}:
            raise EngineFailed(
                f"The server at {self._url} broke off in the middle. See its log, then ask again."
            )
        counted = None
        if usage:
            details, first = usage.prompt_tokens_details, first or time.monotonic()
            counted = EngineUsage(
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=(details and details.cached_tokens) or 0,
                completion_tokens=usage.completion_tokens,
                ttft_s=first - begun,
                decode_s=(last or first) - first,
            )
            if on_end:
                on_end(counted)
        yield Delta(
            tool_calls=tuple(calls[i] for i in sorted(calls)), finish_reason=reason, usage=counted
        )

    # ---- inside ----

    def _run(self) -> None:
        """Ask the server which model it has."""
        from openai import OpenAI

        self._update(stage=f"connecting to {self._url}")
        begun = time.monotonic()
        try:
            with OpenAI(**self._options(CONNECT_S) | {"max_retries": 2}) as client:
                model = self._choose(list(client.models.list()))
        except Exception as exc:  # noqa: BLE001  an address that is none raises the HTTP client's own errors
            self._fail(exc if isinstance(exc, EngineError) else self._translate(exc))
        else:
            self._update(
                state="ready",
                stage="",
                model=model.id,
                window=int(
                    getattr(model, "max_model_len", 0)
                    or self._settings.engine.max_model_len
                    or DEFAULT_WINDOW
                ),
                load_s=round(time.monotonic() - begun, 2),
                notes=(f"engine = {self._url}: DOCMIND_LLM__BASE_URL is set",),
            )
            self._settled.set()

    def _options(self, timeout: Any) -> dict[str, Any]:
        """Return the arguments of OpenAI's clients."""
        key = self._settings.llm.api_key.get_secret_value()
        return {"base_url": self._url, "api_key": key, "timeout": timeout, "max_retries": 0}

    def _request(
        self, messages: Sequence[Message], tools: Sequence[Tool], constraint: Constraint | None
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._status.model,
            "messages": normalise(messages, arguments_as_text=True),
        }
        if constraint and constraint.kind == "structural_tag":  # a server parses free calls itself
            constraint = None
        if tools:
            request["tools"] = list(tools)
        if (
            constraint and tools
        ):  # the output is ours to read: the server should show the tools and parse nothing
            request["tool_choice"] = "none"
        if constraint and constraint.kind == "json":
            schema = {"name": "answer", "schema": constraint.value, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif constraint:
            request["extra_body"] = {"structured_outputs": {constraint.kind: constraint.value}}
        return request

    def _choose(self, models: list[Any]) -> Any:
        """Return the model that is asked for, or the server's first."""
        wanted = self._settings.llm.model
        names = [m.id for m in models]
        if not models:
            raise EngineFailed(
                f"The server at {self._url} lists no model. Load one there, then restart DocMind."
            )
        if wanted and wanted not in names:
            raise EngineFailed(
                f"The server at {self._url} has no model {wanted!r}; it has: {', '.join(names)}. "
                "Set DOCMIND_LLM__MODEL to one of these."
            )
        return models[names.index(wanted)] if wanted else models[0]

    def _translate(self, exc: Exception) -> EngineError:
        """Return our error for OpenAI's client's."""
        from openai import (
            APIConnectionError,
            APIError,
            AuthenticationError,
            BadRequestError,
            PermissionDeniedError,
        )

        if isinstance(exc, APIConnectionError) or not isinstance(exc, APIError):
            return EngineFailed(
                f"No answer from {self._url} ({exc.__cause__ or exc}). Start the server (./launch_vllm_fp8.sh), "
                "correct DOCMIND_LLM__BASE_URL, or unset it to use the in-process engine."
            )
        if isinstance(exc, AuthenticationError | PermissionDeniedError):
            return EngineFailed(
                f"The server at {self._url} refuses the key. Set DOCMIND_LLM__API_KEY."
            )
        if isinstance(exc, BadRequestError):
            text = exc.message.lower()
            if "context length" in text or "max_model_len" in text or "maximum context" in text:
                return PromptTooLong(f"The prompt does not fit the server's window: {exc.message}")
            return EngineError(f"The server refused the request: {exc.message}")
        return EngineFailed(
            f"The server at {self._url} failed: {exc.message}. See its log, then ask again."
        )


def _collect(calls: dict[int, ToolCall], piece: Any) -> None:
    """Add a piece of a streamed tool call to the calls gathered so far."""
    call = calls.get(piece.index, ToolCall("", "", ""))
    function = piece.function
    calls[piece.index] = ToolCall(
        id=piece.id or call.id,
        name=call.name + ((function and function.name) or ""),
        arguments=call.arguments + ((function and function.arguments) or ""),
    )
