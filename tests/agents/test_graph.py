"""The graph of a turn is the one that docs/architecture.md shows."""

import re
from pathlib import Path

import pytest

from docmind.agents.library import make_find_documents
from docmind.agents.planner import SupervisorModel
from docmind.agents.reading import make_read_document
from docmind.agents.state import Phase
from docmind.agents.supervisor import build_supervisor
from docmind.agents.team import build_team
from docmind.agents.tools import make_tools
from docmind.engine.chat_model import ChatVLLM
from docmind.settings import AgentSettings
from tests.engines import PromptedEngine

DOCUMENT = Path(__file__).parents[2] / "docs" / "architecture.md"


@pytest.fixture(scope="module")
def pictures():
    """The mermaid pictures of the document's section on a question's way."""
    section = (
        DOCUMENT.read_text("utf-8").partition("## One question's way")[2].partition("\n## ")[0]
    )
    return re.findall(r"```mermaid\n(.*?)```", section, re.S)


def test_the_graph_is_the_one_in_the_documentation(pictures):
    engine = PromptedEngine([])
    model = ChatVLLM(engine=engine)
    tools = make_tools(retriever=None, documents=None, top_k=5)
    tools["read_document"] = make_read_document(model, retriever=None, documents=None)
    tools["find_documents"] = make_find_documents(model, retriever=None, documents=None)
    settings = AgentSettings()
    team = build_team(model, tools, settings)
    kinds = {agent.spec.kind: agent.spec.name for agent in team}
    graph = build_supervisor(SupervisorModel(engine=engine, kinds=kinds), team, settings)
    drawn = graph.get_graph().draw_mermaid(with_styles=False)
    assert drawn.strip() in [picture.strip() for picture in pictures]


def test_every_phase_is_in_the_documentations_state_diagram(pictures):
    states = next(picture for picture in pictures if picture.startswith("stateDiagram"))
    assert set(re.findall(r"\b[A-Z]{4,}\b", states)) == {phase.name for phase in Phase}
