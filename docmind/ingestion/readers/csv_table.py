"""CSV → one table, and the lines above it.

A CSV file says nowhere how it separates its cells. What is known of these files, by whoever wrote
them, is: rows of a table have the same number of cells, and cells are numbers, dates or text in
which no other separator stands (van den Burg et al., "Wrangling messy CSV files by detecting row
and type patterns", 2019).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from docmind.ingestion.parsed import Progress, Section, markdown_table
from docmind.ingestion.readers.encodings import decode

Row = list[str]

DELIMITERS = ",;\t|"
"""The first of those that fit alike is taken."""
LARGEST_FIELD = 1 << 30
"""Characters that a field may have; Python's own limit is 131,072."""
SAMPLE_CHARS = 1 << 20
"""So much of a file is looked at to find its delimiter."""
LONGEST_PREAMBLE = 20
"""Lines above a table's header, at most."""

_SEPARATOR_LINE = re.compile(r'"?sep=([^\n\r"])"?[ \t]*(?:\r\n?|\n)', re.IGNORECASE)
"""Excel's hint: what separates the cells below."""
_COMMA_IN_NUMBER = re.compile(r"(?<=\d),(?=\d)")
_SEPARATOR_IN_CELL = re.compile(r"[;\t|]|(?<!\d),(?=\S)|,(?=[^\s\d])")
"""What separates cells elsewhere: no decimal comma, and none with a blank behind it, as in text."""
_ODD_CELL = 0.5
"""What a cell with another separator in it counts, while others count 1."""


def read_csv(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read CSV: what stands above the table's header as text, then the table."""
    text = decode(path.read_bytes())
    # A tab stays: it may be what follows an empty first cell.
    text = text.lstrip("\r\n ")
    hint = _SEPARATOR_LINE.match(text)
    if hint:
        delimiter = hint[1]
        text = text[hint.end() :]
    else:
        delimiter = find_delimiter(text[:SAMPLE_CHARS])
    rows = parse_rows(text, delimiter)
    table_start = _preamble_length(rows)
    preamble = [" ".join(filter(None, row)) for row in rows[:table_start]]
    return [
        Section(text="\n".join(preamble)),
        Section(text=markdown_table(rows[table_start:]), table=True),
    ]


def find_delimiter(text: str) -> str:
    """Return what most likely separates the cells; a character that is not there if nothing does.

    Args:
        text: the file's beginning.
    """
    best = "\0"
    best_fit = 0.0
    for delimiter in DELIMITERS:
        if delimiter == "," and _commas_are_decimal(text):
            continue
        fit = _fit(parse_rows(text, delimiter))
        if fit > best_fit:
            best = delimiter
            best_fit = fit
    return best


def _commas_are_decimal(text: str) -> bool:
    """Tell whether commas stand only in numbers, one in each, below a header that has none."""
    header, _, body = text.partition("\n")
    in_numbers = len(_COMMA_IN_NUMBER.findall(body))
    several_in_one_number = re.search(r"\d,\d+,\d", body)
    return (
        "," not in header
        and in_numbers > 0
        and in_numbers == body.count(",")
        and several_in_one_number is None
    )


def _fit(rows: Sequence[Row]) -> float:
    """Return how much these rows look like a table, from 0 to 1.

    That is the fraction of rows with the most frequent number of cells, times the fraction of their
    cells that look like one cell, times (n - 1) / n for n columns.
    """
    columns = _usual_width(rows)
    if columns < 2:
        return 0.0
    table_rows = [row for row in rows if len(row) == columns]
    weight_of_cells = 0.0
    for row in table_rows:
        for cell in row:
            is_odd = _SEPARATOR_IN_CELL.search(cell) is not None
            weight_of_cells += _ODD_CELL if is_odd else 1
    fraction_of_rows = len(table_rows) / len(rows)
    fraction_of_cells = weight_of_cells / (len(table_rows) * columns)
    return fraction_of_rows * fraction_of_cells * (columns - 1) / columns


def _usual_width(rows: Sequence[Row]) -> int:
    """Return the most frequent number of cells in a row with more than one; 1 if none has."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    if not widths:
        return 1
    return widths.most_common(1)[0][0]


def parse_rows(text: str, delimiter: str) -> list[Row]:
    """Return the rows that have cells. A quotation mark that is never closed is a character."""
    csv.field_size_limit(LARGEST_FIELD)
    rows = _rows(text, delimiter, quotes=True)
    quotes_are_odd = text.count('"') % 2 == 1
    if rows and quotes_are_odd and "\n" in rows[-1][-1]:
        # It has swallowed all that follows it.
        rows = _rows(text, delimiter, quotes=False)
    return rows


def _rows(text: str, delimiter: str, *, quotes: bool) -> list[Row]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        skipinitialspace=True,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
    )
    return [row for row in reader if row]


def _preamble_length(rows: Sequence[Row]) -> int:
    """Return how many rows stand above the header: the title of a report, its date, its author.

    Half of their cells or more are empty or missing, but the first one is not. A header that lacks
    only some names is a header.
    """
    columns = _usual_width(rows)
    for number, row in enumerate(rows[: LONGEST_PREAMBLE + 1]):
        filled = len([cell for cell in row if cell.strip()])
        begins_left = bool(row[0].strip())
        is_title = len(row) == 1 and columns > 1
        is_half_empty = begins_left and filled * 2 <= columns and columns > 2
        if filled and not is_title and not is_half_empty:
            return number
    return 0
