"""Equations of web pages (MathML) → one line of text each, in the form of `equations`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from docmind.ingestion.readers.equations import operand

if TYPE_CHECKING:
    from bs4 import Tag

DEEPEST = 60
"""Elements nested deeper are read as plain text."""
_INVISIBLE = re.compile("[\u2061-\u2064]")
"""Signs for "times", "applied to" and "plus" that are not shown."""
_IS_SUPERSCRIPT_BY_ITSELF = re.compile("[\u2032-\u2037'*\u2020\u00b0]+")
"""Primes, stars, degrees."""
_RING = "\u2218"
"""What stands for the sign of degrees."""
_ENDS_IN_WORD = re.compile(r"(\w+)$")
_BEGINS_WITH_WORD = re.compile(r"(\w+)")


def linear(math: Tag, depth: int = 0) -> str:
    """Return what an element of an equation says, in reading order."""
    from bs4 import Tag

    name = _local_name(math)
    if name in _NOT_SHOWN:
        return ""
    children = [child for child in math.contents if isinstance(child, Tag)]
    if not children or depth > DEEPEST:
        return " ".join(_INVISIBLE.sub("", math.get_text()).split())
    if name == "semantics":  # the equation itself, then the same in other languages
        return linear(children[0], depth + 1)
    parts = [linear(child, depth + 1) for child in children]
    form = _FORMS.get(name)
    if form is not None and len(parts) == _OPERANDS.get(name, len(parts)):
        return form(parts)
    if name == "mfenced":
        return _fenced(math, parts)
    return _in_order(parts)


def _local_name(element: Tag) -> str:
    """Return an element's name without its namespace, as in `mml:mfrac`."""
    return element.name.rpartition(":")[2]


def _in_order(parts: Sequence[str]) -> str:
    """Return the parts one after the other, apart where they would become another number or word.

    A number before a fraction, for example, is "3 1/2", a number before a letter "2x".
    """
    text = ""
    for part in parts:
        last_word = _ENDS_IN_WORD.search(text)
        next_word = _BEGINS_WITH_WORD.match(part)
        if last_word and next_word:
            is_number = next_word[1][0].isdigit()
            words = (last_word[1], next_word[1])
            one_is_long = any(word.isalpha() and len(word) > 1 for word in words)
            if is_number or one_is_long:
                text += " "
        text += part
    return text


def _fraction(parts: Sequence[str]) -> str:
    return f"{operand(parts[0])}/{operand(parts[1])}"


def _subscript(parts: Sequence[str]) -> str:
    return operand(parts[0]) + operand(parts[1], "_")


def _superscript(parts: Sequence[str]) -> str:
    above = parts[1].replace(_RING, "\u00b0")
    if _IS_SUPERSCRIPT_BY_ITSELF.fullmatch(above):
        return operand(parts[0]) + above
    return operand(parts[0]) + operand(above, "^")


def _both_scripts(parts: Sequence[str]) -> str:
    return operand(parts[0]) + operand(parts[1], "_") + operand(parts[2], "^")


def _square_root(parts: Sequence[str]) -> str:
    return operand(_in_order(parts), "\u221a")


def _root(parts: Sequence[str]) -> str:
    return f"\u221a[{parts[1]}]{operand(parts[0])}"


def _rows(parts: Sequence[str]) -> str:
    return "; ".join(parts)


def _row(parts: Sequence[str]) -> str:
    return ", ".join(parts)


def _fenced(element: Tag, parts: Sequence[str]) -> str:
    opening = str(element.get("open", "("))
    closing = str(element.get("close", ")"))
    separators = str(element.get("separators", ",")).strip()
    return opening + separators[:1].join(parts) + closing


_NOT_SHOWN = frozenset({"annotation", "annotation-xml", "mphantom", "mspace", "maligngroup"})
_FORMS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "mfrac": _fraction,
    "msub": _subscript,
    "munder": _subscript,
    "msup": _superscript,
    "mover": _superscript,
    "msubsup": _both_scripts,
    "munderover": _both_scripts,
    "msqrt": _square_root,
    "mroot": _root,
    "mtable": _rows,
    "mtr": _row,
    "mlabeledtr": _row,
}
"""Element of MathML → how it is written in a line; any other one is its parts in their order."""
_OPERANDS: Mapping[str, int] = {
    "mfrac": 2,
    "msub": 2,
    "munder": 2,
    "msup": 2,
    "mover": 2,
    "msubsup": 3,
    "munderover": 3,
    "mroot": 2,
}
"""How many parts an element must have; with more or fewer it is broken."""
