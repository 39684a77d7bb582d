"""System: the machine, the engine's plan, versions and the trim log."""

import re
import time
from dataclasses import replace

from docmind.engine.interface import Attempt
from tests.ui.conftest import button, cut, words


def metric_values(tab):
    return {metric.label: metric.value for metric in tab.metric}


def test_it_shows_machine_engine_and_versions(open_page, app):
    app.engine.now = replace(
        app.engine.now, notes=("window = 8,192: what a CPU gets",), prefix_hit_rate=0.5
    )
    tab = open_page("system")
    values = metric_values(tab)
    assert values["State"] == "ready"
    assert values["Window"] == "8,192 tokens"
    assert values["Prefix cache hits"] == "50%"
    assert "GiB" in values["RAM used"]
    assert "window \\= 8,192" in words(tab)
    assert "streamlit 1\\." in words(tab)


def test_the_trim_log_covers_all_conversations(open_page, app):
    for title in ("One", "Two"):
        made = app.conversations.create(title)
        app.conversations.add_trims([cut(made.id)])
    table = open_page("system").table[0].value
    assert set(table["Conversation"]) == {"One", "Two"}


def test_a_failed_engine_can_be_tried_again_here_too(open_page, app):
    app.engine.now = replace(app.engine.now, state="failed", error="Too little memory.")
    tab = open_page("system")
    assert "Too little memory" in words(tab)
    assert tab.button(key="engine-retry")


def test_loading_shows_its_stages_and_how_long_it_takes(open_page, app):
    begun = time.monotonic() - 75
    stages = (("importing vLLM", 8.2), ("loading weights", 61.0))
    app.engine.now = replace(
        app.engine.now, state="loading", stage="warming up", begun=begun, stages=stages
    )
    tab = open_page("system")
    # 75 seconds and what it takes to draw the page.
    assert re.match(r"loading: warming up, 1 min (1[5-9]|[2-5]\d) s", metric_values(tab)["State"])
    assert "importing vLLM 8.2 s · loading weights 1 min 1 s" in words(tab).replace("\\", "")


def test_starts_that_failed_are_listed_and_can_be_forgotten(open_page, app):
    attempt = Attempt(
        at="2026-01-02T03:04:05+00:00",
        plan="FLASHINFER, window 131,072",
        stage="loading weights",
        cause="memory",
        error="CUDA out of memory",
        response="tried again with max_model_len = 65536",
    )
    app.engine.now = replace(
        app.engine.now, attempts=(attempt,), notes=("a = b: c",), notice="The window is smaller."
    )
    (app.settings.data_dir / "engine.json").write_text("{}")
    tab = open_page("system")
    assert "The window is smaller" in words(tab)
    table = tab.table[0].value
    assert "CUDA out of memory" in str(table["Error"])
    assert "65536" in str(table["What was done"])
    button(tab, "Try the settings").click().run()
    assert not (app.settings.data_dir / "engine.json").exists()
