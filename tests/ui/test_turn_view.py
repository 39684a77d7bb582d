"""What a running turn says of itself."""

from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    ContextTrimmed,
    TokenDelta,
)
from docmind.ui.answer import trimmed
from docmind.ui.turn_view import view_turn

TURN = {"conversation_id": "c", "turn_id": "t"}
SUPERVISOR = {**TURN, "agent": "supervisor", "run_id": "s"}
RESEARCHER = {**TURN, "agent": "researcher", "run_id": "r"}


def test_a_running_turn_says_what_goes_on():
    events = [
        AgentStarted(**SUPERVISOR, task="Putting earlier turns into a summary"),
        AgentStep(
            **SUPERVISOR, tool="condense", arguments={}, result="2 of them", duration_ms=900.0
        ),
        AgentStarted(**RESEARCHER, task="A?"),
        AgentStep(
            **RESEARCHER,
            tool="search_documents",
            arguments={},
            result="5 passages",
            duration_ms=9.0,
        ),
        TokenDelta(**RESEARCHER, text="Let me see."),
        AgentStep(
            **RESEARCHER,
            tool="read_pages",
            arguments={},
            result="2 pages",
            duration_ms=9.0,
            message="Let me see.",
        ),
        AgentFinished(**RESEARCHER, text="So it is."),
    ]
    activities = []
    for count in range(len(events) + 1):
        activities.append(view_turn(events[:count]).activity)
    assert activities == [
        "Reading the question and planning",
        "Putting earlier turns into a summary",
        "Reading the question and planning",
        "Researcher at work",
        "Researcher reading what was found",
        "Writing the answer",
        "Researcher reading what was found",  # what it said belongs to its step
        "Putting the answer together",
    ]


def test_a_cut_says_what_was_left_out():
    cut = ContextTrimmed(
        **TURN,
        tokens_before=7400,
        tokens_after=5600,
        dropped="researcher: parts of 1 tool result",
        reason="over",
        at="2026-01-02T03:04:05",
    )
    assert "researcher: parts of 1 tool result (7,400 → 5,600 tokens)" in trimmed(cut)
    assert "turns" not in trimmed(cut)
