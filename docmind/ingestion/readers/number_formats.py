"""A number in a sheet → the text that the sheet shows for it.

A format is up to four sections (positive; negative; zero; text), each a line of digit places,
literals and signs: `"$"#,##0.00;[Red]("$"#,##0.00)`. See ECMA-376 Part 1, 18.8.31.

Where the sheet shows less than the cell has, the text says more: years have four digits, dates
whose order of day and month can't be seen are ISO dates, and a number shown in thousands or
millions, or a date shown without its year, is followed by the whole one in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

BUILT_IN = {
    0: "General",
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    12: "# ?/?",
    13: "# ??/??",
    14: "mm-dd-yy",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "m/d/yy h:mm",
    37: "#,##0 ;(#,##0)",
    38: "#,##0 ;[Red](#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;[Red](#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mmss.0",
    48: "##0.0E+0",
    49: "@",
}
"""The formats that a file names by number only."""
BUILT_IN_DATES = {*range(27, 37), *range(50, 59)}
"""Those whose form depends on the language of the program: dates of East Asia."""
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet's moments have no time zone
_EPOCH_1904 = datetime(1904, 1, 1)  # noqa: DTZ001
_LAST_DAY = 2958465
"""31 December 9999, the last one that a sheet can show."""

_NAMES = {"mmm": "%b", "mmmm": "%B", "mmmmm": "%b", "ddd": "%a", "dddd": "%A"}
"""Parts of a date that are words. (`mmmmm` is a month's first letter, which says too little.)"""

_TOKEN = re.compile(
    r"""
    (?P<literal> "[^"]*"? | \\. | _. | \*. )
    | (?P<bracket> \[[^\]]*\] )
    | (?P<general> General )
    | (?P<half> AM/PM | A/P | 上午/下午 )
    | (?P<exponent> E[+-] )
    | (?P<date> y+ | m+ | d+ | h+ | s+ (?:\.0+)? | e+ | g+ | b+ )
    | (?P<digits> [0#?]+ )
    | (?P<other> . )
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_NEGATIVE = re.compile("[-(\u2212\u2013]")
_DIGIT_BUT_ZERO = re.compile("[1-9]")
_CONDITION = re.compile(r"\[(<=|>=|<>|=|<|>)\s*(-?[\d.]+)\]")
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")


class _NotUnderstood(Exception):
    """A format that this module does not know: the value itself is shown."""


@dataclass(frozen=True)
class _Token:
    kind: str
    """Of `_TOKEN`'s groups; `elapsed` for hours, minutes or seconds in brackets."""
    text: str
    """The characters that it stands for; of a literal without its quotes."""


def shown(value: float, number_format: str, *, starts_1904: bool = False) -> str:
    """Return a number as a sheet shows it; the number itself where its format is not understood.

    Args:
        value: days since the epoch where the format is one of dates.
        number_format: for example `0.0%` or `dd.mm.yyyy`.
        starts_1904: days count from 1904, as in old files of the Macintosh.
    """
    try:
        sections = _sections(number_format)
        tokens, magnitude = _section_for(value, sections)
        if _is_date(tokens):
            return _date(magnitude, tokens, starts_1904=starts_1904)
        return _number(value, magnitude, tokens)
    except (_NotUnderstood, InvalidOperation, OverflowError):
        if is_date_format(number_format):
            return _iso(value, with_time=value % 1 != 0, starts_1904=starts_1904)
        return general(value)


def general(value: float) -> str:
    """Return a number without any format: 15 digits are what a sheet keeps of it."""
    return f"{value:.15g}"


def is_date_format(number_format: str) -> bool:
    """Tell whether numbers of this format are moments or durations."""
    return _is_date(_sections(number_format)[0])


def shown_text(text: str, number_format: str) -> str:
    """Return a text as a sheet shows it: in the place that its format has for it."""
    sections = _sections(number_format)
    tokens = sections[3] if len(sections) > 3 else sections[0]
    literals = _text(_of_kind(tokens, "literal", "other"))
    if literals.count("@") != 1:
        return text
    return literals.replace("@", text)


def _has(tokens: Sequence[_Token], kind: str) -> bool:
    return any(token.kind == kind for token in tokens)


def _of_kind(tokens: Sequence[_Token], *kinds: str) -> list[_Token]:
    return [token for token in tokens if token.kind in kinds]


def _text(tokens: Sequence[_Token]) -> str:
    return "".join(token.text for token in tokens)


@lru_cache(maxsize=1000)
def _sections(number_format: str) -> list[list[_Token]]:
    sections: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(number_format):
        kind = str(match.lastgroup)
        text = match[0]
        if kind == "other" and text == ";":
            sections.append([])
        elif kind == "literal":
            sections[-1].append(_Token("literal", _literal(text)))
        elif kind == "bracket":
            sections[-1].append(_bracket(text))
        else:
            sections[-1].append(_Token(kind, text))
    return sections


def _literal(text: str) -> str:
    if text[0] == '"':
        return text.strip('"')
    if text[0] == "\\":
        return text[1:]
    if text[0] == "_":  # a blank as wide as the character
        return " "
    return ""  # what fills the cell's width


def _bracket(text: str) -> _Token:
    elapsed = _ELAPSED.fullmatch(text)
    if elapsed:
        return _Token("elapsed", elapsed[1].lower())
    currency = _CURRENCY.fullmatch(text)
    if currency:
        return _Token("literal", currency[1])
    if _CONDITION.fullmatch(text):
        return _Token("condition", text)
    if text.lower().startswith("[dbnum"):
        return _Token("unknown", text)
    return _Token("color", "")


def _section_for(
    value: float, sections: Sequence[Sequence[_Token]]
) -> tuple[Sequence[_Token], float]:
    """Return the section that shows a number, and the number as this section takes it."""
    conditions = [_condition(section) for section in sections[:2]]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=False):
            if condition is None or _holds(value, condition):
                return section, value
        return sections[min(2, len(sections) - 1)], value
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    if value == 0 and len(sections) > 2:
        return sections[2], value
    return sections[0], value


def _condition(section: Sequence[_Token]) -> str | None:
    for token in section:
        if token.kind == "condition":
            return token.text
    return None


def _holds(value: float, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    assert match is not None
    limit = float(match[2])
    comparisons = {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "<>": value != limit,
    }
    return comparisons[match[1]]


# -- numbers


def _number(value: float, magnitude: float, tokens: Sequence[_Token]) -> str:
    if _has(tokens, "unknown"):
        raise _NotUnderstood
    if _has(tokens, "general"):
        return _around_general(value, magnitude, tokens)
    if not _has(tokens, "digits"):
        literal = _text(_of_kind(tokens, "literal", "other"))
        if literal.strip() == "@":
            return general(value)
        # A zero shown as a dash is a zero; any other number would be lost.
        return _with_raw_value(literal.strip(), value) if value else literal.strip() or "0"
    text = _signed(_in_places(abs(magnitude), tokens), value, is_negative=magnitude < 0)
    if _thousands_left_out(tokens):
        return _with_raw_value(text, value)
    return text or general(value)


def _around_general(value: float, magnitude: float, tokens: Sequence[_Token]) -> str:
    text = ""
    for token in tokens:
        if token.kind == "general":
            text += general(magnitude)
        elif token.kind in {"literal", "other"}:
            text += token.text
    return _signed(text.strip(), value, is_negative=False)


def _signed(text: str, value: float, *, is_negative: bool) -> str:
    """Return the text with a minus where it has none: some formats show a loss by colour only."""
    says_negative = bool(_NEGATIVE.search(text))
    has_digit_other_than_zero = bool(_DIGIT_BUT_ZERO.search(text))
    if is_negative and has_digit_other_than_zero:
        return f"-{text}"
    if value < 0 and not says_negative and has_digit_other_than_zero:
        return f"-{text}"
    return text


def _with_raw_value(text: str, value: float) -> str:
    return f"{text} ({general(value)})".strip() if text else general(value)


def _thousands_left_out(tokens: Sequence[_Token]) -> int:
    """Return how many times the number is divided by 1,000: the commas behind the last digit."""
    last = _last_digits(tokens)
    commas = 0
    for token in tokens[last + 1 :]:
        if token.text != "," or token.kind != "other":
            break
        commas += 1
    return commas


def _last_digits(tokens: Sequence[_Token]) -> int:
    """Return where the last digit places are."""
    last = 0
    for index, token in enumerate(tokens):
        if token.kind == "digits":
            last = index
    return last


def _in_places(magnitude: float, tokens: Sequence[_Token]) -> str:
    """Return a number, without its sign, in the places of a format."""
    percents = _text(_of_kind(tokens, "other")).count("%")
    thousands = _thousands_left_out(tokens)
    number = Decimal(repr(magnitude)) * 100**percents / Decimal(1000) ** thousands

    first = tokens.index(_of_kind(tokens, "digits")[0])
    last = _last_digits(tokens)
    before = _literals(tokens[:first])
    middle = tokens[first : last + 1]
    after = _literals(tokens[last + 1 + thousands :])

    if _has(middle, "exponent"):
        digits = _scientific(number, middle)
    elif after.startswith("/") or "/" in _text(_of_kind(middle, "other")):
        return _fraction(number, tokens, first)
    else:
        digits = _decimal(number, middle)
    return f"{before}{digits}{after}".strip()


def _literals(tokens: Sequence[_Token]) -> str:
    return _text(_of_kind(tokens, "literal", "other", "date"))


def _decimal(number: Decimal, tokens: Sequence[_Token]) -> str:
    """Return a number in digit places, among them grouping commas, a point and literals."""
    whole: list[_Token] = []
    decimals = ""
    is_behind_point = False
    has_groups = False
    for token in tokens:
        if token.kind == "other" and token.text == ".":
            if is_behind_point:
                raise _NotUnderstood  # points between the digits of a phone number, say
            is_behind_point = True
        elif token.kind == "other" and token.text == ",":
            has_groups = True
        elif not is_behind_point:
            whole.append(token)
        elif token.kind == "digits":
            decimals += token.text
        else:
            raise _NotUnderstood
    rounded = number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    digits, _, fraction = f"{rounded:f}".partition(".")
    text = _whole(digits, whole, has_groups=has_groups)
    optional = len(decimals) - len(decimals.rstrip("#?"))
    required = len(decimals) - optional
    fraction = fraction[:required] + fraction[required:].rstrip("0")
    if fraction:
        text += f".{fraction}"
    return text


def _whole(digits: str, tokens: Sequence[_Token], *, has_groups: bool) -> str:
    """Return the digits before the point, with leading zeros and literals between them."""
    places = _text(_of_kind(tokens, "digits"))
    least = len(places.lstrip("#?"))
    if digits == "0":
        digits = ""
    digits = digits.rjust(least, "0")
    if has_groups:
        return f"{int(digits or 0):,}" if least or digits else ""
    # Literals between digits, as in a phone number: from the right, each place takes its digits and
    # the leftmost what is left.
    text = ""
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        if token.kind != "digits":
            text = token.text + text
            continue
        is_leftmost = not _has(tokens[:index], "digits")
        taken = len(digits) if is_leftmost else min(len(token.text), len(digits))
        text = digits[len(digits) - taken :] + text
        digits = digits[: len(digits) - taken]
    return text


def _scientific(number: Decimal, tokens: Sequence[_Token]) -> str:
    position = tokens.index(_of_kind(tokens, "exponent")[0])
    places = len(_text(_of_kind(_behind_point(tokens[:position]), "digits")))
    exponent_places = len(_text(_of_kind(tokens[position:], "digits")))
    mantissa, _, exponent = f"{number:.{places}E}".partition("E")
    power = int(exponent)
    sign = "-" if power < 0 else "+" * (tokens[position].text[1] == "+")
    return f"{mantissa}E{sign}{abs(power):0{exponent_places}}"


def _behind_point(tokens: Sequence[_Token]) -> Sequence[_Token]:
    for index, token in enumerate(tokens):
        if token.text == "." and token.kind == "other":
            return tokens[index + 1 :]
    return ()


def _fraction(number: Decimal, tokens: Sequence[_Token], first: int) -> str:
    """Return a number as a fraction, for example `1 1/2`, with the literals around it.

    Its denominator is given (`# ?/8`), or has at most as many digits as it has places (`# ??/??`).
    """
    slash = tokens.index(_Token("other", "/"), first)
    end = slash + 1
    while end < len(tokens) and (tokens[end].kind == "digits" or tokens[end].text.isdigit()):
        end += 1
    denominator_places = _text(tokens[slash + 1 : end])
    exact = Fraction(number)
    if denominator_places.isdigit() and int(denominator_places) > 0:
        denominator = int(denominator_places)
        numerator = round(exact * denominator)
    else:
        close = exact.limit_denominator(10 ** max(1, len(denominator_places)) - 1)
        denominator = close.denominator
        numerator = close.numerator

    places_before = _of_kind(tokens[first:slash], "digits")
    digits = f"{numerator}/{denominator}"
    if len(places_before) > 1:  # the first of them is for the whole part
        whole, rest = divmod(numerator, denominator)
        if not rest:
            digits = str(whole)
        elif whole:
            digits = f"{whole} {rest}/{denominator}"
    return f"{_literals(tokens[:first])}{digits}{_literals(tokens[end:])}".strip()


# -- moments and durations


def _is_date(tokens: Sequence[_Token]) -> bool:
    kinds = {token.kind for token in tokens}
    if "elapsed" in kinds:
        return True
    return bool(kinds & {"date", "half"}) and not kinds & {"digits", "general"}


def _date(value: float, tokens: Sequence[_Token], *, starts_1904: bool) -> str:
    if _has(tokens, "elapsed"):
        return _duration(value, tokens)
    letters = _text(_of_kind(tokens, "date")).lower()
    if _has(tokens, "unknown") or re.search("[egb]", letters):
        raise _NotUnderstood  # eras of Japan, Buddhist years
    parts = _with_minutes(tokens)
    moment = _moment(value, _smallest_unit_s(parts), starts_1904=starts_1904)
    units = set(_text(_of_kind(parts, "date")))
    if _order_is_ambiguous(parts):
        return _iso(value, with_time="h" in units, starts_1904=starts_1904)
    has_halves = _has(parts, "half")
    text = "".join(_date_part(part, moment, has_halves=has_halves) for part in parts).strip()
    if units & set("md") and "y" not in units:
        return f"{text} ({_iso(value, with_time=False, starts_1904=starts_1904)})"
    return text


def _with_minutes(tokens: Sequence[_Token]) -> list[_Token]:
    """Return the tokens in lower case; an m beside hours or seconds is minutes and becomes `n`."""
    parts: list[_Token] = []
    units: list[int] = []
    for token in tokens:
        if token.kind == "date":
            units.append(len(parts))
            parts.append(_Token("date", token.text.lower()))
        else:
            parts.append(token)
    for place, index in enumerate(units):
        text = parts[index].text
        if text not in {"m", "mm"}:
            continue
        follows_hours = place > 0 and parts[units[place - 1]].text[0] == "h"
        precedes_seconds = place + 1 < len(units) and parts[units[place + 1]].text[0] == "s"
        if follows_hours or precedes_seconds:
            parts[index] = _Token("date", "n" * len(text))
    return parts


def _smallest_unit_s(parts: Sequence[_Token]) -> float:
    """Return the seconds to which the shown time is rounded."""
    for part in parts:
        if part.kind == "date" and part.text[0] == "s":
            return 0.1 ** (len(part.text.partition(".")[2]))
    return 1.0


def _order_is_ambiguous(parts: Sequence[_Token]) -> bool:
    """Tell whether a date is only numbers, and neither begins with its year nor has points."""
    units = _text(_of_kind(parts, "date"))
    is_numeric = "mmm" not in units and "ddd" not in units
    has_points = "." in _text(_of_kind(parts, "literal", "other"))
    if "d" not in units or "m" not in units:
        return False
    return is_numeric and units[0] != "y" and not has_points


def _moment(value: float, unit_s: float, *, starts_1904: bool) -> datetime:
    if not 0 <= value <= _LAST_DAY:
        raise _NotUnderstood
    epoch = _EPOCH
    if starts_1904:
        epoch = _EPOCH_1904
    elif value < 60:
        # The day numbers count a 29 February 1900, which was none.
        epoch += timedelta(days=1)
    seconds = round(value * 86400 / unit_s) * unit_s
    return epoch + timedelta(seconds=seconds)


def _date_part(part: _Token, moment: datetime, *, has_halves: bool) -> str:
    """Return the year, the month, a literal, or what else a part of a format stands for."""
    if part.kind == "half":
        return moment.strftime("%p")
    if part.kind != "date":
        return part.text
    name_format = _NAMES.get(part.text)
    if name_format:
        return moment.strftime(name_format)
    hour = moment.hour
    if has_halves:
        hour = (moment.hour - 1) % 12 + 1
    numbers = {
        "y": moment.year,
        "m": moment.month,
        "d": moment.day,
        "h": hour,
        "n": moment.minute,
        "s": moment.second,
    }
    unit = part.text[0]
    whole, _, decimals = part.text.partition(".")
    width = 4 if unit == "y" else len(whole)
    text = f"{numbers[unit]:0{width}}"
    if decimals:
        text += "." + f"{moment.microsecond:06}"[: len(decimals)]
    return text


def _duration(value: float, tokens: Sequence[_Token]) -> str:
    """Return hours, minutes or seconds that do not stop at a day, for example `42:00`."""
    as_time: list[_Token] = []
    elapsed: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind == "elapsed":
            elapsed.append(index)
            as_time.append(_Token("date", token.text))
        else:
            as_time.append(token)
    parts = _with_minutes(as_time)
    shows_seconds = "s" in _text(_of_kind(parts, "date"))
    unit_s = 1 if shows_seconds else 60
    total_s = round(abs(value) * 86400 / unit_s) * unit_s
    text = ""
    for index, part in enumerate(parts):
        if part.kind != "date":
            text += part.text
            continue
        unit = part.text[0].replace("m", "n")
        seconds_per_unit = {"h": 3600, "n": 60, "s": 1}.get(unit)
        if seconds_per_unit is None:
            raise _NotUnderstood
        amount = total_s // seconds_per_unit
        if index not in elapsed:
            amount %= 60
        text += f"{amount:0{len(part.text.partition('.')[0])}}"
    if value < 0 and total_s:
        text = f"-{text}"
    return text.strip()


def _iso(value: float, *, with_time: bool, starts_1904: bool) -> str:
    try:
        moment = _moment(value, 1.0, starts_1904=starts_1904)
    except _NotUnderstood:
        return general(value)
    if with_time:
        return f"{moment:%Y-%m-%d %H:%M:%S}".removesuffix(":00")
    return f"{moment:%Y-%m-%d}"
