"""Texts of a column's cells → typed values.

A number alone does not tell how it is written: `1,234` may be one and a quarter. What the others of
its column are decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from docmind.tables.table import ColumnType, Value

ENOUGH = 0.75
"""Fraction of a column's filled cells that a type must fit; the others have no value then."""
SAMPLE = 50
"""Cells that are tried first."""
FIRST_YEAR = 1000
LAST_YEAR = 2999

_FOOTNOTE = re.compile(r"\s*(?:\[[^\]]*\]|[*\u2020\u2021])+$")
"""Behind a cell's text: `[2]`, `[dubious]`, `*`."""
_NOTHING = re.compile(r"(?:[-\u2010-\u2015\u2212.?/]*|n/?a|none|nil|tba|tbd)", re.IGNORECASE)
_NUMBER = re.compile(
    r"""
    (?P<open> \( )? \s*
    (?P<before> [^\d\s().,'+-]{1,4} )? \s*
    (?P<sign> [-+\u2212\u2013] )? \s*
    (?P<between> [$\u20ac\u00a3\u00a5] )? \s*
    (?P<digits> \d+ (?: [.,'\u2019\u00a0\u202f\x20] \d+ )* | [.,] \d+ )
    \s* (?P<after> % | [^\W\d_]{1,12} | [^\w\s().,]{1,3} )?
    \s* (?P<close> \) )? \s* %?
    """,
    re.VERBOSE,
)
_SIGN_OUTSIDE_BRACKET = re.compile(r"^([$\u20ac\u00a3\u00a5])\s*\(")
"""`$(12)` is `($12)`: twelve below zero."""
_GROUPED_BY_COMMA = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_GROUPED_BY_DOTS = re.compile(r"\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?|\d{1,3}(?:\.\d{3})+,\d+")
_MINUS = frozenset("-\u2212\u2013")
_BLANKS_AND_QUOTES = re.compile(r"['\u2019\u00a0\u202f\x20]")
_DATE_FORMATS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d.%m.%y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d %B %Y",
    "%d %b %Y",
    "%B %d, %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%d-%m-%Y",
    "%d %B, %Y",
)
_TIME_OF_DAY = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?$")


_SIGNS = "$\u20ac\u00a3\u00a5\u20b9"
_CODES = ("EUR", "USD", "GBP", "CHF", "JPY", "CNY", "SEK", "NOK", "DKK", "PLN", "CZK", "AUD", "INR")
CURRENCIES = frozenset((*_SIGNS, *_CODES))


@dataclass(frozen=True)
class TypedCells:
    """A column's cells by its type."""

    type: ColumnType
    values: tuple[Value, ...]
    unit: str = ""


@dataclass(frozen=True)
class _WrittenNumber:
    """A number as it stands in a cell."""

    digits: str
    is_negative: bool
    unit: str


def typed_cells(texts: Sequence[str], numbers: Sequence[str] = ()) -> TypedCells:
    """Return a column's cells by the type that fits most of them.

    Args:
        texts: as the cells show them.
        numbers: the number behind each cell where the file holds it, else "": a sheet shows 0.127
            as 13%. Empty: it holds none.
    """
    shown = [_FOOTNOTE.sub("", text).strip() for text in texts]
    filled = [text for text in shown if not _NOTHING.fullmatch(text)]
    for attempt in (_as_dates(shown, filled), _as_numbers(shown, filled, numbers)):
        if attempt is not None:
            return attempt
    return TypedCells(type=ColumnType.TEXT, values=tuple(text.strip() or None for text in texts))


def unit_of_header(name: str) -> str:
    """Return the currency that a column's header names: `Amount EUR`, `Price (€)`."""
    words: list[str] = re.findall(rf"[A-Z]{{3}}|[{_SIGNS}]", name)
    for word in words:
        if word in CURRENCIES:
            return word
    return ""


def _as_dates(shown: Sequence[str], filled: Sequence[str]) -> TypedCells | None:
    # Reading a date costs much: what does not fit the first cells is not tried on a million.
    sample = filled[:SAMPLE]
    fitting: list[list[date | None]] = []
    for written in _DATE_FORMATS:
        if sample and _count(_dates(sample, written)) >= ENOUGH * len(sample):
            values = _dates(shown, written)
            if _count(values) >= ENOUGH * len(filled) and values not in fitting:
                fitting.append(values)
    # 03/04/2025 in all cells alike may be March or April: then it stays a text.
    if len(fitting) != 1:
        return None
    return TypedCells(type=ColumnType.DATE, values=tuple(fitting[0]))


def _dates(texts: Sequence[str], written: str) -> list[date | None]:
    return [_date(_TIME_OF_DAY.sub("", text), written) for text in texts]


def _count(values: Sequence[object]) -> int:
    """Return how many there are."""
    return len(values) - values.count(None)


def _date(text: str, written: str) -> date | None:
    if not 6 <= len(text) <= 20:
        return None
    try:
        return datetime.strptime(text, written).date()  # noqa: DTZ007  a day has no time zone
    except ValueError:
        return None


def _as_numbers(
    shown: Sequence[str], filled: Sequence[str], numbers: Sequence[str]
) -> TypedCells | None:
    written = [_written(text) for text in shown]
    found: list[_WrittenNumber] = []
    units: Counter[str] = Counter()
    years = 0
    for number in written:
        if number is not None:
            found.append(number)
            years += _is_year(number.digits)
            if number.unit:
                units[number.unit] += 1
    if not found or len(found) < ENOUGH * len(filled):
        return None
    if len(units) > 1 or (units and units.total() < len(found) / 2 and "%" not in units):
        # 3 km and 5 m can't be added; where few have a unit, the others mean something else.
        return None
    unit = next(iter(units), "")
    comma_is_decimal = _comma_is_decimal(found)
    values: list[Value] = []
    for index, number in enumerate(written):
        value = None
        if number is not None:
            value = _value(number, comma_is_decimal=comma_is_decimal)
        exact = _decimal(numbers[index]) if index < len(numbers) else None
        if value is not None and exact is not None:
            value = exact * 100 if number is not None and number.unit == "%" else exact
        values.append(value)
    kind = ColumnType.NUMBER
    if not unit and years == len(found):
        kind = ColumnType.YEAR
    return TypedCells(type=kind, values=tuple(values), unit=unit)


def _written(text: str) -> _WrittenNumber | None:
    found = _NUMBER.fullmatch(_SIGN_OUTSIDE_BRACKET.sub(r"(\1", text))
    if found is None:
        return None
    in_brackets = bool(found["open"] and found["close"])
    if bool(found["open"]) != bool(found["close"]):
        return None
    unit = found["after"] or found["between"] or (found["before"] or "").strip("-+\u2212\u2013")
    if text.endswith("%"):
        unit = "%"
    signs = (found["sign"] or "") + (found["before"] or "")
    is_negative = in_brackets or not _MINUS.isdisjoint(signs)
    return _WrittenNumber(digits=found["digits"], is_negative=is_negative, unit=unit)


def _comma_is_decimal(numbers: Sequence[_WrittenNumber]) -> bool:
    """Tell whether a column writes 1.234,5 instead of 1,234.5."""
    has_other_comma = False
    for number in numbers:
        if _GROUPED_BY_DOTS.fullmatch(number.digits):
            return True
        if "," in number.digits and not _GROUPED_BY_COMMA.fullmatch(number.digits):
            has_other_comma = True
    return has_other_comma


def _value(number: _WrittenNumber, *, comma_is_decimal: bool) -> Decimal | None:
    digits = _BLANKS_AND_QUOTES.sub("", number.digits)
    if comma_is_decimal:
        digits = digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", "")
    value = _decimal(digits)
    if value is not None and number.is_negative:
        return -value
    return value


def _decimal(digits: str) -> Decimal | None:
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and digits.isdigit() and FIRST_YEAR <= int(digits) <= LAST_YEAR
