"""What drawings in Office files say: charts, diagrams (SmartArt), and the texts of their shapes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import markdown_table, one_line
from docmind.ingestion.readers.number_formats import shown
from docmind.ingestion.readers.ooxml import (
    Package,
    local_name,
    number_attribute,
    relationship_id,
)
from docmind.ingestion.readers.word_numbering import written_number

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_MARKED_BEHIND = ")]%'\"\u2019"
_SIGNS = "+-*(\u2212\u2013"
"""What may begin a power, with the minus and the dash that look like a hyphen."""
DRAWING_NAMESPACE = "http://schemas.openxmlformats.org/drawingml/2006/main"
_NUMBER_FORMS = {
    "alphaLc": "lowerLetter",
    "alphaUc": "upperLetter",
    "romanLc": "lowerRoman",
    "romanUc": "upperRoman",
}
"""How the numbers of lists on slides are called → Word's names of the same."""
_FILE_NAME = re.compile(r"\S+\.(png|jpe?g|gif|bmp|tiff?|emf|wmf|svg)", re.IGNORECASE)
MOST_POINTS = 2000
"""Of a chart's series: more are samples of a curve, which nobody reads one by one."""


def paragraphs(body: Element) -> list[str]:
    """Return the paragraphs of a shape's text with their numbers, without empty ones."""
    texts: list[str] = []
    counts: dict[int, int] = {}
    """Level → the number of its last paragraph, while a list goes on."""
    for paragraph in body.iter(f"{{{DRAWING_NAMESPACE}}}p"):
        text = paragraph_text(paragraph)
        if not text.strip():
            continue
        level = number_attribute(paragraph.find("{*}pPr"), "lvl") or 0
        numbers = paragraph.find("{*}pPr/{*}buAutoNum")
        counts = {other: count for other, count in counts.items() if other <= level}
        if numbers is None:
            counts.pop(level, None)
        else:
            start = number_attribute(numbers, "startAt") or 1
            counts[level] = counts.get(level, start - 1) + 1
            text = f"{_automatic_number(counts[level], numbers.get('type') or '')} {text}"
        texts.append(text)
    return texts


def _automatic_number(number: int, form: str) -> str:
    """Return a paragraph's number, for example `2)` for the form `arabicParenR`."""
    text = str(number)
    for beginning, word_form in _NUMBER_FORMS.items():
        if form.startswith(beginning):
            text = written_number(number, word_form)
    if form.endswith("ParenBoth"):
        return f"({text})"
    if form.endswith("ParenR"):
        return f"{text})"
    return f"{text}."


def write_out_links(package: Package, part_name: str, root: Element) -> None:
    """Put the address of each link in brackets behind its text."""
    for link in root.iter(f"{{{DRAWING_NAMESPACE}}}hlinkClick"):
        target = package.target(part_name, relationship_id(link))
        properties = link.getparent()
        run = None if properties is None else properties.getparent()
        text = None if run is None else run.find(f"{{{DRAWING_NAMESPACE}}}t")
        if target is None or not target.external or text is None:
            continue
        address = target.target.removeprefix("mailto:")
        if address not in (text.text or ""):
            text.text = f"{text.text or ''} ({address})"


def paragraph_text(paragraph: Element) -> str:
    """Return a drawing's paragraph; superscripts after a letter or digit get a mark."""
    pieces: list[Piece] = []
    for run in paragraph:
        name = local_name(run)
        if name == "br":
            pieces.append(Piece("\n"))
        elif name in {"r", "fld"}:
            baseline = number_attribute(run.find("{*}rPr"), "baseline") or 0
            pieces.append(Piece(run.findtext("{*}t") or "", baseline))
    return joined(pieces)


@dataclass(frozen=True)
class Piece:
    """A stretch of text that stands on one line, or above or below it."""

    text: str
    baseline: int = 0
    """Above 0 for a superscript, below 0 for a subscript."""


SCRIPTS = {"superscript": 1, "subscript": -1}
"""What Word and Excel call them → a piece's `baseline`."""


def joined(pieces: Sequence[Piece]) -> str:
    """Return a paragraph; `10` and a superscript `6` are `10^6`, never `106`.

    A mark stands only where another number or word would come out without it: letters after a digit
    (`1st`) change nothing, nor does a digit below a letter (`CO2`).
    """
    text = ""
    previous = 0
    for piece in pieces:
        direction = (piece.baseline > 0) - (piece.baseline < 0)
        if not piece.text:
            continue
        addition = piece.text
        if direction and direction != previous and _needs_mark(text, piece.text, direction):
            mark = "^" if direction > 0 else "_"
            addition = f"{mark}{piece.text.lstrip()}"
        text += addition
        previous = direction
    return text


def _needs_mark(before: str, script: str, direction: int) -> bool:
    script = script.strip()
    if not before or not script:
        return False
    last = before[-1]
    if direction < 0:
        return last.isdigit() and script[0].isdigit()
    if not last.isalnum() and last not in _MARKED_BEHIND:
        return False
    has_digit = any(character.isdigit() for character in script)
    return has_digit or script[0] in _SIGNS or len(script) == 1


def chart_text(package: Package, part_name: str) -> tuple[str, str]:
    """Return a chart's titles as text, and its values as a Markdown table: a column a series."""
    root = package.part(part_name)
    if root is None:
        return "", ""
    titles: list[str] = []
    for title in root.iter("{*}title"):
        text = one_line(" ".join(paragraphs(title)))
        if text:
            titles.append(text)
    table = _chart_table(root)
    text = "Chart: " + "; ".join(titles)
    if not titles:
        text = "Chart" if table else ""
    return text, table


def _chart_table(root: Element) -> str:
    """Return a chart's values as a table: a row for each category, a column for each series.

    Charts of x and y have the x values as categories. "" if there are no values.
    """
    header = [""]
    # Labels and columns are by position: a series may leave out points.
    labels: dict[int, str] = {}
    columns: list[dict[int, str]] = []
    for series in root.iter("{*}ser"):
        name = one_line(" ".join(value.text or "" for value in series.iterfind("{*}tx//{*}v")))
        header.append(name or f"Series {len(columns) + 1}")
        for tag in ("cat", "xVal"):
            for position, label in _points(series.find(f"{{*}}{tag}")).items():
                labels.setdefault(position, label)
        values = _points(series.find("{*}val")) or _points(series.find("{*}yVal"))
        sizes = _points(series.find("{*}bubbleSize"))
        for position, size in sizes.items():
            values[position] = f"{values.get(position, '')} (size {size})"
        columns.append(values)
    positions: set[int] = set(labels)
    for column in columns:
        positions |= set(column)
    rows: list[list[str]] = [header]
    for position in sorted(positions)[:MOST_POINTS]:
        row = [labels.get(position, str(position + 1))]
        row += [column.get(position, "") for column in columns]
        rows.append(row)
    if len(rows) == 1:
        return ""
    return markdown_table(rows)


def _points(data: Element | None) -> dict[int, str]:
    """Return the values that a chart keeps of its cells, as shown, by their position."""
    points: dict[int, str] = {}
    if data is None:
        return points
    for level in data.iter("{*}strCache", "{*}numCache", "{*}lvl", "{*}strLit", "{*}numLit"):
        number_format = level.findtext("{*}formatCode") or "General"
        for point in level.iterfind("{*}pt"):
            position = number_attribute(point, "idx") or 0
            value = _as_shown(point.findtext("{*}v") or "", number_format, local_name(level))
            if position in points:  # an outer level of categories
                value = f"{value} {points[position]}"
            points[position] = value
    return points


def _as_shown(value: str, number_format: str, cache: str) -> str:
    if not cache.startswith("num"):
        return one_line(value)
    try:
        return shown(float(value), number_format)
    except ValueError:
        return one_line(value)


def diagram_text(package: Package, part_name: str) -> str:
    """Return the texts of a diagram (SmartArt), a line each."""
    root = package.part(part_name)
    if root is None:
        return ""
    texts: list[str] = []
    for point in root.iterfind(".//{*}pt"):
        text = one_line(" ".join(paragraphs(point)))
        if text and point.get("type") != "pres":
            texts.append(text)
    return "\n".join(texts)


def alternative_text(properties: Element | None) -> str:
    """Return what an author wrote about a picture or shape for those who do not see it."""
    if properties is None:
        return ""
    title = one_line(properties.get("title") or "")
    description = one_line(properties.get("descr") or "")
    if _FILE_NAME.fullmatch(description):  # written by a program
        description = ""
    if title and description and title != description:
        return f"{title}: {description}"
    return description or title
