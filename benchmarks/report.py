"""`docmind bench report`: results/*.json become the tables of benchmarks/README.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.result import load_record
from docmind.measurement import Record

HERE = Path(__file__).resolve().parent
BEGIN = "<!-- figures: `docmind bench report` writes what is between these lines -->"
END = "<!-- end of figures -->"
ONLY_DECIDED_FILES = "-chunks-"
"""In the names of results that only led to a decision; they have no column."""
ONLY_DECIDED_FIGURES = ".choose."
"""In the names of figures that only led to a decision; they have no row."""
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
"""Heading → the figures under it; `*` stands for anything."""

Records = Mapping[str, Record]
"""The file's name without `.json` → what it has."""


def write_report(results: Path = HERE / "results", target: Path = HERE / "README.md") -> int:
    """Write the tables between the marks of `target`; return how many rows they have.

    A file without marks gets them at its end.
    """
    records = {}
    for file in sorted(results.glob("*.json")):
        if ONLY_DECIDED_FILES not in file.name:
            records[file.stem] = load_record(file)

    parts = [BEGIN]
    rows = 0
    for heading, patterns in SHOWN.items():
        names = figure_names(records, patterns)
        if names:
            parts.append(figure_table(heading, names, records))
            rows += len(names)
    parts += [origins(records), END]

    before, _, rest = target.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2] or "\n"
    tables = "\n\n".join(parts)
    target.write_text(f"{before.rstrip()}\n\n{tables}{after}", "utf-8")
    return rows


def figure_names(records: Records, patterns: Sequence[str]) -> list[str]:
    """Return the names of all figures that match one of the patterns, sorted."""
    names = set()
    for record in records.values():
        for name in record["figures"]:
            shown = any(fnmatch(name, pattern) for pattern in patterns)
            if shown and ONLY_DECIDED_FIGURES not in name:
                names.add(name)
    return sorted(names)


def figure_table(heading: str, names: Sequence[str], records: Records) -> str:
    """Return a Markdown table: a row a figure, a column for each result that has one of them."""
    columns = []
    for file, record in records.items():
        if any(name in record["figures"] for name in names):
            columns.append(file)
    lines = [
        f"### {heading}",
        "",
        f"| figure | {' | '.join(columns)} |",
        "| --- |" + " ---: |" * len(columns),
    ]
    for name in names:
        cells = []
        for file in columns:
            value = records[file]["figures"].get(name)
            cells.append("" if value is None else format_figure(value))
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def format_figure(value: float) -> str:
    """Return three digits, or all before the point."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def origins(records: Records) -> str:
    """Return a list of the results: how, on which commit and on which machine each was made."""
    lines = ["### Where they come from", ""]
    for file, record in records.items():
        machine = record["machine"]
        where = machine["gpu"] or f"{machine['cpu']}, {machine['cores']} cores"
        note = f" {record['notes']}." if record["notes"] else ""
        lines.append(
            f"- [{file}](results/{file}.json): `{record['command']}`, {record['commit']}, "
            f"{where}.{note}"
        )
    return "\n".join(lines)
