"""What a reader gives back: the document's text in sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Progress = Callable[[int, int], None]
"""Called with (done, total) while a file is read; may raise to stop the reading."""
GAP = "\n\n"
"""What stands between two sections in the document's extracted text."""

HEADING_GAP = " > "
"""What stands between the headings of a path."""


@dataclass(frozen=True)
class Section:
    """A stretch of text under one heading on one page."""

    text: str
    page: int | None = None
    """1-based page, slide or sheet; None where the format has none."""
    heading: str = ""
    """The headings above it, outermost first, joined by HEADING_GAP."""
    table: bool = False
    """A Markdown table: its first two lines are the header, each further line is a row."""


@dataclass(frozen=True)
class ParsedDocument:
    """A file's text. Character spans count in `text`."""

    sections: tuple[Section, ...]
    pages: int = 0
    """Pages, slides or sheets; 0 where the format has none."""

    @property
    def text(self) -> str:
        """The whole extracted text."""
        return GAP.join(s.text for s in self.sections)

    def spans(self) -> Iterator[tuple[int, Section]]:
        """Yield each section with its start in `text`."""
        start = 0
        for section in self.sections:
            yield start, section
            start += len(section.text) + len(GAP)


def parsed(sections: Sequence[Section], pages: int = 0) -> ParsedDocument:
    """Return the document without its empty sections."""
    trimmed = (Section(clean(s.text), s.page, one_line(s.heading), s.table) for s in sections)
    return ParsedDocument(tuple(s for s in trimmed if s.text), pages)


def clean(text: str) -> str:
    """Return the text without what no one can read: NULs, lone surrogates, trailing blanks, rows of empty lines."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").replace("\xad", "")
    text = text.encode("utf-8", "ignore").decode("utf-8")
    lines: list[str] = []
    for line in map(str.rstrip, text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def one_line(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split())


def heading_path(stack: list[tuple[int, str]], level: int, title: str) -> str:
    """Put a heading of this level on the stack and return the path to it."""
    while stack and stack[-1][0] >= level:
        stack.pop()
    stack.append((level, one_line(title)))
    return HEADING_GAP.join(t for _, t in stack if t)


def markdown_table(rows: Sequence[Sequence[object]]) -> str:
    """Return rows (the first is the header) as a Markdown table; "" if there is nothing in them."""
    cells = [["" if c is None else one_line(str(c)).replace("|", "\\|") for c in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    while width and not any(len(row) >= width and row[width - 1] for row in cells):
        width -= 1
    if not width:
        return ""
    lines = ["| " + " | ".join((row + [""] * width)[:width]) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])
