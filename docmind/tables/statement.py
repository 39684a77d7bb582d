"""A computed result → the sentence that states it, and the passage that is its evidence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from docmind.phrases import ENGLISH, Phrases
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

_MARK = re.compile(r"\[([\d\s,;\u2013-]+)\]")
"""A footnote of a cell or header, which would be taken for a citation."""


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


def statement(computed: Computed, phrases: Phrases = ENGLISH) -> str:
    """Return what was computed as one sentence without its full stop; "" if nothing was found."""
    if isinstance(computed.query, Combined):
        text = _combined_statement(computed, computed.query, phrases)
    else:
        selected = computed.parts[0]
        if not selected.results or set(selected.results[0]) == {None}:
            return ""
        text = f"{_selected_statement(selected, phrases)} ({_source(selected)})"
    return _MARK.sub(r"(\1)", text)


def _source(selected: Selected) -> str:
    """Return where a value was computed from, for example `a.xlsx, Budget`."""
    parts = [selected.table.file_name]
    if selected.table.table.title:
        parts.append(selected.table.table.title)
    return ", ".join(parts)


def _selected_statement(selected: Selected, phrases: Phrases) -> str:
    select = selected.select
    first, *others = select.outputs
    where = _where(select, selected.table, phrases)
    if len(select.outputs) == 1 and len(selected.results) == 1:
        value = show(selected.results[0][0], first, selected.table, phrases=phrases)
        if select.group_by or (select.order_by and not first.aggregate):
            return _superlative(value, select, selected.table, phrases=phrases)
        described = _described(first, phrases)
        return phrases.is_value.format(described=described, where=where, value=value)
    if len(selected.results) == 1 and not first.aggregate and _is_top(select):
        told: list[str] = []
        for output, cell in zip(others, selected.results[0][1:], strict=True):
            shown = show(cell, output, selected.table, phrases=phrases)
            if output != select.order_by:
                shown = f"{_described(output, phrases)} {shown}"
            told.append(shown)
        name = show(selected.results[0][0], first, selected.table, phrases=phrases)
        superlative = _superlative(name, select, selected.table, phrases=phrases)
        return f"{superlative}: {', '.join(told)}"
    rows: list[str] = []
    for result in selected.results:
        cells: list[str] = []
        for output, cell in zip(select.outputs, result, strict=True):
            cells.append(show(cell, output, selected.table, phrases=phrases))
        rows.append(" ".join(cells))
    if selected.more:
        rows.append(phrases.and_more)
    described = _described_all(select, phrases)
    return phrases.rows.format(described=described, where=where, rows=", ".join(rows))


def _is_top(select: Select) -> bool:
    return select.order_by is not None and select.limit is not None


def _superlative(value: str, select: Select, table: DocumentTable, *, phrases: Phrases) -> str:
    """Return that a value has the most or least of what a query sorts by."""
    where = _where(select, table, phrases)
    if select.order_by is None:
        described = _described_all(select, phrases)
        return phrases.has_value.format(value=value, described=described, where=where)
    output = select.order_by
    column = _column(output, table)
    if column is not None and column.type is ColumnType.DATE:
        extreme = phrases.latest if select.descending else phrases.earliest
    else:
        extreme = phrases.highest if select.descending else phrases.lowest
    described = _described(output, phrases)
    return phrases.has_extreme.format(
        value=value, extreme=extreme, described=described, where=where
    )


def _combined_statement(computed: Computed, query: Combined, phrases: Phrases) -> str:
    left, right = computed.parts
    told_left = _with_value(left, phrases)
    told_right = _with_value(right, phrases)
    if computed.is_true is not None:
        sentences = {
            (">", True): phrases.is_above,
            (">", False): phrases.is_not_above,
            ("<", True): phrases.is_below,
            ("<", False): phrases.is_not_below,
        }
        sentence = sentences[query.operator, computed.is_true]
        return sentence.format(left=told_left, right=told_right)
    if computed.value is None:
        return ""
    number = show_number(abs(computed.value), _unit_of(left), phrases=phrases)
    sentence = phrases.above_by
    if query.operator == "/":
        number = show_number(computed.value, phrases=phrases)
        sentence = phrases.times
    elif not computed.value:
        sentence = phrases.same
    elif computed.value < 0:
        sentence = phrases.below_by
    told = sentence.format(left=told_left, right=told_right, number=number)
    return _capital(told)


def _with_value(selected: Selected, phrases: Phrases) -> str:
    output = selected.select.outputs[-1]
    value = show(selected.value, output, selected.table, phrases=phrases)
    where = _where(selected.select, selected.table, phrases)
    told = phrases.the_described.format(described=_described(output, phrases))
    return f"{told}{where} ({value}, {_source(selected)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _described_all(select: Select, phrases: Phrases) -> str:
    return phrases.and_.join(_described(output, phrases) for output in select.outputs)


def _described(output: Output, phrases: Phrases) -> str:
    """Return an output in words: `sum of Units * Price` with a sign of multiplication."""
    if output.expression == "*":
        return phrases.number_of_rows
    expression = output.expression.replace('"', "")
    expression = expression.replace(" * 100", f" {phrases.in_percent}")
    expression = expression.replace(" * ", " \u00d7 ")
    if output.aggregate:
        return phrases.aggregates[output.aggregate].format(column=expression)
    return expression


def _where(select: Select, table: DocumentTable, phrases: Phrases) -> str:
    if not select.conditions:
        return ""
    told: list[str] = []
    for condition in select.conditions:
        operators = phrases.operators
        for column in table.table.columns:
            if column.name == condition.column and column.type is ColumnType.DATE:
                operators = {**phrases.operators, **phrases.date_operators}
        value = condition.value.strip("%")
        place = condition.column
        if condition.part:
            part = phrases.date_parts[condition.part]
            place = phrases.part_of_date.format(part=part, column=condition.column)
        if condition.part == "MONTH" and 1 <= int(value) <= len(phrases.months):
            value = phrases.months[int(value) - 1]
        told.append(operators[condition.operator].format(column=place, value=value))
    link = phrases.or_ if select.any_condition else phrases.and_
    return phrases.where.format(conditions=link.join(told))


def show(value: Value, output: Output, table: DocumentTable, *, phrases: Phrases = ENGLISH) -> str:
    """Return a result as a reader wants it: rounded, with separators and its unit."""
    if value is None:
        return phrases.nothing
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
    return show_number(value, _unit(output, table), phrases=phrases)


def show_number(value: Decimal, unit: str = "", *, phrases: Phrases = ENGLISH) -> str:
    """Return a number with at most two decimals, those of money always, and its unit."""
    decimals = MOST_DECIMALS
    if value and abs(value) < 1:
        decimals = max(MOST_DECIMALS, SMALL_DIGITS - 1 - value.adjusted())
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    text = f"{rounded:,f}"
    is_whole = rounded == rounded.to_integral_value()
    if is_whole or unit not in CURRENCIES:
        text = text.rstrip("0").rstrip(".")
    if phrases.decimal_comma:
        text = text.translate(str.maketrans(",.", ".,"))
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


def evidence(computed: Computed, part: Selected, text: str, *, phrases: Phrases = ENGLISH) -> str:
    """Return what the passage of a result says: the statement, its rows, and the query.

    Args:
        computed: the result.
        part: whose rows are shown.
        text: the document's extracted text.
        phrases: the language of the statement.
    """
    table = part.table.table
    told = statement(computed, phrases)
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
