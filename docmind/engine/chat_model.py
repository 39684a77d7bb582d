"""`ChatVLLM`: any engine as a LangChain chat model, with streaming, tool calls and exact usage."""

from __future__ import annotations

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForLLMRun,
    BaseCallbackHandler,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolCallChunk,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.constants import TAG_NOSTREAM
from pydantic import ConfigDict

from docmind.engine.interface import Constraint, Delta, EngineUsage, Tool, ToolCall
from docmind.engine.tool_calls import ToolCallParser, structural_tag


def answer_room(max_answer_tokens: int, window: int) -> int:
    """Return the longest answer, in tokens: as asked, but at most a quarter of a known window."""
    if not window:
        return max_answer_tokens
    return min(max_answer_tokens, window // 4)


class ModelListener(BaseCallbackHandler, ABC):
    """Hears what every model call of a run writes and costs; goes into the run's `callbacks`.

    LangChain hands the callbacks of a run on to all calls in it; the model looks for its listeners
    among them and calls them itself, at once. Not through `on_llm_new_token` or LangGraph's stream
    of messages: there a piece passes through seven turns of the event loop, and the engine's thread
    waits for each; and of an aborted call's cost LangChain's callbacks hear nothing. Of `astream`
    they hear nothing either: there LangChain does not say whose run it is.
    """

    # None of LangChain's own events is wanted.
    ignore_llm = True
    ignore_chat_model = True
    ignore_chain = True
    ignore_agent = True
    ignore_retriever = True
    ignore_retry = True
    ignore_custom_event = True

    temperature: float | None = None
    """What the free text of its run is sampled with; None leaves it to the model."""

    @abstractmethod
    def text_written(self, namespace: str, text: str) -> None:
        """Take a piece of text, unless the call is tagged `nostream`.

        Args:
            namespace: LangGraph's path of the node that calls; empty outside of a graph.
            text: The piece.
        """

    @abstractmethod
    def usage_counted(self, usage: EngineUsage) -> None:
        """Take what the engine counted for one call, however it ended."""


class ChatVLLM(BaseChatModel):
    """A chat model over an engine.

    Text streams as it is written; tool calls come whole, in the last chunk. `bind(constraint=…)`
    makes the output match a schema, a choice or a pattern; `max_tokens`, `temperature` and `stop`
    can be bound too.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Any
    """Anything that implements `docmind.engine.interface.Engine`."""
    max_tokens: int = 1024
    temperature: float = 0.0
    constrain_calls: bool = False
    """Hold free tool calls to their schemas by a grammar: text stays free, a call that is begun
    becomes a valid one."""

    @property
    def _llm_type(self) -> str:
        return "docmind-vllm"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,  # noqa: ANN401  LangChain's signature
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools to the model.

        Args:
            tools: what LangChain accepts as tools.
            tool_choice: None or "auto": the model decides. "any" or a tool's name: exactly one
                call, made well-formed by a grammar. "none": no calls; what the model calls all the
                same is dropped.
            kwargs: bound as well.
        """
        bound = [convert_to_openai_tool(t) for t in tools]
        names = [t["function"]["name"] for t in bound]
        if tool_choice not in {None, "auto", "any", "none", *names}:
            raise ValueError(f"tool_choice is {tool_choice!r}, but the tools are {names}")
        return self.bind(tools=bound, tool_choice=tool_choice or "auto", **kwargs)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[Tool] = (),
        tool_choice: str = "auto",
        constraint: Constraint | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        silent: bool = False,
        **_: Any,  # noqa: ANN401  LangChain's signature
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Stream text, then one last chunk with tool calls, usage and the reason for the end.

        `silent` keeps the text from the run's listeners: it is not meant for the user.
        """
        parser: ToolCallParser | None = None
        if tools and constraint is None:
            parser = ToolCallParser([tool["function"]["name"] for tool in tools])
            constraint = self._constraint_of_calls(tools, tool_choice)
        audience = _Audience.of(run_manager, silent=silent)
        if temperature is None:
            temperature = self._temperature(constraint, audience)
        last = Delta()
        calls: list[ToolCall] = []
        deltas = self.engine.stream(
            convert_to_openai_messages(messages),
            tools=tools,
            constraint=constraint,
            max_tokens=answer_room(max_tokens or self.max_tokens, self.engine.status().window),
            temperature=temperature,
            stop=stop or (),
            on_end=audience.usage_counted,
        )
        async with aclosing(deltas):
            async for delta in deltas:
                last = delta
                calls += delta.tool_calls
                text = delta.text
                if parser:
                    text = parser.feed(text)
                if text:
                    audience.text_written(text)
                    yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        rest = ""
        if parser:
            rest = parser.finish()
            calls += parser.calls
            if tool_choice == "none":
                calls = []
            elif tool_choice != "auto" and last.finish_reason == "length":
                rest = ""  # half a call is no text for the user
        if rest:
            audience.text_written(rest)
        yield _last_chunk(rest, calls, last)

    def _constraint_of_calls(self, tools: Sequence[Tool], tool_choice: str) -> Constraint | None:
        """Return the grammar that tool calls are held to; None for none."""
        if tool_choice == "none":
            return None
        if tool_choice != "auto":
            return Constraint("json", _call_schema(tools, tool_choice))
        if self.constrain_calls:
            return Constraint("structural_tag", structural_tag(tools))
        return None

    def _temperature(self, constraint: Constraint | None, audience: _Audience) -> float:
        """Return what a call is sampled with that does not say so itself."""
        is_free_text = constraint is None or constraint.kind == "structural_tag"
        if is_free_text and audience.temperature is not None:
            return audience.temperature
        return self.temperature

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401  LangChain's signature
    ) -> ChatResult:
        """Drain the stream into one message."""
        return await agenerate_from_stream(self._astream(messages, stop, run_manager, **kwargs))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ANN401  LangChain's signature
    ) -> ChatResult:
        """Drain the stream on a loop of its own; not for threads that already run one."""
        return asyncio.run(self._agenerate(messages, stop, **kwargs))


@dataclass(frozen=True)
class _Audience:
    """The listeners of one model call."""

    listeners: list[ModelListener]
    namespace: str
    hears_text: bool

    @classmethod
    def of(cls, run_manager: AsyncCallbackManagerForLLMRun | None, *, silent: bool) -> _Audience:
        """Return those among a run's callbacks."""
        if run_manager is None:
            return cls(listeners=[], namespace="", hears_text=False)
        callbacks = run_manager.handlers
        return cls(
            listeners=[each for each in callbacks if isinstance(each, ModelListener)],
            namespace=str(run_manager.metadata.get("langgraph_checkpoint_ns", "")),
            hears_text=not silent and TAG_NOSTREAM not in run_manager.tags,
        )

    @property
    def temperature(self) -> float | None:
        """What a listener wants free text to be sampled with."""
        for listener in self.listeners:
            if listener.temperature is not None:
                return listener.temperature
        return None

    def text_written(self, text: str) -> None:
        """Pass on a piece of text."""
        if self.hears_text:
            for listener in self.listeners:
                listener.text_written(self.namespace, text)

    def usage_counted(self, usage: EngineUsage) -> None:
        """Pass on what the call cost."""
        for listener in self.listeners:
            listener.usage_counted(usage)


def _call_schema(tools: Sequence[Tool], tool_choice: str) -> dict[str, Any]:
    """Return the JSON schema of one call: of the tool that `tool_choice` names, else of any."""
    options = []
    for tool in tools:
        function = tool["function"]
        name = function["name"]
        if tool_choice not in {"any", name}:
            continue
        arguments = {"type": "object", "properties": {}, **function.get("parameters", {})}
        option = {
            "type": "object",
            "properties": {"name": {"const": name}, "arguments": arguments},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        options.append(option)
    return {"anyOf": options}


def _last_chunk(text: str, calls: Sequence[ToolCall], last: Delta) -> ChatGenerationChunk:
    """Return the chunk that ends the message."""
    reason = last.finish_reason or "stop"
    if calls and last.finish_reason == "stop":
        reason = "tool_calls"
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
    call_chunks = []
    for index, call in enumerate(calls):
        call_id = call.id or f"call_{uuid.uuid4().hex[:16]}"
        chunk = ToolCallChunk(name=call.name, args=call.arguments, id=call_id, index=index)
        call_chunks.append(chunk)
    message = AIMessageChunk(
        content=text,
        tool_call_chunks=call_chunks,
        usage_metadata=usage,
        response_metadata=metadata,
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message, generation_info={"finish_reason": reason})
