"""What callers see when the engine dies or closes under them; vLLM itself is in tests/e2e."""

import asyncio
import threading
from functools import partial
from types import SimpleNamespace

import pytest

from docmind.engine.request import Request, Sampling
from docmind.engine.vllm_engine import VllmEngine
from docmind.errors import EngineFailed
from docmind.resolution import resolve
from docmind.settings import LLMSettings, Settings


class Core:
    """Stands for vLLM: runs requests that never end, until it is told to break."""

    def __init__(self):
        self.running = 0
        self.broken = threading.Event()
        self.down = False
        self.engine_core = SimpleNamespace(shutdown=self.shutdown)

    def has_unfinished_requests(self):
        return self.running > 0

    def step(self):
        if self.broken.wait(0.01):
            raise RuntimeError("illegal memory access")
        return []

    def shutdown(self):
        self.down = True


class Engine(VllmEngine):
    """The real threads and queues over `Core`."""

    loads = 0

    def _load(self):
        self.loads += 1
        self._engine = Core()
        self._renderer = SimpleNamespace(token_ids=lambda *_: [1, 2, 3])
        self._update(window=100)

    def _add(self, request):
        self._engine.running += 1

    def _measure(self): ...


@pytest.fixture
def engine(tmp_path):
    engine = Engine(resolve(Settings(data_dir=tmp_path, llm=LLMSettings(model="m"))))
    engine.start()
    engine.wait_ready(10)
    yield engine
    engine.close()


async def two_requests(engine, then):
    async def one():
        return [d async for d in engine.stream([{"role": "user", "content": "x"}], max_tokens=5)]

    tasks = [asyncio.create_task(one()) for _ in range(2)]
    while engine._engine.running < 2:
        await asyncio.sleep(0.01)
    then()
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)


def test_when_a_step_dies_its_requests_fail_and_the_engine_starts_again_once(engine):
    errors = asyncio.run(two_requests(engine, engine._engine.broken.set))
    assert all(isinstance(e, EngineFailed) and "ask again" in str(e) for e in errors)
    engine.wait_ready(10)
    assert (engine.loads, engine.status().state) == (2, "ready")
    attempt = engine.status().attempts[-1]
    assert (attempt.stage, attempt.cause) == ("serving", "other")
    assert "illegal memory access" in attempt.error

    errors = asyncio.run(two_requests(engine, engine._engine.broken.set))
    assert all(isinstance(e, EngineFailed) and "illegal memory access" in str(e) for e in errors)
    assert engine.status().state == "failed"
    with pytest.raises(EngineFailed, match="Restart DocMind"):
        engine.wait_ready()


def test_a_request_that_failed_before_it_reached_the_engine_is_not_run(engine):
    sampling = Sampling(max_tokens=5, temperature=0.0)
    failed = Request(id="x", prompt_ids=[1], sampling=sampling)
    seen = threading.Event()
    engine._commands.put(partial(engine._submit, failed))
    engine._commands.put(seen.set)
    assert seen.wait(5)
    assert engine._engine.running == 0


def test_closing_ends_running_requests_and_frees_the_model(engine):
    core = engine._engine
    errors = asyncio.run(
        two_requests(engine, lambda: threading.Thread(target=engine.close).start())
    )
    assert all(isinstance(e, EngineFailed) for e in errors)
    engine.close()
    assert core.down
    assert engine.status().state == "closed"


def test_a_closed_engine_refuses_and_does_not_hang(engine):
    engine.close()
    engine.start()
    with pytest.raises(EngineFailed, match="closed"):
        engine.wait_ready(5)
