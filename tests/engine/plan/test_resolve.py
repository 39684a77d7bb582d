"""The plan fits the machine, says why, and vLLM takes it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from docmind.engine.plan.compatibility import BACKENDS, MARLIN_SWITCH, REMOVED
from docmind.engine.plan.memory import SPARE_TOKENS
from docmind.engine.plan.model_facts import ModelFacts
from docmind.engine.plan.resolve import GPU_WINDOW, build_plan, plan_for
from docmind.errors import EngineFailed, ModelError
from docmind.hardware import GIB, Hardware
from docmind.models.catalog import MANIFEST, Catalog
from docmind.settings import EngineSettings, Settings

QWEN3_FP8 = {
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "hidden_size": 2560,
    "max_position_embeddings": 262_144,
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
}
QWEN_CPU = {
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "hidden_size": 1536,
    "max_position_embeddings": 32_768,
}
L4 = Hardware(
    cpu="cpu",
    cores=8,
    ram_gib=64.0,
    ram_free_gib=60.0,
    gpu="NVIDIA L4",
    vram_total_gib=22.5,
    vram_free_gib=22.0,
    compute_capability=(8, 9),
)
H200 = replace(
    L4,
    gpu="NVIDIA H200",
    vram_total_gib=139.8,
    vram_free_gib=139.2,
    compute_capability=(9, 0),
    flashinfer=True,
)
AMX = Hardware(
    cpu="Xeon",
    cores=2,
    ram_gib=24.0,
    ram_free_gib=20.0,
    cpu_flags=frozenset({"amx_bf16", "avx512_bf16"}),
)
WEIGHTS = int(4.4 * GIB)


def plan_of(settings, hardware, config, *, model="org/model", weights=WEIGHTS, **options):
    """The plan for a config.json's content."""
    facts = ModelFacts.from_config(model, config, weights)
    return build_plan(settings, hardware, facts, **{"vllm_version": "0.32.0", **options})


def plan(hardware, config, weights=WEIGHTS, **engine):
    settings = Settings(engine=EngineSettings(**engine))
    return plan_of(settings, hardware, config, weights=weights)


def decision(plan, setting):
    (found,) = [d for d in plan.decisions if d.setting == setting]
    return found


def test_fp8_checkpoints_get_the_kv_type_that_vllm_accepts():
    kv = decision(plan(L4, QWEN3_FP8), "kv_cache_dtype")
    assert (kv.asked, kv.used) == ("fp8_e5m2", "fp8_e4m3")
    assert "refuses" in kv.why


def test_the_full_window_fits_16_gib_in_fp8():
    result = plan(L4, QWEN3_FP8)
    assert result.window == GPU_WINDOW == result.args["max_model_len"]
    per_token = 2 * 36 * 8 * 128
    assert result.args["kv_cache_memory_bytes"] >= GPU_WINDOW * per_token
    assert result.memory_gib <= result.budget_gib == 16
    assert result.args["gpu_memory_utilization"] * 22.5 <= 16


def test_a_smaller_budget_lowers_the_window_instead_of_failing():
    result = plan(L4, QWEN3_FP8, vram_gib=10)
    assert 0 < result.window < GPU_WINDOW
    assert result.window * 2 * 36 * 8 * 128 <= result.args["kv_cache_memory_bytes"]
    assert result.memory_gib <= result.budget_gib == 10
    assert f"{result.window:,}" in result.notice
    assert "131,072 tokens need 15" in result.notice
    enough = plan(L4, QWEN3_FP8, vram_gib=15)
    assert (enough.window, enough.notice) == (GPU_WINDOW, "")


def test_a_card_that_others_use_counts_what_is_free():
    result = plan(replace(L4, vram_free_gib=12.0), QWEN3_FP8)
    assert decision(result, "vram_gib").used == "12.0"
    assert result.window < GPU_WINDOW


def test_weights_that_do_not_fit_are_said_before_loading():
    with pytest.raises(EngineFailed, match="DOCMIND_ENGINE__VRAM_GIB"):
        plan(L4, QWEN3_FP8, vram_gib=6)
    small = Hardware(cpu="cpu", cores=2, ram_gib=4.0, ram_free_gib=2.0)
    with pytest.raises(EngineFailed, match="smollm2-135m"):
        plan(small, QWEN_CPU, weights=int(3.3 * GIB))


def test_older_cards_get_no_fp8_cache():
    ampere = replace(
        L4,
        gpu="NVIDIA A100",
        vram_total_gib=40.0,
        vram_free_gib=39.0,
        compute_capability=(8, 0),
    )
    assert plan(ampere, QWEN3_FP8).args["kv_cache_dtype"] == "auto"


def test_a_cpu_gets_a_modest_window_and_cache():
    result = plan(AMX, QWEN_CPU)
    assert result.window == 8_192
    assert result.args["dtype"] == "bfloat16"
    assert result.args["enforce_eager"] is True
    assert result.args["kv_cache_memory_bytes"] == (2 * 8_192 + SPARE_TOKENS) * 2 * 28 * 2 * 128 * 2
    assert result.env["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_a_cpu_without_bfloat16_computes_in_float32_where_memory_allows():
    avx2 = replace(AMX, cpu_flags=frozenset({"avx2"}))
    model = {**QWEN_CPU, "dtype": "bfloat16"}
    result = plan(avx2, model, weights=int(3.3 * GIB))
    assert result.args["dtype"] == "float32"
    tokens = 2 * 8_192 + SPARE_TOKENS
    assert result.args["kv_cache_memory_bytes"] == tokens * 2 * 28 * 2 * 128 * 4

    little_memory = plan(replace(avx2, ram_free_gib=7.0), model, weights=int(3.3 * GIB))
    assert little_memory.args["dtype"] == "auto"
    assert "7.0 are there" in decision(little_memory, "dtype").why

    in_8_bits = {**model, "quantization_config": {"quant_method": "compressed-tensors"}}
    assert plan(avx2, in_8_bits, weights=int(1.8 * GIB)).args["dtype"] == "auto"


def test_only_a_cpu_saves_the_spaces_in_constrained_json():
    assert plan(AMX, QWEN_CPU).args["structured_outputs_config"]["disable_any_whitespace"] is True
    assert "structured_outputs_config" not in plan(L4, QWEN3_FP8).args


def test_the_models_own_limit_wins_over_what_is_asked():
    result = plan(AMX, {**QWEN_CPU, "max_position_embeddings": 2_048}, max_model_len=4_096)
    assert result.window == 2_048
    assert decision(result, "max_model_len").asked == "4096"


NAMES = json.loads((Path(__file__).parents[1] / "vllm_names.json").read_text("utf-8"))
MACHINES = [(H200, QWEN3_FP8), (L4, QWEN3_FP8), (L4, QWEN_CPU), (AMX, QWEN_CPU)]


@pytest.mark.parametrize("version", NAMES)
@pytest.mark.parametrize(("hardware", "config"), MACHINES)
def test_every_supported_vllm_has_what_the_plan_names(version, hardware, config):
    names = NAMES[version]
    many = {
        "tensor_parallel_size": 2,
        "data_parallel_size": 2,
        "distributed_executor_backend": "ray",
    }
    settings = Settings(engine=EngineSettings(**many))
    result = plan_of(settings, hardware, config, vllm_version=version, server=True)
    assert set(many) < set(result.args) <= set(names["arguments"])
    assert "quantization" in names["arguments"]
    flags = {
        f"--{w.removeprefix('--').removeprefix('no-')}"
        for w in result.as_cli_args()
        if w.startswith("--")
    }
    assert flags <= set(names["flags"])
    assert {v for v in result.env if v.startswith("VLLM_")} <= set(names["variables"])
    assert result.args["kv_cache_dtype"] in names["kv_cache_dtypes"]
    assert set(BACKENDS) <= set(names["backends"])
    assert result.args.get("linear_backend", "auto") in names["linear_backends"]
    assert not REMOVED.keys() & set(names["variables"])
    assert "calculate_kv_scales" not in result.args


@pytest.mark.parametrize(("hardware", "config"), MACHINES)
def test_the_installed_vllm_parses_every_argument(hardware, config):
    arg_utils = pytest.importorskip("vllm.engine.arg_utils")
    parser = pytest.importorskip("vllm.utils.argparse_utils").FlexibleArgumentParser()
    result = plan(hardware, config)
    args = arg_utils.EngineArgs.from_cli_args(
        arg_utils.EngineArgs.add_cli_args(parser).parse_args(["--model", *result.as_cli_args()])
    )
    direct = arg_utils.EngineArgs(model=result.model, **result.args)
    for name in result.args:
        parsed = getattr(args, name)
        given = getattr(direct, name)
        if isinstance(given, dict) and not isinstance(
            parsed, dict
        ):  # vLLM made it a configuration of its own
            parsed = {key: getattr(parsed, key) for key in given}
        assert parsed == given


def test_the_measured_peak_is_within_the_computed_sum():
    """On an H200: 15.83 and 15.42 GiB with a KV cache of 9.89.

    FlashInfer's workspace was 138 MiB larger then.
    """
    for backend, peak, workspace in (("FLASHINFER", 15.83, 138 / 1024), ("FLASH_ATTN", 15.42, 0.0)):
        result = plan(H200, QWEN3_FP8, weights=int(4.11 * GIB), attention_backend=backend)
        (cache,) = [part.gib for part in result.memory if part.name == "KV cache"]
        assert result.args["attention_backend"] == backend
        assert 0 <= result.memory_gib - cache - (peak - 9.89 - workspace) < 0.25
        assert result.window == GPU_WINDOW
        assert result.memory_gib < 15


@limits(deadline=None)
@given(
    vram=st.floats(1, 80),
    step=st.sampled_from([256, 2_048, 8_192]),
    sequences=st.integers(1, 16),
    backend=st.sampled_from(BACKENDS),
    window=st.sampled_from([None, 4_096, 131_072]),
)
def test_the_budget_is_never_exceeded(vram, step, sequences, backend, window):
    options = {
        "max_num_batched_tokens": step,
        "max_num_seqs": sequences,
        "attention_backend": backend,
    }
    try:
        result = plan(
            replace(H200, vram_free_gib=60),
            QWEN3_FP8,
            vram_gib=vram,
            max_model_len=window,
            **options,
        )
    except EngineFailed:
        assert vram < 10 + step / 1_000
    else:
        assert result.memory_gib <= result.budget_gib <= min(vram, 60)
        assert bool(result.notice) == (result.window < (window or GPU_WINDOW))


@pytest.mark.parametrize(
    ("capability", "flashinfer", "asked", "used"),
    [
        ((9, 0), True, "FLASHINFER", "FLASHINFER"),
        ((9, 0), False, "FLASHINFER", "FLASH_ATTN"),
        ((9, 0), True, "TRITON_ATTN", "TRITON_ATTN"),
        (
            (8, 9),
            False,
            "FLASHINFER",
            "TRITON_ATTN",
        ),  # FlashAttention has an FP8 cache from Hopper on
        ((8, 0), False, "FLASHINFER", "FLASH_ATTN"),  # and its cache is not FP8 here
        ((7, 5), False, "FLASH_ATTN", "TRITON_ATTN"),
    ],
)
def test_the_attention_backend_is_the_first_that_the_card_can_run(
    capability, flashinfer, asked, used
):
    card = replace(H200, compute_capability=capability, flashinfer=flashinfer)
    assert plan(card, QWEN3_FP8, attention_backend=asked).args["attention_backend"] == used


@pytest.mark.parametrize(
    ("backend", "used"),
    [("FLASHINFER", "auto"), ("FLASH_ATTN", "auto"), ("TRITON_ATTN", "fp8_e5m2")],
)
def test_a_checkpoint_without_fp8_keeps_its_own_kv_type_where_the_backend_has_no_e5m2(
    backend, used
):
    assert plan(H200, QWEN_CPU, attention_backend=backend).args["kv_cache_dtype"] == used


@pytest.mark.parametrize("version", NAMES)
def test_kernels_that_are_asked_for_reach_every_supported_vllm(version):
    settings = Settings(engine=EngineSettings(linear_backend="marlin"))
    result = plan_of(settings, H200, QWEN3_FP8, vllm_version=version)
    assert result.args["linear_backend"] == "marlin"
    # vLLM refuses Marlin on such a card unless this is set, as long as it knows the variable.
    needs_switch = MARLIN_SWITCH in NAMES[version]["variables"]
    assert result.env.get(MARLIN_SWITCH) == ("1" if needs_switch else None)


def test_an_ada_card_multiplies_fp8_blocks_with_marlin():
    result = plan(L4, QWEN3_FP8)
    assert result.args["linear_backend"] == "marlin"
    assert "no card of this kind was measured" in decision(result, "linear_backend").why
    assert plan(L4, QWEN3_FP8, linear_backend="vllm").linear_backend == "vllm"
    whole = {**QWEN3_FP8, "quantization_config": {"quant_method": "fp8"}}
    assert plan(L4, whole).linear_backend == "vllm"


def test_weights_without_fp8_have_no_choice_of_kernels():
    result = plan(H200, QWEN_CPU, linear_backend="marlin")
    assert "linear_backend" not in result.args
    assert "FP8" in decision(result, "linear_backend").why


def test_variables_that_vllm_dropped_are_named():
    environment = {"VLLM_ATTENTION_BACKEND": "XFORMERS"}
    result = plan_of(Settings(), AMX, QWEN_CPU, environment=environment)
    dropped = decision(result, "VLLM_ATTENTION_BACKEND")
    assert (dropped.asked, dropped.used) == ("XFORMERS", "ignored")
    assert "DOCMIND_ENGINE__ATTENTION_BACKEND" in dropped.why


def test_two_cards_halve_weights_and_cache_of_the_server_only():
    settings = Settings(engine=EngineSettings(tensor_parallel_size=2, vram_gib=9))
    assert plan_of(settings, H200, QWEN3_FP8, server=True).window == GPU_WINDOW
    alone = plan_of(settings, H200, QWEN3_FP8)
    assert alone.window < GPU_WINDOW
    assert "launch_vllm_fp8.sh" in decision(alone, "tensor_parallel_size").why
    assert "tensor_parallel_size" not in alone.args


def test_what_is_compiled_is_kept_in_the_data_folder(tmp_path):
    result = plan_of(Settings(data_dir=tmp_path), AMX, QWEN_CPU)
    for name in ("VLLM_CACHE_ROOT", "TRITON_CACHE_DIR", "FLASHINFER_WORKSPACE_BASE"):
        assert Path(result.env[name]).is_relative_to(tmp_path)


def test_a_gpu_uses_kernels_that_come_compiled_unless_the_user_asks_for_others():
    assert plan(H200, QWEN3_FP8).env["VLLM_USE_DEEP_GEMM"] == "0"
    environment = {"VLLM_USE_DEEP_GEMM": "1"}
    asked = plan_of(Settings(), H200, QWEN3_FP8, environment=environment)
    assert asked.env["VLLM_USE_DEEP_GEMM"] == "1"
    assert decision(asked, "kernels").used == "VLLM_USE_DEEP_GEMM"
    assert "VLLM_USE_DEEP_GEMM" not in plan(AMX, QWEN_CPU).env


@pytest.mark.parametrize("hardware", [L4, AMX])
def test_guessing_from_the_prompt_is_set_by_one_number(hardware):
    config = QWEN3_FP8 if hardware.gpu else QWEN_CPU
    guessing = plan(hardware, config, speculative_tokens=4)
    assert guessing.args["speculative_config"]["num_speculative_tokens"] == 4
    assert "speculative_config" not in plan(hardware, config, speculative_tokens=0).args
    assert ("speculative_config" in plan(hardware, config).args) == (
        not hardware.gpu
    )  # as measured


def test_a_model_that_lost_its_config_says_what_to_do(tmp_path):
    home = tmp_path / "smollm2-135m"
    home.mkdir()
    (home / MANIFEST).touch()
    with pytest.raises(ModelError, match="Fetch the model again"):
        plan_for(Settings(), AMX, Catalog(tmp_path).path(home.name))


INT8 = {
    "quant_method": "compressed-tensors",
    "config_groups": {"all": {"weights": {"type": "int"}}},
}
FP8_GROUPS = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"weights": {"type": "float", "num_bits": 8}}},
}


@pytest.mark.parametrize(
    ("asked", "checkpoint", "used", "passed"),
    [
        ("fp8", {"quant_method": "fp8"}, "fp8", True),
        ("fp8", INT8, "compressed-tensors", False),
        ("fp8", FP8_GROUPS, "compressed-tensors", False),
        ("fp8", None, "none", False),
        ("compressed-tensors", INT8, "compressed-tensors", True),
        ("awq", {"quant_method": "fp8"}, "fp8", False),
        ("awq", {"quant_method": "awq"}, "awq", False),
    ],
)
def test_weights_are_used_as_the_checkpoint_has_them(asked, checkpoint, used, passed):
    """vLLM refuses a method that is not the checkpoint's; plain weights stay plain."""
    config = QWEN3_FP8 | {"quantization_config": checkpoint}
    result = plan(H200, config, quantization=asked)
    choice = decision(result, "quantization")
    assert (choice.asked, choice.used, result.quantization) == (asked, used, used)
    assert choice.why
    assert ("quantization" in result.args) == passed


def test_a_model_that_is_not_here_yet_is_planned_like_the_default_one():
    result = build_plan(Settings(), H200, ModelFacts("org/model"), vllm_version="0.33.0")
    assert result.args["kv_cache_dtype"] == "fp8_e4m3"
    assert "not here yet" in decision(result, "quantization").why
    assert "quantization" not in result.args


def test_fp8_numbers_are_found_in_both_formats():
    assert ModelFacts.from_config("m", QWEN3_FP8).is_fp8
    assert ModelFacts.from_config("m", {"quantization_config": FP8_GROUPS}).is_fp8
    assert not ModelFacts.from_config("m", {"quantization_config": INT8}).is_fp8
