"""An engine's life in this process: start, down the ladder while that fails, serve, restart."""

from __future__ import annotations

import atexit
import logging
import time
import traceback
from abc import abstractmethod
from collections.abc import Callable

from docmind.engine.interface import Engine, Stage
from docmind.engine.plan.ladder import (
    CAUSES,
    Ladder,
    WorkingSettings,
    classify,
    error_chain,
    short_message,
)
from docmind.engine.plan.resolve import EnginePlan, vllm_version
from docmind.errors import DocMindError, EngineFailed
from docmind.hardware import Hardware, free_vram_gib
from docmind.logs import log_to
from docmind.settings import Settings

_log = logging.getLogger(__name__)
RESTART_INTERVAL_S = 3600.0
"""An engine that dies is started again, unless it did so within the last hour."""
LEFT_OVER_GIB = 1.0
"""GPU memory that a failed start still holds, from which on the user is told."""


class LocalEngine(Engine):
    """What is common to engines in this process. Subclasses load, serve and release.

    idle → loading → ready → closed
              ↑↓       ↓
              failed start: the next rung of the ladder, or failed
                       a death: loading again, once an hour
    """

    def __init__(
        self,
        settings: Settings,
        hardware: Hardware,
        correct_saved: Callable[[WorkingSettings], None] | None = None,
    ) -> None:
        """Set up an idle engine.

        Args:
            settings: as asked.
            hardware: as it was detected.
            correct_saved: see `Ladder`.
        """
        super().__init__(settings.llm.model)
        self._correct_saved = correct_saved
        self._settings = settings
        self._hardware = hardware
        self._ladder: Ladder
        self.plan: EnginePlan | None = None
        """What runs, or is being loaded."""
        self._current_stage: Stage | None = None
        self._stage_began_at = 0.0

    @abstractmethod
    def _load(self) -> None:
        """Load what the ladder's `settings` and `overrides` say, set `plan`, warm up."""

    @abstractmethod
    def _serve(self) -> None:
        """Serve until the engine is closed."""

    @abstractmethod
    def _release(self, lost: EngineFailed) -> None:
        """Fail the requests that run or wait with `lost`, and free the model's memory."""

    def _run(self) -> None:
        """Live, and leave nothing behind."""
        atexit.register(self.close)  # a step that runs while the interpreter ends would crash it
        log_to(self._settings.log_file)
        try:
            machine = f"{self._hardware.device}, vLLM {vllm_version()}"
            self._ladder = Ladder(self._settings, machine, self._correct_saved)
            self._live()
        except DocMindError as exc:
            self._fail(exc)
        except Exception as exc:  # noqa: BLE001  ending without a word would leave everybody waiting
            self._fail(self._failure("could not start", exc))
        self._release(EngineFailed(self._status.error or "The engine was closed."))
        if self._closing:
            super().close()

    def _live(self) -> None:
        """Start and serve until closed; start again after a death.

        Raises:
            EngineFailed: it does not start, or died again soon after a restart.
        """
        died_at: float | None = None
        while True:
            self._start()
            try:
                self._serve()
            except Exception as exc:  # noqa: BLE001  whatever vLLM, torch or the driver raise
                _log.exception("The engine died")
                error = exc
            else:
                return
            _forget_frames(error)
            if died_at is not None and time.monotonic() - died_at < RESTART_INTERVAL_S:
                failure = self._failure(
                    "died again, soon after a restart", error, "Restart DocMind. "
                )
                raise failure from error
            died_at = time.monotonic()
            self._recover(error)

    def _recover(self, error: BaseException) -> None:
        """After a death: fail what ran, free the memory, and step down if that may help."""
        self._settled.clear()
        self._update(state="loading", begun=time.monotonic(), running=0, waiting=0)
        lost = EngineFailed(
            f"The engine died while it answered ({short_message(error)}) "
            "and is being started again; ask again in a moment."
        )
        self._release(lost)
        self._ladder.step_down(error, self.plan, Stage.SERVING)

    def _start(self) -> None:
        """Load; while that fails, free the memory and load what the ladder says next.

        Raises:
            EngineFailed: nothing is left to try, or the engine was closed meanwhile.
        """
        free_before = free_vram_gib() or 0.0
        while True:
            error = self._try_to_load()
            if error is None:
                break
            if self._closing:
                raise EngineFailed("The engine was closed while it loaded.")
            _log.error("The engine did not start", exc_info=error)
            _forget_frames(error)
            self._release(EngineFailed("The engine is being started again."))
            if not self._ladder.step_down(error, self.plan, self._current_stage):
                self._update(attempts=self._ladder.attempts)
                remedy = _remedy_for_left_over(free_before - (free_vram_gib() or 0.0))
                raise self._failure("could not start", error, remedy) from error
        if self._closing:
            raise EngineFailed("The engine was closed while it loaded.")
        self._end_stage()
        self._ladder.record_success(self._status.stages)
        self._become_ready()

    def _try_to_load(self) -> Exception | None:
        """Load once; return what kept it from that."""
        self.plan = None
        self._current_stage = None
        self._update(stages=(), attempts=self._ladder.attempts)
        try:
            self._load()
        except Exception as exc:  # noqa: BLE001  whatever vLLM, torch or the driver raise
            return exc
        return None

    def _become_ready(self) -> None:
        status = self._status
        load_s = round(status.elapsed_s, 1)
        stages = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in status.stages)
        _log.info("Ready after %.1f s: %s", load_s, stages)
        notice = self._ladder.notice
        if self.plan is not None:
            notice = f"{notice} {self.plan.notice}".strip()
        self._update(state="ready", stage="", load_s=load_s, notice=notice)
        self._settled.set()

    def _enter_stage(self, stage: Stage, progress: str = "") -> None:
        """Show what loading does now.

        Args:
            stage: may be the present one.
            progress: shown behind it.

        Raises:
            EngineFailed: the engine is being closed, so loading ends here.
        """
        if self._closing:
            raise EngineFailed("The engine was closed while it loaded.")
        if stage is not self._current_stage:
            self._end_stage()
            self._current_stage = stage
            self._stage_began_at = time.monotonic()
        self._update(stage=stage + progress)

    def _end_stage(self) -> None:
        """Note how long the present stage took, if there is one."""
        if self._current_stage is not None:
            seconds = round(time.monotonic() - self._stage_began_at, 2)
            ended = (self._current_stage.value, seconds)
            self._update(stages=(*self._status.stages, ended))
            self._current_stage = None

    def _failure(self, what: str, error: BaseException, remedy: str = "") -> EngineFailed:
        """Return the error for the user.

        Args:
            what: what happened: "could not start".
            error: why.
            remedy: what to do, a sentence with a space behind it; none by default.
        """
        if isinstance(error, DocMindError):
            return EngineFailed(f"{error} {remedy}".strip())
        cause = CAUSES[classify(error)]
        return EngineFailed(
            f"The engine {what}: {cause} ({short_message(error)}). {remedy}Details are in "
            f"{self._settings.log_file}; `docmind doctor` shows the plan; "
            "`docmind model use smollm2-135m` runs a smaller model."
        )


def _remedy_for_left_over(left_over_gib: float) -> str:
    """Say what to do about GPU memory that a failed start still holds; nothing if it is little."""
    if left_over_gib <= LEFT_OVER_GIB:
        return ""
    return f"The failed start still holds {left_over_gib:.1f} GiB of GPU memory: restart DocMind. "


def _forget_frames(error: BaseException) -> None:
    """Let go of what the failed calls were working on: half-built engines, tensors on the card."""
    for link in error_chain(error):
        traceback.clear_frames(link.__traceback__)
