"""`docmind extract`: a file is written, what is doubtful is printed."""

import csv
from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

from docmind.cli import extract, main
from tests.fakes import fake_app


@pytest.fixture
def app(tmp_path, monkeypatch):
    app = fake_app(tmp_path)
    app.documents.add_bytes(b"It is five.", "prices.txt")
    monkeypatch.setattr(extract, "open_app", lambda: nullcontext(app))
    return app


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
