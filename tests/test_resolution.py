"""What is left open in the settings is decided once, from the machine and the model."""

import json

from docmind.hardware import Hardware
from docmind.models.weights import WEIGHTS
from docmind.resolution import resolve
from docmind.settings import Settings

SERVER = {"base_url": "http://127.0.0.1:8000/v1"}


def resolved(tmp_path, machine=None, **groups):
    """What the settings come to on a machine with these facts."""
    facts = {"cpu": "a CPU", "cores": 2, "ram_gib": 24, "ram_free_gib": 20} | (machine or {})
    return resolve(Settings(data_dir=tmp_path, **groups), Hardware(**facts))


def test_a_cpu_gets_few_passages_and_one_call(tmp_path):
    result = resolved(tmp_path)
    assert (result.top_k, result.agents.output_mode) == (5, "last_message")
    assert result.agents.enable_planning
    assert result.llm == "qwen2.5-coder-1.5b"


def test_a_gpu_gets_more_passages_and_a_typed_answer(tmp_path):
    result = resolved(tmp_path, machine={"gpu": "NVIDIA L4"})
    assert (result.top_k, result.agents.output_mode) == (10, "structured")
    assert result.llm.startswith("Qwen/Qwen3-4B")


def test_a_server_does_not_say_what_it_runs_on(tmp_path):
    gpu = {"gpu": "NVIDIA L4"}
    assert resolved(tmp_path, machine=gpu, llm=SERVER).agents.output_mode == "last_message"


def test_what_the_settings_say_goes_before(tmp_path):
    groups = {
        "agents": {"output_mode": "full_history", "enable_planning": False},
        "retrieval": {"top_k": 3},
        "llm": {"model": "smollm2-135m"},
    }
    result = resolved(tmp_path, **groups)
    assert (result.top_k, result.agents.output_mode) == (3, "full_history")
    assert not result.agents.enable_planning
    assert result.llm == "smollm2-135m"
    assert result.settings.agents.max_steps == result.agents.max_steps


def test_a_servers_model_plans_however_small_this_machine_is(tmp_path):
    small = {"ram_gib": 4, "ram_free_gib": 2}
    assert not resolved(tmp_path, machine=small).agents.enable_planning
    assert resolved(tmp_path, machine=small, llm=SERVER).agents.enable_planning


def test_only_models_of_this_process_are_wanted(tmp_path):
    assert resolved(tmp_path).wanted_models == ["minilm", "qwen2.5-coder-1.5b"]
    assert resolved(tmp_path, llm=SERVER).wanted_models == ["minilm"]


def test_8_bit_models_are_for_machines_that_multiply_them(tmp_path):
    assert not resolved(tmp_path).catalog.converts_to_int8
    vnni = {"cpu_flags": frozenset({"avx512_vnni"})}
    assert resolved(tmp_path, machine=vnni).catalog.converts_to_int8


def test_statements_are_judged_by_the_model_that_is_trained_for_it(tmp_path):
    tuned = resolved(tmp_path)
    assert tuned.agents.judge_statements
    assert tuned.judge.startswith("the model and rules")
    small = resolved(tmp_path, llm={"model": "smollm2-135m"})
    assert not small.agents.judge_statements
    assert "smollm2-135m is not trained to judge" in small.judge
    # A server's model may bear the same name.
    server = resolved(tmp_path, llm=SERVER | {"model": "qwen2.5-coder-1.5b"})
    assert not server.agents.judge_statements
    assert "DOCMIND_AGENTS__JUDGE_STATEMENTS=true" in server.judge


def test_whoever_knows_a_servers_model_lets_it_judge(tmp_path):
    judging = resolved(tmp_path, llm=SERVER, agents={"judge_statements": True})
    assert judging.agents.judge_statements
    assert "as set" in judging.judge


def test_a_model_of_an_older_docmind_has_no_adapter_and_does_not_judge(tmp_path):
    home = tmp_path / "models" / "qwen2.5-coder-1.5b"
    home.mkdir(parents=True)
    manifest = home / "docmind-model.json"
    manifest.write_text("{}")
    assert not resolved(tmp_path).agents.judge_statements
    (weights,) = [each for each in WEIGHTS if each.name == "qwen2.5-coder-1.5b"]
    manifest.write_text(json.dumps({"adapter_sha256": weights.adapter.sha256}))
    assert resolved(tmp_path).agents.judge_statements
