"""`docmind extract`: the running app fills a grid; it is written, what is doubtful printed."""

import csv
import threading

import pytest
from typer.testing import CliRunner

from docmind.api.server import serve
from docmind.cli import extract, main
from docmind.extraction.service import ExtractionService
from tests.fakes import FakeReader, fake_app


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An app that runs; the command finds it by its data folder."""
    monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
    app = fake_app(tmp_path)
    app.documents.add_bytes(b"It is five.", "prices.txt")
    serve(app)
    yield app
    app.close()


def run(*arguments):
    return CliRunner().invoke(main.make_cli(), ["extract", *arguments])


def test_values_citations_and_verdicts_are_written(app, tmp_path):
    file = tmp_path / "grid.csv"
    result = run("--question", "How much?", "--question", "Any doubt?", "--out", str(file))
    assert result.exit_code == 0, result.output
    with file.open(encoding="utf-8-sig", newline="") as lines:
        _, row = csv.reader(lines)
    place = f"{app.documents.documents()[0].id[:8]}.txt, page 1"
    assert row == [
        "prices.txt",
        "five",
        place,
        "supported",
        "five",
        place,
        "not found",
    ]
    printed = " ".join(result.output.split())
    assert "2 values from 1 document, 2 of 2 cells read" in printed
    assert "! prices.txt, Any doubt? five: not found" in printed


def test_another_ending_is_refused_before_anything_is_asked(app, tmp_path):
    result = run("--question", "How much?", "--out", str(tmp_path / "grid.pdf"))
    assert "must end with .csv or .xlsx" in str(result.exception)
    assert app.extraction.latest() is None


def test_what_was_read_before_the_engine_died_is_written(app, tmp_path):
    file = tmp_path / "grid.xlsx"
    result = run("--question", "Is it dead?", "--out", str(file))
    assert "The engine died" in str(result.exception)
    assert file.exists()


def test_an_unknown_collection_is_said(app, tmp_path):
    result = run("--question", "x", "--collection", "Nope", "--out", str(tmp_path / "a.csv"))
    assert "Nope" in str(result.exception)


def test_what_was_read_before_ctrl_c_is_written(app, tmp_path, monkeypatch):
    never = threading.Event()
    app.extraction = ExtractionService(
        engine=app.engine,
        make_reader=lambda: FakeReader(never),
        list_documents=app.documents.documents,
    )

    def interrupt(_seconds):
        monkeypatch.undo()
        monkeypatch.setenv("DOCMIND_DATA_DIR", str(tmp_path))
        raise KeyboardInterrupt

    monkeypatch.setattr(extract.time, "sleep", interrupt)
    file = tmp_path / "grid.csv"
    result = run("--question", "How much?", "--out", str(file))
    assert result.exit_code == 0, result.output
    assert file.read_text(encoding="utf-8-sig").splitlines()[1] == "prices.txt,,,"
    assert app.extraction.latest().stopped


def test_without_a_running_app_the_command_opens_one_of_its_own(app, tmp_path, monkeypatch):
    app.close()
    monkeypatch.setattr("docmind.cli.opening._build_app", lambda *_, **__: app)
    file = tmp_path / "grid.csv"
    result = run("--question", "How much?", "--out", str(file))
    assert result.exit_code == 0, result.output
    assert "five" in file.read_text("utf-8")
