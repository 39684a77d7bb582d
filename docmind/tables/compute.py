"""Queries computed by DuckDB: in memory, on all rows, within bounds."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from docmind.errors import DocMindError
from docmind.tables.query import NAME, Combined, Condition, Output, Query, Select
from docmind.tables.table import NUMERIC, ColumnType, DocumentTable, Value

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "512MB"
THREADS = 1
TIMEOUT_S = 20.0
MOST_RESULTS = 1000
"""Rows of a result that are fetched."""
EXACT_DIGITS = 18
"""Numbers of up to so many digits are computed as decimals, others as floating point."""
TOP = 50
"""Rows of a result that are told."""

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "memory_limit": MEMORY,
    "threads": str(THREADS),
    "temp_directory": "",
}


@dataclass(frozen=True)
class Selected:
    """What a query to one table gave."""

    select: Select
    table: DocumentTable
    results: tuple[tuple[Value, ...], ...]
    """Rows of the query's outputs, in its order."""
    rows: tuple[int, ...]
    """Indices of the table's rows from which they were computed."""
    more: int = 0
    """Results beyond those."""

    @property
    def value(self) -> Value:
        """The only value; None if there is none."""
        if not self.results:
            return None
        return self.results[0][-1]


@dataclass(frozen=True)
class Computed:
    """What a query gave."""

    query: Query
    parts: tuple[Selected, ...]
    """One for each table: two of a combined query."""
    value: Decimal | None = None
    """Of a difference or quotient."""
    is_true: bool | None = None
    """Of a comparison."""


@dataclass
class _Statement:
    """SQL with its parameters."""

    sql: str
    parameters: list[object] = field(default_factory=list)


def compute(query: Query, tables: Sequence[DocumentTable]) -> Computed:
    """Compute a query to some tables.

    Raises:
        DocMindError: it can't be computed; the message says why.
    """
    by_name = {table.name: table for table in tables}
    if isinstance(query, Select):
        return Computed(query=query, parts=(_select(query, by_name),))
    left = _select(query.left, by_name)
    right = _select(query.right, by_name)
    value, is_true = _combine(query, left.value, right.value)
    return Computed(query=query, parts=(left, right), value=value, is_true=is_true)


def _combine(query: Combined, left: Value, right: Value) -> tuple[Decimal | None, bool | None]:
    if not isinstance(left, Decimal) or not isinstance(right, Decimal):
        raise DocMindError("One of the two values is not in the table.")
    if query.operator == "-":
        return left - right, None
    if query.operator == "/":
        if not right:
            raise DocMindError("It would be a division by zero.")
        return left / right, None
    return None, left > right if query.operator == ">" else left < right


def _select(select: Select, tables: Mapping[str, DocumentTable]) -> Selected:
    if select.order_by is not None and select.order_by not in select.outputs:
        # By what they are ordered is told as well.
        select = replace(select, outputs=(*select.outputs, select.order_by))
    table = tables.get(select.table)
    if table is None:
        raise DocMindError(f"There is no table {select.table!r}.")
    with _connection(table) as connection:
        where = _where(select, table)
        rows = _fetch(connection, _results(select, table, where))
        results = rows[:TOP]
        limit = select.limit
        if limit is not None and len(rows) > limit:
            # The last column is what they are ordered by: those that are alike stay together.
            last = rows[limit - 1][-1]
            count = limit
            while count < len(rows) and rows[count][-1] == last:
                count += 1
            rows = rows[:count]
            results = rows[:TOP]
        if select.order_by is not None:
            results = [row[:-1] for row in results]
        used_rows = _used_rows(select, table, where, results)
        used = connection.execute(used_rows.sql, used_rows.parameters).fetchall()
    typed: list[tuple[Value, ...]] = []
    for result in results:
        typed.append(tuple(_value(cell) for cell in result))
    return Selected(
        select=select,
        table=table,
        results=tuple(typed),
        rows=tuple(sorted(int(row[0]) for row in used)),
        more=max(0, len(rows) - len(results)),
    )


@contextmanager
def _connection(table: DocumentTable) -> Iterator[DuckDBPyConnection]:
    """Yield a database that holds the table as `t` and can reach nothing else."""
    import duckdb

    connection = duckdb.connect(":memory:", config=_CONFIG)
    timer = threading.Timer(TIMEOUT_S, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        connection.register("source", _arrow(table))
        connection.execute("CREATE TABLE t AS SELECT * FROM source")
        connection.unregister("source")
        connection.execute("SET lock_configuration = true")
        yield connection
    except duckdb.InterruptException as exc:
        raise DocMindError(f"Computing took longer than {TIMEOUT_S:g} s.") from exc
    except duckdb.Error as exc:
        raise DocMindError(f"It can't be computed: {str(exc).splitlines()[0]}") from exc
    finally:
        timer.cancel()
        connection.close()


def _arrow(table: DocumentTable) -> Any:  # noqa: ANN401  pyarrow has no types
    """Return the table with its rows' numbers as `r`, whether they are totals, and its columns."""
    import pyarrow

    rows = table.table.rows
    data: dict[str, Any] = {
        "r": pyarrow.array(range(len(rows)), pyarrow.int64()),
        "total": pyarrow.array([row.is_total for row in rows], pyarrow.bool_()),
    }
    for index, column in enumerate(table.table.columns):
        values = table.table.column_values(index)
        if column.type in NUMERIC:
            data[f"c{index}"] = _numbers(values)
        elif column.type is ColumnType.DATE:
            data[f"c{index}"] = pyarrow.array(values, pyarrow.date32())
        else:
            data[f"c{index}"] = pyarrow.array(values, pyarrow.string())
    return pyarrow.table(data)


def _numbers(values: Sequence[Value]) -> Any:  # noqa: ANN401  pyarrow has no types
    """Return numbers as decimals where they are short enough, else as floating point."""
    import pyarrow

    digits = 1
    scale = 0
    for value in values:
        if isinstance(value, Decimal):
            exponent = value.as_tuple().exponent
            scale = max(scale, -int(exponent))
            digits = max(digits, value.adjusted() + 1)
    if digits + scale <= EXACT_DIGITS:
        return pyarrow.array(values, pyarrow.decimal128(digits + scale, scale))
    floats: list[float | None] = []
    for value in values:
        floats.append(float(value) if isinstance(value, Decimal) else None)
    return pyarrow.array(floats, pyarrow.float64())


def _results(select: Select, table: DocumentTable, where: _Statement) -> _Statement:
    outputs = [_sql(output, table) for output in select.outputs]
    group = ""
    if select.group_by:
        group = f" GROUP BY {_place(select.group_by, table)}"
    order = " ORDER BY min(r)" if group else ""
    if select.order_by is not None:
        outputs.append(_sql(select.order_by, table))
        direction = "DESC" if select.descending else "ASC"
        first = "min(r)" if group else "r"
        order = f" ORDER BY {outputs[-1]} {direction} NULLS LAST, {first}"
    elif not group and not select.aggregates:
        order = " ORDER BY r"
    # All that is put into it are names of our own; values are parameters.
    selected = ", ".join(outputs)
    sql = f"SELECT {selected} FROM t{where.sql}{group}{order} LIMIT {MOST_RESULTS}"  # noqa: S608
    return _Statement(sql=sql, parameters=list(where.parameters))


def _used_rows(
    select: Select,
    table: DocumentTable,
    where: _Statement,
    results: Sequence[Sequence[object]],
) -> _Statement:
    """Return what gives the rows that the results were computed from."""
    sql = f"SELECT r FROM t{where.sql}"  # noqa: S608
    parameters = list(where.parameters)
    if select.group_by and select.outputs[0].expression == f'"{select.group_by}"':
        groups: list[object] = []
        for result in results:
            groups.append(result[0])
        sql += f" AND list_contains(?, {_place(select.group_by, table)})"
        parameters.append(groups)
    elif not select.group_by and not select.aggregates:
        ordered = _results(select, table, where).sql
        behind = ordered.partition(" FROM t")[2].rpartition(" LIMIT ")[0]
        sql = f"SELECT r FROM t{behind} LIMIT {len(results)}"  # noqa: S608
    elif select.outputs[-1].aggregate in {"MIN", "MAX"} and results:
        sql += f" AND {_expression(select.outputs[-1].expression, table)} = ?"
        parameters.append(results[0][-1])
    return _Statement(sql=sql, parameters=parameters)


def _where(select: Select, table: DocumentTable) -> _Statement:
    """Return the conditions; the sum of a table's rows counts only where it is asked for."""
    tests: list[str] = []
    parameters: list[object] = []
    for condition in select.conditions:
        test, parameter = _test(condition, table)
        tests.append(test)
        parameters.append(parameter)
    parts = [] if _asks_for_total(select, table) else ["NOT total"]
    if tests:
        link = " OR " if select.any_condition else " AND "
        parts.append(f"({link.join(tests)})")
    return _Statement(sql=f" WHERE {' AND '.join(parts or ['true'])}", parameters=parameters)


def _test(condition: Condition, table: DocumentTable) -> tuple[str, object]:
    place = _place(condition.column, table)
    column = table.table.columns[int(place[1:])]
    operator = condition.operator
    if condition.part:
        return f"{condition.part.lower()}({place}) {operator} ?", int(condition.value)
    if operator == "LIKE":
        return f"{place} ILIKE ?", condition.value
    if column.type in NUMERIC:
        return f"{place} {operator} ?", Decimal(condition.value)
    if column.type is ColumnType.DATE:
        try:
            return f"{place} {operator} ?", date.fromisoformat(condition.value)
        except ValueError as exc:
            raise DocMindError(f"{condition.value} is no date.") from exc
    comparison = f"lower(regexp_replace({place}, '\\s+', ' ', 'g')) {operator} lower(?)"
    return comparison, condition.value


def _asks_for_total(select: Select, table: DocumentTable) -> bool:
    for row in table.table.rows:
        if row.is_total:
            for condition in select.conditions:
                if condition.value in row.values:
                    return True
    return False


def _sql(output: Output, table: DocumentTable) -> str:
    expression = output.expression
    if expression != "*":
        expression = _expression(expression, table)
    if output.aggregate == "COUNT DISTINCT":
        return f"count(DISTINCT {expression})"
    if output.aggregate:
        return f"{output.aggregate.lower()}({expression})"
    return expression


def _expression(expression: str, table: DocumentTable) -> str:
    return re.sub(NAME, lambda name: _place(name[0].strip('"'), table), expression)


def _place(name: str, table: DocumentTable) -> str:
    """Return what a column is called in the database."""
    for index, column in enumerate(table.table.columns):
        if column.name == name:
            return f"c{index}"
    raise DocMindError(f"There is no column {name!r} in {table.name}.")


def _fetch(connection: DuckDBPyConnection, statement: _Statement) -> list[tuple[Any, ...]]:
    return connection.execute(statement.sql, statement.parameters).fetchmany(MOST_RESULTS)


def _value(cell: object) -> Value:
    if cell is None or isinstance(cell, Decimal | date | str):
        return cell
    if isinstance(cell, float):
        return Decimal(repr(cell))
    return Decimal(str(cell))
