"""The examples of docs/api.md, run as they stand there."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import docmind
from tests.parts import find_program

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


def examples(language):
    """Return the blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


@pytest.fixture
def run_example(serve_app, tmp_path):
    """`run_example(program, "-c", code)` → what it prints beside a running app."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = serve_app(api={"port": port, "token": "secret"})
    (tmp_path / "bikes.txt").write_text("Bicycles are kept in the cellar.")
    # `docmind`, as it is installed by the package.
    commands = tmp_path / "bin"
    commands.mkdir()
    script = commands / "docmind"
    checkout = Path(docmind.__file__).parents[1]
    script.write_text(
        f'#!/bin/sh\nPYTHONPATH="{checkout}" exec "{sys.executable}" -m docmind.cli "$@"\n'
    )
    script.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{commands}:{os.environ['PATH']}",
        "DOCMIND_DATA_DIR": str(app.settings.data_dir),
        "DOCMIND_API__PORT": str(port),
        "DOCMIND_API__TOKEN": "secret",
    }

    def run(*command):
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_examples_do_what_the_page_says(run_example):
    with_openai, with_mcp = examples("python")
    assert run_example(sys.executable, "-c", with_openai).splitlines() == [
        "Pets are not allowed [1].",
        "[1] lease.txt",
        "supported Pets are not allowed.",
    ]
    checked = run_example(sys.executable, "-c", with_mcp)
    assert checked.startswith("supported: The notice period is three months.")

    find_program("curl", package="curl")
    (with_curl,) = examples("sh")
    printed = run_example("sh", "-ec", with_curl)
    assert "lease.txt" in printed
    assert "bikes.txt" in printed
    assert '"event": "TurnFinished"' in printed
    assert "Internal Server Error" not in printed


def test_the_commands_ask_the_running_app(run_example, tmp_path):
    """With the app open they neither refuse nor load a model of their own."""
    ingested = run_example("docmind", "ingest", str(tmp_path / "bikes.txt"), "--tag", "house")
    assert "bikes.txt: 1 passage" in ingested
    answered = run_example("docmind", "ask", "Are pets allowed?")
    assert "Pets are not allowed [1]." in answered
    assert "lease.txt" in answered
