"""An OpenAI-compatible server (`vllm serve`, launch_vllm_fp8.sh, others) as the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docmind.engine.interface import Constraint, Delta, EngineStatus, EngineUsage, Message, Tool, ToolCall
from docmind.engine.models import Catalog
from docmind.engine.prompts import PromptRenderer, normalise
from docmind.errors import ConfigError, EngineError, EngineFailed, EngineNotReady, ModelError, PromptTooLong
from docmind.settings import Settings

if TYPE_CHECKING:
    from openai import APIError

CONNECT_S, READ_S = 5.0, 600.0
DEFAULT_WINDOW = 8_192
"""Assumed where the server does not say (`max_model_len` is vLLM's own)."""
CHARACTERS_PER_TOKEN = 3
"""For the estimate of last resort; low on purpose, so that a prompt that seems to fit does."""


class RemoteEngine:
    """Implements `docmind.engine.interface.Engine` over HTTP.

    Tokens are counted by the server (`/tokenize`, vLLM), else by the local tokenizer of the same model if it is
    installed, else estimated from the number of characters: then `status().notes` says so.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.llm.base_url:
            raise ConfigError("There is no server to use. Set DOCMIND_LLM__BASE_URL.")
        self._settings = settings
        self._url = settings.llm.base_url.rstrip("/")
        self._settled = threading.Event()
        self._lock = threading.Lock()
        self._started = False
        self._server_counts = True
        self._renderer: PromptRenderer | None = None
        self._status = EngineStatus(
            state="idle", model=settings.llm.model or "", window=0, device=urlsplit(self._url).netloc
        )

    def start(self) -> None:
        """Ask the server which model it has, in the background; returns at once."""
        with self._lock:
            if self._started:
                return
            self._started = True
            self._status = replace(self._status, state="loading", stage=f"connecting to {self._url}")
        threading.Thread(target=self._connect, name="docmind-remote", daemon=True).start()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Block until the server has answered.

        Raises:
            EngineNotReady: no answer after `timeout_s` seconds.
            EngineFailed: the server can't be used; the message says why and what to do.
        """
        self._settled.wait(timeout_s)
        self._check()

    def status(self) -> EngineStatus:
        """Return where the engine stands; never blocks."""
        return self._status

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the prompt's length in tokens: exact where the server or a local tokenizer can tell.

        Raises:
            EngineNotReady: the server has not answered yet.
        """
        self._check()
        messages = normalise(messages, arguments_as_text=True)
        if self._server_counts:
            from openai import APIError, OpenAI

            body = {"model": self._status.model, "messages": messages, "tools": list(tools) or None}
            key = self._settings.llm.api_key.get_secret_value()
            root = self._url.removesuffix("/v1")
            with (
                suppress(APIError, KeyError, TypeError, ValueError),
                OpenAI(base_url=root, api_key=key, timeout=CONNECT_S, max_retries=0) as client,
            ):
                return int(client.post("/tokenize", body=body, cast_to=dict[str, Any])["count"])
            self._server_counts = False
            self._find_tokenizer()
        if self._renderer:
            return len(self._renderer.ids(messages, tools))
        text = "".join(str(m.get("content", "")) + str(m.get("tool_calls", "")) for m in messages) + "".join(
            map(str, tools)
        )
        return len(text) // CHARACTERS_PER_TOKEN + 8 * (len(messages) + 1)

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] = (),
        constraint: Constraint | None = None,
        max_tokens: int,
        temperature: float = 0.0,
        stop: Sequence[str] = (),
    ) -> AsyncIterator[Delta]:
        """Generate. Closing or cancelling the iterator closes the HTTP stream, and so aborts on the server.

        Raises:
            EngineNotReady: the server has not answered yet.
            EngineFailed: the server can't be reached or failed.
            PromptTooLong: the server says that the prompt does not fit.
            EngineError: the server refuses the request.
        """
        self._check()
        from openai import APIError

        begun = time.monotonic()
        first = last = None
        reason, usage = "stop", None
        calls: dict[int, ToolCall] = {}
        try:
            # A client for each call: its connections belong to the caller's event loop.
            async with self._client() as client:
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
        except APIError as exc:
            raise self._translate(exc) from exc
        first = first or time.monotonic()
        yield Delta(
            tool_calls=tuple(calls[i] for i in sorted(calls)),
            finish_reason=reason,
            usage=_usage(usage, ttft_s=first - begun, decode_s=(last or first) - first),
        )

    def close(self) -> None:
        """Use the server no more; it goes on running."""
        self._status = replace(self._status, state="closed")
        self._settled.set()

    # ---- inside ----

    def _client(self) -> Any:
        from openai import AsyncOpenAI, Timeout

        return AsyncOpenAI(
            base_url=self._url,
            api_key=self._settings.llm.api_key.get_secret_value(),
            timeout=Timeout(READ_S, connect=CONNECT_S),
            max_retries=0,
        )

    def _request(
        self, messages: Sequence[Message], tools: Sequence[Tool], constraint: Constraint | None
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": self._status.model,
            "messages": normalise(messages, arguments_as_text=True),
        }
        if tools:
            request["tools"] = list(tools)
        if constraint is None:
            return request
        if tools:  # the output is ours to read: the server should show the tools to the model and parse nothing
            request["tool_choice"] = "none"
        if constraint.kind == "json":
            schema = {"name": "answer", "schema": constraint.value, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        else:
            request["extra_body"] = {"structured_outputs": {constraint.kind: constraint.value}}
        return request

    def _connect(self) -> None:
        from openai import APIError, OpenAI

        begun = time.monotonic()
        key = self._settings.llm.api_key.get_secret_value()
        try:
            with OpenAI(base_url=self._url, api_key=key, timeout=CONNECT_S, max_retries=2) as client:
                models = list(client.models.list())
            model = self._choose(models)
        except APIError as exc:
            self._fail(self._translate(exc))
        except EngineError as exc:
            self._fail(exc)
        else:
            window = int(getattr(model, "max_model_len", 0) or self._settings.engine.max_model_len or DEFAULT_WINDOW)
            if self._status.state == "loading":
                self._status = replace(
                    self._status,
                    state="ready",
                    stage="",
                    model=model.id,
                    window=window,
                    load_s=round(time.monotonic() - begun, 2),
                    notes=(f"engine = {self._url}: DOCMIND_LLM__BASE_URL is set",),
                )
        self._settled.set()

    def _choose(self, models: list[Any]) -> Any:
        wanted = self._settings.llm.model
        names = [m.id for m in models]
        if wanted and wanted not in names:
            raise EngineFailed(
                f"The server at {self._url} has no model {wanted!r}; it has: {', '.join(names) or 'none'}. "
                "Set DOCMIND_LLM__MODEL to one of these."
            )
        if not models:
            raise EngineFailed(f"The server at {self._url} lists no model. Load one there, then restart DocMind.")
        return models[names.index(wanted)] if wanted else models[0]

    def _find_tokenizer(self) -> None:
        """Use the model's local tokenizer if it is installed; say so if tokens must be estimated."""
        with suppress(ModelError, OSError, ValueError):
            where = Catalog(self._settings.models_dir).path(self._status.model)
            if isinstance(where, Path):
                self._renderer = PromptRenderer(where)
                return
        note = "tokens = estimated: the server has no /tokenize and the model's tokenizer is not installed"
        self._status = replace(self._status, notes=(*self._status.notes, note))

    def _fail(self, error: EngineError) -> None:
        self._status = replace(self._status, state="failed", stage="", error=str(error))

    def _translate(self, exc: APIError) -> EngineError:
        """Return our error for OpenAI's client's."""
        from openai import APIConnectionError, AuthenticationError, BadRequestError, PermissionDeniedError

        if isinstance(exc, APIConnectionError):
            return EngineFailed(
                f"No answer from {self._url} ({exc.__cause__ or exc}). Start the server (./launch_vllm_fp8.sh), "
                "correct DOCMIND_LLM__BASE_URL, or unset it to use the in-process engine."
            )
        if isinstance(exc, AuthenticationError | PermissionDeniedError):
            return EngineFailed(f"The server at {self._url} refuses the key. Set DOCMIND_LLM__API_KEY.")
        if isinstance(exc, BadRequestError):
            text = exc.message.lower()
            if "context length" in text or "max_model_len" in text or "maximum context" in text:
                return PromptTooLong(f"The prompt does not fit the server's window: {exc.message}")
            return EngineError(f"The server refused the request: {exc.message}")
        return EngineFailed(f"The server at {self._url} failed: {exc.message}. See its log, then ask again.")

    def _check(self) -> None:
        if self._status.state == "failed":
            raise EngineFailed(self._status.error)
        if self._status.state == "closed":
            raise EngineFailed("The connection to the server was closed. Restart DocMind.")
        if self._status.state != "ready":
            raise EngineNotReady(f"Still connecting to {self._url}. Try again in a moment.")


def _collect(calls: dict[int, ToolCall], piece: Any) -> None:
    """Add a piece of a streamed tool call to the calls gathered so far."""
    call = calls.get(piece.index, ToolCall("", "", ""))
    function = piece.function
    calls[piece.index] = ToolCall(
        id=piece.id or call.id,
        name=call.name + ((function and function.name) or ""),
        arguments=call.arguments + ((function and function.arguments) or ""),
    )


def _usage(usage: Any, ttft_s: float, decode_s: float) -> EngineUsage | None:
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    return EngineUsage(
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=(details and details.cached_tokens) or 0,
        completion_tokens=usage.completion_tokens,
        ttft_s=ttft_s,
        decode_s=decode_s,
    )
