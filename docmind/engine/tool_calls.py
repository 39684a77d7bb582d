"""Tool calls in a model's text, found while it streams: all other text can be shown at once."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from enum import Enum, auto
from typing import NamedTuple

from docmind.engine.interface import Tool, ToolCall

_FENCES = ("", "```json", "```tool_call", "```xml", "```")
_WRAPPERS = ("function", "function_call", "tool_call")
"""Keys under which some models put the call, as OpenAI's format has it."""
_BODIES = (
    "<tool_call>",
    '{"name":',
    '[{"name":',
    '{"arguments":',
    '[{"arguments":',
    '{"type":"function"',
    '[{"type":"function"',
    *(f'{{"{wrapper}":{{' for wrapper in _WRAPPERS),
)
_OPENINGS = tuple(fence + body for fence in _FENCES for body in _BODIES)
"""How calls begin, without spaces: Hermes tags, fenced JSON as coders write it, bare JSON."""
_LONGEST_OPENING = 60
"""Characters in which an opening has ended, spaces included."""
_BEFORE_CALL = re.compile(r"(?:```\w*\s*)?(<tool_call>)?\s*(?=[\[{])")
_AFTER_CALL = re.compile(r"(?:\s*</tool_call>)?(?:\s*```)?\s*")
_DECODER = json.JSONDecoder(strict=False)  # models put raw line breaks into strings


class _CallForm(NamedTuple):
    """A call as models write it."""

    trigger: str
    """What begins it, so that the grammar sets in."""
    begin: str
    """With a place for the tool's name."""
    end: str


_CALL_FORMS = (
    # Hermes
    _CallForm(
        trigger="<tool_call>",
        begin='<tool_call>\n{{"name": "{}", "arguments": ',
        end="}\n</tool_call>",
    ),
    # JSON in a fence, compact
    _CallForm(
        trigger='```json\n{"name"',
        begin='```json\n{{"name": "{}", "arguments": ',
        end="}\n```",
    ),
    # and indented
    _CallForm(
        trigger='```json\n{\n  "name"',
        begin='```json\n{{\n  "name": "{}",\n  "arguments": ',
        end="\n}\n```",
    ),
)


def structural_tag(tools: Sequence[Tool]) -> str:
    """Return xgrammar's structural tag for free text with calls.

    Every call that is begun is one of `tools`, and valid.
    """
    structures = []
    for form in _CALL_FORMS:
        for tool in tools:
            function = tool["function"]
            arguments = {"type": "object", "properties": {}, **function.get("parameters", {})}
            structure = {
                "begin": form.begin.format(function["name"]),
                "schema": arguments,
                "end": form.end,
            }
            structures.append(structure)
    triggers = [form.trigger for form in _CALL_FORMS]
    return json.dumps({"structures": structures, "triggers": triggers})


class ToolCallParser:
    """Takes pieces of text, gives back what is not part of a call, and collects the calls.

    A call must be well-formed JSON and, unless it stands in `<tool_call>` tags, name one of
    `tools`. Everything else, a call cut off in the middle included, stays text. From where a call
    may have begun, text waits for the end.
    """

    def __init__(self, tools: Collection[str]) -> None:
        self._tools = frozenset(tools)
        self._buffered = ""
        """Text that was not shown yet."""
        self._shown_of_line = ""
        """What was shown of the current line."""
        self._in_call = False
        self.calls: list[ToolCall] = []

    def feed(self, piece: str) -> str:
        """Take a piece of text; return what can be shown now."""
        self._buffered += piece
        if self._in_call:
            return ""
        end = self._end_of_plain_text()
        text = self._buffered[:end]
        self._buffered = self._buffered[end:]
        self._shown_of_line = _last_line(self._shown_of_line + text)
        return text

    def _end_of_plain_text(self) -> int:
        """Return how much of the buffered text is no call for sure; notes if one follows it."""
        for index, char in enumerate(self._buffered):
            if char not in "<`{[":
                continue
            # Bare JSON is a call at the beginning of a line only.
            before = _last_line(self._shown_of_line + self._buffered[:index])
            if char in "{[" and before.strip():
                continue
            opening = _classify_opening(self._buffered[index:])
            if opening is not _Opening.NO_CALL:
                self._in_call = opening is _Opening.CALL
                return index
        return len(self._buffered)

    def finish(self) -> str:
        """Return the text still held back; `calls` is complete now."""
        text = self._buffered
        plain = ""
        position = 0
        while True:
            opening = _BEFORE_CALL.search(text, position)
            if opening is None:
                return plain + text[position:]
            in_tags = opening[1] is not None
            block = self._read_calls(text, start=opening.end(), in_tags=in_tags)
            if block is None:
                # No call: its first bracket is text, and what follows is looked at again.
                after_bracket = opening.end() + 1
                plain += text[position:after_bracket]
                position = after_bracket
            else:
                self.calls += block.calls
                plain += text[position : opening.start()]
                position = block.end

    def _read_calls(self, text: str, *, start: int, in_tags: bool) -> _Block | None:
        """Read one call, or a list of them, at `start`; None if it is something else."""
        try:
            value, end = _DECODER.raw_decode(text, start)
        except ValueError:
            return None
        values = value if isinstance(value, list) else [value]
        calls = []
        for candidate in values:
            call = self._as_call(candidate, in_tags)
            if call is None:
                return None
            calls.append(call)
        if not calls:
            return None
        closing = _AFTER_CALL.match(text, end)
        if closing is not None:
            end = closing.end()
        return _Block(calls, end)

    def _as_call(self, value: object, in_tags: bool) -> ToolCall | None:
        """Return the call that a JSON value is; None if it is none."""
        if not isinstance(value, dict):
            return None
        call: dict[str, object] = value
        for wrapper in _WRAPPERS:
            wrapped = call.get(wrapper)
            if isinstance(wrapped, dict):
                call = wrapped
        name = call.get("name")
        if not isinstance(name, str):
            return None
        arguments = call.get("arguments", call.get("parameters", {}))
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments, strict=False)
            except ValueError:
                return None
        if not isinstance(arguments, dict):
            return None
        if not in_tags and name not in self._tools:
            return None
        return ToolCall(id="", name=name, arguments=json.dumps(arguments, ensure_ascii=False))


class _Block(NamedTuple):
    """Calls that stand together in the text."""

    calls: list[ToolCall]
    end: int
    """Where the text goes on behind their tags and fences."""


class _Opening(Enum):
    """Whether a text begins a call."""

    CALL = auto()
    NO_CALL = auto()
    TOO_SHORT_TO_TELL = auto()


def _classify_opening(text: str) -> _Opening:
    compact = "".join(text[:_LONGEST_OPENING].split())
    if compact.startswith(_OPENINGS):
        return _Opening.CALL
    if any(opening.startswith(compact) for opening in _OPENINGS):
        return _Opening.TOO_SHORT_TO_TELL
    return _Opening.NO_CALL


def _last_line(text: str) -> str:
    return text.rpartition("\n")[2]
