"""Any engine is a LangChain chat model: text streams, calls are well-formed, usage is exact."""

import asyncio
import json

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.constants import TAG_NOSTREAM

from docmind.engine.chat_model import ChatVLLM, ModelListener
from docmind.engine.interface import Constraint, ToolCall
from tests.engines import PromptedEngine

CALL = '<tool_call>\n{"name": "search", "arguments": {"query": "cats"}}\n</tool_call>'


@tool
def search(query: str, k: int = 5) -> str:
    """Find passages."""
    return ""


@tool
def summarize(document: str) -> str:
    """Summarize a document."""
    return ""


def gather(llm, text):
    async def run():
        return [chunk async for chunk in llm.astream(text)]

    chunks = asyncio.run(run())
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return chunks, whole


def test_text_streams_and_the_last_chunk_has_the_usage():
    llm = ChatVLLM(engine=PromptedEngine(["Hello world"]))
    chunks, whole = gather(llm, "Hi")
    assert whole.content == "Hello world"
    assert len([c for c in chunks if c.content]) == 2
    assert whole.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 2,
        "total_tokens": 7,
        "input_token_details": {"cache_read": 0},
    }
    assert whole.response_metadata == {"finish_reason": "stop", "ttft_s": 0.01, "decode_s": 0.1}


async def _ainvoke(llm, text):
    return await llm.ainvoke(text)


def test_invoke_gives_the_same_message_as_the_stream():
    for call in (lambda m: m.invoke("Hi"), lambda m: asyncio.run(_ainvoke(m, "Hi"))):
        message = call(ChatVLLM(engine=PromptedEngine(["Hello world"])))
        assert message.content == "Hello world"
        assert message.usage_metadata["output_tokens"] == 2


def test_a_free_tool_call_is_found_and_not_shown():
    engine = PromptedEngine(["I look.\n" + CALL])
    chunks, whole = gather(ChatVLLM(engine=engine).bind_tools([search]), "Hi")
    assert whole.content.strip() == "I look."
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("search", {"query": "cats"})]
    assert whole.tool_calls[0]["id"]
    assert not any("<tool" in c.content for c in chunks)
    assert whole.response_metadata["finish_reason"] == "tool_calls"
    assert engine.requests[0]["constraint"] is None
    assert engine.requests[0]["tools"][0]["function"]["name"] == "search"


def test_broken_calls_stay_text():
    message = ChatVLLM(engine=PromptedEngine([CALL[:-20]])).bind_tools([search]).invoke("Hi")
    assert message.tool_calls == []
    assert message.content == CALL[:-20]


def test_any_tool_may_be_the_one_that_must_be_called():
    engine = PromptedEngine(['{"name":"summarize","arguments":{"document":"b"}}'])
    message = (
        ChatVLLM(engine=engine).bind_tools([search, summarize], tool_choice="any").invoke("Hi")
    )
    assert [c["name"] for c in message.tool_calls] == ["summarize"]
    assert message.content == ""
    options = engine.requests[0]["constraint"].value["anyOf"]
    assert [o["properties"]["name"]["const"] for o in options] == ["search", "summarize"]


def test_of_a_call_cut_at_the_limit_nothing_is_shown():
    engine = PromptedEngine(['{"name":"search","argu'], finish="length")
    message = ChatVLLM(engine=engine).bind_tools([search], tool_choice="any").invoke("Hi")
    assert (message.tool_calls, message.content) == ([], "")
    assert message.response_metadata["finish_reason"] == "length"


def test_a_named_tool_is_called_with_its_own_schema():
    engine = PromptedEngine(['{"name": "search", "arguments": {"query": "x", "k": 3}}'])
    message = (
        ChatVLLM(engine=engine).bind_tools([search, summarize], tool_choice="search").invoke("Hi")
    )
    assert [(c["name"], c["args"]) for c in message.tool_calls] == [
        ("search", {"query": "x", "k": 3})
    ]
    (option,) = engine.requests[0]["constraint"].value["anyOf"]
    assert set(option["properties"]["arguments"]["properties"]) == {"query", "k"}


def test_an_unknown_tool_choice_is_refused():
    with pytest.raises(ValueError, match="nonsense"):
        ChatVLLM(engine=PromptedEngine([])).bind_tools([search], tool_choice="nonsense")


def test_options_reach_the_engine():
    engine = PromptedEngine(["yes"])
    constraint = Constraint("choice", ["yes", "no"])
    ChatVLLM(engine=engine).bind(
        constraint=constraint, max_tokens=5, temperature=0.7, stop=["\n"]
    ).invoke("Hi")
    request = engine.requests[0]
    assert request["constraint"] == constraint
    assert (request["max_tokens"], request["temperature"], request["stop"]) == (5, 0.7, ["\n"])


def test_a_conversation_with_tool_results_becomes_openai_messages():
    engine = PromptedEngine(["ok"])
    call = {"name": "search", "args": {"query": "a"}, "id": "1", "type": "tool_call"}
    ChatVLLM(engine=engine).invoke(
        [
            SystemMessage("s"),
            HumanMessage("h"),
            AIMessage("", tool_calls=[call]),
            ToolMessage("found", tool_call_id="1"),
        ]
    )
    messages = engine.prompts[0]
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "tool"]
    assert json.loads(messages[2]["tool_calls"][0]["function"]["arguments"]) == {"query": "a"}


def test_calls_that_a_server_parsed_are_used():
    engine = PromptedEngine([""], tool_calls=[ToolCall("x1", "search", '{"query": "a"}')])
    message = ChatVLLM(engine=engine).bind_tools([search]).invoke("Hi")
    assert [(c["id"], c["name"], c["args"]) for c in message.tool_calls] == [
        ("x1", "search", {"query": "a"})
    ]


def test_leaving_the_stream_closes_it_in_the_engine():
    engine = PromptedEngine(["a long answer " * 20])

    async def run():
        stream = ChatVLLM(engine=engine).astream("Hi")
        await anext(stream)
        await stream.aclose()

    asyncio.run(run())
    assert engine.aborted == 1


class Listener(ModelListener):
    """Remembers what it hears."""

    def __init__(self):
        self.texts = []
        self.usages = []

    def text_written(self, namespace, text):
        self.texts.append(text)

    def usage_counted(self, usage):
        self.usages.append(usage)


def test_a_listener_of_the_run_hears_text_and_cost():
    listener = Listener()
    engine = PromptedEngine(["Hello world"])
    asyncio.run(ChatVLLM(engine=engine).ainvoke("Hi", {"callbacks": [listener]}))
    assert "".join(listener.texts) == "Hello world"
    assert listener.usages == engine.counted


def test_of_a_call_that_is_not_for_the_user_a_listener_hears_the_cost_only():
    listener = Listener()
    engine = PromptedEngine(["Hello world"])
    config = {"callbacks": [listener], "tags": [TAG_NOSTREAM]}
    asyncio.run(ChatVLLM(engine=engine).ainvoke("Hi", config))
    assert listener.texts == []
    assert listener.usages == engine.counted


def test_the_cost_of_a_call_that_is_given_up_is_heard_too():
    listener = Listener()
    engine = PromptedEngine(["a long answer " * 20], delay_s=0.01)

    async def run():
        call = ChatVLLM(engine=engine).ainvoke("Hi", {"callbacks": [listener]})
        task = asyncio.create_task(call)
        while not listener.texts:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(run())
    assert listener.usages == engine.counted
    assert engine.aborted == 1
