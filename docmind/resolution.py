"""What settings and machine come to, resolved once and handed down to the parts that need it."""

from __future__ import annotations

from dataclasses import dataclass

from docmind.hardware import Hardware, detect
from docmind.models.catalog import Catalog, default_llm
from docmind.settings import AgentSettings, Settings

GPU_TOP_K = 10
CPU_TOP_K = 5
"""Passages per search: on a CPU every prompt token is waited for."""


@dataclass(frozen=True)
class Resolved:
    """The settings as asked, and what follows from them on this machine."""

    settings: Settings
    """As asked: what is empty here was left to DocMind."""
    hardware: Hardware
    """As it was at the start; free memory is measured anew before a model loads."""
    catalog: Catalog
    default_llm: str
    """The model of this machine where the settings name none."""
    top_k: int
    """Passages shown to an agent per search."""
    agents: AgentSettings
    """The agents' settings with nothing left empty that decides how they work."""

    @property
    def llm(self) -> str:
        """Name of the model that runs in this process."""
        return self.settings.llm.model or self.default_llm

    @property
    def embedding_model(self) -> str:
        """Name or directory of the embedding model."""
        return self.settings.retrieval.embedding_model

    @property
    def judge(self) -> str:
        """Who judges an answer's statements, and why, in words for the user."""
        asked = self.settings.agents.judge_statements
        if asked is not None:
            used = "the model and rules" if asked else "rules"
            return f"{used}: as set (agents.judge_statements)"
        if self.settings.llm.base_url:
            return (
                "rules: a server does not say what its model is trained for; "
                "DOCMIND_AGENTS__JUDGE_STATEMENTS=true lets it judge"
            )
        if self.agents.judge_statements:
            return "the model and rules: its adapter is trained for it"
        return f"rules: {self.llm} is not trained to judge, and gains nothing"

    @property
    def wanted_models(self) -> list[str]:
        """Models that must be here: for embedding and, unless a server answers, for answers."""
        if self.settings.llm.base_url:
            return [self.embedding_model]
        return [self.embedding_model, self.llm]


def resolve(settings: Settings, hardware: Hardware | None = None) -> Resolved:
    """Decide what the settings leave open; loads no model.

    Args:
        settings: As asked.
        hardware: The machine to decide for. None: this one, as it is now.
    """
    if hardware is None:
        hardware = detect()
    catalog = Catalog(settings.models_dir, int8=hardware.multiplies_int8)
    default = default_llm(hardware)
    default_top_k = GPU_TOP_K if hardware.gpu else CPU_TOP_K
    return Resolved(
        settings=settings,
        hardware=hardware,
        catalog=catalog,
        default_llm=default,
        top_k=settings.retrieval.top_k or default_top_k,
        agents=_resolve_agents(settings, hardware, catalog, default),
    )


def _resolve_agents(
    settings: Settings, hardware: Hardware, catalog: Catalog, default: str
) -> AgentSettings:
    agents = settings.agents
    if agents.output_mode is None:
        agents = agents.model_copy(update={"output_mode": _output_mode(settings, hardware)})
    if agents.enable_planning is None:
        plans = _model_can_plan(settings, catalog, default)
        agents = agents.model_copy(update={"enable_planning": plans})
    if agents.suggest_questions is None:
        has_time = bool(hardware.gpu or settings.llm.base_url)
        agents = agents.model_copy(update={"suggest_questions": has_time})
    if agents.judge_statements is None:
        judges = not settings.llm.base_url and catalog.judges(settings.llm.model or default)
        agents = agents.model_copy(update={"judge_statements": judges})
    return agents


def _output_mode(settings: Settings, hardware: Hardware) -> str:
    """Return `structured` where its second call is a fraction of a second, else `last_message`.

    A server does not say what it runs on, nor that it obeys a grammar: whoever knows sets the mode.
    """
    if hardware.gpu and not settings.llm.base_url:
        return "structured"
    return "last_message"


def _model_can_plan(settings: Settings, catalog: Catalog, default: str) -> bool:
    """Tell whether the model can split messages into tasks; an unknown one is trusted to."""
    name = settings.llm.model
    if name is None and not settings.llm.base_url:
        name = default
    for weights in catalog.list():
        if weights.name == name:
            return weights.plans
    return True
