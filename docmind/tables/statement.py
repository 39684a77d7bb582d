"""A computed result → the sentence that states it, and the passage that is its evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from docmind.tables.cells import CURRENCIES
from docmind.tables.compute import Computed, Selected
from docmind.tables.query import Combined, Condition, Output, Query, Select
from docmind.tables.table import Column, ColumnType, DocumentTable, TableRow, Value

SHOWN_ROWS = 30
"""Rows of a table that its evidence shows."""
MOST_DECIMALS = 2
"""Of a number of 1 or more that was computed."""
SMALL_DIGITS = 3
"""Digits of a smaller one."""

_AGGREGATES = {
    "SUM": "sum of",
    "AVG": "average of",
    "MIN": "lowest",
    "MAX": "highest",
    "COUNT DISTINCT": "number of different values of",
    "COUNT": "number of rows with",
}
_MARK = re.compile(r"\[([\d\s,;\u2013-]+)\]")
"""A footnote of a cell or header, which would be taken for a citation."""
_OPERATORS = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
    "LIKE": "contains",
}
_DATE_OPERATORS = {"<": "is before", "<=": "is up to", ">": "is after", ">=": "is from"}
_MONTHS = (
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
)


def query_text(query: Query) -> str:
    """Return a query as SQL, as it is shown."""
    if isinstance(query, Combined):
        left = query_text(query.left)
        return f"SELECT ({left}) {query.operator} ({query_text(query.right)})"
    outputs = ", ".join(output.text for output in query.outputs)
    text = f'SELECT {outputs} FROM "{query.table}"'  # noqa: S608  shown, never run
    if query.conditions:
        link = " OR " if query.any_condition else " AND "
        text += f" WHERE {link.join(_condition_sql(each) for each in query.conditions)}"
    if query.group_by:
        text += f' GROUP BY "{query.group_by}"'
    if query.order_by is not None:
        text += f" ORDER BY {query.order_by.text} {'DESC' if query.descending else 'ASC'}"
    if query.limit is not None:
        text += f" LIMIT {query.limit}"
    return text


def _condition_sql(condition: Condition) -> str:
    place = f'"{condition.column}"'
    if condition.part:
        return f"{condition.part}({place}) {condition.operator} {condition.value}"
    literal = condition.value
    if not re.fullmatch(r"-?\d+(\.\d+)?", literal):
        literal = "'" + literal.replace("'", "''") + "'"
    return f"{place} {condition.operator} {literal}"


def statement(computed: Computed) -> str:
    """Return what was computed as one sentence without its full stop; "" if nothing was found."""
    if isinstance(computed.query, Combined):
        text = _combined_statement(computed, computed.query)
    else:
        selected = computed.parts[0]
        if not selected.results or set(selected.results[0]) == {None}:
            return ""
        text = f"{_selected_statement(selected)} ({_source(selected)})"
    return _MARK.sub(r"(\1)", text)


def _source(selected: Selected) -> str:
    """Return where a value was computed from, for example `a.xlsx, Budget`."""
    parts = [selected.table.file_name]
    if selected.table.table.title:
        parts.append(selected.table.table.title)
    return ", ".join(parts)


def _selected_statement(selected: Selected) -> str:
    select = selected.select
    first, *others = select.outputs
    where = _where(select, selected.table)
    if len(select.outputs) == 1 and len(selected.results) == 1:
        value = show(selected.results[0][0], first, selected.table)
        if select.group_by or (select.order_by and not first.aggregate):
            return f"{value} has {_superlative(select, selected.table)}{where}"
        return f"The {_described(first)}{where} is {value}"
    if len(selected.results) == 1 and not first.aggregate and _is_top(select):
        told: list[str] = []
        for output, cell in zip(others, selected.results[0][1:], strict=True):
            shown = show(cell, output, selected.table)
            if output != select.order_by:
                shown = f"{_described(output)} {shown}"
            told.append(shown)
        name = show(selected.results[0][0], first, selected.table)
        return f"{name} has {_superlative(select, selected.table)}{where}: {', '.join(told)}"
    header = _described_all(select)
    rows: list[str] = []
    for result in selected.results:
        cells: list[str] = []
        for output, cell in zip(select.outputs, result, strict=True):
            cells.append(show(cell, output, selected.table))
        rows.append(" ".join(cells))
    if selected.more:
        rows.append("and more")
    return f"The {header}{where}: {', '.join(rows)}"


def _is_top(select: Select) -> bool:
    return select.order_by is not None and select.limit is not None


def _superlative(select: Select, table: DocumentTable) -> str:
    if select.order_by is None:
        return f"the {_described_all(select)}"
    output = select.order_by
    column = _column(output, table)
    if column is not None and column.type is ColumnType.DATE:
        which = "latest" if select.descending else "earliest"
    else:
        which = "highest" if select.descending else "lowest"
    return f"the {which} {_described(output)}"


def _combined_statement(computed: Computed, query: Combined) -> str:
    left, right = computed.parts
    told_left = _with_value(left)
    told_right = _with_value(right)
    if computed.is_true is not None:
        word = "above" if query.operator == ">" else "below"
        if computed.is_true:
            return f"Yes, {told_left} is {word} {told_right}"
        return f"No, {told_left} is not {word} {told_right}"
    if computed.value is None:
        return ""
    if query.operator == "/":
        return f"{_capital(told_left)} is {show_number(computed.value)} times {told_right}"
    if not computed.value:
        return f"{_capital(told_left)} is the same as {told_right}"
    difference = show_number(abs(computed.value), _unit_of(left))
    word = "above" if computed.value > 0 else "below"
    return f"{_capital(told_left)} is {difference} {word} {told_right}"


def _with_value(selected: Selected) -> str:
    output = selected.select.outputs[-1]
    value = show(selected.value, output, selected.table)
    where = _where(selected.select, selected.table)
    return f"the {_described(output)}{where} ({value}, {_source(selected)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _described_all(select: Select) -> str:
    return " and ".join(_described(output) for output in select.outputs)


def _described(output: Output) -> str:
    """Return an output in words: `sum of Units * Price` with a sign of multiplication."""
    if output.expression == "*":
        return "number of rows"
    expression = output.expression.replace('"', "").replace(" * 100", " in percent")
    expression = expression.replace(" * ", " \u00d7 ")
    if output.aggregate:
        return f"{_AGGREGATES[output.aggregate]} {expression}"
    return expression


def _where(select: Select, table: DocumentTable) -> str:
    if not select.conditions:
        return ""
    told: list[str] = []
    for condition in select.conditions:
        operators = _OPERATORS
        for column in table.table.columns:
            if column.name == condition.column and column.type is ColumnType.DATE:
                operators = {**_OPERATORS, **_DATE_OPERATORS}
        value = condition.value.strip("%")
        place = condition.column
        if condition.part:
            place = f"the {condition.part.lower()} of {condition.column}"
        if condition.part == "MONTH" and 1 <= int(value) <= len(_MONTHS):
            value = _MONTHS[int(value) - 1]
        told.append(f"{place} {operators[condition.operator]} {value}")
    link = " or " if select.any_condition else " and "
    return f" where {link.join(told)}"


def show(value: Value, output: Output, table: DocumentTable) -> str:
    """Return a result as a reader wants it: rounded, with separators and its unit."""
    if value is None:
        return "nothing"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return " ".join(value.split())
    column = _column(output, table)
    if (
        column is not None
        and column.type is ColumnType.YEAR
        and output.aggregate
        in {
            "",
            "MIN",
            "MAX",
        }
    ):
        return str(value)
    return show_number(value, _unit(output, table))


def show_number(value: Decimal, unit: str = "") -> str:
    """Return a number with at most two decimals, those of money always, and its unit."""
    decimals = MOST_DECIMALS
    if value and abs(value) < 1:
        decimals = max(MOST_DECIMALS, SMALL_DIGITS - 1 - value.adjusted())
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{rounded:,f}"
    is_whole = rounded == rounded.to_integral_value()
    if is_whole or unit not in CURRENCIES:
        text = text.rstrip("0").rstrip(".")
    if not unit:
        return text
    if unit == "%":
        return f"{text}%"
    if len(unit) == 1 and unit in CURRENCIES:
        return f"{unit}{text}".replace(f"{unit}-", f"-{unit}")
    return f"{text} {unit}"


def _unit_of(selected: Selected) -> str:
    return _unit(selected.select.outputs[-1], selected.table)


def _unit(output: Output, table: DocumentTable) -> str:
    """Return the unit of a result: that of its columns, unless one divides the other."""
    if output.aggregate.startswith("COUNT"):
        return ""
    units: list[str] = []
    for name in output.columns:
        for column in table.table.columns:
            if column.name == name and column.unit:
                units.append(column.unit)
    if "/ " in output.expression and output.expression.count('"') > 2:
        if output.expression.endswith("* 100"):
            return "%"
        divides_column = re.search(r'/ "', output.expression)
        if divides_column:
            return ""
    return units[0] if units else ""


def _column(output: Output, table: DocumentTable) -> Column | None:
    """Return the column that an output is, unless it is arithmetic."""
    for column in table.table.columns:
        if output.expression == f'"{column.name}"':
            return column
    return None


def evidence(computed: Computed, part: Selected, text: str) -> str:
    """Return what the passage of a result says: the statement, its rows, and the query.

    Args:
        computed: the result.
        part: whose rows are shown.
        text: the document's extracted text.
    """
    table = part.table.table
    told = statement(computed)
    lines = [f"{told}.", "", text[table.start : table.body_start].strip()]
    lines += _row_lines(table.rows, part.rows, text)
    if len(part.rows) > SHOWN_ROWS:
        lines.append(f"\u2026 and {len(part.rows) - SHOWN_ROWS} more rows")
    # Far from the statement, whose numbers an answer's are compared with.
    count = f"computed from {len(part.rows)} of {len(table.rows)} rows"
    lines += ["", f"Query, {count}: {query_text(computed.query)}"]
    return "\n".join(lines)


def _row_lines(rows: Sequence[TableRow], used: Sequence[int], text: str) -> list[str]:
    lines: list[str] = []
    for index in used[:SHOWN_ROWS]:
        row = rows[index]
        lines.append(text[row.start : row.end])
    return lines
