"""results/*.json → the tables of benchmarks/README.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BEGIN, END = (
    "<!-- figures: `docmind bench report` writes what is between these lines -->",
    "<!-- end of figures -->",
)
SHOWN = {
    "Engine": ("engine.*", "app.*", "cpu.*", "prefix.*"),
    "Tokens, routing, tools": ("tokens.*", "routing.*", "tools.*"),
    "Retrieval (nDCG@10)": ("retrieval.*.ndcg10", "retrieval.gain.*"),
    "Citations": ("citations.*_rate", "citations.*.passed"),
    "Answers": (
        "answers.*.questions",
        "answers.*.contains",
        "answers.*.f1",
        "answers.*.cited",
        "answers.*.supported_citations",
        "answers.*_refusals",
    ),
    "Ingestion, store, page": ("ingest.*", "search.*", "store.*", "ui.*", "trust.*"),
}
"""Heading → the figures under it; `*` stands for anything. `.choose.` figures only led to a decision."""


def report(results: Path = HERE / "results", target: Path = HERE / "README.md") -> int:
    """Write the tables between the marks of `target` (at its end without marks); return how many rows they have."""
    files = sorted(
        f for f in results.glob("*.json") if "-chunks-" not in f.name
    )  # those only led to a decision
    found = {file.stem: json.loads(file.read_text("utf-8")) for file in files}
    text = target.read_text("utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = [t for t in (_table(h, patterns, found) for h, patterns in SHOWN.items()) if t]
    written = "\n\n".join([BEGIN, *tables, _sources(found), END])
    target.write_text(f"{before.rstrip()}\n\n{written}{after or chr(10)}", "utf-8")
    return written.count("\n| `")


def _table(heading: str, patterns: Sequence[str], found: dict[str, Any]) -> str:
    names = list(
        dict.fromkeys(
            name
            for pattern in patterns
            for record in found.values()
            for name in record["figures"]
            if fnmatch(name, pattern) and ".choose." not in name
        )
    )
    columns = [
        file for file, record in found.items() if any(name in record["figures"] for name in names)
    ]
    if not names:
        return ""
    lines = [
        f"### {heading}",
        "",
        "| figure | " + " | ".join(columns) + " |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for name in sorted(names):
        cells = (found[file]["figures"].get(name) for file in columns)
        lines.append(
            f"| `{name}` | " + " | ".join("" if c is None else _number(c) for c in cells) + " |"
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _sources(found: dict[str, Any]) -> str:
    lines = ["### Where they come from", ""]
    for file, record in found.items():
        machine = record["machine"]
        where = machine["gpu"] or f"{machine['cpu']}, {machine['cores']} cores"
        note = f" {record['notes']}." if record["notes"] else ""
        lines.append(
            f"- [{file}](results/{file}.json): `{record['command']}`, {record['commit']}, {where}.{note}"
        )
    return "\n".join(lines)
