"""`ChatVLLM`: any engine as a LangChain chat model, with streaming, tool calls and exact usage."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, cast

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolCallChunk,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from docmind.engine.interface import Constraint, Delta, Tool
from docmind.engine.tool_calls import Call, ToolCallParser


class ChatVLLM(BaseChatModel):
    """A chat model over an engine.

    Text streams as it is written; tool calls come whole, in the last chunk. `bind(constraint=…)` makes the output
    match a schema, a choice or a pattern; `max_tokens`, `temperature` and `stop` can be bound too.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Any
    """Anything that implements `docmind.engine.interface.Engine`."""
    max_tokens: int = 1024
    temperature: float = 0.0
    max_tool_calls: int = 3
    """Most calls in one message when `tool_choice` is "any"."""

    @property
    def _llm_type(self) -> str:
        return "docmind-vllm"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"max_tokens": self.max_tokens, "temperature": self.temperature}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model.

        Args:
            tools: what LangChain accepts as tools.
            tool_choice: None or "auto": the model decides. "any": one or more calls, made well-formed by a grammar.
                A tool's name: exactly one call of that tool, by a grammar. "none": no calls.
            kwargs: bound as well.
        """
        bound = [convert_to_openai_tool(t) for t in tools]
        names = [t["function"]["name"] for t in bound]
        if tool_choice not in {None, "auto", "any", "required", "none", *names}:
            raise ValueError(f"tool_choice is {tool_choice!r}, but the tools are {names}")
        return self.bind(tools=bound, tool_choice=tool_choice or "auto", **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        *,
        tools: Sequence[Tool] = (),
        tool_choice: str = "auto",
        constraint: Constraint | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        **_: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Stream text, then one last chunk with tool calls, usage and the reason for the end."""
        forced = bool(tools) and tool_choice not in {"auto", "none"} and constraint is None
        if forced:
            constraint = Constraint("json", _call_schema(tools, tool_choice, self.max_tool_calls))
        parser = None
        if tools and constraint is None and tool_choice == "auto":
            parser = ToolCallParser([t["function"]["name"] for t in tools])
        written, last, calls = "", Delta(), []
        deltas = self.engine.stream(
            convert_to_openai_messages(messages),
            tools=tools,
            constraint=constraint,
            max_tokens=max_tokens or self.max_tokens,
            temperature=self.temperature if temperature is None else temperature,
            stop=stop or (),
        )
        async with aclosing(deltas):
            async for delta in deltas:
                last = delta
                calls += [_chunk(c.name, c.arguments, c.id) for c in delta.tool_calls]
                if forced:
                    written += delta.text
                elif text := parser.feed(delta.text) if parser else delta.text:
                    yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        rest = parser.finish() if parser else ""
        if parser:
            calls += [_chunk(c.name, json.dumps(c.arguments, ensure_ascii=False)) for c in parser.calls]
        elif forced:
            found = _read_calls(written, None if tool_choice in {"any", "required"} else tool_choice)
            calls += [_chunk(c.name, json.dumps(c.arguments, ensure_ascii=False)) for c in found]
            rest = "" if found else written
        yield _last_chunk(rest, calls, last)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Drain the stream into one message."""
        whole: ChatGenerationChunk | None = None
        async for chunk in self._astream(messages, stop, run_manager, **kwargs):
            whole = chunk if whole is None else whole + chunk
        return _result(whole)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Run the asynchronous stream on a private loop; not for threads that already run one."""
        loop = asyncio.new_event_loop()
        chunks = self._astream(messages, stop, None, **kwargs)
        try:
            while True:
                yield loop.run_until_complete(anext(chunks))
        except StopAsyncIteration:
            return
        finally:
            loop.run_until_complete(cast("Any", chunks).aclose())
            loop.close()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        """Drain the synchronous stream into one message."""
        whole: ChatGenerationChunk | None = None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            whole = chunk if whole is None else whole + chunk
        return _result(whole)


def _call_schema(tools: Sequence[Tool], tool_choice: str, most: int) -> dict[str, Any]:
    """Return the JSON schema of what the model must write: one tool's arguments, or an array of calls."""
    functions = [t["function"] for t in tools]
    if tool_choice not in {"any", "required"}:
        return _arguments(next(f for f in functions if f["name"] == tool_choice))
    options = [
        {
            "type": "object",
            "properties": {"name": {"const": f["name"]}, "arguments": _arguments(f)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for f in functions
    ]
    return {"type": "array", "minItems": 1, "maxItems": most, "items": {"anyOf": options}}


def _arguments(function: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {}, **function.get("parameters", {})}


def _read_calls(text: str, name: str | None) -> list[Call]:
    """Read grammar-made JSON; of an array that was cut off at the token limit, the calls that are complete."""
    if name is not None:
        try:
            return [Call(name, json.loads(text, strict=False))]
        except ValueError:
            return []
    calls: list[Call] = []
    decoder, position = json.JSONDecoder(strict=False), text.find("{")
    while position >= 0:
        try:
            value, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            break
        calls.append(Call(value["name"], value["arguments"]))
        position = text.find("{", end)
    return calls


def _chunk(name: str, arguments: str, call_id: str = "") -> ToolCallChunk:
    return ToolCallChunk(name=name, args=arguments, id=call_id or f"call_{uuid.uuid4().hex[:16]}", index=None)


def _last_chunk(text: str, calls: list[ToolCallChunk], last: Delta) -> ChatGenerationChunk:
    """Return the chunk that ends the message."""
    reason = "tool_calls" if calls and last.finish_reason == "stop" else last.finish_reason or "stop"
    metadata: dict[str, Any] = {"finish_reason": reason}
    usage = None
    if last.usage:
        metadata |= {"ttft_s": last.usage.ttft_s, "decode_s": last.usage.decode_s}
        usage = UsageMetadata(
            input_tokens=last.usage.prompt_tokens,
            output_tokens=last.usage.completion_tokens,
            total_tokens=last.usage.prompt_tokens + last.usage.completion_tokens,
            input_token_details=InputTokenDetails(cache_read=last.usage.cached_tokens),
        )
    for index, call in enumerate(calls):
        call["index"] = index
    message = AIMessageChunk(
        content=text,
        tool_call_chunks=calls,
        usage_metadata=usage,
        response_metadata=metadata,
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})


def _result(whole: ChatGenerationChunk | None) -> ChatResult:
    if whole is None:  # the stream always ends with a last chunk
        raise RuntimeError("the engine's stream gave nothing")
    merged = cast("AIMessageChunk", whole.message)
    message = AIMessage(
        content=merged.content,
        tool_calls=merged.tool_calls,
        invalid_tool_calls=merged.invalid_tool_calls,
        usage_metadata=merged.usage_metadata,
        response_metadata=merged.response_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
