"""An OpenAI-compatible server (`vllm serve`, launch_vllm_fp8.sh, others) as the engine."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from docmind.engine.interface import (
    Chances,
    Constraint,
    Delta,
    Engine,
    EngineUsage,
    Message,
    Tool,
    ToolCall,
)
from docmind.engine.prompts import normalise
from docmind.engine.request import chances_among
from docmind.errors import ConfigError, EngineError, EngineFailed, PromptTooLong
from docmind.settings import Settings

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types import CompletionUsage, Model
    from openai.types.chat import ChatCompletion, ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

CONNECT_S = 5.0
READ_S = 600.0
CONNECT_RETRIES = 2
DEFAULT_WINDOW = 8_192
"""Assumed where the server does not say (`max_model_len` is vLLM's own)."""
BYTES_PER_TOKEN = 3
"""Of UTF-8, for servers that can't count; low on purpose: what seems to fit then does."""
TOKENS_PER_MESSAGE = 8
"""For the marks that a chat template puts around a message."""
BROKEN_OFF = {None, "abort", "error"}
"""Reasons for the end that are no end of an answer."""
MOST_LOGPROBS = 20
"""Likeliest tokens that servers name at most; the letters of a tuned model are the first three."""
TOO_LONG_SIGNS = ("context length", "max_model_len", "maximum context")
"""Words of servers' messages about prompts that don't fit, in lower case."""


class RemoteEngine(Engine):
    """A model behind a URL.

    Tokens are counted by the server (`/tokenize`, vLLM), else estimated: then `status().notes` says
    so.
    """

    def __init__(self, settings: Settings) -> None:
        if not settings.llm.base_url:
            raise ConfigError("There is no server to use. Set DOCMIND_LLM__BASE_URL.")
        # Here, before the thread that connects is started: it and LangChain, which the rest of the
        # app imports meanwhile, would import httpx at once, and one of them see it half-made.
        import openai  # noqa: F401

        self._url = settings.llm.base_url.rstrip("/")
        self._settings = settings
        self._server_counts = True
        """False once the server has said that it can't."""
        self._server_tells_chances = True
        """False once the server has answered without `logprobs`, or refused to."""
        super().__init__(settings.llm.model, device=urlsplit(self._url).netloc)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Return the prompt's length in tokens: exact if the server can tell."""
        self._require_ready()
        messages = normalise(messages, arguments_as_text=True)
        if self._server_counts:
            counted = self._ask_for_count(messages, tools)
            if counted is not None:
                return counted
        return _estimate_tokens(messages, tools)

    def _ask_for_count(self, messages: Sequence[Message], tools: Sequence[Tool]) -> int | None:
        """Return the server's count; None if it gives none, now or at all."""
        from openai import APIConnectionError, APIError, InternalServerError

        body = {"model": self._status.model, "messages": messages, "tools": list(tools) or None}
        try:
            with self._client(self._url.removesuffix("/v1")) as client:
                answer = client.post("/tokenize", body=body, cast_to=dict[str, Any])
                return int(answer["count"])
        except (APIConnectionError, InternalServerError):
            return None  # it may be able to the next time
        except (APIError, KeyError, TypeError, ValueError):
            self._server_counts = False
            note = "tokens = estimated: the server has no /tokenize"
            self._update(notes=(*self._status.notes, note))
            return None

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
        """Generate, see `Engine`.

        Closing the iterator closes the HTTP stream, and so aborts on the server. A server counts at
        the end only: of an aborted request `on_end` hears nothing.
        """
        self._require_ready()
        answer = _ServerAnswer()
        try:
            async with self._async_client() as client:
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
                        text = answer.take(chunk)
                        if text:
                            yield Delta(text=text)
        except Exception as exc:
            # Where a connection is cut, also the HTTP client's own errors and the JSON reader's.
            raise self._translate(exc) from exc
        if answer.finish_reason in BROKEN_OFF:
            raise EngineFailed(
                f"The server at {self._url} broke off in the middle. See its log, then ask again."
            )
        usage = answer.engine_usage()
        if usage is not None and on_end is not None:
            on_end(usage)
        yield Delta(
            tool_calls=answer.complete_calls(), finish_reason=answer.finish_reason, usage=usage
        )

    async def choose(
        self,
        messages: Sequence[Message],
        choices: Sequence[str],
        *,
        tools: Sequence[Tool] = (),
        on_end: Callable[[EngineUsage], None] | None = None,
    ) -> Chances | None:
        """Return the chances of some letters, see `Engine`: those among the likeliest tokens."""
        self._require_ready()
        if not self._server_tells_chances:
            return None
        from openai import BadRequestError

        request = self._request(messages, tools, None)
        if tools:
            request["tool_choice"] = "none"  # they are shown, as in the prompt before
        answer = _ServerAnswer()
        try:
            async with self._async_client() as client:
                completion = await client.chat.completions.create(
                    **request,
                    max_tokens=1,
                    temperature=0.0,
                    logprobs=True,
                    top_logprobs=MOST_LOGPROBS,
                )
        except BadRequestError as exc:
            error = self._translate(exc)
            if isinstance(error, PromptTooLong):
                raise error from exc
            self._note_no_chances()
            return None
        except Exception as exc:
            raise self._translate(exc) from exc
        answer.take_whole(completion)
        usage = answer.engine_usage()
        if usage is not None and on_end is not None:
            on_end(usage)
        chances = _chances_of(choices, completion)
        if chances is None:
            self._note_no_chances()
        return chances

    # ---- inside ----

    def _async_client(self) -> AsyncOpenAI:
        """Return a client for one call: its connections belong to the caller's event loop."""
        from openai import AsyncOpenAI, Timeout

        return AsyncOpenAI(
            base_url=self._url,
            api_key=self._api_key,
            timeout=Timeout(READ_S, connect=CONNECT_S),
            max_retries=0,
        )

    def _note_no_chances(self) -> None:
        """Ask for no more chances, and say so."""
        self._server_tells_chances = False
        note = "judge = none: the server names no chances of letters (logprobs)"
        self._update(notes=(*self._status.notes, note))

    def _run(self) -> None:
        """Ask the server which model it has."""
        self._update(stage=f"connecting to {self._url}")
        began_at = time.monotonic()
        try:
            with self._client(self._url, max_retries=CONNECT_RETRIES) as client:
                model = self._choose(list(client.models.list()))
        except EngineError as exc:
            self._fail(exc)
            return
        except Exception as exc:  # noqa: BLE001  the HTTP client has errors of its own
            self._fail(self._translate(exc))
            return
        window = getattr(model, "max_model_len", None)  # vLLM's own addition
        self._update(
            state="ready",
            stage="",
            model=model.id,
            window=int(window or self._settings.engine.max_model_len or DEFAULT_WINDOW),
            load_s=round(time.monotonic() - began_at, 2),
            notes=(f"engine = {self._url}: DOCMIND_LLM__BASE_URL is set",),
        )
        self._settled.set()

    @property
    def _api_key(self) -> str:
        return self._settings.llm.api_key.get_secret_value()

    def _client(self, base_url: str, max_retries: int = 0) -> OpenAI:
        """Return a client for a short question."""
        from openai import OpenAI

        return OpenAI(
            base_url=base_url, api_key=self._api_key, timeout=CONNECT_S, max_retries=max_retries
        )

    def _request(
        self, messages: Sequence[Message], tools: Sequence[Tool], constraint: Constraint | None
    ) -> dict[str, Any]:
        """Return the part of a request's body that depends on the constraint, and its messages."""
        request: dict[str, Any] = {
            "model": self._status.model,
            "messages": normalise(messages, arguments_as_text=True),
        }
        if tools:
            request["tools"] = list(tools)
        if constraint is None or constraint.kind == "structural_tag":
            return request  # a server parses free calls itself
        if tools:
            # The output is ours to read: the server should show the tools and parse nothing.
            request["tool_choice"] = "none"
        if constraint.kind == "json":
            schema = {"name": "answer", "schema": constraint.value, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        else:
            structured_outputs = {constraint.kind: constraint.value}
            request["extra_body"] = {"structured_outputs": structured_outputs}
        return request

    def _choose(self, models: list[Model]) -> Model:
        """Return the model that is asked for, or the server's first.

        Raises:
            EngineFailed: there is no such model.
        """
        if not models:
            raise EngineFailed(
                f"The server at {self._url} lists no model. Load one there, then restart DocMind."
            )
        wanted = self._settings.llm.model
        if not wanted:
            return models[0]
        for model in models:
            if model.id == wanted:
                return model
        names = ", ".join(model.id for model in models)
        raise EngineFailed(
            f"The server at {self._url} has no model {wanted!r}; it has: {names}. "
            "Set DOCMIND_LLM__MODEL to one of these."
        )

    def _translate(self, exc: Exception) -> EngineError:
        """Return our error for one of OpenAI's client."""
        from openai import (
            APIConnectionError,
            APIError,
            AuthenticationError,
            BadRequestError,
            PermissionDeniedError,
        )

        if isinstance(exc, APIConnectionError) or not isinstance(exc, APIError):
            return EngineFailed(
                f"No answer from {self._url} ({exc.__cause__ or exc}). Start the server "
                "(./launch_vllm_fp8.sh), correct DOCMIND_LLM__BASE_URL, or unset it to use the "
                "in-process engine."
            )
        if isinstance(exc, AuthenticationError | PermissionDeniedError):
            return EngineFailed(
                f"The server at {self._url} refuses the key. Set DOCMIND_LLM__API_KEY."
            )
        if isinstance(exc, BadRequestError):
            message = exc.message.lower()
            if any(sign in message for sign in TOO_LONG_SIGNS):
                return PromptTooLong(f"The prompt does not fit the server's window: {exc.message}")
            return EngineError(f"The server refused the request: {exc.message}")
        return EngineFailed(
            f"The server at {self._url} failed: {exc.message}. See its log, then ask again."
        )


@dataclass
class _ServerAnswer:
    """What came so far of one answer."""

    submitted_at: float = field(default_factory=time.monotonic)
    first_token_at: float | None = None
    last_token_at: float | None = None
    finish_reason: str | None = None
    usage: CompletionUsage | None = None
    """As the server counted; with the last chunk, if at all."""
    calls: dict[int, ToolCall] = field(default_factory=dict)
    """Tool calls by their number, as far as they have come."""

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Take a chunk; return the text that it brought."""
        if chunk.usage is not None:
            self.usage = chunk.usage
        if not chunk.choices:
            return ""
        choice = chunk.choices[0]
        if choice.finish_reason:
            self.finish_reason = choice.finish_reason
        pieces = choice.delta.tool_calls or []
        for piece in pieces:
            self._add_to_call(piece)
        text = choice.delta.content or ""
        if text or pieces:
            self.last_token_at = time.monotonic()
            if self.first_token_at is None:
                self.first_token_at = self.last_token_at
        return text

    def take_whole(self, completion: ChatCompletion) -> None:
        """Take an answer that came in one piece."""
        self.usage = completion.usage
        self.first_token_at = time.monotonic()
        self.last_token_at = self.first_token_at

    def complete_calls(self) -> tuple[ToolCall, ...]:
        """Return the tool calls in order."""
        return tuple(self.calls[number] for number in sorted(self.calls))

    def engine_usage(self) -> EngineUsage | None:
        """Return what the server counted, with the times seen here; None if it did not count."""
        if self.usage is None:
            return None
        first_token_at = self.first_token_at or time.monotonic()
        last_token_at = self.last_token_at or first_token_at
        details = self.usage.prompt_tokens_details
        cached_tokens = 0
        if details is not None and details.cached_tokens:
            cached_tokens = details.cached_tokens
        return EngineUsage(
            prompt_tokens=self.usage.prompt_tokens,
            cached_tokens=cached_tokens,
            completion_tokens=self.usage.completion_tokens,
            ttft_s=first_token_at - self.submitted_at,
            decode_s=last_token_at - first_token_at,
        )

    def _add_to_call(self, piece: ChoiceDeltaToolCall) -> None:
        call = self.calls.get(piece.index, ToolCall(id="", name="", arguments=""))
        name = call.name
        arguments = call.arguments
        if piece.function is not None:
            name += piece.function.name or ""
            arguments += piece.function.arguments or ""
        self.calls[piece.index] = ToolCall(id=piece.id or call.id, name=name, arguments=arguments)


def _chances_of(choices: Sequence[str], completion: ChatCompletion) -> Chances | None:
    """Return the chances of some letters as an answer's first token; None if none is named."""
    if not completion.choices:
        return None
    logprobs = completion.choices[0].logprobs
    if logprobs is None or not logprobs.content:
        return None
    likely = dict.fromkeys(choices, 0.0)
    for token in logprobs.content[0].top_logprobs:
        if token.token in likely:
            likely[token.token] = math.exp(token.logprob)
    return chances_among(list(likely.values()))


def _estimate_tokens(messages: Sequence[Message], tools: Sequence[Tool]) -> int:
    """Return the length of a prompt in tokens, rather too high than too low."""
    text = ""
    for message in messages:
        text += f"{message['content']}{message.get('tool_calls', '')}"
    for tool in tools:
        text += str(tool)
    size = len(text.encode("utf-8", "replace"))
    return size // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE * (len(messages) + 1)
