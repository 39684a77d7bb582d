"""Equations of Office files (OMML) → one line of text each, as Word's own linear format has them: (a+b)/c, x^2, √x."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from io import BytesIO
from pathlib import Path
from typing import Any

_EQUATION = ("{*}oMathPara", "{*}oMath")


def with_linear_equations(path: Path) -> BytesIO:
    """Return a Word file, without its pictures, in which each equation is a run of text."""
    from lxml import etree

    parser, copy = etree.XMLParser(resolve_entities=False, no_network=True), BytesIO()
    with zipfile.ZipFile(path) as package, zipfile.ZipFile(copy, "w") as plain:
        for name in package.namelist():
            data = package.read(name) if name.endswith((".xml", ".rels")) else b""
            if b"oMath" in data:
                root: Any = etree.fromstring(data, parser)
                linearize(root, etree.QName(root).namespace)
                data = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
            plain.writestr(name, data)
    copy.seek(0)
    return copy


def linearize(root: Any, namespace: str | None) -> None:
    """Put a run of text (Word's, or that of slides, by the namespace) in place of each equation."""
    equations = list(root.iter(*_EQUATION))
    for equation in equations:
        if next(equation.iterancestors(*_EQUATION), None) is None:
            run, text = (equation.makeelement(f"{{{namespace}}}{name}") for name in "rt")
            run.append(text)
            text.text = linear(equation) + ("; " if equation.getnext() in equations else "")
            place = (
                equation.getparent() if equation.getparent().tag.endswith("}m") else equation
            )  # slides wrap it
            place.getparent().replace(place, run)


def linear(node: Any) -> str:
    """Return what an element of an equation says, in reading order."""
    from lxml import etree

    name, whole, parts = etree.QName(node).localname, "", defaultdict[str, list[str]](list)
    for child in node.iterchildren("*"):
        whole += (text := linear(child))
        parts[etree.QName(child).localname].append(text)

    def part(key: str, mark: str = "") -> str:
        """Return a part behind its mark, in brackets if it is more than a word or a number; "" if it is empty."""
        text = "".join(parts[key])
        return text and mark + (text if re.fullmatch(r"[\w.,]+|\([^()]*\)", text) else f"({text})")

    def sign(key: str, default: str) -> str:
        found = node.find(f"{{*}}{name}Pr/{{*}}{key}")
        return default if found is None else "".join(found.values())

    scripts = part("sub", "_") + part("sup", "^")
    forms = {
        "t": node.text or "",
        "del": "",  # a tracked change
        "f": f"{part('num')}/{part('den')}",
        **dict.fromkeys(("sSub", "sSup", "sSubSup"), part("e") + scripts),
        "nary": f"{sign('chr', '∫')}{scripts} {part('e')}",
        "limLow": part("e") + part("lim", "_"),
        "limUpp": part("e") + part("lim", "^"),
        "func": f"{''.join(parts['fName'])} {part('e')}",
        "rad": "√" + "".join(f"[{degree}]" for degree in parts["deg"] if degree) + part("e"),
        "acc": part("e") + sign("chr", "\u0302"),
        "d": sign("begChr", "(") + sign("sepChr", "|").join(parts["e"]) + sign("endChr", ")"),
        **dict.fromkeys(
            ("m", "eqArr", "oMathPara"), "; ".join(parts["mr"] or parts["oMath"] or parts["e"])
        ),
        "mr": ", ".join(parts["e"]),
    }
    return forms.get(name, whole)
