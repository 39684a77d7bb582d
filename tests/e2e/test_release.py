"""A closed engine's memory is free for the next one, whoever still holds its model."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.engine

SCRIPT = """
import asyncio, gc, json, sys
from pathlib import Path
import psutil
from docmind.resolution import resolve
from docmind.engine.vllm_engine import VllmEngine
from docmind.errors import EngineFailed
from docmind.settings import EngineSettings, LLMSettings, Settings

data, models = map(Path, sys.argv[1:])
settings = Settings(
    data_dir=data,
    llm=LLMSettings(model="smollm2-135m"),
    engine=EngineSettings(max_model_len=1024, cpu_kv_cache_gib=1),
)
told = {}
(data / "models").symlink_to(models.resolve())

def engine():
    made = VllmEngine(resolve(settings))
    made.start()
    made.wait_ready(300)
    return made

def answer(made):
    async def ask():
        question = [{"role": "user", "content": "Name a colour."}]
        return [delta async for delta in made.stream(question, max_tokens=8)]
    return len(asyncio.run(ask()))

def ram():
    return psutil.Process().memory_info().rss / 2**20

def tensors():
    gc.collect()
    sizes = {}  # of each storage, by its address: tensors share them
    for thing in gc.get_objects():
        if issubclass(type(thing), torch.Tensor) and not issubclass(type(thing), FakeTensor):
            storage = thing.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
    return sum(size for size in sizes.values() if size > 2**20) / 2**20

first = engine()
import torch
from torch._subclasses import FakeTensor
from vllm.v1.worker.cpu_worker import CPUWorker

loaded = ram()
held = first._engine.model_executor.driver_worker.model_runner.model  # as registries of vLLM do
told["answered"] = answer(first)
first.close()
told["given_back"] = loaded - ram()
told["left"] = tensors()
del held

failed = []
def fail(worker):
    failed.append(worker.model_runner.model)  # as a compiled model's hooks do
    raise RuntimeError("out of memory")

real = CPUWorker.compile_or_warm_up_model
CPUWorker.compile_or_warm_up_model = fail
try:
    engine()
except EngineFailed as error:
    told["error"] = str(error)
told["attempts"] = len(failed)
told["left_by_failed"] = tensors()

CPUWorker.compile_or_warm_up_model = real
last = engine()
told["answered_again"] = answer(last)
last.close()
print(json.dumps(told))
"""


@pytest.mark.timeout(500)
def test_closing_and_failed_starts_give_the_models_memory_back(smollm2, models_dir, tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path, models_dir],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout.splitlines()[-1])
    assert told["answered"] > 1
    assert told["given_back"] > 1_000  # MiB: the KV cache alone has 1 GiB
    assert told["left"] < 8
    assert "out of memory" in told["error"]
    assert told["attempts"] >= 1
    assert told["left_by_failed"] < 8
    assert told["answered_again"] > 1
