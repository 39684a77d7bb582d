"""Text → the words, numbers and names that a sentence and a passage are compared by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from docmind.retrieval.sparse import terms

_NUMBER = re.compile(r"\d+(?:[.,\u202f\u00a0']\d+)*")
"""A number with its separators: `2024`, `5.3`, `1,234,567`, `1'000`."""

_SEPARATOR = re.compile(r"[.,\u202f\u00a0']")
"""What parts a number's groups of digits: point, comma, no-break spaces, apostrophe."""

_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "mär": 3,
    "apr": 4,
    "may": 5,
    "mai": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "okt": 10,
    "nov": 11,
    "dec": 12,
    "dez": 12,
}
"""First letters of a month's name, in English and German → its number."""

_MONTH = rf"(?:{'|'.join(_MONTHS)})[^\W\d_]*\.?"
_DATE = re.compile(
    rf"""
    (?<![\d.,/-])
    (?:
        (?P<iso_year>\d{{4}}) - (?P<iso_month>\d{{1,2}}) - (?P<iso_day>\d{{1,2}})
        | (?P<first>\d{{1,2}}) (?P<sign>[./-]) (?P<second>\d{{1,2}}) (?P=sign) (?P<year>\d{{4}})
        | (?P<day>\d{{1,2}}) (?:st|nd|rd|th|\.)? [ ] (?:of[ ])? (?P<month>{_MONTH})
          ,? [ ] (?P<year_behind>\d{{4}})
        | (?P<month_before>{_MONTH}) [ ] (?P<day_behind>\d{{1,2}}) (?:st|nd|rd|th)?
          ,? [ ] (?P<year_last>\d{{4}})
    )
    (?! \d | [.,/-]\d )
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A day: 2024-03-15, 15.03.2024, 3/15/2024, 15 March 2024, March 15, 2024."""

_VERSION = re.compile(
    r"\b(?:version|release|v|section|chapter)\.?[ ]?(?P<number>\d+(?:\.\d+)+)", re.IGNORECASE
)
"""A number of which each part counts: 1.1 is not 1.10."""

_SMALL_NUMBERS = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
}
"""Numbers that are usually written as words."""

_NEGATION = re.compile(
    r"""
    \b (?:
        not | no | never | none | neither | nor | without | cannot
        | nicht | kein\w* | nie(?:mals)? | ohne
    ) \b
    | n['\u2019]t \b                 # "isn't"
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A word that turns a statement into its opposite, in English and German."""

_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w'-]+")
"""A word with a capital within a sentence: `Okafor` in "Mina Okafor spoke", not `Mina`."""

NAMES = 0.25
"""Names are compared where at most this fraction of the words has a capital: neither in German,
where every noun has one, nor in titles."""


def content_words(text: str) -> set[str]:
    """Return what a text is about: its words, stemmed and without stop words, and its numbers."""
    words = {term for term in terms(text) if not term.isdigit()}
    return words | numbers(text)


def numbers(text: str) -> set[str]:
    """Return the numbers in a text, written alike: `3400` for 3,400, `3` for three.

    A date is its day in the form 2024-03-15, both days if it can be read in two ways, besides its
    day of the month and its year; a version is written as it is.
    """
    found: set[str] = set()
    for match in _DATE.finditer(text):
        for day in _days(match):
            found |= {day.isoformat(), str(day.day), str(day.year)}
    text = _DATE.sub(" ", text)
    found.update(match["number"] for match in _VERSION.finditer(text))
    text = _VERSION.sub(" ", text)
    found.update(_normalized_number(number) for number in _NUMBER.findall(text))
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _SMALL_NUMBERS:
            found.add(_SMALL_NUMBERS[word])
    return found


def _days(found: re.Match[str]) -> Iterator[date]:
    """Yield the days that a date may be: 03/04/2024 is in March or in April."""
    groups = found.groupdict()
    if groups["iso_year"]:
        candidates = [(groups["iso_year"], groups["iso_month"], groups["iso_day"])]
    elif groups["year"]:
        candidates = [(groups["year"], groups["second"], groups["first"])]
        if groups["sign"] != ".":
            candidates.append((groups["year"], groups["first"], groups["second"]))
    else:
        name = (groups["month"] or groups["month_before"])[:3].lower()
        day = groups["day"] or groups["day_behind"]
        year = groups["year_behind"] or groups["year_last"]
        candidates = [(year, str(_MONTHS[name]), day)]
    for year, month, day in candidates:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


def names(text: str) -> set[str]:
    """Return the names in a sentence, stemmed: words with a capital where no sentence starts."""
    found = _NAME.findall(text)
    if len(found) > NAMES * len(text.split()):
        return set()
    return set(terms(" ".join(found)))


def words_in_order(text: str) -> list[str]:
    """Return all words of a text in order, stop words too, written as `content_words` does."""
    found: list[str] = []
    for word in re.findall(r"\w+", text.lower()):
        found += sorted(numbers(word)) or terms(word) or [word]
    return found


def words_alone(text: str) -> str:
    """Return a text in lower case without punctuation, its words one space apart."""
    return " ".join(re.findall(r"\w+", text.lower()))


def is_negated(text: str) -> bool:
    """Return whether a sentence has an odd number of negations: two make it positive again."""
    return len(_NEGATION.findall(text)) % 2 == 1


def _normalized_number(number: str) -> str:
    """Return a number without thousands separators and without zeros at the end of its fraction."""
    first, *others = _SEPARATOR.split(number)
    # 1,234,567. So 1.234 is taken for a thousand, but in both texts alike.
    if len(first) <= 3 and all(len(group) == 3 for group in others):
        return first + "".join(others)
    if not others:
        return first
    whole = "".join([first, *others[:-1]])
    fraction = others[-1].rstrip("0")
    if not fraction:
        return whole
    return f"{whole}.{fraction}"
