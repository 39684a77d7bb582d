"""System: the machine, the engine's plan, versions and the trim log."""

from dataclasses import replace

from docmind.events import ContextTrimmed
from tests.ui.conftest import words


def test_it_shows_machine_engine_and_versions(open_page, app):
    app.engine.now = replace(app.engine.now, notes=("window = 8,192: what a CPU gets",), prefix_hit_rate=0.5)
    tab = open_page("system")
    labels = {m.label: m.value for m in tab.metric}
    assert labels["State"] == "ready"
    assert labels["Window"] == "8,192 tokens"
    assert labels["Prefix cache hits"] == "50%"
    assert "GiB" in labels["RAM used"]
    assert "window \\= 8,192" in words(tab)
    assert "streamlit 1\\." in words(tab)


def test_the_trim_log_covers_all_conversations(open_page, app):
    for title in ("One", "Two"):
        made = app.conversations.create(title)
        cut = ContextTrimmed(made.id, "t", 7400, 5600, "2 turns", "window", "2026-01-02T03:04:05+00:00", 1)
        app.conversations.add_trims([cut])
    table = open_page("system").table[0].value
    assert set(table["Conversation"]) == {"One", "Two"}


def test_a_failed_engine_can_be_tried_again_here_too(open_page, app):
    app.engine.now = replace(app.engine.now, state="failed", error="Too little memory.")
    tab = open_page("system")
    assert "Too little memory" in words(tab)
    assert tab.button(key="engine-retry")
