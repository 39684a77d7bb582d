"""Plain text and CSV → text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Progress, Section, markdown_table


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
            raise CorruptFile(
                "is not text: no known encoding fits it. Check that its ending is right."
            ) from None
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


def read_csv(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read CSV as one table; the delimiter is the one that is most frequent in its first line."""
    text = decode(path.read_bytes()).lstrip(
        "\r\n "
    )  # a tab may be what follows an empty first cell
    csv.field_size_limit(1 << 30)
    delimiter = max(",;\t|", key=text.split("\n", 1)[0].count)
    rows = list(
        csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    )
    return [Section(markdown_table(rows), table=True)]
