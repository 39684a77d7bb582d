"""A plan in the making: arguments for vLLM, each with what was asked, what is used and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from docmind.settings import EngineSettings

VllmArgs = dict[str, object]
"""Arguments of vLLM's EngineArgs by name: numbers, texts, booleans, dictionaries of these."""


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
        asked = ""
        if self.asked not in {"", self.used}:
            asked = f" (asked: {self.asked})"
        return f"{self.used}{asked}: {self.why}"

    def __str__(self) -> str:
        return f"{self.setting} = {self.text}"


class PlanBuilder:
    """Collects arguments and decisions.

    What was asked for is the engine setting of the same name, if there is one.
    """

    def __init__(self, asked: EngineSettings, overrides: Mapping[str, object]) -> None:
        """Begin with nothing decided.

        Args:
            asked: the settings.
            overrides: settings to use instead, after a start that failed.
        """
        self._asked = asked
        self._overrides = overrides
        self.engine = asked.model_copy(update=dict(overrides))
        """The settings to follow: `asked` with the overrides."""
        self.args: VllmArgs = {}
        self.decisions: list[Decision] = []
        self.notice = ""
        """What the user must know before anything loads."""

    def pass_to_vllm(self, setting: str, used: object, why: str) -> None:
        """Set an argument of vLLM and say why."""
        self.args[setting] = used
        self.decide(setting, used, why)

    def decide(self, setting: str, used: object, why: str) -> None:
        """Say what is so, and why, where vLLM needs no argument for it."""
        asked = getattr(self._asked, setting, None)
        if self._overrides.get(setting) == used:
            why = "an earlier start failed without this"
        decision = Decision(
            setting=setting,
            asked="" if asked is None else str(asked),
            used=str(used),
            why=why,
        )
        self.decisions.append(decision)

    def ignore_variable(self, name: str, value: str, why: str) -> None:
        """Say that an environment variable changes nothing."""
        self.decisions.append(Decision(setting=name, asked=value, used="ignored", why=why))
