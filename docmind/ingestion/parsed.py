"""What a reader gives back: the document's text in sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

Progress = Callable[[int, int], None]
"""Called with (done, total) while a file is read; may raise to stop the reading."""
SECTION_SEPARATOR = "\n\n"
"""Joins the sections of a document to its extracted text."""
HEADING_SEPARATOR = " > "
"""Joins the headings above a passage to the one line that is embedded, stored and shown."""

_LINE_END = re.compile(r"\r\n|[\r\x0b\x0c\x85]")
_UNREADABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\xad]")
"""Control characters and soft hyphens."""


def no_progress(_done: int, _total: int) -> None:
    """Take no notice: nobody follows what is done."""


class Box(NamedTuple):
    """Where something stands on a page, in fractions (0 to 1) of the page's width and height.

    The page is taken as it is shown: turned, with the origin in its upper left corner. In JSON a
    box is a list of these four numbers.
    """

    left: float
    top: float
    right: float
    bottom: float


class Line(NamedTuple):
    """A line of text and where it stands on its page, if that is known."""

    box: Box | None
    text: str


@dataclass(frozen=True)
class Section:
    """A stretch of text under one heading on one page."""

    text: str
    page: int | None = None
    """1-based page, slide or sheet; None where the format has none."""
    page_label: str = ""
    """What is printed on the page where that is another number, for example `iv`."""
    headings: tuple[str, ...] = ()
    """The headings above it, outermost first."""
    table: bool = False
    """A Markdown table: two lines of header, then a line per row."""
    header_rows: int = 1
    """Rows of a table that are heads of its columns."""
    caption: str = ""
    """Title and unit of a table. They stand above it, and are repeated with each part of it."""
    boxes: tuple[Box | None, ...] = ()
    """Where each line of the text stands on the page; () where that is not known."""
    numbers: tuple[tuple[str, ...], ...] = ()
    """Of a sheet's table, for each row the numbers behind its cells as the file holds them, "" for
    a cell without; () where only the text is known."""

    @property
    def heading(self) -> str:
        """The headings as one line, for example `Handbook > Travel`."""
        return HEADING_SEPARATOR.join(self.headings)


@dataclass(frozen=True)
class AttachedFile:
    """A file in another one: an attachment of a mail, a file in an archive."""

    name: str
    """With the folders in the archive, between slashes."""
    data: bytes
    fault: str = ""
    """Why its data can't be had, for example `is damaged`."""


@dataclass(frozen=True)
class UnpackedFile:
    """A file that stood in another one, and where its copy is."""

    name: str
    path: Path


@dataclass(frozen=True)
class PartlyRead:
    """What a reader returns when the file holds more than its text."""

    sections: Sequence[Section]
    unread: tuple[str, ...] = ()
    """A sentence without its full stop for each kind: `3 embedded videos were not read`."""
    attached: Iterable[AttachedFile] = ()
    """They become documents of their own. One at a time is asked for and held."""


@dataclass(frozen=True)
class ParsedDocument:
    """A file's text. Character spans count in `text`."""

    sections: tuple[Section, ...]
    pages: int = 0
    """Pages, slides or sheets; 0 where the format has none."""
    unread: tuple[str, ...] = ()
    """What the file holds that was not read, for example `3 embedded videos were not read`."""
    attached: tuple[UnpackedFile, ...] = ()
    """Files in it that are documents of their own."""

    @property
    def text(self) -> str:
        """The whole extracted text."""
        return SECTION_SEPARATOR.join(section.text for section in self.sections)

    def spans(self) -> Iterator[tuple[int, Section]]:
        """Yield each section with its start in `text`."""
        start = 0
        for section in self.sections:
            yield start, section
            start += len(section.text) + len(SECTION_SEPARATOR)


class Headings:
    """The headings from the top of a document down to where a reader is.

    Example:
        headings = Headings("Bees")
        headings.enter(1, "Honey")    # ("Bees", "Honey")
        headings.enter(2, "Price")    # ("Bees", "Honey", "Price")
        headings.enter(1, "Hives")    # ("Bees", "Hives"): it ends all of its own level and below
    """

    def __init__(self, title: str = "") -> None:
        self._open: list[tuple[int, str]] = []
        """Level and title of each heading above the present place; the document's has level 0."""
        if title:
            self._open.append((0, title))

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        """Go to a heading of this level and return the titles down to it, without empty ones."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, one_line(title)))
        return tuple(title for _, title in self._open if title)


class Outline:
    """Collects the sections of a format without pages, in reading order.

    Example:
        outline = Outline("Bees")
        outline.add_heading(1, "Honey")
        outline.add_text("It keeps for years.")
        outline.add_table("| Kind | Price |…")
        outline.finish()

    The result is an empty section under the heading "Bees", the text (which begins with "# Honey")
    under "Bees > Honey", the table under the same, and what follows it, here nothing. Empty
    sections are dropped when the text is cleaned.
    """

    def __init__(self, title: str = "") -> None:
        self._headings = Headings(title)
        self._path: tuple[str, ...] = ()
        if title:
            self._path = (title,)
        self._text: list[str] = []
        self._sections: list[Section] = []

    def add_text(self, text: str) -> None:
        """Go on with this text, as it is."""
        self._text.append(text)

    def add_heading(self, level: int, title: str) -> None:
        """Begin a section."""
        self._end_section()
        self._path = self._headings.enter(level, title)
        self._text.append(f"{'#' * level} {one_line(title)}\n\n")

    def add_table(self, markdown: str) -> None:
        """Put a table under the present heading."""
        self._end_section()
        self._sections.append(Section(text=markdown, headings=self._path, table=True))

    def finish(self) -> list[Section]:
        """Return the sections."""
        self._end_section()
        return self._sections

    def _end_section(self) -> None:
        self._sections.append(Section(text="".join(self._text), headings=self._path))
        self._text.clear()


def clean(text: str) -> str:
    """Return the text without what no one can read.

    Control characters, soft hyphens, lone surrogates and trailing blanks go; of several empty lines
    one stays.
    """
    text = _LINE_END.sub("\n", text)
    text = _UNREADABLE.sub("", text)
    text = text.encode("utf-8", "ignore").decode("utf-8")
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.rstrip()
        previous_has_text = bool(lines and lines[-1])
        if stripped or previous_has_text:
            lines.append(stripped)
    return "\n".join(lines).strip()


def one_line(text: str) -> str:
    """Return the text with every run of white space as one blank."""
    return " ".join(text.split())


def markdown_table(rows: Sequence[Sequence[object]], header: Sequence[object] | None = None) -> str:
    """Return rows as a Markdown table without empty rows and columns.

    Rows may be of different lengths. The result is "" if every cell is empty.

    Args:
        rows: the first is the header, if `header` is None.
        header: stands above all rows, even if it is empty.
    """
    filled_rows: list[list[str]] = []
    if header is not None:
        filled_rows.append([_cell_text(value) for value in header])
    for row in rows:
        cells = [_cell_text(value) for value in row]
        if any(cells):
            filled_rows.append(cells)
    columns = [column for column in zip_longest(*filled_rows, fillvalue="") if any(column)]
    lines = ["| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True)]
    if not lines:
        return ""
    rule = "|" + " --- |" * len(columns)
    lines.insert(1, rule)
    return "\n".join(lines)


def _cell_text(value: object) -> str:
    """Return a cell's value as Markdown, in which a bar separates cells."""
    if value is None:
        return ""
    return one_line(str(value)).replace("|", "\\|")
