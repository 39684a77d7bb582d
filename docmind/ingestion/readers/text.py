"""Plain text and CSV → text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Progress, Section, markdown_table

UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16, little and big endian."""
SAMPLE_BYTES = 64 << 10
"""So much of a file is looked at to guess its encoding."""
LARGEST_FIELD = 1 << 30
"""Characters that a field of a CSV file may have; Python's own limit is 131,072."""


def decode(data: bytes) -> str:
    """Return the bytes as text: by byte order mark, as UTF-8, else by charset-normalizer's guess.

    Raises:
        CorruptFile: no known encoding fits, or the bytes are no text.
    """
    if data.startswith(UTF16_MARKS):
        return data.decode("utf-16", "replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode(_likeliest_encoding(data), "replace")
    if text.count("\x00") > len(text) // 10:
        raise CorruptFile("is not text: it is full of zero bytes. Check that its ending is right.")
    return text


def _likeliest_encoding(data: bytes) -> str:
    """Return the encoding that fits the bytes best; CorruptFile if none does."""
    from charset_normalizer import from_bytes

    guesses = from_bytes(data[:SAMPLE_BYTES])
    best = guesses.best()
    if best is None:
        raise CorruptFile("is not text: no known encoding fits it. Check that its ending is right.")
    # Between code pages that fit alike charset-normalizer takes the first by name; the one of
    # Western Europe is the likeliest.
    for guess in guesses:
        fits_as_well = guess.chaos <= best.chaos and guess.coherence >= best.coherence
        if guess.encoding == "cp1252" and fits_as_well:
            return guess.encoding
    return best.encoding


def read_text(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read plain text of any encoding."""
    return [Section(decode(path.read_bytes()))]


def read_csv(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read CSV as one table; the delimiter is the one that is most frequent in its first line."""
    text = decode(path.read_bytes())
    # A tab stays: it may be what follows an empty first cell.
    text = text.lstrip("\r\n ")
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first_line.count)
    csv.field_size_limit(LARGEST_FIELD)
    stream = io.StringIO(text, newline="")
    rows = list(csv.reader(stream, delimiter=delimiter, skipinitialspace=True))
    return [Section(text=markdown_table(rows), table=True)]
