"""The whole app around an engine whose words the test gives.

Documents, store, graph and database are real.
"""

import json

import pytest

from docmind.app import build_app
from docmind.storage.settings import load_settings

DOCUMENTS = {
    "handbook.md": "# Time off\n\nEmployees get 25 days of paid vacation a year.\n\n# Laptops\n\n"
    "New laptops are requested through the IT portal and arrive within two weeks.\n",
    "lease.txt": "The lease runs for three years. Pets are not allowed. "
    "The notice period is three months.\n",
}


KINDS = {
    "researcher": "look_up",
    "summarizer": "summarize",
    "analyst": "calculate",
    "comparer": "compare",
    "verifier": "check",
    "librarian": "library",
}


def plan(*tasks):
    """What the supervisor writes for (question, agent) pairs."""
    questions = [{"question": q, "kind": KINDS.get(a, a)} for q, a in tasks]
    return json.dumps({"count": len(questions), "questions": questions})


def replies(planned, answer):
    """What an engine writes: `planned` where the supervisor asks for a plan, else `answer`."""

    def reply(messages, constraint):
        if constraint:
            return planned
        return answer

    return reply


@pytest.fixture
def make_app(tmp_path, models_dir, minilm):
    """`make_app(engine, **settings)` → an App with the two documents ready."""
    apps = []

    def make(engine, **groups):
        # Most texts here are made up, and would be mended: that has tests of its own.
        agents = {
            "unsupported_sentences": "mark",
            "judge_statements": False,
            "suggest_questions": False,
        }
        groups["agents"] = agents | groups.get("agents", {})
        settings = load_settings(data_dir=tmp_path / "data", **groups)
        settings.data_dir.joinpath("models").symlink_to(models_dir)
        app = build_app(settings, engine=engine)
        for name, text in DOCUMENTS.items():
            app.documents.add_bytes(text.encode(), name)
        assert app.documents.wait(120)
        apps.append(app)
        return app

    yield make
    for app in apps:
        app.close()


@pytest.fixture
def ask():
    """`ask(app, question)` → the turn's events."""

    def run(app, question, conversation_id=None):
        return list(app.chat.stream(question, conversation_id or app.conversations.create().id))

    return run
