"""Equations of Office files (OMML) → one line of text each.

The form is Word's own linear format: (a+b)/c, x^2, √x.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from docmind.ingestion.readers.ooxml import local_name

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_EQUATION = ("{*}oMathPara", "{*}oMath")
_NEEDS_NO_BRACKETS = re.compile(r"[\w.,]+|\([^()]*\)")
"""A word, a number, or what stands in brackets already."""


def linearize(root: Element, namespace: str | None) -> None:
    """Put a run of text in place of each equation.

    Args:
        root: a part of a Word file, or a slide.
        namespace: of the run: Word's, or the one of drawings on slides.
    """
    equations = list(root.iter(*_EQUATION))
    for equation in equations:
        is_nested = bool(list(equation.iterancestors(*_EQUATION)))
        if is_nested:  # its text comes with the outer one
            continue
        text = linear(equation)
        if equation.getnext() in equations:
            text += "; "
        _replace_by_run(equation, text, namespace)


def _replace_by_run(equation: Element, text: str, namespace: str | None) -> None:
    run = equation.makeelement(f"{{{namespace}}}r")
    run_text = equation.makeelement(f"{{{namespace}}}t")
    run_text.text = text
    run.append(run_text)
    replaced = equation
    parent = equation.getparent()
    assert parent is not None  # an equation is never a whole part
    if parent.tag.endswith("}m"):  # slides wrap each equation
        replaced = parent
        parent = replaced.getparent()
        assert parent is not None
    parent.replace(replaced, run)


def linear(element: Element) -> str:
    """Return what an element of an equation says, in reading order."""
    name = local_name(element)
    parts = _Parts(element)
    for child in element.iterchildren("*"):
        parts.add(local_name(child), linear(child))
    form = _FORMS.get(name)
    if form is None:
        return parts.in_order
    return form(parts)


def operand(text: str, mark: str = "") -> str:
    """Return a part of an equation behind its mark, in brackets if it is more than a word.

    The result is "" if the part is empty.
    """
    if not text:
        return ""
    if _NEEDS_NO_BRACKETS.fullmatch(text):
        return f"{mark}{text}"
    return f"{mark}({text})"


class _Parts:
    """What the children of an element say, by their names: `num` and `den` of a fraction, say."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self.in_order = ""
        """All of them, one after the other."""

    def add(self, name: str, text: str) -> None:
        """Note what the next child says."""
        self._texts[name].append(text)
        self.in_order += text

    def all(self, name: str) -> list[str]:
        """Return the text of each child of this name."""
        return self._texts[name]

    def text(self, name: str) -> str:
        """Return the texts of all children of this name, one after the other."""
        return "".join(self._texts[name])

    def operand(self, name: str, mark: str = "") -> str:
        """Return a part behind its mark, in brackets if it is more than a word.

        The result is "" if the part is empty.
        """
        return operand(self.text(name), mark)

    def symbol(self, name: str, default: str) -> str:
        """Return a symbol that the element's properties name, for example the sign of a sum."""
        properties = f"{local_name(self._element)}Pr"
        found = self._element.find(f"{{*}}{properties}/{{*}}{name}")
        if found is None:
            return default
        return "".join(str(value) for value in found.values())

    @property
    def own_text(self) -> str:
        """The characters in the element itself."""
        return self._element.text or ""

    @property
    def scripts(self) -> str:
        """The part below the line and the one above it."""
        return self.operand("sub", "_") + self.operand("sup", "^")


def _characters(parts: _Parts) -> str:
    return parts.own_text


def _deleted(_parts: _Parts) -> str:
    """Leave out what was deleted while changes were tracked."""
    return ""


def _fraction(parts: _Parts) -> str:
    return f"{parts.operand('num')}/{parts.operand('den')}"


def _with_scripts(parts: _Parts) -> str:
    return parts.operand("e") + parts.scripts


def _sum_or_integral(parts: _Parts) -> str:
    sign = parts.symbol("chr", default="∫")
    return f"{sign}{parts.scripts} {parts.operand('e')}"


def _lower_limit(parts: _Parts) -> str:
    return parts.operand("e") + parts.operand("lim", "_")


def _upper_limit(parts: _Parts) -> str:
    return parts.operand("e") + parts.operand("lim", "^")


def _function(parts: _Parts) -> str:
    return f"{parts.text('fName')} {parts.operand('e')}"


def _root(parts: _Parts) -> str:
    degrees = [f"[{degree}]" for degree in parts.all("deg") if degree]
    return "√" + "".join(degrees) + parts.operand("e")


def _accent(parts: _Parts) -> str:
    combining_circumflex = "\u0302"
    return parts.operand("e") + parts.symbol("chr", default=combining_circumflex)


def _brackets(parts: _Parts) -> str:
    opening = parts.symbol("begChr", default="(")
    separator = parts.symbol("sepChr", default="|")
    closing = parts.symbol("endChr", default=")")
    return opening + separator.join(parts.all("e")) + closing


def _rows(parts: _Parts) -> str:
    """Return a matrix's rows, or the equations of an array or a paragraph."""
    rows = parts.all("mr") or parts.all("oMath") or parts.all("e")
    return "; ".join(rows)


def _matrix_row(parts: _Parts) -> str:
    return ", ".join(parts.all("e"))


_FORMS: Mapping[str, Callable[[_Parts], str]] = {
    "t": _characters,
    "del": _deleted,
    "f": _fraction,
    "sSub": _with_scripts,
    "sSup": _with_scripts,
    "sSubSup": _with_scripts,
    "nary": _sum_or_integral,
    "limLow": _lower_limit,
    "limUpp": _upper_limit,
    "func": _function,
    "rad": _root,
    "acc": _accent,
    "d": _brackets,
    "m": _rows,
    "eqArr": _rows,
    "oMathPara": _rows,
    "mr": _matrix_row,
}
"""Element of OMML → how it is written in a line; any other one is its parts in their order."""
