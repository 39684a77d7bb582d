"""Tool calls are found in every way small models write them; all other text is shown at once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmind.engine.tool_calls import ToolCallParser

SEARCH = '{"name": "search", "arguments": {"q": "a {brace} ] \\" quote"}}'
ARGUMENTS = {"q": 'a {brace} ] " quote'}


def parse(text, size=1):
    parser = ToolCallParser(["search", "sum"])
    shown = [parser.feed(text[i : i + size]) for i in range(0, len(text), size)]
    return "".join([*shown, parser.finish()]), [
        (c.name, json.loads(c.arguments)) for c in parser.calls
    ]


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "text",
    [
        f"<tool_call>\n{SEARCH}\n</tool_call>",
        f"```json\n{SEARCH}\n```",
        f"```\n{SEARCH}\n```",
        f"```xml\n<tool_call>\n{SEARCH}\n</tool_call>\n```",
        SEARCH,
        f"[{SEARCH}]",
        f'{{"type": "function", "function": {SEARCH}}}',
        f'{{"function_call": {SEARCH}}}',
    ],
)
def test_every_form_of_call(text, size):
    assert parse(text, size) == ("", [("search", ARGUMENTS)])


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_several_calls_with_text_around_them(size):
    text = (
        f"I look.\n```json\n{SEARCH}\n```\n```json\n"
        + '{"name": "sum", "arguments": {}}\n```\nThen [1] I sum.'
    )
    shown, calls = parse(text, size)
    assert [c[0] for c in calls] == ["search", "sum"]
    assert shown.split() == ["I", "look.", "Then", "[1]", "I", "sum."]


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "Plain text with <b>tags</b>, `code`, a < b and [1] citations.\n[2] {x}",
        '```python\nprint({"name": 1})\n```\nend',
        '{"name": "Bob", "age": 3}',
        "<tool_call>\n{bad json}\n</tool_call> ok",
        '<tool_call>\n{"name": "search", "argu',
        '```json\n{"name": "other", "arguments": {}}\n```',
        '<tool_call>\n{"name": 7}\n</tool_call>',
    ],
)
def test_what_is_no_call_stays_text(text, size):
    assert parse(text, size) == (text, [])


def test_text_is_not_held_back_longer_than_needed():
    parser = ToolCallParser(["search"])
    assert parser.feed("Hello, the answer is 4") == "Hello, the answer is 4"
    assert parser.feed(" <") == " "
    assert parser.feed("b>") == "<b>"
    assert parser.feed("<tool_c") == ""


@given(st.text(alphabet='<>/tool_call`{}[]"name:json \n', max_size=80), st.integers(1, 9))
def test_nothing_is_lost_or_invented(text, size):
    shown, calls = parse(text, size)
    assert calls or shown == text
