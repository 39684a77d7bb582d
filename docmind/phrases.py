"""The sentences that code writes into answers, in the language of the question.

A language without sentences of its own gets the English ones. In braces stands what is filled in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Phrases:
    """All sentences of one language."""

    not_found: str
    document_says: str
    """Of a quotation; what it quotes stands between straight quotation marks."""
    as_stated: str
    not_as_stated: str
    """Of a statement that the user wants checked."""
    part_failed: str

    # Documents that are named
    no_such_document: str
    near_names: str
    deleted: str
    elsewhere: str
    unreadable: str
    still_read: str

    # Which documents there are
    all_documents: str
    documents_about: str
    no_document_about: str
    nearest_documents: str
    no_documents: str
    more_documents: str
    document: str
    documents: str
    page: str
    pages: str
    orders: Mapping[str, str]
    """How a list of documents is sorted."""

    # What was computed with tables
    is_value: str
    has_value: str
    has_extreme: str
    highest: str
    lowest: str
    latest: str
    earliest: str
    where: str
    and_: str
    or_: str
    and_more: str
    nothing: str
    part_of_date: str
    is_above: str
    is_below: str
    is_not_above: str
    is_not_below: str
    times: str
    same: str
    above_by: str
    below_by: str
    in_percent: str
    number_of_rows: str
    rows: str
    """Several rows of results, behind what they are."""
    the_described: str
    """What was computed, as the subject of a sentence."""
    aggregates: Mapping[str, str]
    operators: Mapping[str, str]
    date_operators: Mapping[str, str]
    date_parts: Mapping[str, str]
    months: tuple[str, ...]
    decimal_comma: bool = False
    """Whether 1234.5 is written 1.234,5."""


ENGLISH = Phrases(
    not_found="Not found in your documents.",
    document_says='The document says: "{words}" [{number}]',
    as_stated="The documents support this statement.",
    not_as_stated="The documents do not support this statement as it stands.",
    part_failed="This part could not be answered.",
    no_such_document="There is no document called {name} among your documents{near}.",
    near_names="; near it: {names}",
    deleted="{name} is no longer there: it was deleted.",
    elsewhere="{name} is not among the documents that this question searches.",
    unreadable="{name} could not be read.",
    still_read="{name} is still being read. Ask again when it is ready.",
    all_documents="You have {count}",
    documents_about="About “{topic}”: {found} of your {count}",
    no_document_about="None of your {count} speaks of “{topic}”.",
    nearest_documents="Nearest in meaning",
    no_documents="There are no documents.",
    more_documents="… and {number} more",
    document="document",
    documents="documents",
    page="page",
    pages="pages",
    orders={
        "name": "",
        "newest": "the newest first",
        "oldest": "the oldest first",
        "longest": "the longest first",
        "shortest": "the shortest first",
    },
    is_value="The {described}{where} is {value}",
    has_value="{value} has the {described}{where}",
    has_extreme="{value} has the {extreme} {described}{where}",
    highest="highest",
    lowest="lowest",
    latest="latest",
    earliest="earliest",
    where=" where {conditions}",
    and_=" and ",
    or_=" or ",
    and_more="and more",
    nothing="nothing",
    part_of_date="the {part} of {column}",
    is_above="Yes, {left} is above {right}",
    is_below="Yes, {left} is below {right}",
    is_not_above="No, {left} is not above {right}",
    is_not_below="No, {left} is not below {right}",
    times="{left} is {number} times {right}",
    same="{left} is the same as {right}",
    above_by="{left} is {number} above {right}",
    below_by="{left} is {number} below {right}",
    in_percent="in percent",
    number_of_rows="number of rows",
    rows="The {described}{where}: {rows}",
    the_described="the {described}",
    aggregates={
        "SUM": "sum of {column}",
        "AVG": "average of {column}",
        "MIN": "lowest {column}",
        "MAX": "highest {column}",
        "COUNT DISTINCT": "number of different values of {column}",
        "COUNT": "number of rows with {column}",
    },
    operators={
        "=": "{column} is {value}",
        "!=": "{column} is not {value}",
        "<": "{column} is less than {value}",
        "<=": "{column} is at most {value}",
        ">": "{column} is more than {value}",
        ">=": "{column} is at least {value}",
        "LIKE": "{column} contains {value}",
    },
    date_operators={
        "<": "{column} is before {value}",
        "<=": "{column} is up to {value}",
        ">": "{column} is after {value}",
        ">=": "{column} is from {value}",
    },
    date_parts={"YEAR": "year", "MONTH": "month", "DAY": "day"},
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
)

GERMAN = Phrases(
    not_found="In den Dokumenten nicht gefunden.",
    document_says='Im Dokument steht: "{words}" [{number}]',
    as_stated="Die Dokumente stützen diese Aussage.",
    not_as_stated="Die Dokumente stützen diese Aussage so nicht.",
    part_failed="Dieser Teil konnte nicht beantwortet werden.",
    no_such_document="Ein Dokument mit dem Namen {name} wurde nicht gefunden{near}.",
    near_names="; ähnlich heißen: {names}",
    deleted="{name} ist nicht mehr da: Das Dokument wurde gelöscht.",
    elsewhere="{name} ist nicht unter den Dokumenten, die diese Frage durchsucht.",
    unreadable="{name} konnte nicht gelesen werden.",
    still_read="{name} wird noch gelesen. Fragen Sie noch einmal, wenn es bereit ist.",
    all_documents="Vorhanden: {count}",
    documents_about="Zu „{topic}“: {found} von {count}",
    no_document_about="Keines von {count} spricht von „{topic}“.",
    nearest_documents="Dem Sinn nach am nächsten",
    no_documents="Es sind keine Dokumente da.",
    more_documents="… und {number} weitere",
    document="Dokument",
    documents="Dokumenten",
    page="Seite",
    pages="Seiten",
    orders={
        "name": "",
        "newest": "die neuesten zuerst",
        "oldest": "die ältesten zuerst",
        "longest": "die längsten zuerst",
        "shortest": "die kürzesten zuerst",
    },
    is_value="{described}{where} beträgt {value}",
    has_value="{value} hat {described}{where}",
    has_extreme="{value} hat den {extreme} Wert bei {described}{where}",
    highest="höchsten",
    lowest="niedrigsten",
    latest="spätesten",
    earliest="frühesten",
    where=" für {conditions}",
    and_=" und ",
    or_=" oder ",
    and_more="und weitere",
    nothing="nichts",
    part_of_date="{part} von {column}",
    is_above="Ja, {left} liegt über {right}",
    is_below="Ja, {left} liegt unter {right}",
    is_not_above="Nein, {left} liegt nicht über {right}",
    is_not_below="Nein, {left} liegt nicht unter {right}",
    times="{left} ist das {number}-Fache von {right}",
    same="{left} ist gleich {right}",
    above_by="{left} liegt um {number} über {right}",
    below_by="{left} liegt um {number} unter {right}",
    in_percent="in Prozent",
    number_of_rows="Zahl der Zeilen",
    rows="{described}{where}: {rows}",
    the_described="{described}",
    aggregates={
        "SUM": "Summe von {column}",
        "AVG": "Durchschnitt von {column}",
        "MIN": "Niedrigster Wert von {column}",
        "MAX": "Höchster Wert von {column}",
        "COUNT DISTINCT": "Zahl der verschiedenen Werte von {column}",
        "COUNT": "Zahl der Zeilen mit {column}",
    },
    operators={
        "=": "{column} gleich {value}",
        "!=": "{column} ungleich {value}",
        "<": "{column} unter {value}",
        "<=": "{column} höchstens {value}",
        ">": "{column} über {value}",
        ">=": "{column} mindestens {value}",
        "LIKE": "{column} mit {value}",
    },
    date_operators={
        "<": "{column} vor {value}",
        "<=": "{column} bis {value}",
        ">": "{column} nach {value}",
        ">=": "{column} ab {value}",
    },
    date_parts={"YEAR": "Jahr", "MONTH": "Monat", "DAY": "Tag"},
    months=(
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
    decimal_comma=True,
)

ALL = {"en": ENGLISH, "de": GERMAN}


def phrases_in(language: str) -> Phrases:
    """Return the sentences of a language (ISO 639-1); English where it has none."""
    return ALL.get(language, ENGLISH)


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun: `1 page`, `2 pages`."""
    noun = many
    if number == 1:
        noun = one
    return f"{number} {noun}"
