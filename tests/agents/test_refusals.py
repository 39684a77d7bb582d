"""What says nothing is known as such, and is no answer."""

import pytest

from docmind.agents.refusals import is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "Not found in your documents.",
        "In den Dokumenten nicht gefunden.",
        "[2]",
        "```",
        '{"result": {"sum_insured": {"value": 5186000, "unit": "EUR"}}}',
        '{"type": "function", "function": {"name": "open", "arguments": {}}} [2]',
        '```json\n[{"name": "no_such_tool"}]\n```',
    ],
)
def test_what_finds_nothing_or_is_a_call_is_no_answer(text):
    assert is_refusal(text)


@pytest.mark.parametrize("text", ["The rent is EUR 900. [1]", "{x | x > 0} is the set. [1]", "12"])
def test_what_says_something_is_an_answer(text):
    assert not is_refusal(text)
