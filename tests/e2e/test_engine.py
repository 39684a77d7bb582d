"""The real in-process engine: streaming, aborting, batching, grammars, limits."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from langchain_core.tools import tool

from docmind.engine.chat_model import ChatVLLM
from docmind.engine.interface import Constraint
from docmind.engine.remote import RemoteEngine
from docmind.engine.vllm_engine import VllmEngine
from docmind.errors import EngineError, EngineFailed, EngineNotReady, PromptTooLong
from docmind.resolution import resolve
from docmind.settings import LLMSettings, Settings

pytestmark = pytest.mark.engine


def ask(text):
    return [{"role": "user", "content": text}]


STORY = ask("Write a very long story about a river, a stone and a cloud.")


async def drain(engine, messages, **options):
    return [d async for d in engine.stream(messages, **options)]


async def until_idle(engine):
    """Wait until the engine runs nothing, which must come long before STORY could be written.

    Its 1,500 tokens take a model of this size some 20 s on two cores.
    """
    begun = time.monotonic()
    while engine.status().running or engine.status().waiting:
        assert time.monotonic() - begun < 5.0
        await asyncio.sleep(0.01)


def test_ready_says_what_it_runs(engine):
    status = engine.status()
    assert (status.state, status.model, status.window) == ("ready", "smollm2-135m", 2_048)
    assert status.load_s > 0
    assert any(note.startswith("max_model_len = 2048") for note in status.notes)


def test_text_streams_and_usage_is_the_tokenizers_count(engine, smollm2):
    from transformers import AutoTokenizer

    deltas = asyncio.run(drain(engine, ask("Name a colour."), max_tokens=24))
    text = "".join(d.text for d in deltas)
    usage = deltas[-1].usage
    reason = deltas[-1].finish_reason
    assert len(deltas) > 5
    assert usage.prompt_tokens == engine.count_tokens(ask("Name a colour."))
    tokens = len(AutoTokenizer.from_pretrained(smollm2).encode(text))
    assert usage.completion_tokens == tokens + (
        reason == "stop"
    )  # the end-of-turn token has no text
    assert usage.ttft_s > 0
    assert usage.decode_s > 0


def test_the_same_question_gets_the_same_answer(engine):
    first, second = (
        asyncio.run(drain(engine, ask("Name a fruit."), max_tokens=16)) for _ in range(2)
    )
    assert "".join(d.text for d in first) == "".join(d.text for d in second)


def test_a_long_common_beginning_comes_from_the_prefix_cache(engine):
    words = " ".join(f"fact{i}" for i in range(150))
    asyncio.run(drain(engine, ask(f"{words} one?"), max_tokens=2))
    usage = asyncio.run(drain(engine, ask(f"{words} two?"), max_tokens=2))[-1].usage
    assert usage.cached_tokens >= 128
    assert engine.status().prefix_hit_rate > 0


def test_closing_the_iterator_aborts_the_request(engine):
    async def run():
        stream = engine.stream(STORY, max_tokens=1_500)
        for _ in range(3):
            await anext(stream)
        assert engine.status().running == 1
        await stream.aclose()
        await until_idle(engine)

    asyncio.run(run())


def test_cancelling_the_task_aborts_too(engine):
    async def run():
        task = asyncio.create_task(drain(engine, STORY, max_tokens=1_500))
        while not engine.status().running:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until_idle(engine)

    asyncio.run(run())


def test_requests_from_several_event_loops_are_batched(engine):
    most = 0

    def one(subject):
        asyncio.run(drain(engine, ask(f"Tell me about {subject}."), max_tokens=24))

    threads = [threading.Thread(target=one, args=(s,)) for s in ("rain", "snow", "wind")]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        most = max(most, engine.status().running)
        time.sleep(0.005)
    assert most == 3


def test_a_text_that_goes_round_in_circles_is_ended(engine):
    stuck = [
        {
            "role": "user",
            "content": "Repeat for ever: "
            + "the cat sat on the mat and looked at the old red door of the house. " * 30,
        }
    ]
    deltas = asyncio.run(drain(engine, stuck, max_tokens=900))
    assert deltas[-1].finish_reason in {"repetition", "stop"}
    assert deltas[-1].usage.completion_tokens < 900


def test_a_prompt_over_the_window_is_refused_before_it_runs(engine):
    with pytest.raises(PromptTooLong, match="2,048"):
        asyncio.run(drain(engine, ask("word " * 3_000), max_tokens=16))
    with pytest.raises(PromptTooLong):
        asyncio.run(drain(engine, ask("short"), max_tokens=2_048))


def test_grammars_hold(engine):
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "big": {"type": "boolean"}},
        "required": ["city", "big"],
        "additionalProperties": False,
    }

    def text(kind, value):
        deltas = asyncio.run(
            drain(engine, ask("Paris?"), max_tokens=60, constraint=Constraint(kind, value))
        )
        return "".join(d.text for d in deltas)

    assert json.loads(text("json", schema))["city"] in {"Paris", "Rome"}
    assert text("choice", ["red", "green"]) in {"red", "green"}
    assert re.fullmatch(r"\d{4}", text("regex", r"\d{4}"))


def test_a_bad_grammar_fails_alone(engine):
    with pytest.raises(EngineError, match="refused"):
        asyncio.run(
            drain(
                engine, ask("x"), max_tokens=8, constraint=Constraint("json", {"type": "nonsense"})
            )
        )
    assert asyncio.run(drain(engine, ask("x"), max_tokens=2))[-1].usage


@tool
def weather(city: str, unit: str = "C") -> str:
    """Tell the weather of a city."""
    return ""


@tool
def population(city: str) -> str:
    """Tell how many people live in a city."""
    return ""


def test_forced_tool_calls_are_valid_for_their_schema(engine):
    llm = ChatVLLM(engine=engine, max_tokens=120)
    message = llm.bind_tools([weather, population], tool_choice="any").invoke("Weather in Rome?")
    (call,) = message.tool_calls
    {"weather": weather, "population": population}[call["name"]].invoke(call["args"])
    message = llm.bind_tools([weather], tool_choice="weather").invoke("Weather in Rome?")
    assert message.tool_calls[0]["name"] == "weather"
    assert isinstance(message.tool_calls[0]["args"]["city"], str)
    assert message.usage_metadata["output_tokens"] > 0


def test_waiting_costs_no_cpu(engine):
    asyncio.run(until_idle(engine))
    thread = next(t for t in threading.enumerate() if t.name == "docmind-engine")

    def used():
        return sum(
            t.user_time + t.system_time
            for t in psutil.Process().threads()
            if t.id == thread.native_id
        )

    before = used()
    time.sleep(2)
    assert used() - before < 0.05


def test_before_it_is_ready_it_says_so(tmp_path):
    settings = Settings(data_dir=tmp_path, llm=LLMSettings(model="smollm2-135m"))
    idle = VllmEngine(resolve(settings))
    with pytest.raises(EngineNotReady):
        idle.count_tokens(ask("x"))
    with pytest.raises(EngineNotReady):
        asyncio.run(drain(idle, ask("x"), max_tokens=2))
    idle.close()
    assert idle.status().state == "closed"


def test_a_model_that_is_not_there_fails_with_what_to_do(tmp_path):
    settings = Settings(data_dir=tmp_path, llm=LLMSettings(model="no-such-model"))
    broken = VllmEngine(resolve(settings))
    broken.start()
    with pytest.raises(EngineFailed, match="docmind model list"):
        broken.wait_ready(60)
    assert broken.status().state == "failed"
    broken.close()


@pytest.mark.timeout(400)
def test_the_launch_script_serves_the_same_plan(smollm2, models_dir, tmp_path):
    root = Path(__file__).parents[2]
    port = 18_317
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(models_dir.resolve())
    env = {
        **os.environ,
        "DOCMIND_DATA_DIR": str(data),
        "DOCMIND_LLM__MODEL": "smollm2-135m",
        "DOCMIND_ENGINE__MAX_MODEL_LEN": "1024",
        "PORT": str(port),
        "PYTHON": sys.executable,
    }
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [root / "launch_vllm_fp8.sh"], env=env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        remote = connect(f"http://127.0.0.1:{port}/v1", server, tmp_path)
        assert (remote.status().model, remote.status().window) == ("smollm2-135m", 1_024)
        deltas = asyncio.run(drain(remote, ask("Name a colour."), max_tokens=12))
        assert "".join(d.text for d in deltas)
        assert deltas[-1].usage.prompt_tokens == remote.count_tokens(ask("Name a colour."))
        schema = Constraint(
            "json", {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}
        )
        deltas = asyncio.run(drain(remote, ask("true?"), max_tokens=40, constraint=schema))
        assert isinstance(json.loads("".join(d.text for d in deltas))["a"], bool)
        with pytest.raises(PromptTooLong):
            asyncio.run(drain(remote, ask("word " * 2_000), max_tokens=16))
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(60)


def connect(url, server, tmp_path):
    """Wait until the server answers."""
    while True:
        remote = RemoteEngine(Settings(data_dir=tmp_path, llm=LLMSettings(base_url=url)))
        remote.start()
        try:
            remote.wait_ready(30)
            return remote
        except (EngineFailed, EngineNotReady):
            assert server.poll() is None, (tmp_path / "server.log").read_text()[-3000:]
            time.sleep(2)


LETTER = "Write one letter and nothing else. The letter to write is {}. Which letter do you write?"


def test_letters_have_chances_and_the_one_that_is_asked_for_the_best(engine):
    for wanted, place in (("A", 0), ("B", 1), ("C", 2)):
        chances = asyncio.run(engine.choose(ask(LETTER.format(wanted)), ("A", "B", "C")))
        assert sum(chances) == pytest.approx(1.0)
        assert max(chances) == chances[place]


def test_letters_are_chosen_beside_an_answer_that_guesses_its_tokens(engine):
    """The answer repeats its prompt, so that the engine guesses ahead in the same steps."""
    line = "The quick brown fox jumps over the lazy dog. "
    repeat = ask(f"Repeat this text word for word: {line * 12}")

    async def both():
        letters = ask(LETTER.format("B"))
        alone = await engine.choose(letters, ("A", "B", "C"))
        writing = asyncio.create_task(drain(engine, repeat, max_tokens=120))
        beside = []
        while not writing.done():
            beside.append(await engine.choose(letters, ("A", "B", "C")))
        return alone, beside, await writing

    alone, beside, deltas = asyncio.run(both())
    assert deltas[-1].usage.completion_tokens > 60
    assert len(beside) > 3
    for chances in beside:
        assert chances == pytest.approx(alone, abs=0.02)


def test_the_second_letter_about_a_text_reads_only_its_own_words(engine):
    text = "The house has a garden. " * 60
    usages = []
    for request in ("Write A or B.", "Write B or A."):
        messages = ask(f"{text}{request}")
        assert asyncio.run(engine.choose(messages, ("A", "B"), on_end=usages.append))
    assert usages[0].completion_tokens == usages[1].completion_tokens == 1
    assert usages[1].cached_tokens > 0.7 * usages[1].prompt_tokens


def test_what_is_not_one_token_has_no_chances(engine):
    assert asyncio.run(engine.choose(ask("Hello"), ("A", "supercalifragilistic"))) is None
