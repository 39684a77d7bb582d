"""What to try when a start fails: a smaller plan, then the settings that worked last."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from docmind.engine.interface import Attempt, Cause, Stage
from docmind.engine.plan.compatibility import BACKENDS
from docmind.engine.plan.resolve import EnginePlan
from docmind.errors import DocMindError
from docmind.events import now
from docmind.settings import EngineSettings, Settings

_log = logging.getLogger(__name__)

Overrides = dict[str, Any]
"""Engine settings to use instead of those asked for, by name."""
WorkingSettings = dict[str, dict[str, Any]]
"""Values that work in place of those that were asked for, by group and name."""
WINDOWS = (131_072, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048)
LEAST_GPU_WINDOW = 32_768
LEAST_CPU_WINDOW = 2_048
SMALL_STEP_TOKENS = 512
RETAINED_ATTEMPTS = 12
FILE = "engine.json"
"""In the data folder: the settings that worked last, and where the ladder was left."""

CAUSES: dict[Cause, str] = {
    "memory": "the GPU's memory was too small",
    "ram": "too little RAM was free",
    "kernels": "its matrix kernels do not work here",
    "backend": "its attention backend does not work here",
    "model": "the model's files are damaged or of an unknown kind",
    "port": "a port was taken",
    "other": "an unexpected error",
}

_SIGNS: dict[Cause, tuple[str, ...]] = {
    "memory": (
        "out of memory", "outofmemory", "no available memory for the cache",
        "free memory on device", "larger than the available kv cache",
        "leave no room in a budget", "cudaerrormemoryallocation",
    ),
    "ram": (
        "memoryerror", "can't allocate memory", "cannot allocate memory", "gib of memory and",
    ),
    "port": ("address already in use",),
    "model": (
        "safetensor", "headertoo", "incomplete metadata", "config.json", "size mismatch",
        "modelerror", "not initialized from checkpoint", "cannot find any model weights",
        "no module or parameter named", "are not supported for now", "load tokenizer",
    ),
    "kernels": ("linear-backend", "linear_backend", "marlin", "scaled_mm", "scaled mm"),
    "backend": (
        "attention backend", "attentionbackendenum", "flashinfer", "flash_attn",
        "flashattention", "triton_attn", "nvcc", "ninja", "no kernel image",
        "is not valid for this configuration",
    ),
}  # fmt: skip
"""Words of vLLM's, torch's and safetensors' messages, in lower case. (They have no error types that
tell the causes apart.) The first cause that has one of them is taken."""


def error_chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that led to it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def classify(error: BaseException) -> Cause:
    """Return what kept the engine from starting."""
    chain = error_chain(error)
    for link in chain:
        if isinstance(link, OSError) and link.errno == errno.EADDRINUSE:
            return "port"
    text = " ".join(f"{type(link).__name__}: {link}" for link in chain).lower()
    for cause, signs in _SIGNS.items():
        if any(sign in text for sign in signs):
            return cause
    return "other"


def short_message(error: BaseException) -> str:
    """Return an error in a few hundred characters: our own as they are, others with their type."""
    if isinstance(error, DocMindError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines()[:4]]
    text = " ".join(lines)[:500]
    if not text:
        return type(error).__name__
    return f"{type(error).__name__}: {text}"


def next_rung(cause: Cause, plan: EnginePlan) -> Overrides | None:
    """Return the settings to lower after this plan failed; None if nothing less would help."""
    if cause in {"memory", "ram"}:
        least = LEAST_GPU_WINDOW if plan.gpu else LEAST_CPU_WINDOW
        for window in WINDOWS:
            if least <= window < plan.window:
                return {"max_model_len": window}
        if not plan.eager:
            return {"enforce_eager": True, "max_num_batched_tokens": SMALL_STEP_TOKENS}
    if cause == "backend" and plan.gpu:
        return _next_backend(plan.attention_backend)
    if cause == "other" and not plan.eager:
        return {"enforce_eager": True}
    if cause in {"kernels", "other"} and plan.linear_backend not in {"", "vllm"}:
        return {"linear_backend": "vllm"}
    return None


def _next_backend(failed: str) -> Overrides | None:
    """Return the attention backend to try after this one; None after the last."""
    others: tuple[str, ...] = BACKENDS
    if failed in BACKENDS:
        others = BACKENDS[BACKENDS.index(failed) + 1 :]
    if not others:
        return None
    return {"attention_backend": others[0]}


@dataclass(frozen=True)
class StartRecord:
    """What a start leaves for the next one and for `docmind doctor`."""

    asked: dict[str, Any]
    """Engine settings, model and machine."""
    overrides: Annotated[Overrides, Field(alias="lowered")]
    """Engine settings that were used instead; the file calls them as version 0.1.0 did."""
    stages: tuple[tuple[str, float], ...] = ()
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class StartRecords:
    """The content of engine.json."""

    worked: StartRecord | None = None
    """The last start that worked."""
    left: StartRecord | None = None
    """Where the ladder was left."""


_FILE_FORMAT = TypeAdapter(StartRecords)


class Ladder:
    """The settings to start with, step by step; what worked is recorded in the data folder."""

    def __init__(
        self,
        settings: Settings,
        machine: str,
        correct_saved: Callable[[WorkingSettings], None] | None = None,
    ) -> None:
        """Begin with `settings`, or where the last process left them.

        Args:
            settings: as asked.
            machine: device and vLLM; a record of another machine does not count.
            correct_saved: writes values that work over saved settings that did not. None: they
                stay as they are.
        """
        self.settings = settings
        """Those to start with: after a roll-back, the ones that worked last."""
        self.overrides: Overrides = {}
        self.attempts: tuple[Attempt, ...] = ()
        self.notice = ""
        self._file = settings.data_dir / FILE
        self._machine = machine
        self._correct_saved = correct_saved
        self._replaced: WorkingSettings = {}
        """Settings that a roll-back replaced, with the values that worked."""
        records = read_records(settings.data_dir)
        self._worked = records.worked
        if records.left and records.left.asked == self._asked():
            self.overrides = records.left.overrides
            self.attempts = records.left.attempts

    def step_down(self, error: BaseException, plan: EnginePlan | None, stage: Stage | None) -> bool:
        """Note a failed start or a death, and choose what to try next.

        Args:
            error: what happened.
            plan: what was tried; None if there was none to try.
            stage: the stage it failed in; None if it was in none yet. An engine that died while it
                served is started again as it was, unless memory ran out.

        Returns:
            Whether `settings` and `overrides` now hold something else to try.
        """
        cause = classify(error)
        step = self._choose_step(error, cause=cause, plan=plan, stage=stage)
        attempt = Attempt(
            at=now(),
            plan="no plan" if plan is None else str(plan),
            stage=stage or "",
            cause=cause,
            error=short_message(error),
            response=step.description,
        )
        self.attempts = (*self.attempts, attempt)[-RETAINED_ATTEMPTS:]
        _log.warning("Engine start failed: %s", attempt)
        if step.is_lower:
            self._save()  # what is recorded as having worked stays
        return step.is_new

    def _choose_step(
        self, error: BaseException, *, cause: Cause, plan: EnginePlan | None, stage: Stage | None
    ) -> Step:
        """Lower a setting, try once more, or go back to the settings that worked."""
        died = stage is Stage.SERVING
        rung = None
        if plan is not None and (not died or cause == "memory"):
            rung = next_rung(cause, plan)
        if rung is not None:
            self.overrides = self.overrides | rung
            settings = ", ".join(f"{name} = {value}" for name, value in rung.items())
            return Step(f"tried again with {settings}", is_new=True, is_lower=True)
        failed_before = bool(self.attempts) and self.attempts[-1].cause == cause
        if cause == "port" and not failed_before:
            return Step("tried once more", is_new=True)
        if self._worked is not None and self._roll_back(self._worked, error):
            return Step("went back to the settings that worked last", is_new=True)
        return Step("started again" if died else "gave up", is_new=False)

    def record_success(self, stages: tuple[tuple[str, float], ...]) -> None:
        """Remember what runs now.

        After a roll-back it is written over the saved settings that did not work.
        """
        self._worked = StartRecord(asked=self._asked(), overrides=self.overrides, stages=stages)
        self._save()
        if self._replaced and self._correct_saved is not None:
            self._correct_saved(self._replaced)

    def _roll_back(self, worked: StartRecord, error: BaseException) -> bool:
        """Take the settings that worked last.

        Args:
            worked: what is recorded of them.
            error: why the current ones failed.

        Returns:
            False if there is nothing to take: the current settings are the same, or the record
            can't be read.
        """
        try:
            engine = EngineSettings(**worked.asked["engine"])
            model = worked.asked["model"]
        except (KeyError, TypeError, ValidationError):  # another version of DocMind wrote it
            return False
        current = self.settings
        replaced: WorkingSettings = {"llm": {}, "engine": {}}
        failed_settings: list[str] = []
        if model != current.llm.model:
            replaced["llm"]["model"] = model
            failed_settings.append(f"llm.model = {current.llm.model}")
        for name, value in engine:
            current_value = getattr(current.engine, name)
            if value != current_value:
                replaced["engine"][name] = value
                failed_settings.append(f"engine.{name} = {current_value}")
        if not failed_settings:
            return False
        self._replaced = replaced
        llm = current.llm.model_copy(update={"model": model})
        self.settings = current.model_copy(update={"llm": llm, "engine": engine})
        self.overrides = worked.overrides
        self.notice = (
            f"{', '.join(failed_settings)} did not work ({short_message(error)}). "
            "DocMind went back to the settings that worked last."
        )
        return True

    def _asked(self) -> dict[str, Any]:
        """Return what a record must have been made for, to count for this start."""
        engine = self.settings.engine.model_dump(mode="json")
        return {"engine": engine, "model": self.settings.llm.model, "on": self._machine}

    def _save(self) -> None:
        left = StartRecord(
            asked=self._asked(),
            overrides=self.overrides,
            # They say why less is used; without overrides there is nothing to explain.
            attempts=self.attempts if self.overrides else (),
        )
        records = StartRecords(worked=self._worked, left=left)
        content = _FILE_FORMAT.dump_json(records, indent=2, by_alias=True)
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(content)
            part.replace(self._file)
        except OSError:
            _log.warning(
                "%s can't be written: the next start begins with the settings as they are",
                self._file,
            )


class Step(NamedTuple):
    """What was done about a failed start."""

    description: str
    is_new: bool
    """There is something else to try."""
    is_lower: bool = False
    """Overrides were added, which the next process begins with."""


def forget_records(data_dir: Path) -> None:
    """Let the next start begin with the settings as they are, whatever failed before."""
    (data_dir / FILE).unlink(missing_ok=True)


def read_records(data_dir: Path) -> StartRecords:
    """Return what starts have left; nothing from a damaged file."""
    with suppress(OSError, ValidationError):
        return _FILE_FORMAT.validate_json((data_dir / FILE).read_bytes())
    return StartRecords()
