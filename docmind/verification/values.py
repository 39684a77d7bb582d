"""Text → its numbers, quantities, dates and codes, compared by value in any notation.

    1.5 million = 1,500,000        15 March 2024 = 2024-03-15 = 15.03.2024
    2 years = 24 months            24 months ≠ 24 days, EUR 5 ≠ GBP 5, 5 ≠ -5

Without a library: price-parser reads one price, dateparser and quantulum3 bring tens of megabytes,
and all of them need the value cut out of its sentence first, which is most of the work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from docmind.retrieval.sparse import terms

ORDINAL = "ordinal"
"""The unit of `3rd` and `third`."""
TIME_OF_DAY = "time of day"
"""The unit of `17:30`, whose amount is in minutes after midnight."""


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, if it has one."""

    amounts: frozenset[Decimal]
    """What it may be: `1.234` is read as a thousand by some and as one and a bit by others."""
    unit: str = ""
    """A currency (`EUR`), a base unit (`month`, `gram`), ORDINAL, TIME_OF_DAY, or empty."""


@dataclass(frozen=True)
class Day:
    """A day, a month or a year; what is not said is None."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


@dataclass(frozen=True)
class CalendarDate:
    """A date."""

    days: frozenset[Day]
    """What it may be: `03/04/2024` is in March or in April."""


@dataclass(frozen=True)
class Code:
    """A name with figures in it, such as `INV-2024-001`, `Q3` or `v1.10`: compared as written."""

    letters: str


Value = Quantity | CalendarDate | Code

_CURRENCIES = {
    "EUR": "EUR €",
    "USD": "USD US$ $ dollar dollars",
    "GBP": "GBP £ pound pounds",
    "CHF": "CHF franken",
    "JPY": "JPY ¥ yen",
    "CNY": "CNY RMB yuan renminbi 元",
    "INR": "INR ₹ rupee rupees",
    "SEK": "SEK",
    "NOK": "NOK",
    "DKK": "DKK",
    "PLN": "PLN",
    "CAD": "CAD",
    "AUD": "AUD",
}

_UNITS: dict[str, dict[str, str]] = {
    "month": {
        "1": "month months monat monate monaten monats 个月",
        "3": "quarters quartale",
        "12": "year years yr yrs jahr jahre jahren jahres",
    },
    "day": {
        "1": "day days tag tage tagen 天",
        "7": "week weeks woche wochen",
    },
    "second": {
        "1": "second seconds sec secs sekunde sekunden",
        "60": "minute minutes min mins minuten",
        "3600": "hour hours hr hrs h stunde stunden 小时",
    },
    "percent": {"1": "% percent pct prozent \uff05"},
    "percentage point": {"1": "pp prozentpunkte"},
    "metre": {
        "0.001": "mm millimetre millimetres millimeter millimeters",
        "0.01": "cm centimetre centimetres centimeter centimeters zentimeter",
        "1": "m metre metres meter meters 米",
        "1000": "km kilometre kilometres kilometer kilometers",
    },
    "foot": {"1": "ft foot feet"},
    "mile": {"1": "mi mile miles"},
    "gram": {
        "0.001": "mg milligram milligrams milligramm",
        "1": "g gram grams gramm",
        "1000": "kg kilogram kilograms kilogramm",
        "1000000": "t tonne tonnes tonnen",
    },
    "lb": {"1": "lb lbs"},
    "litre": {
        "0.001": "ml millilitre millilitres milliliter",
        "1": "l litre litres liter liters",
    },
    "byte": {"1000": "kb", "1000000": "mb", "1000000000": "gb", "1000000000000": "tb"},
    "degree Celsius": {"1": "°c"},
    "degree Fahrenheit": {"1": "°f"},
    "square metre": {"1": "m² m2 sqm qm"},
}
"""Base unit → factor → what the unit is called."""

_SCALES = {
    "hundred": 100,
    "dozen": 12,
    "thousand": 1_000,
    "tausend": 1_000,
    "tsd": 1_000,
    "k": 1_000,
    "million": 1_000_000,
    "millions": 1_000_000,
    "millionen": 1_000_000,
    "mio": 1_000_000,
    "mn": 1_000_000,
    "mln": 1_000_000,
    "billion": 1_000_000_000,
    "billions": 1_000_000_000,
    "milliarde": 1_000_000_000,
    "milliarden": 1_000_000_000,
    "mrd": 1_000_000_000,
    "bn": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "万": 10_000,
    "亿": 100_000_000,
}

_NUMBER_WORDS = {
    word: number
    for number, words in enumerate(
        [
            "zero",
            "one",
            "two zwei",
            "three drei",
            "four vier",
            "five fünf",
            "six sechs",
            "seven sieben",
            "eight acht",
            "nine neun",
            "ten zehn",
            "eleven elf",
            "twelve zwölf",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
    for word in words.split()
}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_WORD_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_ORDINAL_WORDS = {
    word: number
    for number, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
        ],
        start=1,
    )
}

_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "january januar jan jänner",
            "february februar feb",
            "march märz mar mär",
            "april apr",
            "may mai",
            "june juni jun",
            "july juli jul",
            "august aug",
            "september sept sep",
            "october oktober oct okt",
            "november nov",
            "december dezember dec dez",
        ],
        start=1,
    )
    for name in names.split()
}


def _spellings() -> dict[str, tuple[str, Decimal]]:
    """Return for each unit as it is written its base unit and how many of those it is."""
    found = {"euro": ("EUR", Decimal(1)), "euros": ("EUR", Decimal(1))}
    for currency, names in _CURRENCIES.items():
        for name in names.split():
            found[name.lower()] = (currency, Decimal(1))
    for base, factors in _UNITS.items():
        for factor, names in factors.items():
            for name in names.split():
                found[name.lower()] = (base, Decimal(factor))
    return found


_SPELLINGS = _spellings()

NUMBER_WORDS = frozenset(terms(" ".join([*_NUMBER_WORDS, *_TENS, *_SCALES, *_SPELLINGS])))
"""The stems of number words and units, which are compared by value."""


def _alternatives(names: Iterable[str]) -> str:
    """Return a regular expression for any of the names, the longest first."""
    longest_first = sorted(names, key=len, reverse=True)
    return "|".join(re.escape(name) for name in longest_first)


_MONTH = rf"(?P<month>{_alternatives(_MONTHS)})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<![\d.-])(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?![\d-])",
        r"(?P<year>\d{4})\s?年(?:\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?日)?)?",
        r"(?P<month>\d{1,2})\s?月\s?(?P<day>\d{1,2})\s?日",
        r"(?<![\d./])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4}|\d{2})(?![\d.]\d)",
        r"(?<![\d./])(?P<either>\d{1,2})/(?P<other>\d{1,2})/(?P<year>\d{4}|\d{2})(?![\d/])",
        rf"(?<!\d)(?<!\d[.,]){_DAY}\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR}(?!\d))?(?!\w)",
        rf"(?<!\w)(?!(?-i:may)\b){_MONTH}\s+{_DAY}(?!\d|[.,]\d)(?:,?\s+{_YEAR}(?!\d))?",
        rf"(?<!\w){_MONTH},?\s+{_YEAR}(?!\d)",
    )
]
"""Each with the groups that it has; `either` and `other` are day and month in any order."""

_TIME = re.compile(
    r"""
    (?<! [\w:] )
    (?: (?P<hour> [01]?\d | 2[0-3] ) [:.] (?P<minute> [0-5]\d ) (?P<half> \s? [ap]\.?m\b )
      | (?P<hour_24> [01]?\d | 2[0-3] ) : (?P<minute_24> [0-5]\d ) (?! [\d:] )
      | (?P<full_hour> 1[0-2] | [1-9] ) \s? (?P<full_half> [ap]\.?m\b )
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""`17:30`, `5.30 pm`, `5 pm`."""

_CURRENCY_NAMES = "|".join(
    _alternatives(names.split()) for names in [*_CURRENCIES.values(), "euro euros"]
)

_QUANTITY = re.compile(
    rf"""
    (?: (?<! [A-Za-z] ) (?P<currency> {_CURRENCY_NAMES} ) \s? (?P<inner_sign> [-\u2212] )? )?
    (?<! [A-Za-z\d] ) (?<! \d[.,] )
    (?P<digits> \d+ (?: [.,'\u2019\u00a0\u202f\u2009] \d+ )* )
    (?P<ordinal> st | nd | rd | th )?
    (?: [\s-]? (?P<scale> {_alternatives(_SCALES)} ) \.? (?! [A-Za-z] ) )?
    (?: [\s-]? \(? (?P<unit> {_alternatives(_SPELLINGS)} | per\ cent | percentage\ points ) \)?
        (?! [A-Za-z] ) )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SIGN = re.compile(r"(?:^|[\s(|:=])[-\u2212\u2013]$")
"""What stands before a negative number; `3-5` is a range."""
_CODE_NAME = re.compile(
    rf"""
    (?<! [\w-] ) (?! (?:{_CURRENCY_NAMES}) [.-]?\d | no\.\d )
    [A-Za-z]{{1,8}} [-_/.]? \d \w*
    (?: [-_/.] \w* \d \w* )*
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LETTER = re.compile(r"(?<=[a-z] )[A-HJ-Z](?![\w.'\u2019&])")
"""A letter that names one of several: `Branch B`, `Annex A`."""
_WORD = re.compile(r"[^\W\d_]+")
_SEPARATOR = re.compile(r"[.,'\u2019\u00a0\u202f\u2009]")
_UNIT_BEHIND = re.compile(
    rf"[\s-](?:{_alternatives(_SPELLINGS)}|per cent|percentage points)(?![A-Za-z])", re.IGNORECASE
)


def values(text: str) -> list[Value]:
    """Return what a text says in figures or number words, each kind in reading order."""
    found, _ = _read(text)
    return found


def without_values(text: str) -> str:
    """Return a text with spaces in the place of its figures, their units and its dates.

    Numbers in words stay.
    """
    _, rest = _read(text)
    return rest


def _read(text: str) -> tuple[list[Value], str]:
    """Return the values of a text, and what is left of it."""
    found: list[Value] = []
    # What has been read is blanked out, as long as before: a date's day is no number of its own.
    for pattern in _DATES:
        text = _take(text, pattern, found)
    text = _take(text, _TIME, found)
    text = _take(text, _CODE_NAME, found)
    text = _take(text, _LETTER, found)
    text = _take(text, _QUANTITY, found)
    found.extend(_written_out(text))
    return found, text


def agrees(stated: Value, found: Value) -> bool:
    """Return whether a stated value is the one found.

    Less may be stated than is found (`March 2024` of 15 March 2024), and a unit may be left out on
    one side, as in a table; two units must be the same.
    """
    match stated, found:
        case Quantity(), Quantity():
            return _same_unit(stated, found) and _same_amount(stated, found)
        case CalendarDate(), CalendarDate():
            return any(_says_no_other(a, b) for a in stated.days for b in found.days)
        case Quantity(), CalendarDate():
            return any(_is_part_of(stated, day) for day in found.days)
        case CalendarDate(), Quantity():
            years = {Decimal(day.year) for day in stated.days if day.year and not day.month}
            return not found.unit and bool(years & found.amounts)
    return stated == found


def missing(stated: Iterable[Value], found: Iterable[Value]) -> list[Value]:
    """Return the stated values of which none found is the same."""
    found = list(found)
    return [value for value in stated if not any(agrees(value, other) for other in found)]


def is_rival(stated: Value, found: Value) -> bool:
    """Return whether a found value is of the stated one's kind and unit, but another."""
    if type(stated) is not type(found) or agrees(stated, found):
        return False
    if isinstance(stated, Quantity) and isinstance(found, Quantity):
        has_unit = bool(stated.unit or found.unit)
        same_kind_of_unit = stated.unit == found.unit
        both_money = {stated.unit, found.unit} <= set(_CURRENCIES)
        same_amount = bool(stated.amounts & found.amounts)
        return has_unit and (same_kind_of_unit or both_money or same_amount)
    return isinstance(stated, CalendarDate)


def _take(text: str, pattern: re.Pattern[str], found: list[Value]) -> str:
    """Add the values that a pattern finds; return the text with spaces in their place."""

    def blank(match: re.Match[str]) -> str:
        value: Value | None
        if pattern is _QUANTITY and not list(_readings(match["digits"])):
            value = Code(match["digits"])
        elif pattern is _QUANTITY:
            value = _quantity(match)
        elif pattern is _TIME:
            value = _time(match)
        elif pattern in (_CODE_NAME, _LETTER):
            value = Code(re.sub(r"[-_/]", "", match[0].lower()))
        else:
            value = _date(match)
        if value is None:
            return match[0]
        found.append(value)
        return " " * len(match[0])

    return pattern.sub(blank, text)


def _date(match: re.Match[str]) -> CalendarDate | None:
    """Return the date of a match; None if there is no such day."""
    groups = match.groupdict()
    year = _number_or_none(groups.get("year"))
    if year is not None and year < 100:
        year += 2000
    if groups.get("either"):
        first = int(groups["either"])
        second = int(groups["other"])
        possible = [
            Day(year=year, month=second, day=first),
            Day(year=year, month=first, day=second),
        ]
    else:
        name = groups.get("month")
        month = None
        if name is not None:
            month = _MONTHS.get(name.lower()) or int(name)
        day = _number_or_none(groups.get("day"))
        possible = [Day(year=year, month=month, day=day)]
    valid = frozenset(day for day in possible if _exists(day))
    if not valid:
        return None
    return CalendarDate(valid)


def _number_or_none(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _exists(day: Day) -> bool:
    month_is_right = day.month is None or 1 <= day.month <= 12
    day_is_right = day.day is None or 1 <= day.day <= 31
    return month_is_right and day_is_right


def _time(match: re.Match[str]) -> Quantity:
    """Return a time of day as minutes after midnight."""
    hour = int(match["hour"] or match["hour_24"] or match["full_hour"])
    minute = int(match["minute"] or match["minute_24"] or 0)
    half = (match["half"] or match["full_half"] or "").strip().lower()
    if half.startswith("p") and hour < 12:
        hour += 12
    if half.startswith("a") and hour == 12:
        hour = 0
    return Quantity(amounts=frozenset({Decimal(60 * hour + minute)}), unit=TIME_OF_DAY)


def _quantity(match: re.Match[str]) -> Quantity:
    """Return a number in figures with its sign, scale and unit."""
    unit = ""
    factor = Decimal(1)
    scale = match["scale"]
    if scale:
        factor *= _SCALES[scale.lower()]
    name = (match["unit"] or "").lower()
    if match["ordinal"]:
        unit = ORDINAL
    elif match["currency"]:
        unit = _SPELLINGS[match["currency"].lower()][0]
        if name == "m":  # "€5m" are millions, "5 m" are metres
            factor *= 1_000_000
    elif name == "per cent":
        unit = "percent"
    elif name == "percentage points":
        unit = "percentage point"
    elif name:
        unit, unit_factor = _SPELLINGS[name]
        factor *= unit_factor
    before = match.string[max(0, match.start() - 2) : match.start()]
    if match["inner_sign"] or _SIGN.search(before):
        factor = -factor
    amounts = {_tidy(reading * factor) for reading in _readings(match["digits"])}
    return Quantity(amounts=frozenset(amounts), unit=unit)


def _readings(digits: str) -> Iterator[Decimal]:
    """Yield what a number in figures may be; its zeros at the end are kept.

    Nothing for sections and addresses, such as 1.2.3.
    """
    separators = _SEPARATOR.findall(digits)
    first, *groups = _SEPARATOR.split(digits)
    if not groups:
        yield Decimal(first)
        return
    last_is_own = separators[-1] in ".,"
    repeated = len(separators) > 1 and separators[-1] == separators[-2]
    may_be_thousands = len(groups[-1]) == 3 and len(first) <= 3
    if may_be_thousands and (repeated or len(separators) == 1 or not last_is_own):
        yield Decimal(first + "".join(groups))
    if last_is_own and not repeated:
        whole = "".join([first, *groups[:-1]])
        # "1,234" is a thousand; with a point it may be either.
        if not may_be_thousands or separators[-1] == "." or len(separators) > 1:
            yield Decimal(f"{whole}.{groups[-1]}")


def _tidy(amount: Decimal) -> Decimal:
    """Return an amount without a fraction of zeros; `1.10` keeps its own."""
    if amount == amount.to_integral_value():
        return Decimal(int(amount))
    return amount


def _written_out(text: str) -> Iterator[Quantity]:
    """Yield the numbers and ordinals in words: `two hundred and five`, `twenty-four months`."""
    words = list(_WORD.finditer(text))
    place = 0
    while place < len(words):
        word = words[place][0].lower()
        if word in _ORDINAL_WORDS:
            yield Quantity(amounts=frozenset({Decimal(_ORDINAL_WORDS[word])}), unit=ORDINAL)
            place += 1
            continue
        number, used = _number_in_words([match[0].lower() for match in words[place : place + 8]])
        if not used:
            place += 1
            continue
        end = words[place + used - 1].end()
        unit, factor = _unit_behind(text, end)
        # "one of them" counts nothing.
        if number != 1 or unit:
            yield Quantity(amounts=frozenset({_tidy(number * factor)}), unit=unit)
        place += used


def _number_in_words(words: list[str]) -> tuple[Decimal, int]:
    """Return the number that the first words say, and how many words say it; 0 if none do."""
    total = 0
    current = 0
    used = 0
    last = ""
    for place, word in enumerate(words):
        after_scale = last in _WORD_SCALES
        if word in _NUMBER_WORDS and (
            not used or after_scale or (last in _TENS and 0 < _NUMBER_WORDS[word] < 10)
        ):
            current += _NUMBER_WORDS[word]
        elif word in _TENS and (not used or after_scale):
            current += _TENS[word]
        elif word == "hundred" and used:
            current *= 100
        elif word in _WORD_SCALES and used:
            total += current * _WORD_SCALES[word]
            current = 0
        elif word == "and" and after_scale:
            continue
        else:
            break
        last = word
        used = place + 1
    return Decimal(total + current), used


def _unit_behind(text: str, end: int) -> tuple[str, Decimal]:
    """Return the unit that follows at a place of a text, and how many base units it is."""
    match = _UNIT_BEHIND.match(text, end)
    if match is None:
        return "", Decimal(1)
    name = match[0][1:].lower()
    if name == "per cent":
        return "percent", Decimal(1)
    if name == "percentage points":
        return "percentage point", Decimal(1)
    return _SPELLINGS[name]


def _same_unit(stated: Quantity, found: Quantity) -> bool:
    """Return whether two quantities have the same unit, or one has none."""
    return not stated.unit or not found.unit or stated.unit == found.unit


def _same_amount(stated: Quantity, found: Quantity) -> bool:
    """Return whether two quantities may be the same; bare decimals as written: 1.10 is not 1.1."""
    common = stated.amounts & found.amounts
    if stated.unit or found.unit:
        return bool(common)
    written = {str(amount) for amount in stated.amounts}
    return bool(common) and bool(written & {str(amount) for amount in found.amounts})


def _says_no_other(stated: Day, found: Day) -> bool:
    """Return whether all that is stated of a day is found; the found year may be left out."""
    same_year = stated.year is None or found.year is None or stated.year == found.year
    same_month = stated.month is None or stated.month == found.month
    same_day = stated.day is None or stated.day == found.day
    return same_year and same_month and same_day


def _is_part_of(quantity: Quantity, day: Day) -> bool:
    """Return whether a bare number is the year of a date, or an ordinal its day."""
    if quantity.unit == "":
        return day.year is not None and Decimal(day.year) in quantity.amounts
    return quantity.unit == ORDINAL and day.day is not None and Decimal(day.day) in quantity.amounts
