"""What a reader gives back: the document's text in sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

Progress = Callable[[int, int], None]
"""Called with (done, total) while a file is read; may raise to stop the reading."""
GAP = "\n\n"
"""What stands between two sections in the document's extracted text."""
HEADING_GAP = " > "
"""What stands between the headings of a path."""
Box = tuple[float, float, float, float]
"""Left, top, right and bottom as shares (0 to 1) of the page's width and height, as it is shown."""
Line = tuple[Box | None, str]
"""Where a line of text stands on the page, if that is known, and what it says."""
_LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad]")


@dataclass(frozen=True)
class Section:
    """A stretch of text under one heading on one page."""

    text: str
    page: int | None = None  # 1-based page, slide or sheet; None where the format has none
    heading: str = ""  # the headings above it, outermost first, joined by HEADING_GAP
    table: bool = False  # a Markdown table: two lines of header, then a line per row
    boxes: tuple[
        Box | None, ...
    ] = ()  # where each line of the text stands on the page; () where that is not known


@dataclass(frozen=True)
class ParsedDocument:
    """A file's text. Character spans count in `text`."""

    sections: tuple[Section, ...]
    pages: int = 0  # pages, slides or sheets; 0 where the format has none

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


class Outline:
    """Collects the sections of a format without pages, in reading order."""

    def __init__(self, title: str = "") -> None:
        self._path = Headings(title)
        self._heading = title
        self._text: list[str] = []
        self._sections: list[Section] = []

    def text(self, text: str) -> None:
        """Go on with this text, as it is."""
        self._text.append(text)

    def heading(self, level: int, title: str) -> None:
        """Begin a section."""
        self.sections()
        self._heading = self._path.enter(level, title)
        self._text.append(f"{'#' * level} {one_line(title)}\n\n")

    def table(self, markdown: str) -> None:
        """Put a table under the present heading."""
        self.sections()
        self._sections.append(Section(markdown, None, self._heading, table=True))

    def sections(self) -> list[Section]:
        """Return what there is so far."""
        self._sections.append(Section("".join(self._text), None, self._heading))
        self._text.clear()
        return self._sections


class Headings:
    """The path of headings from the top to where a reader is."""

    def __init__(self, title: str = "") -> None:
        self._stack = [(0, title)] if title else []

    def enter(self, level: int, title: str) -> str:
        """Go to a heading of this level and return the path to it."""
        self._stack = [(above, t) for above, t in self._stack if above < level]
        self._stack.append((level, one_line(title)))
        return HEADING_GAP.join(t for _, t in self._stack if t)


def clean(text: str) -> str:
    """Return the text without what no one can read: control characters, soft hyphens, lone surrogates, trailing
    blanks, rows of empty lines.
    """
    text = _CONTROL.sub("", _LINE_END.sub("\n", text))
    text = text.encode("utf-8", "ignore").decode("utf-8")
    lines: list[str] = []
    for line in map(str.rstrip, text.split("\n")):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def one_line(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split())


def markdown_table(rows: Sequence[Sequence[object]]) -> str:
    """Return rows (the first is the header) as a Markdown table without empty rows and columns; "" if all are."""
    cells = [
        ["" if c is None else one_line(str(c)).replace("|", "\\|") for c in row] for row in rows
    ]
    columns = [c for c in zip_longest(*filter(any, cells), fillvalue="") if any(c)]
    lines = ["| " + " | ".join(row) + " |" for row in zip(*columns, strict=True)]
    return "\n".join([*lines[:1], "|" + " --- |" * len(columns), *lines[1:]]) if lines else ""
