"""Markdown → text, as the web page that it describes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import Progress, Section, one_line
from docmind.ingestion.readers.encodings import decode
from docmind.ingestion.readers.html import NOT_CONTENT, html_sections

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(
    r"\s*^(?P<fence>---|\+\+\+)[ \t]*\n"
    r"(?P<lines>(?:[ \t]*(?:#.*)?\n)*[\w\"'-][^\n:=]*[:=].*?\n|)"
    r"(?:(?P=fence)|\.\.\.)[ \t]*$\n?",
    re.MULTILINE | re.DOTALL,
)
"""Data about the page at its top, in YAML or TOML."""
_TITLE = re.compile(r"^title\s*[:=]\s*(?P<title>.+?)\s*$\n?", re.MULTILINE | re.IGNORECASE)
_TAG = re.compile(r"<(?=/?(?P<name>[A-Za-z][\w.-]*)[\s/>])")
_NOT_IN_TEXT = frozenset({"html", "body", "title", "meta", "link", "base", "frame", "frameset"})
"""Elements of HTML that have no place within a text: what looks like them is something else."""


@dataclass(frozen=True)
class _Source:
    """A file of Markdown."""

    title: str
    """By its front matter; "" if that names none."""
    front_matter: str
    """The rest of it."""
    text: str


def read_markdown(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read Markdown: as text what stands in its front matter, then the page."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    markdown.add_render_rule("html_block", _html)
    markdown.add_render_rule("html_inline", _html)
    source = _without_front_matter(decode(path.read_bytes()))
    front_matter: list[Section] = []
    if source.front_matter:
        headings = (source.title,) if source.title else ()
        front_matter = [Section(text=source.front_matter, headings=headings)]
    return front_matter + html_sections(markdown.render(source.text), source.title)


def _without_front_matter(text: str) -> _Source:
    text = text.replace("\r\n", "\n")
    found = _FRONT_MATTER.match(text)
    if found is None:
        return _Source(title="", front_matter="", text=text)
    lines = found["lines"]
    title = ""
    title_line = _TITLE.search(lines)
    if title_line:
        title = one_line(title_line["title"].strip("\"'"))
        lines = lines[: title_line.start()] + lines[title_line.end() :]
    return _Source(title=title, front_matter=lines, text=text[found.end() :])


def _html(
    _renderer: object, tokens: Sequence[Token], index: int, _options: object, _env: object
) -> str:
    """Return HTML within Markdown; what is no element of HTML, such as <name>, is text."""
    from lxml.html.defs import tags

    html = tokens[index].content

    def as_text_or_tag(found: re.Match[str]) -> str:
        name = found["name"].lower()
        is_closed = f"</{name}" in html.lower()
        swallows_text = name in NOT_CONTENT and not is_closed
        if name not in tags or name in _NOT_IN_TEXT or swallows_text:
            return escape("<")
        return "<"

    return _TAG.sub(as_text_or_tag, html)
