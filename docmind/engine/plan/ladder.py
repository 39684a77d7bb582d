"""What to try when a start fails: a smaller plan, then the settings that worked last."""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from docmind.engine.interface import Attempt, Cause
from docmind.engine.plan.compatibility import BACKENDS
from docmind.engine.plan.resolve import EnginePlan
from docmind.errors import ConfigError, DocMindError
from docmind.events import now
from docmind.settings import EngineSettings, Settings
from docmind.storage.settings import read_saved, save_settings

_log = logging.getLogger(__name__)
WINDOWS = (131_072, 65_536, 32_768, 16_384, 8_192, 4_096, 2_048)
LEAST_GPU_WINDOW = 32_768
SERVING = "serving"
"""The stage of an engine that dies: started again as it was, unless memory ran out."""
FILE = "engine.json"
"""In the data folder: the settings that worked last, and where the ladder was left."""

CAUSES: dict[Cause, str] = {
    "memory": "the GPU's memory was too small",
    "ram": "too little RAM was free",
    "backend": "its attention backend does not work here",
    "model": "the model's files are damaged or of an unknown kind",
    "port": "a port was taken",
    "other": "an unexpected error",
}

_SIGNS: tuple[tuple[Cause, tuple[str, ...]], ...] = (
    ("memory", ("out of memory", "outofmemory", "no available memory for the cache", "free memory on device",
                "larger than the available kv cache", "leave no room in a budget", "cudaerrormemoryallocation")),
    ("ram", ("memoryerror", "can't allocate memory", "cannot allocate memory", "gib of memory and")),
    ("port", ("address already in use",)),
    ("model", ("safetensor", "headertoo", "incomplete metadata", "config.json", "size mismatch", "modelerror",
               "not initialized from checkpoint", "cannot find any model weights", "no module or parameter named",
               "are not supported for now", "load tokenizer")),
    ("backend", ("attention backend", "attentionbackendenum", "flashinfer", "flash_attn", "flashattention",
                 "triton_attn", "nvcc", "ninja", "no kernel image", "is not valid for this configuration")),
)  # fmt: skip
"""Words of vLLM's, torch's and safetensors' messages, in lower case. The first cause that has one of them is taken."""


def chain(error: BaseException) -> list[BaseException]:
    """Return an error and those that led to it."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    return links


def classify(error: BaseException) -> Cause:
    """Return what kept the engine from starting."""
    if any(isinstance(e, OSError) and e.errno == errno.EADDRINUSE for e in chain(error)):
        return "port"
    text = " ".join(f"{type(e).__name__}: {e}" for e in chain(error)).lower()
    return next((cause for cause, signs in _SIGNS if any(sign in text for sign in signs)), "other")


def brief(error: BaseException) -> str:
    """Return an error in a few hundred characters: our own as they are, others with their type's name."""
    if isinstance(error, DocMindError):
        return str(error)
    text = " ".join(line.strip() for line in str(error).splitlines()[:4])[:500]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def next_rung(cause: Cause, plan: EnginePlan) -> dict[str, Any] | None:
    """Return the engine settings to lower after this plan failed; None if nothing less would help."""
    gpu, eager = "attention_backend" in plan.args, plan.args.get("enforce_eager")
    if cause in {"memory", "ram"}:
        least = LEAST_GPU_WINDOW if gpu else WINDOWS[-1]
        for window in WINDOWS:
            if least <= window < plan.window:
                return {"max_model_len": window}
        if not eager:
            return {"enforce_eager": True, "max_num_batched_tokens": 512}
    if cause == "backend" and gpu:
        used = plan.args["attention_backend"]
        rest = BACKENDS[BACKENDS.index(used) + 1 :] if used in BACKENDS else BACKENDS
        return {"attention_backend": rest[0]} if rest else None
    if cause == "other" and not eager:
        return {"enforce_eager": True}
    return None


@dataclass(frozen=True)
class Left:
    """What a start leaves for the next one and for `docmind doctor`."""

    asked: dict[str, Any]
    """Engine settings, model and machine."""
    lowered: dict[str, Any]
    """Engine settings that were used instead."""
    stages: tuple[tuple[str, float], ...] = ()
    attempts: tuple[Attempt, ...] = ()


_RECORD = TypeAdapter(dict[str, Left])


class Ladder:
    """The settings to start with, step by step; what worked is kept in the data folder."""

    def __init__(self, settings: Settings, machine: str) -> None:
        """Begin with `settings`, or where the last process on this machine (device and vLLM) left them."""
        self._file, self._machine = settings.data_dir / FILE, machine
        self.settings = settings
        self.lowered: dict[str, Any] = {}
        self.attempts: tuple[Attempt, ...] = ()
        self.notice = ""
        self._record = recorded(settings.data_dir)
        self._mended: dict[str, dict[str, Any]] = {}
        if (left := self._record.get("left")) and left.asked == self._asked():
            self.lowered, self.attempts = left.lowered, left.attempts

    def failed(self, error: BaseException, plan: EnginePlan | None, doing: str) -> bool:
        """Note a failed start or a death, and step down.

        Args:
            plan: what was tried; None if there was none to try.
            doing: the stage it failed in.

        Returns:
            Whether `settings` and `lowered` now hold something else to try.
        """
        cause = classify(error)
        rung = next_rung(cause, plan) if plan and (doing != SERVING or cause == "memory") else None
        worked = self._record.get("worked")
        then, less = "", "started again" if doing == SERVING else "gave up"
        if rung is not None:
            self.lowered = self.lowered | rung  # what is recorded as having worked stays
            then = "tried again with " + ", ".join(f"{k} = {v}" for k, v in rung.items())
        elif cause == "port" and not (self.attempts and self.attempts[-1].cause == "port"):
            then = "tried once more"
        elif worked:
            then = self._roll_back(worked, error)
        attempt = Attempt(now(), str(plan or "no plan"), doing, cause, brief(error), then or less)
        self.attempts = (*self.attempts, attempt)[-12:]
        _log.warning("Engine start failed: %s", attempt)
        if rung is not None:
            self._leave()
        return bool(then)

    def worked(self, stages: tuple[tuple[str, float], ...]) -> None:
        """Remember what runs now; after a roll-back, write it over the saved settings that did not work."""
        self._record["worked"] = Left(self._asked(), self.lowered, stages)
        self._leave()
        with suppress(ConfigError, ValidationError):
            saved = read_saved(self.settings.data_dir)
            for group, values in self._mended.items():
                if known := {n: v for n, v in values.items() if n in saved.get(group, {})}:
                    save_settings(self.settings.data_dir, {group: known})

    def _roll_back(self, worked: Left, error: BaseException) -> str:
        """Take the settings that worked last; say which of the present ones did not."""
        asked = worked.asked
        try:
            engine, model = EngineSettings(**asked["engine"]), asked["model"]
        except (KeyError, TypeError, ValidationError):  # another version of DocMind wrote it
            return ""
        bad = {"llm": {"model": self.settings.llm.model}, "engine": dict(self.settings.engine)}
        good: dict[str, dict[str, Any]] = {"llm": {"model": model}, "engine": dict(engine)}
        mended = {g: {n: v for n, v in good[g].items() if v != bad[g][n]} for g in good}
        if not any(mended.values()):  # it is with these that it fails now
            return ""
        self._mended = mended
        llm = self.settings.llm.model_copy(update=good["llm"])
        self.settings = self.settings.model_copy(update={"llm": llm, "engine": engine})
        self.lowered = worked.lowered
        was = ", ".join(
            f"{g}.{n} = {bad[g][n]}" for g, names in self._mended.items() for n in names
        )
        self.notice = f"{was} did not work ({brief(error)}). DocMind went back to the settings that worked last."
        return "went back to the settings that worked last"

    def _asked(self) -> dict[str, Any]:
        engine = self.settings.engine.model_dump(mode="json")
        return {"engine": engine, "model": self.settings.llm.model, "on": self._machine}

    def _leave(self) -> None:
        attempts = self.attempts if self.lowered else ()  # they say why less is used
        self._record["left"] = Left(self._asked(), self.lowered, attempts=attempts)
        part = self._file.with_suffix(".part")
        try:
            part.write_bytes(_RECORD.dump_json(self._record, indent=2))
            os.replace(part, self._file)
        except OSError:
            _log.warning(
                "%s can't be written: the next start begins with the settings as they are",
                self._file,
            )


def forget(data_dir: Path) -> None:
    """Let the next start try the settings as they are again."""
    (data_dir / FILE).unlink(missing_ok=True)


def recorded(data_dir: Path) -> dict[str, Left]:
    """Return what starts have left: `worked`, of the last one that did, and `left`; nothing from a damaged file."""
    with suppress(OSError, ValidationError):
        return _RECORD.validate_json((data_dir / FILE).read_bytes())
    return {}
