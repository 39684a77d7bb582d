"""An engine's life in this process: start, down the ladder while that fails, serve, start again after a death."""

from __future__ import annotations

import atexit
import logging
import time
import traceback
from abc import abstractmethod

from docmind.engine.interface import Engine
from docmind.engine.logs import log_to
from docmind.engine.plan.ladder import CAUSES, SERVING, Ladder, brief, chain, classify
from docmind.engine.plan.resolve import EnginePlan, vllm_version
from docmind.errors import DocMindError, EngineFailed
from docmind.hardware import detect
from docmind.settings import Settings

_log = logging.getLogger(__name__)
LIVES_S = 3600.0
"""An engine that dies is started again, unless it did so within the last hour."""


class LadderEngine(Engine):
    """What is common to engines in this process. Subclasses load, serve and release."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.llm.model)
        self._settings = settings
        self._ladder: Ladder
        self.plan: EnginePlan | None = None
        self._stage_name, self._stage_begun = "", 0.0

    @abstractmethod
    def _load(self) -> None:
        """Load what `_ladder.settings` and `_ladder.lowered` say, set `_plan`, warm up."""

    @abstractmethod
    def _serve(self) -> None:
        """Serve until the engine is closed."""

    @abstractmethod
    def _release(self, lost: EngineFailed) -> None:
        """Fail the requests that run or wait with `lost`, and free the model's memory."""

    def _run(self) -> None:
        """Start and serve until closed; start again after a death."""
        atexit.register(self.close)  # a step that runs while the interpreter ends would crash it
        log_to(self._settings.log_file)
        died = -LIVES_S
        try:
            self._ladder = Ladder(self._settings, f"{detect().device}, vLLM {vllm_version()}")
            while True:
                self._start()
                try:
                    self._serve()
                    break
                except Exception as exc:  # noqa: BLE001  whatever vLLM, torch or the driver raise: kept for the user
                    _log.exception("The engine died")
                    error = exc
                _forget_frames(error)
                if time.monotonic() - died < LIVES_S:
                    raise self._explained(
                        "died again, soon after a restart", error, "Restart DocMind. "
                    ) from error
                died = time.monotonic()
                self._recover(error)
        except Exception as exc:  # noqa: BLE001  a thread that ends without a word would leave everybody waiting
            self._fail(
                exc
                if isinstance(exc, DocMindError)
                else self._explained("could not start", exc, "")
            )
        self._release(EngineFailed(self._status.error or "The engine was closed."))
        if self._closing:
            super().close()

    def _recover(self, error: BaseException) -> None:
        """After a death: fail what ran, free the memory, and step down if that may help."""
        self._settled.clear()
        self._update(state="loading", begun=time.monotonic(), running=0, waiting=0)
        again = "is being started again; ask again in a moment"
        self._release(
            EngineFailed(f"The engine died while it answered ({brief(error)}) and {again}.")
        )
        self._ladder.failed(error, self.plan, SERVING)

    def _start(self) -> None:
        """Load; while that fails, free the memory and load what the ladder says next."""
        free = detect().vram_free_gib or 0.0
        while True:
            self.plan = None
            self._stage_name = ""
            self._update(stages=(), attempts=self._ladder.attempts)
            try:
                self._load()
                break
            except Exception as exc:  # noqa: BLE001  see above
                error = exc
            if self._closing:
                raise EngineFailed("The engine was closed while it loaded.")
            _log.error("The engine did not start", exc_info=error)
            _forget_frames(error)
            self._release(EngineFailed("The engine is being started again."))
            more = self._ladder.failed(error, self.plan, self._stage_name)
            if not more:
                self._update(attempts=self._ladder.attempts)
                held = free - (detect().vram_free_gib or 0.0)
                held_too = (
                    f"The failed start still holds {held:.1f} GiB of GPU memory: restart DocMind. "
                )
                raise self._explained(
                    "could not start", error, held_too if held > 1 else ""
                ) from error
        self._stage("")
        self._ladder.worked(self._status.stages)
        status, plan_notice = self._status, self.plan.notice if self.plan else ""
        load_s = round(time.monotonic() - (status.begun or 0), 1)
        _log.info(
            "Ready after %.1f s: %s",
            load_s,
            ", ".join(f"{stage} {s:.1f}" for stage, s in status.stages),
        )
        self._update(
            state="ready", load_s=load_s, notice=f"{self._ladder.notice} {plan_notice}".strip()
        )
        self._settled.set()

    def _stage(self, stage: str, detail: str = "") -> None:
        """Say what loading does now, and end it if the engine is being closed."""
        if self._closing:
            raise EngineFailed("The engine was closed while it loaded.")
        if stage != self._stage_name:
            at = time.monotonic()
            if self._stage_name:
                took = round(at - self._stage_begun, 2)
                self._update(stages=(*self._status.stages, (self._stage_name, took)))
            self._stage_name, self._stage_begun = stage, at
        self._update(stage=stage + detail)

    def _explained(self, what: str, error: BaseException, remedy: str) -> EngineFailed:
        """Return the error for the user: what happened, and what to do."""
        if isinstance(error, DocMindError):
            return EngineFailed(f"{error} {remedy}".strip())
        return EngineFailed(
            f"The engine {what}: {CAUSES[classify(error)]} ({brief(error)}). {remedy}Details are in "
            f"{self._settings.log_file}; `docmind doctor` shows the plan; "
            "`docmind model use smollm2-135m` runs a smaller model."
        )


def _forget_frames(error: BaseException) -> None:
    """Let go of what the calls that failed were working on: half-built engines, and tensors in the card's memory."""
    for link in chain(error):
        traceback.clear_frames(link.__traceback__)
