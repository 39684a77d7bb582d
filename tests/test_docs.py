"""What the documentation names exists: files, commands, options, make targets, settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic import BaseModel

from docmind.cli.main import cli
from docmind.settings import Settings
from scripts import settings_table

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("deploy/*.md"),
        *ROOT.glob("benchmarks/**/*.md"),
        *ROOT.glob("training/**/*.md"),
    ]
)
NO_SETTINGS = {
    # read before there are settings, or by the set-up and the tests only
    "DOCMIND_HARDWARE",
    "DOCMIND_TEST_DATA",
    "DOCMIND_TEST_MODELS",
}

_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_FENCED_OR_INDENTED = re.compile(
    r"^(?: {4}|\t)([^\n]+)$|^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL
)
_VARIABLE = re.compile(r"\bDOCMIND_[A-Z0-9_]+[A-Z0-9]\b")
_PATH = re.compile(
    r"(?<![\w./-])(?:docmind|pages|tests|benchmarks|scripts|docs|deploy|requirements|training|\.ci|\.streamlit)"
    r"/[\w./-]*[\w-]/?"
)


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def code_of(page: Path) -> Iterator[str]:
    """Yield every code span and every line of code.

    The list of results has the commands as they were run, also with earlier versions.
    """
    text = re.sub(r"^- \[[^\n]*\]\(results/[^\n]*$", "", text_of(page), flags=re.MULTILINE)
    yield from _CODE_SPAN.findall(text)
    for indented, fenced in _FENCED_OR_INDENTED.findall(text):
        for line in (indented or fenced).splitlines():
            yield line.strip()


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(params=PAGES, ids=page_id)
def page(request) -> Path:
    return request.param


def test_links_lead_somewhere(page):
    missing = [link for link in _LINK.findall(text_of(page)) if not (page.parent / link).exists()]
    assert not missing


def test_files_that_are_named_exist(page):
    missing = []
    for code in code_of(page):
        for path in _PATH.findall(code):
            # A name with a placeholder, as in results/NAME.json, is no file.
            if re.search(r"[A-Z]{3,}", Path(path).name) or "*" in code:
                continue
            if not (ROOT / path).exists() and not (page.parent / path).exists():
                missing.append(path)
    assert not missing


def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        target
        for code in code_of(page)
        for target in re.findall(r"(?:^|&& |sudo )make ([a-z-]+)", code)
    }
    assert named <= targets


def test_settings_exist(page):
    known = set(NO_SETTINGS) | {"DOCMIND_DATA_DIR"}
    for group, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            known |= {f"DOCMIND_{group}__{name}".upper() for name in model.model_fields}
    named = set(_VARIABLE.findall(text_of(page))) - {"DOCMIND_GROUP__FIELD"}
    assert named <= known


def test_commands_and_their_options_exist(page):
    unknown = []
    for code in code_of(page):
        for line in re.findall(r"(?:^|/|&& |-m )docmind ([a-z][^`#]*)", code):
            unknown += unknown_words(line)
    assert not unknown


def unknown_words(line: str) -> Iterator[str]:
    """Yield what of `docmind LINE` is no command and no option of one.

    In "model list | pull NAME" the word after the bar stands in place of the command before it.
    """
    command: Any = typer.main.get_command(cli)
    group = command
    for word in line.replace("…", " ").split():
        name = word.strip(",;:.[]")
        if name == "|":
            command = group
        elif name.startswith("--"):
            options = [option for parameter in command.params for option in parameter.opts]
            if name.split("=")[0] not in options:
                yield f"docmind {line}: {name}"
        elif hasattr(command, "commands") and name and not name.isupper():
            if name not in command.commands:
                yield f"docmind {line}: {name}"
                return
            group = command
            command = command.commands[name]


def test_the_table_of_settings_is_made_from_the_settings():
    assert settings_table.FILE.read_text("utf-8") == settings_table.written()
