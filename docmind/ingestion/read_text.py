"""Plain text, Markdown, CSV and HTML → text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import (
    ParsedDocument,
    Progress,
    Section,
    heading_path,
    markdown_table,
    one_line,
    parsed,
)

SAMPLE = 64 << 10
"""Bytes looked at to guess an encoding."""


def decode(data: bytes) -> str:
    """Return the bytes as text: by byte order mark, as UTF-8, else by charset-normalizer's guess.

    Raises:
        CorruptFile: this is no text.
    """
    for mark, code in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(code, "replace")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        guesses = from_bytes(data[:SAMPLE])
        best = guesses.best()
        if best is None:
            raise CorruptFile("is not text: no known encoding fits it. Check that its ending is right.") from None
        # between code pages that fit alike it takes the first by name; Western Europe's is the likeliest
        fits = [g for g in guesses if g.chaos <= best.chaos and g.coherence >= best.coherence]
        best = next((g for g in fits if g.encoding == "cp1252"), best)
        text = data.decode(best.encoding, "replace")
    if text.count("\x00") > len(text) // 10:
        raise CorruptFile("is not text: it is full of zero bytes. Check that its ending is right.")
    return text


def read_text(path: Path, progress: Progress) -> ParsedDocument:  # noqa: ARG001
    """Read plain text of any encoding."""
    return parsed([Section(decode(path.read_bytes()))])


def read_markdown(path: Path, progress: Progress) -> ParsedDocument:  # noqa: ARG001
    """Read Markdown; a section per heading, tables apart."""
    from markdown_it import MarkdownIt

    text = decode(path.read_bytes())
    lines = text.splitlines()
    stack: list[tuple[int, str]] = []
    cuts: list[tuple[int, str | None, bool]] = [(0, "", False)]  # line, heading (None: as before), table
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for i, token in enumerate(tokens):
        if token.level or not token.map:
            continue
        if token.type == "heading_open":
            cuts.append((token.map[0], heading_path(stack, int(token.tag[1]), tokens[i + 1].content), False))
        elif token.type == "table_open":
            cuts += [(token.map[0], None, True), (token.map[1], None, False)]
    sections = []
    heading = ""
    for (start, title, table), end in zip(cuts, [c[0] for c in cuts[1:]] + [len(lines)], strict=True):
        heading = heading if title is None else title
        sections.append(Section("\n".join(lines[start:end]), None, heading, table))
    return parsed(sections)


def read_csv(path: Path, progress: Progress) -> ParsedDocument:  # noqa: ARG001
    """Read CSV of any usual delimiter as one table."""
    text = decode(path.read_bytes())
    csv.field_size_limit(1 << 30)
    try:
        dialect: Any = csv.Sniffer().sniff(text[:SAMPLE], delimiters=",;\t|")
    except csv.Error:
        first = text.lstrip().split("\n", 1)[0]
        best = max(",;\t|", key=first.count)
        dialect = type("Dialect", (csv.excel,), {"delimiter": best})
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), dialect))
    except csv.Error as exc:
        raise CorruptFile(f"is not readable as CSV ({exc}). Save it again from your spreadsheet program.") from exc
    return parsed([Section(markdown_table(rows), table=True)])


_DROP = ["script", "style", "nav", "noscript", "template", "svg", "iframe", "object", "head"]
_BLOCK = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form header hr
    html li main ol option p pre section summary table tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
)


def read_html(path: Path, progress: Progress) -> ParsedDocument:  # noqa: ARG001
    """Read HTML without scripts, styles and navigation; a section per heading, tables apart."""
    from bs4 import BeautifulSoup

    data = path.read_bytes()
    try:
        soup = BeautifulSoup(data, "lxml")
    except (ValueError, AssertionError) as exc:
        raise CorruptFile(f"is not readable as HTML ({exc}). Save it again from your browser.") from exc
    title = one_line(soup.title.get_text()) if soup.title else ""
    for tag in soup(_DROP):
        tag.decompose()
    stack: list[tuple[int, str]] = [(0, title)] if title else []
    heading = title
    sections: list[Section] = []
    words: list[str] = []
    for kind, text in _walk(soup):
        if kind == "text":
            words.append(text)
            continue
        sections.append(Section(_tidy(words), None, heading))
        words = []
        if kind == "table":
            sections.append(Section(text, None, heading, table=True))
        else:
            heading = heading_path(stack, int(kind[1]), text)
            words = ["#" * int(kind[1]) + " " + one_line(text) + "\n\n"]
    sections.append(Section(_tidy(words), None, heading))
    return parsed(sections)


def _walk(root: Any) -> Iterator[tuple[str, str]]:
    """Yield ("text", …), ("table", Markdown) and ("h1", title) in reading order, without recursion."""
    from bs4.element import Comment, Doctype, NavigableString, ProcessingInstruction

    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, str) and not isinstance(node, NavigableString):
            yield "text", node
        elif isinstance(node, NavigableString):
            if not isinstance(node, Comment | Doctype | ProcessingInstruction):
                kept = node.find_parent("pre") is not None
                yield "text", str(node) if kept else re.sub(r"\s+", " ", str(node))
        elif re.fullmatch("h[1-6]", node.name or ""):
            if title := node.get_text(" "):
                yield node.name, title
        elif node.name == "table" and not node.find(["table", "h1", "h2", "h3"]):
            rows = [[cell.get_text(" ") for cell in row.find_all(["td", "th"])] for row in node.find_all("tr")]
            if caption := node.find("caption"):
                yield "text", "\n" + one_line(caption.get_text(" ")) + "\n"
            if max(map(len, rows), default=0) > 1:
                yield "table", markdown_table(rows)
            else:
                yield "text", "\n" + "\n".join(one_line(" ".join(row)) for row in rows) + "\n"
        else:
            block = node.name in _BLOCK
            todo += ["\n"] if block else []
            todo += reversed(list(node.children))
            todo += ["\n- " if node.name == "li" else "\n\n" if node.name == "p" else "\n"] if block else []


def _tidy(words: list[str]) -> str:
    text = re.sub(r"[ \t]*\n[ \t]?", "\n", "".join(words))
    return re.sub(r"- \n+", "- ", text)
