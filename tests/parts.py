"""Parts that a test needs and a machine may lack: a browser, systemd's checker, public data.

A test that silently does not run proves nothing. So a missing part fails the test where somebody
relies on it: in CI, and in `make test`, whose set-up installs the part. Elsewhere the test is
skipped, and the end of the run names it (`pytest_terminal_summary` in conftest.py).
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PROMISES = "DOCMIND_TEST_PROMISES"
"""Names, separated by blanks, of the parts that the command has set up."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Public documents and questions beside the checkout. They are no part of the repository: where the
whole folder is missing the tests that read it are skipped, also in CI; where it is there, what they
read in it must be there too."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing(part: str, remedy: str) -> NoReturn:
    """End the test that needs `part`: fail where the part was promised, else skip.

    `remedy` says what to do.
    """
    message = f"{part} is missing: {remedy}"
    promised = os.environ.get(PROMISES, "").split()
    if os.environ.get("CI") or part in promised:
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def find_program(name: str, *other_names: str, package: str) -> str:
    """Return the path of a program under one of its names; end the test where there is none.

    `package` is the Debian package that has it.
    """
    for candidate in (name, *other_names):
        path = shutil.which(candidate)
        if path is not None:
            return path
    missing(name, f"install the Debian package {package}, or run `make test`, which does")


def find_browser() -> str:
    """Return the path of the system's Chromium; end the test where there is none."""
    return find_program(*BROWSERS, package="chromium")


def find_shared_data(*parts: str) -> Path:
    """Return a file or folder of the shared data; skip the test where there is none of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is missing: it is not part of the repository")
    path = SHARED_DATA.joinpath(*parts)
    assert path.exists(), f"{path} is missing, though {SHARED_DATA} is there"
    return path
