"""A safe calculator: arithmetic only, by `simpleeval`, with the number formats of documents."""

from __future__ import annotations

import math
import re

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
"""Signs as documents write them → as the parser knows them."""
_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")
"""A number with thousands separators."""
_AMBIGUOUS_LIST = re.compile(r"\b(?:min|max|sum|avg)\s*\((?![^()]*,\s)[^()]*?" + _THOUSANDS.pattern)
"""Arguments without a space between them, of which two may as well be one number: `sum(100,200)`.
"""
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?!\s*[\d(])")
"""A percentage; before a number, % is the remainder of a division."""


def _power(base: float, exponent: float) -> float:
    # Floats overflow at once, where integers would grow for minutes.
    power: float = float(base) ** float(exponent)
    return power


def _sum(*numbers: float) -> float:
    return math.fsum(numbers)


def _average(*numbers: float) -> float:
    return math.fsum(numbers) / len(numbers)


_FUNCTIONS = {
    "min": min,
    "max": max,
    "abs": abs,
    "round": round,
    "sqrt": math.sqrt,
    "sum": _sum,
    "avg": _average,
}
_LEFT_OUT = {"In", "Is", "Eq", "NotEq"}
"""Operators that are no arithmetic."""
_OPERATORS = {}
for _operator, _function in DEFAULT_OPERATORS.items():
    if _operator.__name__ == "Pow":
        _OPERATORS[_operator] = _power
    elif _operator.__name__ not in _LEFT_OUT:
        _OPERATORS[_operator] = _function


def evaluate(expression: str) -> str:
    """Return the value of an arithmetic expression with up to ten digits, or what is wrong with it.

    `1,234.5` is read as a number, `15%` as 0.15, `^` as a power, currency signs are ignored.
    """
    if _AMBIGUOUS_LIST.search(expression):
        return (
            "not computed: write numbers without thousands separators, and a space after the comma "
            "between two"
        )
    text = _as_parser_reads(expression)
    if not text or len(text) > LONGEST:
        return f"not computed: write at most {LONGEST} characters of arithmetic"
    calculator = SimpleEval(operators=_OPERATORS, functions=_FUNCTIONS, names={})
    try:
        value = calculator.eval(text)
    except Exception as exc:  # noqa: BLE001  whatever parser or arithmetic raise: told to the model
        return f"not computed: {exc}"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return "not computed: the result is no number"
    return f"{value:,.10g}"


def _as_parser_reads(expression: str) -> str:
    """Return an expression in the parser's own signs and number formats."""
    text = expression.translate(_SIGNS)
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = _PERCENT.sub(r"(\1/100)", text)
    return text.replace("^", "**").strip()
