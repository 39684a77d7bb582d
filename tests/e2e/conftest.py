"""The real engine, once for all tests of a process: vLLM allows one at a time."""

import pytest

from docmind.engine.vllm_engine import VllmEngine
from docmind.resolution import resolve
from docmind.settings import EngineSettings, LLMSettings, Settings


@pytest.fixture(scope="session")
def engine(smollm2, models_dir, tmp_path_factory):
    """SmolLM2 in this process, with a window of 2,048 tokens."""
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "models").symlink_to(models_dir.resolve())
    settings = Settings(
        data_dir=data_dir,
        llm=LLMSettings(model="smollm2-135m"),
        engine=EngineSettings(max_model_len=2_048),
    )
    engine = VllmEngine(resolve(settings))
    assert engine.status().state == "idle"
    engine.start()
    engine.start()  # twice does nothing
    engine.wait_ready(300)
    yield engine
    engine.close()
