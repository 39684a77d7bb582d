"""What happens when a start fails: its cause is named, less is tried, then what worked last."""

import json
import weakref
from functools import partial

import pytest

from docmind.app import correct_saved_settings
from docmind.engine.interface import Stage
from docmind.engine.lifecycle import LocalEngine
from docmind.engine.plan.compatibility import BACKENDS
from docmind.engine.plan.ladder import (
    FILE,
    Ladder,
    classify,
    forget_records,
    next_rung,
    read_records,
)
from docmind.errors import EngineFailed, ModelError
from docmind.hardware import GIB
from docmind.settings import EngineSettings, LLMSettings, Settings
from docmind.storage.settings import load_settings, read_saved, save_settings
from tests.engine.plan.test_resolve import AMX, H200, QWEN3_FP8, QWEN_CPU, plan_of


def outer(inner, text="engine core initialization failed"):
    """An error that another one led to, as vLLM raises them."""
    try:
        try:
            raise inner
        except type(inner) as exc:
            raise RuntimeError(text) from exc
    except RuntimeError as exc:
        return exc


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 1.2 GiB"), "memory"),
        (
            ValueError(
                "No available memory for the cache blocks. Try increasing `gpu_memory_utilization`"
            ),
            "memory",
        ),
        (
            ValueError(
                "Free memory on device cuda:0 (3.1/15.9 GiB) on startup is less than desired"
            ),
            "memory",
        ),
        (
            ValueError(
                "9.0 GiB KV cache is needed, larger than the available KV cache memory (8.1 GiB)"
            ),
            "memory",
        ),
        (EngineFailed("The model's weights leave no room in a budget of 6.0 GiB."), "memory"),
        (MemoryError(), "ram"),
        (
            RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"
            ),
            "ram",
        ),
        (ValueError("Selected backend FLASHINFER is not valid for this configuration"), "backend"),
        (ValueError("Unknown attention backend: 'XFORMERS'"), "backend"),
        (
            RuntimeError(
                "Could not find nvcc and default cuda_home='/usr/local/cuda' doesn't exist"
            ),
            "backend",
        ),
        (OSError(98, "Address already in use"), "port"),
        (ModelError("There is no model 'x'."), "model"),
        (
            ValueError("SafetensorError: Error while deserializing header: incomplete metadata"),
            "model",
        ),
        (RuntimeError("illegal instruction"), "other"),
    ],
)
def test_causes_are_told_apart_also_behind_other_errors(error, cause):
    assert classify(error) == cause
    assert classify(outer(error)) == cause


QWEN3_BYTES = int(4.1 * GIB)


def gpu_plan(overrides=(), **engine):
    return plan_of(
        Settings(engine=EngineSettings(**engine)),
        H200,
        QWEN3_FP8,
        weights=QWEN3_BYTES,
        overrides=dict(overrides),
    )


def descend(cause, plan_with):
    """All rungs under the first plan for one cause."""
    overrides = {}
    rungs = []
    while len(rungs) < 10:
        rung = next_rung(cause, plan_with(overrides))
        if rung is None:
            return rungs
        rungs.append(rung)
        overrides |= rung
    raise AssertionError("the ladder has no end")


def test_memory_and_backends_go_down_as_far_as_they_can():
    assert descend("memory", gpu_plan) == [
        {"max_model_len": 65_536},
        {"max_model_len": 32_768},
        {"enforce_eager": True, "max_num_batched_tokens": 512},
    ]
    assert descend("backend", gpu_plan) == [{"attention_backend": b} for b in BACKENDS[1:]]
    assert descend("model", gpu_plan) == []
    assert descend("kernels", gpu_plan) == []
    assert descend("other", gpu_plan) == [{"enforce_eager": True}]


def test_kernels_that_fail_give_way_to_those_that_vllm_takes():
    def marlin_plan(overrides=()):
        return gpu_plan(overrides, linear_backend="marlin")

    assert descend("kernels", marlin_plan) == [{"linear_backend": "vllm"}]
    assert descend("other", marlin_plan) == [{"enforce_eager": True}, {"linear_backend": "vllm"}]


def test_each_rung_takes_less_memory_and_says_so():
    sums = [gpu_plan().memory_gib]
    overrides = {}
    for rung in descend("memory", gpu_plan):
        overrides |= rung
        plan = gpu_plan(overrides)
        sums.append(plan.memory_gib)
        assert any("earlier start failed" in d.why for d in plan.decisions)
    assert sums == sorted(sums, reverse=True)
    assert len(set(sums)) == len(sums)


def test_on_a_cpu_only_the_window_can_go_down():
    def cpu_plan(overrides):
        return plan_of(Settings(), AMX, QWEN_CPU, weights=3 * GIB, overrides=overrides)

    assert descend("ram", cpu_plan) == [{"max_model_len": n} for n in (4_096, 2_048)]
    assert descend("backend", cpu_plan) == []


class Scripted(LocalEngine):
    """The real ladder and life over a `load(plan)` that raises or not."""

    def __init__(self, settings, load):
        super().__init__(settings, H200, partial(correct_saved_settings, settings.data_dir))
        self.load = load
        self.plans = []

    def _load(self):
        self._enter_stage(Stage.LOADING_WEIGHTS)
        settings = self._ladder.settings
        self.plan = plan_of(
            settings,
            self._hardware,
            QWEN3_FP8,
            model=settings.llm.model or "m",
            weights=QWEN3_BYTES,
            overrides=self._ladder.overrides,
        )
        self.plans.append(self.plan)
        self._update(model=self.plan.model, window=self.plan.window)
        self._enter_stage(Stage.WARMING_UP)
        self.load(self.plan)

    def _serve(self): ...

    def _release(self, lost): ...

    def count_tokens(self, messages, tools=()):
        return 0

    def stream(self, messages, **options):
        raise NotImplementedError


def run(settings, load):
    engine = Scripted(settings, load)
    engine.start()
    try:
        engine.wait_ready(20)
    except EngineFailed:
        assert engine.status().state == "failed"
    engine._thread.join(10)
    return engine


def only(**wanted):
    """A load that works with plans that have these arguments, and else fails for their cause."""
    errors = {
        "attention_backend": ValueError("Selected backend is not valid for this configuration"),
        "max_model_len": OutOfMemoryError("CUDA out of memory"),
    }

    def load(plan):
        for name, value in wanted.items():
            if plan.args[name] != value:
                raise errors[name]

    return load


def test_a_plan_that_works_is_found_and_every_attempt_is_kept(tmp_path):
    engine = run(
        Settings(data_dir=tmp_path), only(attention_backend="TRITON_ATTN", max_model_len=65_536)
    )
    status = engine.status()
    assert (status.state, status.window) == ("ready", 65_536)
    assert [a.cause for a in status.attempts] == ["backend", "backend", "memory"]
    assert [a.stage for a in status.attempts] == ["warming up"] * 3
    assert "attention_backend = TRITON_ATTN" in status.attempts[1].response
    assert [name for name, _ in status.stages] == ["weights", "warming up"]


def test_the_next_process_begins_where_the_ladder_was_left_and_still_says_why(tmp_path):
    works = only(attention_backend="FLASH_ATTN")
    run(Settings(data_dir=tmp_path), works)
    again = run(Settings(data_dir=tmp_path), works)
    assert len(again.plans) == 1
    assert [a.cause for a in again.status().attempts] == ["backend"]
    other = run(Settings(data_dir=tmp_path, engine=EngineSettings(max_num_seqs=2)), works)
    assert len(other.plans) == 2, "other settings begin at the top"
    forget_records(tmp_path)
    assert len(run(Settings(data_dir=tmp_path), works).plans) == 2


def test_a_process_that_died_on_the_way_left_its_rung(tmp_path):
    """A failed start holds memory for as long as the process lives: the restart begins lower."""
    seen = []

    def load(plan):
        seen.append(plan.window)
        raise OutOfMemoryError("CUDA out of memory")

    run(Settings(data_dir=tmp_path), load)
    assert seen[:3] == [131_072, 65_536, 32_768]
    assert run(Settings(data_dir=tmp_path), only(max_model_len=32_768)).plans[0].window == 32_768


def test_without_anything_that_works_the_message_says_what_and_what_to_do(tmp_path):
    def load(plan):
        raise OutOfMemoryError("CUDA out of memory")

    status = run(Settings(data_dir=tmp_path), load).status()
    assert status.state == "failed"
    assert "memory was too small" in status.error
    assert "docmind doctor" in status.error
    assert status.attempts[-1].response == "gave up"


def broken(*models):
    def load(plan):
        if plan.model in models:
            raise ValueError(
                "SafetensorError: Error while deserializing header: incomplete metadata"
            )

    return load


def test_bad_saved_settings_go_back_to_those_that_worked(tmp_path, monkeypatch):
    save_settings(tmp_path, {"llm": {"model": "good"}, "engine": {"max_num_seqs": 2}})
    run(load_settings(data_dir=tmp_path), broken("bad"))
    save_settings(
        tmp_path,
        {"llm": {"model": "bad", "temperature": 0.5}, "engine": {"max_num_seqs": 3}},
    )
    status = run(load_settings(data_dir=tmp_path), broken("bad")).status()
    assert (status.state, status.model) == ("ready", "good")
    assert "llm.model = bad" in status.notice
    assert "incomplete metadata" in status.notice
    assert status.attempts[-1].cause == "model"
    assert read_saved(tmp_path) == {
        "llm": {"model": "good", "temperature": 0.5},
        "engine": {"max_num_seqs": 2},
    }
    assert not run(load_settings(data_dir=tmp_path), broken("bad")).status().notice


def test_what_the_environment_sets_is_not_written_into_the_saved_settings(tmp_path):
    run(Settings(data_dir=tmp_path, llm=LLMSettings(model="good")), broken("bad"))
    status = run(Settings(data_dir=tmp_path, llm=LLMSettings(model="bad")), broken("bad")).status()
    assert status.model == "good"
    assert read_saved(tmp_path) == {}


def test_two_broken_settings_do_not_go_round_in_circles(tmp_path):
    run(Settings(data_dir=tmp_path, llm=LLMSettings(model="good")), broken())
    engine = run(Settings(data_dir=tmp_path, llm=LLMSettings(model="bad")), broken("good", "bad"))
    assert engine.status().state == "failed"
    assert [p.model for p in engine.plans] == ["bad", "good"]


@pytest.mark.parametrize("asked", [{"on": "an older vLLM"}, {"engine": {}}])
def test_settings_that_worked_before_an_update_and_fail_after_it_are_not_tried_for_ever(
    tmp_path, asked
):
    run(Settings(data_dir=tmp_path), broken())
    record = json.loads((tmp_path / FILE).read_text())
    record["worked"]["asked"] |= asked
    (tmp_path / FILE).write_text(json.dumps(record))
    engine = run(Settings(data_dir=tmp_path), broken("m"))
    assert engine.status().state == "failed"
    assert len(engine.plans) == 1


def test_a_step_down_after_a_death_is_not_recorded_as_what_worked(tmp_path):
    ladder = Ladder(Settings(data_dir=tmp_path), "m")
    ladder.record_success(())
    error = OutOfMemoryError("CUDA out of memory")
    assert ladder.step_down(error, gpu_plan(), Stage.SERVING)
    record = json.loads((tmp_path / FILE).read_text())
    assert record["left"]["lowered"] == {"max_model_len": 65_536}
    assert record["worked"]["lowered"] == {}


def test_what_a_dead_engine_was_working_on_is_given_back_before_it_starts_again(tmp_path):
    held = []

    class Dies(Scripted):
        def _serve(self):
            if not held:
                activations = set()
                held.append(weakref.ref(activations))
                raise RuntimeError("illegal memory access")

    alive = []
    engine = Dies(Settings(data_dir=tmp_path), lambda plan: alive.append([h() for h in held]))
    engine.start()
    engine._thread.join(10)
    assert alive == [[], [None]]


def test_a_window_that_the_budget_cannot_hold_is_said_before_it_serves(tmp_path):
    settings = Settings(
        data_dir=tmp_path, engine=EngineSettings(vram_gib=10, max_model_len=131_072)
    )
    status = run(settings, lambda plan: None).status()
    assert (
        status.notice
        == f"The window is {status.window:,} tokens: 10.0 GiB of VRAM hold no larger window; "
        + ("131,072 tokens need 14.9 GiB.")
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{not json",
        "[]",
        '{"left": 3}',
        '{"left": {"asked": {}, "lowered": 3}}',
        '{"worked": {}}',
    ],
)
def test_a_damaged_record_is_ignored(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    assert Ladder(Settings(data_dir=tmp_path), "m").overrides == {}
    assert run(Settings(data_dir=tmp_path), only()).status().state == "ready"


def test_a_port_in_use_is_tried_once_more(tmp_path):
    seen = []

    def load(plan):
        seen.append(plan)
        raise OSError(98, "Address already in use")

    status = run(Settings(data_dir=tmp_path), load).status()
    assert len(seen) == 2
    assert [a.response for a in status.attempts] == ["tried once more", "gave up"]


def test_closing_while_it_loads_is_no_failed_start(tmp_path):
    def load(plan):
        engine._closing = True
        engine._enter_stage(Stage.WARMING_UP)

    engine = Scripted(Settings(data_dir=tmp_path), load)
    engine.start()
    engine._thread.join(10)
    assert engine.status().state == "closed"
    assert engine.status().attempts == ()


def test_older_records_of_another_machine_do_not_count(tmp_path):
    works = only(attention_backend="FLASH_ATTN")
    run(Settings(data_dir=tmp_path), works)
    record = json.loads((tmp_path / FILE).read_text())
    record["left"]["asked"]["on"] = "another card"
    (tmp_path / FILE).write_text(json.dumps(record))
    assert len(run(Settings(data_dir=tmp_path), works).plans) == 2


def test_failed_starts_that_version_0_1_0_recorded_are_read(tmp_path):
    attempt = {
        "at": "2026-01-01T00:00:00+00:00",
        "plan": "FLASHINFER, window 131,072, compiled",
        "doing": "weights",
        "cause": "memory",
        "error": "CUDA out of memory",
        "then": "tried again with max_model_len = 65536",
    }
    left = {"asked": {}, "lowered": {"max_model_len": 65_536}, "attempts": [attempt]}
    (tmp_path / FILE).write_text(json.dumps({"left": left}))
    (failed,) = read_records(tmp_path).left.attempts
    assert failed.stage == "weights"
    assert failed.response == "tried again with max_model_len = 65536"
