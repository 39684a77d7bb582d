"""What is computed with tables: a small part of SQL, as text and as data.

    SELECT SUM("Amount") FROM "sales" WHERE "Region" = 'North'
    SELECT "Region" FROM "sales" GROUP BY "Region" ORDER BY AVG("Amount") DESC LIMIT 1
    SELECT "Product" FROM "sales" WHERE "Date" >= '2025-03-01' ORDER BY "Amount" DESC LIMIT 3
    SELECT (SELECT SUM("Amount") FROM "sales") - (SELECT "Goal" FROM "goals" WHERE "Year" = 2025)

SQL, because models have read much of it: they write it better than a notation of ours. What a model
wrote is never run: it is read into the types below, and these become a statement of our own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_QUERY = "NONE"
"""What stands for: no table holds the answer."""

NAME = r'"[^"\n]+"'
_NUMBER = r"-?\d+(?:\.\d+)?"
_EXPRESSION = rf"(?:{NAME}|\d+(?:\.\d+)?|[-+*/() ])+?"
_OUTPUT = re.compile(
    r"(?:(?P<aggregate>SUM|AVG|MIN|MAX|COUNT)"
    rf"\((?:\*|(?P<distinct>DISTINCT )?(?P<of>{_EXPRESSION}))\)"
    rf"|(?P<plain>{_EXPRESSION}))(?=, |\Z)"
)
_LITERAL = rf"(?:'(?:[^'\n]|'')*'|{_NUMBER})"
_CONDITION = re.compile(
    rf"(?:(?P<part>YEAR|MONTH)\()?(?P<column>{NAME})\)? "
    rf"(?P<operator>=|!=|<=|>=|<|>|LIKE) (?P<literal>{_LITERAL})"
)
_SELECT = re.compile(
    r"SELECT (?P<outputs>"  # noqa: S608  a pattern
    rf"(?:{NAME}|[^\"])+?) FROM (?P<table>{NAME})"
    rf"(?: WHERE (?P<where>(?:'(?:[^'\n]|'')*'|{NAME}|[^\"'])+?))?"
    rf"(?: GROUP BY (?P<group>{NAME}))?"
    r"(?: ORDER BY (?P<order>.+?) (?P<direction>ASC|DESC))?"
    r"(?: LIMIT (?P<limit>\d{1,3}))?"
)
_COMBINED = re.compile(
    r"SELECT \((?P<left>SELECT .+)\) (?P<operator>[-/<>]) \((?P<right>SELECT .+)\)"
)


@dataclass(frozen=True)
class Output:
    """What is selected: a column, arithmetic with columns, or an aggregate of it."""

    expression: str
    """Columns in double quotes, numbers and + - * / ( ); "*" for rows."""
    aggregate: str = ""
    """SUM, AVG, MIN, MAX, COUNT, COUNT DISTINCT; empty: the value of each row."""

    @property
    def columns(self) -> list[str]:
        """The columns that it names."""
        return [name.strip('"') for name in re.findall(NAME, self.expression)]

    @property
    def text(self) -> str:
        """It as SQL."""
        if self.aggregate == "COUNT DISTINCT":
            return f"COUNT(DISTINCT {self.expression})"
        if self.aggregate:
            return f"{self.aggregate}({self.expression})"
        return self.expression


@dataclass(frozen=True)
class Condition:
    """What a row must fulfil."""

    column: str
    operator: str
    value: str
    """Without quotes."""
    part: str = ""
    """YEAR or MONTH of a date; empty: the value itself."""


@dataclass(frozen=True)
class Select:
    """Something computed with one table."""

    table: str
    outputs: tuple[Output, ...]
    conditions: tuple[Condition, ...] = ()
    any_condition: bool = False
    """One of the conditions is enough."""
    group_by: str = ""
    order_by: Output | None = None
    descending: bool = False
    limit: int | None = None

    @property
    def aggregates(self) -> bool:
        """Whether it gives values of several rows together."""
        return any(output.aggregate for output in self.outputs)


@dataclass(frozen=True)
class Combined:
    """Two values that are subtracted, divided or compared."""

    left: Select
    operator: str
    """- / < >"""
    right: Select


Query = Select | Combined


def parse_query(text: str) -> Query | None:
    """Return the query that a text is; None for "there is none".

    Raises:
        ValueError: it is something else.
    """
    text = text.strip().rstrip(";").strip()
    if text == NO_QUERY:
        return None
    combined = _COMBINED.fullmatch(text)
    if combined:
        return Combined(
            left=_parse_select(combined["left"]),
            operator=combined["operator"],
            right=_parse_select(combined["right"]),
        )
    return _parse_select(text)


def _parse_select(text: str) -> Select:
    found = _SELECT.fullmatch(text)
    if found is None:
        raise ValueError(f"this is no query: {text[:200]!r}")
    outputs = _parse_outputs(found["outputs"])
    conditions: tuple[Condition, ...] = ()
    any_condition = False
    if found["where"]:
        conditions, any_condition = _parse_conditions(found["where"])
    order_by = None
    if found["order"]:
        (order_by,) = _parse_outputs(found["order"])
    return Select(
        table=found["table"].strip('"'),
        outputs=outputs,
        conditions=conditions,
        any_condition=any_condition,
        group_by=(found["group"] or "").strip('"'),
        order_by=order_by,
        descending=found["direction"] == "DESC",
        limit=int(found["limit"]) if found["limit"] else None,
    )


def _parse_outputs(text: str) -> tuple[Output, ...]:
    outputs: list[Output] = []
    place = 0
    while place < len(text):
        found = _OUTPUT.match(text, place)
        if found is None or found.end() == place:
            raise ValueError(f"this can't be selected: {text[:200]!r}")
        if found["plain"]:
            outputs.append(Output(expression=found["plain"].strip()))
        else:
            aggregate = found["aggregate"]
            if found["distinct"]:
                aggregate = f"{aggregate} DISTINCT"
            outputs.append(Output(expression=found["of"] or "*", aggregate=aggregate))
        place = found.end() + len(", ")
    return tuple(outputs)


def _parse_conditions(text: str) -> tuple[tuple[Condition, ...], bool]:
    """Return the conditions, and whether one of them is enough."""
    conditions: list[Condition] = []
    links: set[str] = set()
    place = 0
    while place < len(text):
        found = _CONDITION.match(text, place)
        if found is None:
            raise ValueError(f"this is no condition: {text[:200]!r}")
        literal = found["literal"]
        if literal.startswith("'"):
            literal = literal[1:-1].replace("''", "'")
        conditions.append(
            Condition(
                column=found["column"].strip('"'),
                operator=found["operator"],
                value=literal,
                part=found["part"] or "",
            )
        )
        place = found.end()
        for link in (" AND ", " OR "):
            if text.startswith(link, place):
                links.add(link.strip())
                place += len(link)
                break
    if len(links) > 1:
        raise ValueError("AND and OR together are not understood")
    return tuple(conditions), links == {"OR"}
