"""The plan fits the machine, says why, and vLLM takes it."""

import argparse

import pytest

from docmind.engine.hardware import GIB, Hardware
from docmind.engine.plan import GPU_WINDOW, resolve
from docmind.errors import EngineFailed
from docmind.settings import EngineSettings, Settings

QWEN3_FP8 = {
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 2560,
    "max_position_embeddings": 262_144,
    "quantization_config": {"quant_method": "fp8"},
}
QWEN_CPU = {
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "hidden_size": 1536,
    "max_position_embeddings": 32_768,
}
L4 = Hardware("cpu", 8, 64.0, 60.0, frozenset(), "NVIDIA L4", 22.5, 22.0, (8, 9))
AMX = Hardware("Xeon", 2, 24.0, 20.0, frozenset({"amx_bf16", "avx512_bf16"}))
WEIGHTS = int(4.4 * GIB)


def plan(hardware, config, weights=WEIGHTS, **engine):
    settings = Settings(engine=EngineSettings(**engine))
    return resolve(settings, hardware, "0.32.0", config, model="org/model", weights_bytes=weights)


def decision(plan, setting):
    return next(d for d in plan.decisions if d.setting == setting)


def test_fp8_checkpoints_get_the_kv_type_that_vllm_accepts():
    kv = decision(plan(L4, QWEN3_FP8), "kv_cache_dtype")
    assert (kv.asked, kv.used) == ("fp8_e5m2", "fp8_e4m3")
    assert "refuses" in kv.why


def test_the_full_window_fits_16_gib_in_fp8():
    result = plan(L4, QWEN3_FP8)
    assert result.window == GPU_WINDOW == result.args["max_model_len"]
    per_token = 2 * 36 * 8 * 128
    assert result.args["kv_cache_memory_bytes"] >= GPU_WINDOW * per_token
    assert result.args["kv_cache_memory_bytes"] + WEIGHTS + 2 * GIB <= 16 * GIB
    assert result.args["gpu_memory_utilization"] * 22.5 <= 16


def test_a_smaller_budget_lowers_the_window_instead_of_failing():
    result = plan(L4, QWEN3_FP8, vram_gib=10)
    assert 0 < result.window < GPU_WINDOW
    assert result.window * 2 * 36 * 8 * 128 <= result.args["kv_cache_memory_bytes"]
    assert "memory" in decision(result, "max_model_len").why


def test_a_card_that_others_use_counts_what_is_free():
    busy = Hardware("cpu", 8, 64.0, 60.0, frozenset(), "NVIDIA L4", 22.5, 12.0, (8, 9))
    result = plan(busy, QWEN3_FP8)
    assert decision(result, "vram_gib").used == "12.0"
    assert result.window < GPU_WINDOW


def test_weights_that_do_not_fit_are_said_before_loading():
    with pytest.raises(EngineFailed, match="DOCMIND_ENGINE__VRAM_GIB"):
        plan(L4, QWEN3_FP8, vram_gib=6)
    small = Hardware("cpu", 2, 4.0, 2.0)
    with pytest.raises(EngineFailed, match="smollm2-135m"):
        plan(small, QWEN_CPU, weights=int(3.3 * GIB))


def test_older_cards_get_no_fp8_cache():
    ampere = Hardware("cpu", 8, 64.0, 60.0, frozenset(), "NVIDIA A100", 40.0, 39.0, (8, 0))
    assert plan(ampere, QWEN3_FP8).args["kv_cache_dtype"] == "auto"


def test_a_cpu_gets_a_modest_window_and_cache():
    result = plan(AMX, QWEN_CPU)
    assert result.window == 8_192
    assert result.args["dtype"] == "bfloat16"
    assert result.args["enforce_eager"] is True
    assert result.args["kv_cache_memory_bytes"] == 2 * 8_192 * 2 * 28 * 2 * 128 * 2
    assert result.env["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_only_a_cpu_saves_the_spaces_in_constrained_json():
    assert plan(AMX, QWEN_CPU).args["structured_outputs_config"]["disable_any_whitespace"] is True
    assert "structured_outputs_config" not in plan(L4, QWEN3_FP8).args


def test_the_models_own_limit_wins_over_what_is_asked():
    result = plan(AMX, {**QWEN_CPU, "max_position_embeddings": 2_048}, max_model_len=4_096)
    assert result.window == 2_048
    assert decision(result, "max_model_len").asked == "4096"


@pytest.mark.parametrize(("hardware", "config"), [(L4, QWEN3_FP8), (AMX, QWEN_CPU)])
def test_vllm_knows_every_argument(hardware, config, monkeypatch):
    arg_utils = pytest.importorskip("vllm.engine.arg_utils")
    parser = arg_utils.EngineArgs.add_cli_args(
        pytest.importorskip("vllm.utils.argparse_utils").FlexibleArgumentParser()
    )
    result = plan(hardware, config)
    parsed = parser.parse_args(["--model", *result.as_cli_args()])
    assert isinstance(parsed, argparse.Namespace)
    assert parsed.max_model_len == result.window
    assert parsed.kv_cache_memory_bytes == result.args["kv_cache_memory_bytes"]
    args = arg_utils.EngineArgs.from_cli_args(parsed)
    for name in result.args:
        assert hasattr(args, name)
