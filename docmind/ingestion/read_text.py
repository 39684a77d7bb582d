"""Plain text, Markdown, CSV and HTML → text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Outline, Progress, Section, markdown_table, one_line


def decode(data: bytes) -> str:
    """Return the bytes as text: by byte order mark, as UTF-8, else by charset-normalizer's guess, else CorruptFile."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        guesses = from_bytes(data[: 64 << 10])
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


def read_text(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read plain text of any encoding."""
    return [Section(decode(path.read_bytes()))]


def read_markdown(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read Markdown; a section per heading, tables apart."""
    from markdown_it import MarkdownIt

    text = decode(path.read_bytes()).replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    outline = Outline()
    at = 0
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    for i, token in enumerate(tokens):
        if token.type in {"heading_open", "table_open"} and not token.level and token.map:
            first, end = token.map
            outline.text("\n".join(lines[at:first]))
            if token.type == "table_open":
                outline.table("\n".join(lines[first:end]))
            else:
                outline.heading(int(token.tag[1]), tokens[i + 1].content)
            at = end
    outline.text("\n".join(lines[at:]))
    return outline.sections()


def read_csv(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read CSV as one table; the delimiter is the one that is most frequent in its first line."""
    text = decode(path.read_bytes()).lstrip()
    csv.field_size_limit(1 << 30)
    delimiter = max(",;\t|", key=text.split("\n", 1)[0].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True))
    return [Section(markdown_table(rows), table=True)]


_DROP = ["script", "style", "nav", "noscript", "template", "svg", "iframe", "object", "head"]
_BLOCK = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form header hr
    html li main ol option p pre section summary table tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
)


def read_html(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read HTML without scripts, styles and navigation; a section per heading, tables apart."""
    from bs4 import BeautifulSoup
    from bs4.element import NavigableString, PreformattedString

    soup = BeautifulSoup(path.read_bytes(), "lxml")
    outline = Outline(one_line(soup.title.get_text()) if soup.title else "")
    for tag in soup(_DROP):
        tag.decompose()
    todo: list[Any] = [soup]  # no recursion: pages nest thousands of levels deep
    while todo:
        node = todo.pop()
        if isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):  # comments and declarations
                outline.text(node if node.find_parent("pre") else re.sub(r"\s+", " ", node))
        elif isinstance(node, str):
            outline.text(node)
        elif re.fullmatch("h[1-6]", node.name) and (title := node.get_text(" ")):
            outline.heading(int(node.name[1]), title)
        elif node.name == "table" and (table := _table(node)):
            outline.text("\n" + node.caption.get_text(" ") if node.caption else "")
            outline.table(table)
        else:
            block = node.name in _BLOCK
            todo += ["\n"] if block else []
            todo += reversed(node.contents)
            todo += ["\n- " if node.name == "li" else "\n\n" if node.name == "p" else "\n"] if block else []
    return [
        replace(s, text=re.sub(r"- \n+", "- ", re.sub(r"[ \t]*\n[ \t]?", "\n", s.text))) for s in outline.sections()
    ]


def _table(table: Any) -> str:
    """Return a table as Markdown; "" if it only lays out the page."""
    rows = [[cell.get_text(" ") for cell in row(["td", "th"])] for row in table("tr")]
    layout = table.find(["table", "h1", "h2", "h3"]) or max(map(len, rows), default=0) < 2
    return "" if layout else markdown_table(rows)
