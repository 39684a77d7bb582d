"""Invitations to meetings (iCalendar, RFC 5545) → text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from docmind.ingestion.parsed import Progress, Section
from docmind.ingestion.readers.encodings import decode

_FOLD = re.compile(r"\r?\n[ \t]")
"""A long line goes on in the next one behind a blank."""
_LINE = re.compile(
    r"(?P<name>[A-Za-z-]+)"
    r"(?P<parameters>(?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?)"  # with quotes around what has colons
    r":(?P<value>.*)"
)
_PARAMETER = re.compile(r";(?P<name>[A-Za-z-]+)=(?P<value>\"[^\"]*\"|[^;:]*)")
_ESCAPED = re.compile(r"\\(.)")
_LABELS: Mapping[str, str] = {
    "METHOD": "Kind",
    "SUMMARY": "Meeting",
    "DTSTART": "Begins",
    "DTEND": "Ends",
    "DURATION": "Takes",
    "DUE": "Due",
    "RRULE": "Repeats",
    "LOCATION": "Place",
    "ORGANIZER": "Organizer",
    "ATTENDEE": "Attendee",
    "STATUS": "Status",
    "DESCRIPTION": "Description",
    "URL": "Link",
    "COMMENT": "Comment",
}
_SKIPPED_PARTS = {"VTIMEZONE", "VALARM"}


def read_calendar(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read the meetings of a calendar's file (ICS)."""
    return [Section(invitation_text(decode(path.read_bytes())))]


def invitation_text(calendar: str) -> str:
    """Return a calendar's meetings, a line for each of what is known of them."""
    lines: list[str] = []
    skipped = ""
    for line in _FOLD.sub("", calendar).splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is None:
            continue
        name = found["name"].upper()
        value = found["value"].strip()
        if name == "BEGIN" and not skipped and value.upper() in _SKIPPED_PARTS:
            skipped = value.upper()
        elif name == "END" and value.upper() == skipped:
            skipped = ""
        elif not skipped and name in _LABELS and value:
            shown = _shown(name, found["parameters"], value)
            lines.append(f"{_LABELS[name]}: {shown}")
    return "\n".join(lines)


def _shown(name: str, parameters: str, value: str) -> str:
    """Return a value as a person writes it."""
    values: dict[str, str] = {}
    for parameter in _PARAMETER.finditer(parameters):
        values[parameter["name"].upper()] = parameter["value"].strip('"')
    if name in {"ORGANIZER", "ATTENDEE"}:
        address = re.sub("(?i)^mailto:", "", value)
        return f"{values['CN']} <{address}>" if "CN" in values else address
    if name in {"DTSTART", "DTEND", "DUE"}:
        time = _time(value)
        return f"{time} ({values['TZID']})" if "TZID" in values else time
    return _ESCAPED.sub(_unescape, value)


def _unescape(found: re.Match[str]) -> str:
    if found[1] in "nN":
        return "\n"
    return found[1]


def _time(value: str) -> str:
    """Return a date or a time such as 20240506T100000Z in the usual form; others as they are."""
    for form, shown in (
        ("%Y%m%dT%H%M%SZ", "%Y-%m-%d %H:%M UTC"),
        ("%Y%m%dT%H%M%S", "%Y-%m-%d %H:%M"),
        ("%Y%m%d", "%Y-%m-%d"),
    ):
        try:
            return datetime.strptime(value, form).strftime(shown)  # noqa: DTZ007
        except ValueError:
            continue
    return value
