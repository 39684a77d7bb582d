"""Real failures of the real engine, in a process of their own.

Damaged weights, and an engine that dies.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docmind.storage.settings import read_saved

pytestmark = pytest.mark.engine

SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from docmind.resolution import resolve
from docmind.app import build_engine
from docmind.errors import EngineError
from docmind.settings import EngineSettings
from docmind.storage.settings import load_settings, save_settings

data, models, broken = map(Path, sys.argv[1:])
told = {}
(data / "models").symlink_to(models.resolve())

def engine():
    settings = load_settings(data_dir=data)
    made = build_engine(resolve(settings))
    made.start()
    made.wait_ready(300)
    return made

async def answer(made):
    question = [{"role": "user", "content": "Name a colour."}]
    return [delta async for delta in made.stream(question, max_tokens=8)]

saved = {"llm": {"model": "smollm2-135m"}, "engine": {"max_model_len": 1024}}
save_settings(data, saved)
first = engine()
told["stages"] = first.status().stages
first._engine.engine_core.engine_core.model_executor.execute_model = None  # the next step breaks
try:
    asyncio.run(answer(first))
except EngineError as exc:
    told["lost"] = str(exc)
first.wait_ready(300)
told["after_death"] = len(asyncio.run(answer(first)))
told["death"] = [a.stage for a in first.status().attempts]
first.close()

save_settings(data, {"llm": {"model": str(broken)}})
second = engine()
status = second.status()
told["model"] = status.model
told["notice"] = status.notice
told["causes"] = [a.cause for a in status.attempts]
told["after_roll_back"] = len(asyncio.run(answer(second)))
second.close()
print(json.dumps(told))
"""


@pytest.mark.timeout(500)
def test_an_engine_that_dies_starts_again_and_damaged_weights_roll_back(
    smollm2, models_dir, tmp_path
):
    data = tmp_path / "data"
    broken = tmp_path / "broken"
    data.mkdir()
    shutil.copytree(smollm2, broken)
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, data, models_dir, broken],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-3000:]
    told = json.loads(ended.stdout.splitlines()[-1])
    assert "ask again" in told["lost"]
    assert told["after_death"] > 1
    assert told["death"] == ["serving"]
    assert told["model"] == "smollm2-135m"
    assert "llm.model" in told["notice"]
    assert told["causes"][-1] == "model"
    assert told["after_roll_back"] > 1
    assert read_saved(data)["llm"]["model"] == "smollm2-135m"
    assert [name for name, _ in told["stages"]] == [
        "fetching the model",
        "importing torch",
        "reading the tokenizer",
        "importing vLLM",
        "weights",
        "compiling and profiling",
        "kernels and graphs",
        "warming up",
    ]
