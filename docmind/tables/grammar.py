"""The grammar of the queries that some tables allow, in the engine's EBNF.

It names only columns that are there, each where its type fits, and compares a text with what stands
in its column: under it a model can choose wrongly but not write what can't be computed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from docmind.tables.query import NO_QUERY
from docmind.tables.table import NUMERIC, ColumnType, DocumentTable

MOST_VALUES = 400
"""Different texts of a column up to which one of them is chosen; of more, a part is written."""
LONGEST_VALUE = 100
"""Characters of a text that can be chosen."""

_COMMON = r"""
number ::= "-"? [0-9] [0-9]{0,11} ("." [0-9]{1,4})?
day ::= "'" [12] [0-9] [0-9] [0-9] "-" [01] [0-9] "-" [0-3] [0-9] "'"
year ::= [12] [0-9] [0-9] [0-9]
month ::= [1-9] | "1" [0-2]
part ::= "'%" [^'"%\n\\]{1,40} "%'"
limit ::= " LIMIT " [1-9] [0-9]{0,1}
direction ::= " ASC" | " DESC"
order ::= "=" | "!=" | "<" | "<=" | ">" | ">="
combine ::= "-" | "/" | ">" | "<"
"""


_YES_OR_NO = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should"
    r"|ist|sind|war|waren|hat|haben|hatte|hatten|wird|werden|wurde|wurden)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_NUMBER_WORD = re.compile(
    r"\b(?:zero|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|\w+ty|hundred"
    r"|thousand|million|billion|zwei|drei|vier|f\u00fcnf|sechs|sieben|acht|neun|zehn|\w+zig|hundert"
    r"|tausend)\b",
    re.IGNORECASE,
)


def query_grammar(tables: Sequence[DocumentTable], question: str) -> str:
    """Return the grammar of queries to these tables that may answer a question.

    A question for yes or no that names no amount is answered by comparing two values, and rows are
    chosen by numbers only where the question names some: the 1.5B asked whether a budget was kept
    for the rows whose amount was above it.

    Args:
        tables: their names must differ.
        question: what is asked.
    """
    amounts = [found for found in _NUMBER.findall(question) if not _YEAR.fullmatch(found)]
    names_amount = bool(amounts) or _NUMBER_WORD.search(question) is not None
    root = "select | combined"
    if _YES_OR_NO.search(question) and not names_amount:
        root = "compared"
    has_number = names_amount or _YEAR.search(question) is not None
    lines = [
        f'root ::= "{NO_QUERY}" | {root}',
        'combined ::= "SELECT (" scalar ") " combine " (" scalar ")"',
        'compared ::= "SELECT (" scalar ") " (">" | "<") " (" scalar ")"',
        f"select ::= {_one_of('select', len(tables))}",
        f"scalar ::= {_one_of('scalar', len(tables))}",
        *_COMMON.strip().split("\n"),
    ]
    for index, table in enumerate(tables):
        lines += _table_rules(index, table, has_number=has_number)
    return "\n".join(lines)


def _table_rules(index: int, table: DocumentTable, *, has_number: bool) -> list[str]:
    columns = table.table.columns
    quoted_columns: list[str] = []
    numeric: list[str] = []
    added: list[str] = []
    ordered: list[str] = []
    for column in columns:
        name = _quoted(f'"{column.name}"')
        quoted_columns.append(name)
        if column.type is not ColumnType.TEXT:
            ordered.append(name)
        if column.type in NUMERIC:
            numeric.append(name)
        if column.type is ColumnType.NUMBER:
            added.append(name)
    from_table = _quoted(f' FROM "{table.name}"')
    any_name = f"name{index}"
    where = f"where{index}?"
    aggregates = ['"COUNT(*)"', f'"COUNT(DISTINCT " {any_name} ")"']
    values = [any_name]
    rules = [f"{any_name} ::= {' | '.join(quoted_columns)}"]
    scalars = [f"aggregate{index} {from_table} {where}"]
    if numeric:
        rules.append(f"numeric{index} ::= {' | '.join(numeric)}")
        rules.append(f"added{index} ::= {' | '.join(added or numeric)}")
        rules.append(
            f'arithmetic{index} ::= numeric{index} (" - " | " + " | " * " | " / ") numeric{index}'
            f' | "(" numeric{index} " - " numeric{index} ") / " numeric{index} " * 100"'
            f' | "(" numeric{index} (" + " numeric{index}){{1,4}} ") / " [2-5]'
        )
        aggregates.append(
            f'("SUM" | "AVG") "(" (added{index} | arithmetic{index}) ")"',
        )
        values.append(f"arithmetic{index}")
        scalars.append(f"(numeric{index} | arithmetic{index}) {from_table} where{index}")
    if ordered:
        rules.append(f"ordered{index} ::= {' | '.join(ordered)}")
        aggregates.append(f'("MIN" | "MAX") "(" ordered{index} ")"')
    groups: list[str] = []
    for name in quoted_columns:
        groups.append(
            f'{name} (", " aggregate{index})? {from_table} {where} " GROUP BY " {name}'
            f' (" ORDER BY " aggregate{index} direction limit?)?'
        )
    rules.append(f"aggregate{index} ::= {' | '.join(aggregates)}")
    rules.append(f"value{index} ::= {' | '.join(values)}")
    rules.append(f'scalar{index} ::= "SELECT " ({" | ".join(scalars)})')
    rules.append(f"group{index} ::= {' | '.join(groups)}")
    rules.append(
        f'rows{index} ::= value{index} (", " value{index}){{0,2}} {from_table} {where}'
        f' (" ORDER BY " value{index} direction)? limit?'
    )
    rules.append(
        f'select{index} ::= "SELECT " (aggregate{index} {from_table} {where}'
        f" | group{index} | rows{index})"
    )
    rules.append(
        f'where{index} ::= " WHERE " condition{index}'
        f' ((" AND " condition{index}){{0,3}} | (" OR " condition{index}){{1,3}})'
    )
    rules.append(f"condition{index} ::= {' | '.join(_conditions(table, has_number=has_number))}")
    return rules


def _conditions(table: DocumentTable, *, has_number: bool) -> list[str]:
    conditions: list[str] = []
    has_text = False
    for column in table.table.columns:
        has_text = has_text or column.type is ColumnType.TEXT
    for index, column in enumerate(table.table.columns):
        name = _quoted(f'"{column.name}"')
        if column.type in NUMERIC and (has_number or not has_text):
            conditions.append(f'{name} " " order " " number')
        elif column.type in NUMERIC:
            continue
        elif column.type is ColumnType.DATE:
            conditions.append(f'{name} " " order " " day')
            conditions.append(f'"YEAR(" {name} ") " order " " year')
            conditions.append(f'"MONTH(" {name} ") " order " " month')
        else:
            conditions += _text_conditions(name, distinct_texts(table, index))
    return conditions


def _text_conditions(name: str, texts: Sequence[str]) -> list[str]:
    conditions: list[str] = []
    choices: list[str] = []
    for text in texts:
        if len(text) <= LONGEST_VALUE and '"' not in text and "\\" not in text:
            choices.append(_quoted("'" + text.replace("'", "''") + "'"))
    if choices and len(choices) <= MOST_VALUES:
        conditions.append(f'{name} " " ("=" | "!=") " " ({" | ".join(choices)})')
    if len(choices) < len(texts) or len(choices) > MOST_VALUES:
        conditions.append(f'{name} " LIKE " part')
    return conditions or [f'{name} " LIKE " part']


def distinct_texts(table: DocumentTable, index: int) -> list[str]:
    """Return the different texts of a column, in the order of the rows."""
    texts: dict[str, None] = {}  # an ordered set
    for value in table.table.column_values(index):
        if isinstance(value, str):
            texts[" ".join(value.split())] = None
    return list(texts)


def _one_of(name: str, count: int) -> str:
    return " | ".join(f"{name}{index}" for index in range(count))


def _quoted(text: str) -> str:
    """Return a text as a string of the grammar."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
