"""`docmind model` beside a running app: what answers there, and when a choice comes to it."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from docmind.api.server import serve
from docmind.cli import main
from tests.fakes import fake_app


@pytest.fixture
def app(tmp_path, monkeypatch, models_dir):
    """An app that runs; the command finds it by its data folder."""
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    (tmp_path / "models").symlink_to(models_dir)
    app = fake_app(tmp_path)
    serve(app)
    yield app
    app.close()


def run(*arguments):
    result = CliRunner().invoke(main.make_cli(), ["model", *arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_the_list_says_what_the_running_app_answers_with(app, monkeypatch):
    assert f"The running DocMind answers with {app.engine.status().model}." in run("list")
    failed = replace(app.engine.status(), state="failed", error="There is too little memory.")
    monkeypatch.setattr(app.engine, "status", lambda: failed)
    assert "(There is too little memory.)" in run("list")


def test_a_choice_says_that_the_running_app_must_be_restarted_for_it(app, smollm2):
    said = run("use", "smollm2-135m")
    assert "answers from the next start on" in said
    assert "DocMind is running" in said
    app.close()
    assert "DocMind is running" not in run("use", "smollm2-135m")
