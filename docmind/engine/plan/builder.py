"""A plan in the making: arguments for vLLM, each with what was asked, what is used and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docmind.settings import EngineSettings


@dataclass(frozen=True)
class Decision:
    """One choice of the plan."""

    setting: str
    asked: str
    """Empty: left to the plan."""
    used: str
    why: str

    @property
    def text(self) -> str:
        """All but the setting's name."""
        asked = f" (asked: {self.asked})" if self.asked not in {"", self.used} else ""
        return f"{self.used}{asked}: {self.why}"

    def __str__(self) -> str:
        return f"{self.setting} = {self.text}"


class Draft:
    """A plan in the making. What was asked for is the engine setting of the same name, if there is one."""

    def __init__(self, asked: EngineSettings, lowered: Mapping[str, Any]) -> None:
        self._asked, self._lowered = asked, lowered
        self.engine = asked.model_copy(update=dict(lowered))
        self.args: dict[str, Any] = {}
        self.decisions: list[Decision] = []
        self.notice = ""

    def use(self, setting: str, used: Any, why: str) -> None:
        """Set an argument and say why."""
        self.args[setting] = used
        self.note(setting, used, why)

    def note(self, setting: str, used: Any, why: str) -> None:
        """Say what is so, and why, where vLLM needs no argument for it."""
        asked = getattr(self._asked, setting, None)
        if self._lowered.get(setting) == used:
            why = "an earlier start failed without this"
        self.decisions.append(
            Decision(setting, "" if asked is None else str(asked), str(used), why)
        )
