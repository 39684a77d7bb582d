"""Tool calls in a model's text: found while it streams, so that all other text can be shown at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from docmind.engine.interface import Tool, ToolCall

_TAGS = ("", "```json", "```tool_call", "```xml", "```")
_BODIES = ("<tool_call>", '{"name":', '[{"name":', '{"arguments":', '[{"arguments":')
_OPENINGS = tuple(tag + body for tag in _TAGS for body in _BODIES)
"""How calls begin, spaces left out: Hermes tags, fenced JSON as coder models write it, bare JSON."""
_CLOSINGS = {"</tool_call>": "<tool_call>", "```": "```"}
"""What ends a call, and what it must have begun with."""
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
            "schema": {"type": "object", "properties": {}, **tool["function"].get("parameters", {})},
            "end": end.format(),
        }
        for _, begin, end in _FORMS
        for tool in tools
    ]
    return json.dumps({"structures": structures, "triggers": [trigger for trigger, _, _ in _FORMS]})


class ToolCallParser:
    """Feed it pieces of text; it gives back what is not part of a call, and keeps the calls.

    A call must be well-formed JSON and, unless it stands in `<tool_call>` tags, name one of `tools`. Everything
    else, a call cut off in the middle included, stays text.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._held = ""
        self._line_begins = True
        self._closings: list[str] = []
        self._after_call = False
        self.calls: list[ToolCall] = []

    def feed(self, piece: str) -> str:
        """Take a piece of text; return what can be shown now."""
        self._held += piece
        return self._scan(final=False)

    def finish(self) -> str:
        """Return the text still held back; `calls` is complete now."""
        return self._scan(final=True)

    def _scan(self, final: bool) -> str:
        shown: list[str] = []
        while self._held:
            self._show(shown, self._candidate())
            if not self._held:
                break
            if self._drop_closing():
                continue
            state = _begins(self._held)
            if state == "maybe" and not final:
                break
            if state == "yes":
                end = self._take_calls()
                if end is None and not final:
                    break  # the JSON is not complete yet
                if end:
                    self._held = self._held[end:]
                    continue
            if not final and any(c.startswith(self._held) for c in self._closings):
                break
            self._show(shown, 1)
        return "".join(shown)

    def _show(self, shown: list[str], count: int) -> None:
        text, self._held = self._held[:count], self._held[count:]
        if text:
            if not (self._after_call and text.isspace()):
                shown.append(text)
                self._after_call = False
            tail = text.rpartition("\n")[2]
            self._line_begins = not tail.strip() and (self._line_begins or "\n" in text)

    def _candidate(self) -> int:
        """Return where in the held text a call may begin; its length if nowhere."""
        line_begins = self._line_begins
        for index, char in enumerate(self._held):
            if char in "<`" or (char in "{[" and (line_begins or self.calls)):
                return index
            line_begins = char == "\n" or (line_begins and char.isspace())
        return len(self._held)

    def _drop_closing(self) -> bool:
        """Drop the tag or fence that closes a call already taken."""
        for closing in self._closings:
            if self._held.startswith(closing):
                self._closings.remove(closing)
                self._held = self._held[len(closing) :]
                return True
        return False

    def _take_calls(self) -> int | None:
        """Take the call or calls at the start of the held text.

        Returns:
            Where they end; 0 if this is not a call after all; None if more text is needed to tell.
        """
        tagged = "<tool_call>" in self._held[:40]
        start = next((i for i, char in enumerate(self._held) if char in "{["), len(self._held))
        try:
            value, end = _DECODER.raw_decode(self._held, start)
        except json.JSONDecodeError:
            return 0 if tagged and "</tool_call>" in self._held else None
        values = value if isinstance(value, list) else [value]
        calls = [c for v in values if (c := self._as_call(v, tagged))]
        if not calls or len(calls) < len(values):
            return 0
        self.calls += calls
        self._after_call = True
        self._closings = [c for c, o in _CLOSINGS.items() if o in self._held[:start]]
        return end

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
