"""A server as the engine, over real HTTP."""

import asyncio
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from docmind.engine.interface import Constraint
from docmind.engine.remote import RemoteEngine
from docmind.errors import EngineError, EngineFailed, PromptTooLong
from docmind.settings import LLMSettings, Settings

ASK = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


class Server(ThreadingHTTPServer):
    """Speaks as much of the protocol as the engine uses.

    `chunks` is what the next answer streams, `whole` what it is where nothing streams.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.chunks = [choice({}, "stop")]
        self.whole = {}
        self.refuse = None
        self.tokenize = 200
        self.broken_pipe = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args): ...

    def reply(self, code, data):
        body = json.dumps(data).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(
            200, {"object": "list", "data": [{"id": "m", "object": "model", "max_model_len": 4096}]}
        )

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, body))
        if self.path == "/tokenize":
            return self.reply(
                self.server.tokenize, {"count": 42} if self.server.tokenize == 200 else {}
            )
        if self.server.refuse:
            return self.reply(400, {"error": {"message": self.server.refuse}})
        if "stream" not in body:
            return self.reply(200, self.server.whole)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for chunk in self.server.chunks:
                answer = {
                    "id": "1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [],
                }
                data = json.dumps(answer | chunk)[: chunk.get("cut")]
                self.wfile.write(f"data: {data}\n\n".encode())
                self.wfile.flush()
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            self.server.broken_pipe.set()
        return None


def choice(delta, reason=None):
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


USAGE = {
    "usage": {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4},
    }
}


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def engine(server, tmp_path):
    return connect(server.url, tmp_path)


def connect(url, tmp_path, **llm):
    engine = RemoteEngine(Settings(data_dir=tmp_path, llm=LLMSettings(base_url=url, **llm)))
    engine.start()
    engine.wait_ready(30)
    return engine


def drain(engine, **options):
    async def run():
        return [d async for d in engine.stream(ASK, max_tokens=10, **options)]

    return asyncio.run(run())


def test_the_server_says_model_and_window(engine):
    status = engine.status()
    assert (status.state, status.model, status.window) == ("ready", "m", 4096)


def test_text_and_usage_stream(engine, server):
    server.chunks = [choice({"content": "He"}), choice({"content": "llo"}, "stop"), USAGE]
    deltas = drain(engine)
    assert "".join(d.text for d in deltas) == "Hello"
    usage = deltas[-1].usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens) == (7, 4, 2)
    assert deltas[-1].finish_reason == "stop"


def test_tool_calls_in_pieces_are_put_together(engine, server):
    def piece(**f):
        return choice({"tool_calls": [{"index": 0, **f}]})

    server.chunks = [
        piece(id="c1", type="function", function={"name": "search", "arguments": ""}),
        piece(function={"arguments": '{"q":'}),
        piece(function={"arguments": ' "a"}'}),
        choice({}, "tool_calls"),
    ]
    (call,) = drain(engine)[-1].tool_calls
    assert (call.id, call.name, json.loads(call.arguments)) == ("c1", "search", {"q": "a"})


def test_constraints_are_sent_as_the_server_knows_them(engine, server):
    drain(engine, constraint=Constraint("json", {"type": "object"}))
    drain(
        engine,
        constraint=Constraint("choice", ["a", "b"]),
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    as_json, as_choice = (body for path, body in server.requests if path.endswith("completions"))
    assert as_json["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert as_choice["structured_outputs"] == {"choice": ["a", "b"]}
    assert as_choice["tool_choice"] == "none"


def test_tokens_are_counted_by_the_server_or_estimated_and_said_so(engine, server):
    assert engine.count_tokens(ASK) == 42
    server.tokenize = 503
    assert 0 < engine.count_tokens(ASK) < 42
    server.tokenize = 200
    assert engine.count_tokens(ASK) == 42, "a server that was busy once can count again"
    server.tokenize = 404
    assert 0 < engine.count_tokens(ASK) < 42
    assert "estimated" in engine.status().notes[-1]
    assert engine.count_tokens([{"role": "user", "content": "\u4f11\u6687" * 50}]) >= 100, (
        "a token a character"
    )


def test_refusals_are_translated(engine, server):
    server.refuse = "This model's maximum context length is 4096 tokens."
    with pytest.raises(PromptTooLong, match="window"):
        drain(engine)
    server.refuse = "bad schema"
    with pytest.raises(EngineError, match="bad schema"):
        drain(engine)


@pytest.mark.parametrize(
    ("last", "told"),
    [(choice({}), "middle"), (choice({}, "abort"), "middle"), ({"cut": 9}, "No answer")],
)
def test_an_answer_that_the_server_did_not_finish_is_not_taken_for_one(engine, server, last, told):
    server.chunks = [choice({"content": "He"}), last]
    with pytest.raises(EngineFailed, match=told):
        drain(engine)


def test_closing_the_iterator_hangs_up(engine, server):
    server.chunks = [choice({"content": "x" * 1000})] * 20_000

    async def run():
        stream = engine.stream(ASK, max_tokens=10)
        await anext(stream)
        await stream.aclose()

    asyncio.run(run())
    assert server.broken_pipe.wait(10)


def test_no_server_says_what_to_do(tmp_path):
    with pytest.raises(EngineFailed, match=r"launch_vllm_fp8\.sh"):
        connect("http://127.0.0.1:9/v1", tmp_path)


def test_an_address_that_is_none_says_what_to_do(tmp_path):
    with pytest.raises(EngineFailed, match="DOCMIND_LLM__BASE_URL"):
        connect("http://host:port/v1", tmp_path)


def test_a_model_that_the_server_lacks_is_named(server, tmp_path):
    with pytest.raises(EngineFailed, match="it has: m"):
        connect(server.url, tmp_path, model="other")


def whole(top):
    """An answer of one token, with the likeliest ones."""
    named = [{"token": token, "logprob": logprob, "bytes": None} for token, logprob in top]
    content = [{"token": "A", "logprob": 0.0, "bytes": None, "top_logprobs": named}]
    answer = {
        "index": 0,
        "finish_reason": "length",
        "message": {"role": "assistant", "content": "A"},
        "logprobs": {"content": content} if top else None,
    }
    head = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return head | {"choices": [answer]} | USAGE


def test_letters_have_their_chances_among_each_other(engine, server):
    server.whole = whole([("A", math.log(0.6)), (" A", math.log(0.2)), ("C", math.log(0.2))])
    costs = []
    chances = asyncio.run(engine.choose(ASK, ("A", "B", "C"), tools=[TOOL], on_end=costs.append))
    assert chances == pytest.approx((0.75, 0.0, 0.25))
    assert (costs[0].prompt_tokens, costs[0].cached_tokens) == (7, 4)
    _, body = server.requests[-1]
    assert (body["max_tokens"], body["logprobs"], body["tool_choice"]) == (1, True, "none")
    assert body["tools"] == [TOOL]


def test_a_server_without_chances_is_asked_once_and_its_status_says_so(engine, server):
    server.whole = whole([])
    assert asyncio.run(engine.choose(ASK, ("A", "B"))) is None
    asked = len(server.requests)
    assert asyncio.run(engine.choose(ASK, ("A", "B"))) is None
    assert len(server.requests) == asked
    assert any("no chances" in note for note in engine.status().notes)


def test_a_server_that_refuses_logprobs_is_no_error(engine, server):
    server.refuse = "logprobs are not supported"
    assert asyncio.run(engine.choose(ASK, ("A", "B"))) is None
    server.refuse = None
    server.chunks = [choice({"content": "Hello"}, "stop"), USAGE]
    assert "".join(delta.text for delta in drain(engine)) == "Hello"


def test_a_prompt_that_is_too_long_to_be_judged_is_said(engine, server):
    server.refuse = "This model's maximum context length is 4096 tokens."
    with pytest.raises(PromptTooLong):
        asyncio.run(engine.choose(ASK, ("A", "B")))
