"""A table of a document as typed data: what is kept beside the passages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

Value = Decimal | date | str | None
"""What a cell holds; None: nothing, or what its column's type does not know."""


class ColumnType(StrEnum):
    """What the cells of a column hold."""

    NUMBER = "number"
    YEAR = "year"
    """A number that is written without separators, and that nobody adds up."""
    DATE = "date"
    TEXT = "text"


NUMERIC = frozenset({ColumnType.NUMBER, ColumnType.YEAR})


@dataclass(frozen=True)
class Column:
    """A column's header, and what its cells hold."""

    name: str
    """Unique in its table, in one line."""
    type: ColumnType
    unit: str = ""
    """A currency, `%` or a unit that its cells are written with."""


@dataclass(frozen=True)
class TableRow:
    """A row's cells, and where it stands."""

    values: tuple[Value, ...]
    """One for each column."""
    start: int
    """Character span in the document's extracted text: [start, end)."""
    end: int
    is_total: bool = False
    """It is the sum of the rows above it."""


@dataclass(frozen=True)
class Table:
    """A table of a document."""

    title: str
    """The sheet's name, or the headings above it."""
    page: int | None
    """1-based page, slide or sheet; None where the format has none."""
    start: int
    """Character span in the document's extracted text: [start, end)."""
    end: int
    body_start: int
    """Where its header ends and its rows begin."""
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    def column_values(self, index: int) -> list[Value]:
        """Return what the cells of a column hold."""
        return [row.values[index] for row in self.rows]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        rows: list[list[Any]] = []
        for row in self.rows:
            values = [_plain(value) for value in row.values]
            rows.append([row.start, row.end, row.is_total, values])
        columns = [[column.name, column.type.value, column.unit] for column in self.columns]
        return {
            "title": self.title,
            "page": self.page,
            "start": self.start,
            "end": self.end,
            "body_start": self.body_start,
            "columns": columns,
            "rows": rows,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Table:
        """Return what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        columns: list[Column] = []
        for name, kind, unit in data["columns"]:
            columns.append(Column(name=name, type=ColumnType(kind), unit=unit))
        rows: list[TableRow] = []
        for start, end, is_total, plain_values in data["rows"]:
            values: list[Value] = []
            for column, plain in zip(columns, plain_values, strict=True):
                values.append(_typed(plain, column.type))
            rows.append(TableRow(values=tuple(values), start=start, end=end, is_total=is_total))
        return cls(
            title=data["title"],
            page=data["page"],
            start=data["start"],
            end=data["end"],
            body_start=data["body_start"],
            columns=tuple(columns),
            rows=tuple(rows),
        )


@dataclass(frozen=True)
class DocumentTable:
    """A table with its document."""

    document_id: str
    file_name: str
    table: Table
    number: int = 1
    """Of several whose names are the same."""

    @property
    def place(self) -> tuple[str, int]:
        """What tells it apart: its document, and where it begins in its text."""
        return self.document_id, self.table.start

    @property
    def name(self) -> str:
        """What a query calls it: the file's name without its ending, and the table's title."""
        if self.number > 1:
            return f"{self._plain_name} {self.number}"
        return self._plain_name

    def renamed(self, number: int) -> DocumentTable:
        """Return it under the same name with a number."""
        return replace(self, number=number)

    @property
    def _plain_name(self) -> str:
        stem = self.file_name.rsplit(".", 1)[0]
        return " ".join(f"{stem} {self.table.title}".replace('"', "").split())[:80]


def _plain(value: Value) -> str | None:
    if value is None:
        return None
    return str(value)  # a date in ISO 8601


def _typed(plain: str | None, kind: ColumnType) -> Value:
    if plain is None:
        return None
    if kind in NUMERIC:
        return Decimal(plain)
    if kind is ColumnType.DATE:
        return date.fromisoformat(plain)
    return plain
