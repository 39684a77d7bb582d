"""A safe calculator: arithmetic only, by `simpleeval`, with the number formats that documents use."""

from __future__ import annotations

import math
import re
from typing import Any

from simpleeval import DEFAULT_OPERATORS, SimpleEval

LONGEST = 200
"""Characters of an expression."""
_SIGNS = str.maketrans(
    {
        "\u00d7": "*",
        "\u00b7": "*",
        "÷": "/",
        "\u2212": "-",
        "\u2013": "-",
        "$": "",
        "€": "",
        "£": "",
        "¥": "",
    }
)
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")
_LIST = re.compile(r"\b(?:min|max|sum|avg)\s*\((?![^()]*,\s)[^()]*?" + _THOUSANDS.pattern)
"""Arguments without a space between them, of which two may as well be one number: `sum(100,200)`."""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*[\d(])")


def _power(base: float, exponent: float) -> Any:
    return float(base) ** float(
        exponent
    )  # floats overflow at once, where integers would grow for minutes


_FUNCTIONS = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "sqrt": math.sqrt,
    "sum": lambda *numbers: math.fsum(numbers),
    "avg": lambda *numbers: math.fsum(numbers) / len(numbers),
}
_OPERATORS = {
    op: act
    for op, act in DEFAULT_OPERATORS.items()
    if op.__name__ not in {"Pow", "In", "Is", "Eq", "NotEq"}
}
_OPERATORS |= {op: _power for op in DEFAULT_OPERATORS if op.__name__ == "Pow"}


def evaluate(expression: str) -> str:
    """Return the value of an arithmetic expression as text with up to ten digits, or what is wrong with it.

    `1,234.5` is read as a number, `15%` as 0.15, `^` as a power, currency signs are ignored.
    """
    if _LIST.search(expression):
        return "not computed: write numbers without thousands separators, and a space after the comma between two"
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), expression.translate(_SIGNS))
    text = _PERCENT.sub(r"(\1/100)", text).replace("^", "**").strip()
    if not text or len(text) > LONGEST:
        return f"not computed: write at most {LONGEST} characters of arithmetic"
    try:
        value = SimpleEval(operators=_OPERATORS, functions=_FUNCTIONS, names={}).eval(text)
    except Exception as exc:  # noqa: BLE001  whatever the parser or the arithmetic raise: told to the model
        return f"not computed: {exc}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "not computed: the result is no number"
    return f"{value:,.10g}"
