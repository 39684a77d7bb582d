"""The numbers and bullets before the paragraphs of a Word document: `4.1`, `(b)`, `-`."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from docmind.ingestion.readers.ooxml import attribute, is_on, number_attribute

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_PLACE = re.compile("%([1-9])")
"""In a level's text, the number of that level: `%1.%2`."""
BULLET = "-"
_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


@dataclass(frozen=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    """How its number is written: `decimal`, `lowerLetter`, `bullet`, …"""
    text: str = ""
    """The number with what stands around it, for example `(%2)`."""
    restarts_after: int | None = None
    """Only a number of this level or above (counted from 1) starts it again; 0: nothing does."""
    all_decimal: bool = False
    """Legal numbering: the numbers of outer levels are decimal here, whatever they are there."""


class Numbering:
    """Counts the numbered paragraphs of a document, in their order.

    Example:
        numbering = Numbering(root)    # of word/numbering.xml
        numbering.label("2", 0)        # "4."
        numbering.label("2", 1)        # "4.1"
    """

    def __init__(self, root: Element | None) -> None:
        self._list_of: dict[str, str] = {}
        """Number of a list (`numId`) → its abstract list; several may go on with one count."""
        self._levels: dict[str, dict[int, _Level]] = {}
        """Abstract list → its levels."""
        self._overrides: dict[str, dict[int, _Level]] = {}
        """Number of a list → levels that it has for itself."""
        self._starts: dict[str, dict[int, int]] = {}
        """Number of a list → where its first use starts a level again."""
        self._level_of_style: dict[str, tuple[str, int]] = {}
        """Abstract list's paragraph style → abstract list and level."""
        self._counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        """Abstract list → the present number of each level."""
        self._used: set[str] = set()
        if root is not None:
            self._read(root)

    def level_of_style(self, style_id: str, number_id: str) -> int:
        """Return the level that a list gives to a paragraph style; 0 if it names none."""
        abstract = self._list_of.get(number_id, "")
        style_abstract, level = self._level_of_style.get(style_id, ("", 0))
        return level if style_abstract == abstract else 0

    def label(self, number_id: str, level: int) -> str:
        """Count a paragraph and return what stands before it; "" if it has no number."""
        abstract = self._list_of.get(number_id)
        if abstract is None or number_id == "0":
            return ""
        own = self._level(number_id, level)
        if own.form == "bullet":
            return BULLET
        self._count(number_id, abstract, level)
        if own.form == "none" and "%" not in own.text:
            return own.text

        def number(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            form = self._level(number_id, place).form
            if own.all_decimal and form != "bullet":
                form = "decimal"
            start = self._level(number_id, place).start
            return written_number(self._counts[abstract].get(place, start), form)

        return _PLACE.sub(number, own.text)

    def _count(self, number_id: str, abstract: str, level: int) -> None:
        counts = self._counts[abstract]
        if number_id not in self._used:
            self._used.add(number_id)
            for place in self._starts.get(number_id, {}):
                counts.pop(place, None)
        start = self._starts.get(number_id, {}).get(level, self._level(number_id, level).start)
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [place for place in counts if place > level]:
            restarts_after = self._level(number_id, deeper).restarts_after
            if restarts_after is None or level < restarts_after:
                del counts[deeper]

    def _level(self, number_id: str, level: int) -> _Level:
        own = self._overrides.get(number_id, {}).get(level)
        if own is not None:
            return own
        abstract = self._list_of.get(number_id, "")
        return self._levels.get(abstract, {}).get(level, _Level())

    def _read(self, root: Element) -> None:
        lists_of_style: dict[str, str] = {}
        """Numbering style → the abstract list that defines it."""
        linked: dict[str, str] = {}
        """Abstract list → the numbering style whose list it stands for."""
        for element in root.iterfind("{*}abstractNum"):
            name = attribute(element, "abstractNumId") or ""
            self._levels[name] = self._read_levels(element, name)
            style = attribute(element.find("{*}styleLink"), "val")
            if style:
                lists_of_style[style] = name
            stands_for = attribute(element.find("{*}numStyleLink"), "val")
            if stands_for:
                linked[name] = stands_for
        for name, style in linked.items():
            self._levels[name] = self._levels.get(lists_of_style.get(style, ""), {})
        for element in root.iterfind("{*}num"):
            number_id = attribute(element, "numId") or ""
            abstract = attribute(element.find("{*}abstractNumId"), "val") or ""
            self._list_of[number_id] = abstract
            self._overrides[number_id] = {}
            self._starts[number_id] = {}
            for override in element.iterfind("{*}lvlOverride"):
                place = number_attribute(override, "ilvl") or 0
                level = override.find("{*}lvl")
                if level is not None:
                    self._overrides[number_id][place] = _read_level(level)
                start = number_attribute(override.find("{*}startOverride"), "val")
                if start is not None:
                    self._starts[number_id][place] = start

    def _read_levels(self, element: Element, abstract: str) -> dict[int, _Level]:
        levels: dict[int, _Level] = {}
        for level in element.iterfind("{*}lvl"):
            place = number_attribute(level, "ilvl") or 0
            levels[place] = _read_level(level)
            style = attribute(level.find("{*}pStyle"), "val")
            if style:
                self._level_of_style[style] = (abstract, place)
        return levels


def _read_level(level: Element) -> _Level:
    start = number_attribute(level.find("{*}start"), "val")
    form = attribute(level.find("{*}numFmt"), "val")
    is_legal = level.find("{*}isLgl")
    return _Level(
        start=1 if start is None else start,
        form=form or "decimal",
        text=attribute(level.find("{*}lvlText"), "val") or "",
        restarts_after=number_attribute(level.find("{*}lvlRestart"), "val"),
        all_decimal=is_legal is not None and is_on(is_legal),
    )


def written_number(number: int, form: str) -> str:
    """Return a number in one of Word's forms; in a form that is not known here as it is."""
    if form in {"lowerLetter", "upperLetter"} and number > 0:
        repeats, letter = divmod(number - 1, 26)
        text = chr(ord("a") + letter) * (repeats + 1)  # z is followed by aa, bb, cc
        return text.upper() if form == "upperLetter" else text
    if form in {"lowerRoman", "upperRoman"}:
        text = _roman(number)
        return text.upper() if form == "upperRoman" else text
    if form == "decimalZero":
        return f"{number:02}"
    if form == "ordinal":
        return f"{number}{_ordinal_ending(number)}"
    if form in {"bullet", "none"}:
        return ""
    return str(number)


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _ordinal_ending(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
