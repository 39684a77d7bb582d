"""JSON, YAML, TOML and XML → text with structure: keys are headings, lists of records are tables.

Values stand as they are written: `12.50` stays `12.50`, and `0123` stays `0123`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import (
    Outline,
    PartlyRead,
    Progress,
    Section,
    markdown_table,
    one_line,
)
from docmind.ingestion.readers.encodings import decode
from docmind.ingestion.readers.ooxml import recovering_parser

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

Value = str | Mapping[str, "Value"] | Sequence["Value"]
"""What a file of data holds, with all values as text."""

MOST_VALUES = 2_000_000
"""YAML refers to its own parts: a few lines may stand for more than any memory holds."""
MOST_COLUMNS = 60
"""Records of more are read one below the other."""
DEEPEST = 40
LONGEST_INLINE = 200
"""Characters of a value that stands on the line of its key."""
_TEXT_KEY = "text"
"""Under which the text of an XML element stands that has attributes as well."""
_NAMES = ("name", "title", "id", "key")
"""Keys whose value is a record's heading."""


def read_json(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read JSON, or JSON Lines: a value a line."""
    text = decode(path.read_bytes())
    try:
        return PartlyRead(data_sections(_parse_json(text)))
    except (ValueError, RecursionError):
        return _as_text(text, "JSON")


def read_yaml(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read YAML, of one or several documents."""
    import yaml

    text = decode(path.read_bytes())
    try:
        # The base loader makes nothing but texts, lists and mappings: `no` and 1.10 stay so.
        documents = list(yaml.load_all(text, Loader=yaml.CBaseLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return _as_text(text, "YAML")
    # Not copied: what refers to itself would grow without end. The writer counts.
    value: Value = documents[0] if len(documents) == 1 else documents
    return PartlyRead(data_sections(value))


def read_toml(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read TOML."""
    text = decode(path.read_bytes())
    try:
        return PartlyRead(data_sections(_as_value(tomllib.loads(text, parse_float=str))))
    except (ValueError, RecursionError):
        return _as_text(text, "TOML")


def read_xml(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read XML of any kind; entities are not resolved, nothing is fetched."""
    from lxml import etree

    parser = recovering_parser()
    data = path.read_bytes()
    root = etree.fromstring(data, parser)
    if root is None:
        return _as_text(decode(data), "XML")
    unread: list[str] = []
    if len(parser.error_log):
        unread.append("the XML is damaged and was read as far as possible")
    value = _of_element(root, 0)
    if isinstance(value, Mapping):
        value = {_local_name(root): value}
    return PartlyRead(data_sections(value), unread=tuple(unread))


def _as_text(text: str, kind: str) -> PartlyRead:
    return PartlyRead([Section(text)], unread=(f"it is no valid {kind} and was read as text",))


def _parse_json(text: str) -> Value:
    def parse(part: str) -> Value:
        return _as_value(json.loads(part, parse_float=str, parse_int=str))

    try:
        return parse(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [parse(line) for line in lines]


def _as_value(value: object) -> Value:
    """Return a parsed value with all its scalars as text."""
    if isinstance(value, dict):
        return {str(key): _as_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_value(inner) for inner in value]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


# -- XML


def _of_element(element: Element, depth: int) -> Value:
    """Return an element as a value: a text, or what it holds by name."""
    attributes: dict[str, Value] = {}
    for key, value in element.items():
        attributes[str(key).rpartition("}")[2]] = str(value)
    children = list(element)
    texts = [element.text or "", *[child.tail or "" for child in children]]
    has_own_text = any(text.strip() for text in texts)
    if not children or has_own_text or depth > DEEPEST:
        text = _running_text(element)
        if not attributes:
            return text
        return {**attributes, _TEXT_KEY: text} if text else attributes
    by_name: dict[str, list[Value]] = {}
    for child in children:
        by_name.setdefault(_local_name(child), []).append(_of_element(child, depth + 1))
    held: dict[str, Value] = dict(attributes)
    for name, values in by_name.items():
        held[name] = values[0] if len(values) == 1 else values
    return held


def _running_text(element: Element) -> str:
    """Return the text in an element, with the attributes of what stands in it."""
    parts = [element.text or ""]
    for child in element.iterdescendants():
        parts.append(child.text or "")
        if child.items():
            parts.append(" (" + ", ".join(str(value) for value in child.values()) + ")")
        parts.append(child.tail or "")
    return one_line("".join(parts))


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


# -- values as text


def data_sections(value: Value) -> list[Section]:
    """Return a value as sections: keys as headings, lists of records as tables."""
    writer = _Writer()
    writer.write(value, 1)
    return writer.outline.finish()


class _Writer:
    """Writes values into an outline."""

    def __init__(self) -> None:
        self.outline = Outline()
        self._values = 0

    def write(self, value: Value, level: int) -> None:
        """Write a value under the present heading; headings in it have this level."""
        self._count()
        if isinstance(value, str):
            self.outline.add_text(f"{value}\n")
        elif level > DEEPEST:
            self.outline.add_text(json.dumps(value, ensure_ascii=False) + "\n")
        elif isinstance(value, Mapping):
            self._write_mapping(value, level)
        else:
            self._write_list(value, level)

    def _count(self) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            raise CorruptFile(f"stands for more than {MOST_VALUES:,} values. Split it.")

    def _write_mapping(self, mapping: Mapping[str, Value], level: int) -> None:
        inner: list[tuple[str, Value]] = []
        for key, value in mapping.items():
            line = _inline(value)
            if line is None:
                inner.append((key, value))
            else:
                self._count()
                self.outline.add_text(f"{key}: {line}\n")
        # What has headings of its own stands below what has none.
        for key, value in inner:
            self.outline.add_heading(min(level, 6), key)
            self.write(value, level + 1)

    def _write_list(self, values: Sequence[Value], level: int) -> None:
        table = self._table(values)
        if table:
            self.outline.add_table(table)
            return
        for number, value in enumerate(values, start=1):
            line = _inline(value)
            if line is not None:
                self._count()
                self.outline.add_text(f"- {line}\n")
                continue
            self.outline.add_heading(min(level, 6), _name_of(value, number))
            self.write(value, level + 1)

    def _table(self, values: Sequence[Value]) -> str:
        """Return records or rows as a table; "" if they are none."""
        if len(values) < 2:
            return ""
        columns: dict[str, None] = {}
        records: list[dict[str, str]] = []
        for value in values:
            record = _record(value)
            if record is None:
                return ""
            records.append(record)
            columns.update(dict.fromkeys(record))
            if len(columns) > MOST_COLUMNS:
                return ""
            for _ in record:
                self._count()
        is_list_of_rows = all(not isinstance(value, Mapping) for value in values)
        rows = [[record.get(column, "") for column in columns] for record in records]
        if len(columns) < 2:
            return ""
        return markdown_table(rows) if is_list_of_rows else markdown_table([list(columns), *rows])


def _inline(value: Value) -> str | None:
    """Return a value that stands on the line of its key; None if it needs more room."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return None if value else ""
    texts: list[str] = []
    for inner in value:
        if not isinstance(inner, str):
            return None
        texts.append(inner)
    line = ", ".join(texts)
    return line if len(line) <= LONGEST_INLINE else None


def _record(value: Value) -> dict[str, str] | None:
    """Return a row of a table: what a record holds by name; None if it holds too much for that."""
    if isinstance(value, str):
        return None
    if isinstance(value, Mapping):
        record: dict[str, str] = {}
        return record if _flatten(value, "", record) else None
    if any(not isinstance(inner, str) for inner in value):
        return None
    return {str(number): str(inner) for number, inner in enumerate(value)}


def _flatten(mapping: Mapping[str, Value], above: str, record: dict[str, str]) -> bool:
    """Put what a mapping holds into a record, `address.city` of an inner one.

    Returns:
        False if something in it is a list of more than texts.
    """
    for key, value in mapping.items():
        line = _inline(value)
        if line is not None:
            record[f"{above}{key}"] = line
        elif not isinstance(value, Mapping) or len(record) > MOST_COLUMNS:
            return False
        elif not _flatten(value, f"{above}{key}.", record):
            return False
    return True


def _name_of(value: Value, number: int) -> str:
    if isinstance(value, Mapping):
        for key in _NAMES:
            name = value.get(key)
            if isinstance(name, str) and 0 < len(name) <= LONGEST_INLINE:
                return name
    return str(number)
