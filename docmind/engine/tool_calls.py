"""Tool calls in a model's text: found while it streams, so that all other text can be shown at once."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

from docmind.engine.interface import Tool, ToolCall

_TAGS = ("", "```json", "```tool_call", "```xml", "```")
_BODIES = ("<tool_call>", '{"name":', '[{"name":', '{"arguments":', '[{"arguments":')
_OPENINGS = tuple(tag + body for tag in _TAGS for body in _BODIES)
"""How calls begin, spaces left out: Hermes tags, fenced JSON as coder models write it, bare JSON."""
_OPEN = re.compile(r"(?:```\w*\s*)?(<tool_call>)?\s*(?=[\[{])")
_CLOSE = re.compile(r"(?:\s*</tool_call>)?(?:\s*```)?\s*")
_DECODER = json.JSONDecoder(strict=False)  # models put raw line breaks into strings

_FORMS = (
    ("<tool_call>", '<tool_call>\n{{"name": "{}", "arguments": ', "}}\n</tool_call>"),
    ('```json\n{"name"', '```json\n{{"name": "{}", "arguments": ', "}}\n```"),
    ('```json\n{\n  "name"', '```json\n{{\n  "name": "{}",\n  "arguments": ', "\n}}\n```"),
)
"""Trigger, beginning and end of a call as models write it: Hermes, and JSON in a fence, compact or indented."""


def call_tags(tools: Sequence[Tool]) -> str:
    """Return xgrammar's structural tag for free text in which every call that is begun is one of `tools`, and valid."""
    structures = [
        {
            "begin": begin.format(tool["function"]["name"]),
            "schema": {
                "type": "object",
                "properties": {},
                **tool["function"].get("parameters", {}),
            },
            "end": end.format(),
        }
        for _, begin, end in _FORMS
        for tool in tools
    ]
    return json.dumps({"structures": structures, "triggers": [trigger for trigger, _, _ in _FORMS]})


class ToolCallParser:
    """Feed it pieces of text; it gives back what is not part of a call, and keeps the calls.

    A call must be well-formed JSON and, unless it stands in `<tool_call>` tags, name one of `tools`. Everything
    else, a call cut off in the middle included, stays text. From where a call may have begun, text waits for the end.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._held = ""
        self._line = ""
        """What the current line has been shown of."""
        self._calling = False
        self.calls: list[ToolCall] = []

    def feed(self, piece: str) -> str:
        """Take a piece of text; return what can be shown now."""
        self._held += piece
        if self._calling:
            return ""
        show = len(self._held)
        for index, char in enumerate(self._held):
            if char not in "<`{[":
                continue
            if char in "{[" and (self._line + self._held[:index]).rpartition("\n")[2].strip():
                continue
            if (begins := _begins(self._held[index:])) != "no":
                show, self._calling = index, begins == "yes"
                break
        text, self._held = self._held[:show], self._held[show:]
        self._line = (self._line + text).rpartition("\n")[2]
        return text

    def finish(self) -> str:
        """Return the text still held back; `calls` is complete now."""
        text, shown, at = self._held, "", 0
        while found := _OPEN.search(text, at):
            try:
                value, end = _DECODER.raw_decode(text, found.end())
            except ValueError:
                value, end = None, 0
            values = value if isinstance(value, list) else [value]
            calls = [c for v in values if (c := self._as_call(v, bool(found[1])))]
            if calls and len(calls) == len(values):
                self.calls += calls
                shown += text[at : found.start()]
                at = _CLOSE.match(text, end).end()  # type: ignore[union-attr]  # it matches nothing, too
            else:
                shown += text[at : found.end() + 1]
                at = found.end() + 1
        return shown + text[at:]

    def _as_call(self, value: Any, tagged: bool) -> ToolCall | None:
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            return None
        arguments = value.get("arguments", value.get("parameters", {}))
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments, strict=False)
            except ValueError:
                return None
        if not isinstance(arguments, dict) or not (tagged or value["name"] in self._tools):
            return None
        return ToolCall("", value["name"], json.dumps(arguments, ensure_ascii=False))


def _begins(text: str) -> str:
    """Tell whether `text` begins a call: yes, no, or maybe if it is too short to tell."""
    compact = "".join(text[:60].split())
    if any(compact.startswith(o) for o in _OPENINGS):
        return "yes"
    return "maybe" if any(o.startswith(compact) for o in _OPENINGS) else "no"
