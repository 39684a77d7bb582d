"""A document's own sentences with the amounts, terms and dates that a summary leaves out."""

from __future__ import annotations

from collections.abc import Sequence

from docmind.passages import NumberedPassage
from docmind.verification.quotations import Quotation, quotable_sentences
from docmind.verification.values import (
    ORDINAL,
    TIME_OF_DAY,
    CalendarDate,
    Quantity,
    Value,
    missing,
    values,
)

MOST = 6
"""Sentences that are added to a summary, at most."""
LONGEST = 300
"""Characters of a sentence that is quoted whole."""


def left_out(summary: str, passages: Sequence[NumberedPassage]) -> list[Quotation]:
    """Return the sentences that tell most values which a summary does not, in reading order.

    Tables are left out: a row says little without its head.
    """
    told = values(summary)
    places: dict[Quotation, int] = {}
    for source, sentence in quotable_sentences(passages):
        if not source.passage.table and len(sentence) <= LONGEST:
            quotation = Quotation(words=sentence, number=source.number)
            places.setdefault(quotation, len(places))
    chosen: list[Quotation] = []
    while len(chosen) < MOST:
        best: Quotation | None = None
        most = 0
        for quotation in places:
            new = len(missing(_telling(quotation.words), told))
            if new > most:
                best = quotation
                most = new
        if best is None:
            break
        chosen.append(best)
        told += values(best.words)
    return sorted(chosen, key=places.__getitem__)


def _telling(sentence: str) -> list[Value]:
    """Return the values of a sentence that say something by themselves: with a unit, or a day."""
    found: list[Value] = []
    for value in values(sentence):
        is_amount = isinstance(value, Quantity) and value.unit not in ("", ORDINAL, TIME_OF_DAY)
        if is_amount or isinstance(value, CalendarDate):
            found.append(value)
    return found
