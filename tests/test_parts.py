"""A test whose part is missing fails where the part was promised; else the run names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parts import PROMISES, find_program

ROOT = Path(__file__).parents[1]
TEST = """
from tests.parts import find_program

def test_with_a_program():
    find_program("no-such-program", package="nothing")
"""


@pytest.fixture
def nothing_promised(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv(PROMISES, raising=False)


@pytest.mark.parametrize(
    ("variable", "value"), [("CI", "1"), (PROMISES, "chromium no-such-program")]
)
def test_where_the_part_was_promised_the_test_fails(nothing_promised, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    with pytest.raises(pytest.fail.Exception, match="install the Debian package nothing"):
        find_program("no-such-program", package="nothing")


def test_elsewhere_it_is_skipped_and_the_end_of_the_run_names_it(nothing_promised, tmp_path):
    path = tmp_path / "test_it.py"
    path.write_text(TEST, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "tests.conftest", path],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert "test_it.py::test_with_a_program: no-such-program is missing: install" in ended.stdout


def test_the_setup_names_no_function_like_a_program():
    # inside a function `chromium`, `command -v chromium` finds the function: nothing was installed
    script = (ROOT / "scripts" / "setup.sh").read_text("utf-8")
    command = ["bash", "-c", "compgen -c"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    programs = set(listed.stdout.split()) | {"chromium", "install", "pip"}
    functions = {line.partition("()")[0] for line in script.splitlines() if "() {" in line}
    assert "install_programs" in functions
    assert functions & programs == set()
