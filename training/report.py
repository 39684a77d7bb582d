"""Figures of a tuned model, from what `training.measure` wrote on the GPU host.

    python -m training.report DATA CANDIDATES.jsonl OUT NAME --save FILE.json

DATA: the folder of `training.build`. OUT: the run's. NAME: before or after. Thresholds, and the
weight of the model in the order of search results, are chosen on one half and measured on the
other.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.halves import CHOOSING, REPORTING
from benchmarks.retrieval import ndcg10
from training.candidates import MODES
from training.sources import Row, read

SUPPORTED_PASS = 0.88
"""Fraction of the supported claims that must pass on the half that chooses the threshold."""
WEIGHTS = (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0)
"""Of the model in the order of search results, beside their place."""
NOT_FOUND = "Not found"


def area_under_curve(scores: Sequence[float], right: Sequence[bool]) -> float:
    """Return the chance that a right one scores above a wrong one; ties count half."""
    good = np.sort([s for s, r in zip(scores, right, strict=True) if r])
    bad = np.sort([s for s, r in zip(scores, right, strict=True) if not r])
    below = np.searchsorted(bad, good, "left")
    not_above = np.searchsorted(bad, good, "right")
    return float((below + not_above).sum() / 2 / len(good) / len(bad))


def support_figures(rows: Sequence[Row], chances: np.ndarray) -> dict[str, float]:
    """Return the area under the curve of each held-out source."""
    by_source: dict[str, list[tuple[float, bool]]] = {}
    for row, chance in zip(rows, chances, strict=True):
        by_source.setdefault(row["kind"], []).append((float(chance[0]), row["label"] == 0))
    figures = {}
    for source, pairs in sorted(by_source.items()):
        figures[f"auc.{source}"] = area_under_curve([p[0] for p in pairs], [p[1] for p in pairs])
    return figures


def claim_figures(rows: Sequence[Row], chances: np.ndarray) -> dict[str, float]:
    """Return what passes of the claims of the half that did not choose the threshold, by kind."""
    chosen = []
    by_kind: dict[str, list[bool]] = {}
    supported_kinds = set()
    for row, chance in zip(rows, chances, strict=True):
        if row["half"] == CHOOSING and row["label"] == 0:
            chosen.append((row["kind"], float(chance[0])))
    # Each kind counts alike, as in the figures.
    kinds = {kind for kind, _ in chosen}
    thresholds = np.linspace(0.01, 0.99, 197)
    threshold = 0.01
    for value in thresholds:
        rates = [np.mean([s >= value for k, s in chosen if k == kind]) for kind in kinds]
        if statistics.mean(rates) >= SUPPORTED_PASS:
            threshold = float(value)
    for row, chance in zip(rows, chances, strict=True):
        if row["half"] != CHOOSING:
            by_kind.setdefault(row["kind"], []).append(bool(chance[0] >= threshold))
            if row["label"] == 0:
                supported_kinds.add(row["kind"])
    figures = {"claims.threshold": threshold}
    rates = {kind: statistics.mean(passed) for kind, passed in by_kind.items()}
    true_rates = [rate for kind, rate in rates.items() if kind in supported_kinds]
    false_rates = [rate for kind, rate in rates.items() if kind not in supported_kinds]
    figures["claims.supported_pass"] = statistics.mean(true_rates)
    figures["claims.unsupported_pass"] = statistics.mean(false_rates)
    for kind, rate in sorted(rates.items()):
        figures[f"claims.{kind.replace(',', '').replace(' ', '_')}"] = rate
    return figures


def _units(candidates: Sequence[Row]) -> list[int]:
    """Return the units that the candidates stand for, each once, the best first."""
    units: list[int] = []
    for candidate in candidates:
        units += candidate["units"]
    return list(dict.fromkeys(units))


def order_figures(
    questions: Sequence[Row], rows: Sequence[Row], chances: np.ndarray
) -> dict[str, float]:
    """Return nDCG@10 by set, of the searches and reordered.

    The weight is the best one at even questions; odd ones are measured.
    """
    scores: dict[int, list[float]] = {}
    for row, chance in zip(rows, chances, strict=True):
        relevant = float(chance[0]) / max(1e-6, float(chance[0]) + float(chance[1]))
        scores.setdefault(row["number"], []).append(relevant)
    ndcg: dict[tuple[str, int, str], list[float]] = {}
    for number, question in enumerate(questions):
        if number not in scores:
            continue
        own = np.log(np.array(scores[number]) + 1e-4)
        own = (own - own.mean()) / (own.std() + 1e-6)
        searched = 1 / np.sqrt(np.arange(len(own)) + 1)
        searched = (searched - searched.mean()) / (searched.std() + 1e-6)
        key = (question["set"], question["half"])
        for mode in MODES:
            ndcg.setdefault((*key, mode), []).append(question[mode])
        for weight in WEIGHTS:
            order = np.argsort(-(weight * own + (1 - weight) * searched), kind="stable")
            units = _units([question["candidates"][place] for place in order])
            value = ndcg10(units, question["gold"])
            ndcg.setdefault((*key, f"{weight}"), []).append(value)
    sets = sorted({name for name, _, _ in ndcg})

    def gain(weight: float) -> float:
        gains = []
        for name in sets:
            with_model = statistics.mean(ndcg[name, CHOOSING, f"{weight}"])
            gains.append(with_model / statistics.mean(ndcg[name, CHOOSING, "0.0"]))
        return statistics.mean(gains)

    best = max(WEIGHTS, key=gain)
    figures = {"order.weight": best}
    for name in sets:
        for mode in (*MODES, f"{best}"):
            shown = "reordered" if mode == f"{best}" else mode
            figures[f"order.{name}.{shown}"] = statistics.mean(ndcg[name, REPORTING, mode])
    return figures


def answer_figures(rows: Sequence[Row], answers: Sequence[str]) -> dict[str, float]:
    """Return refusals and right answers, where the passages tell and where they do not."""
    refused: dict[str, list[bool]] = {}
    right = []
    marked = []
    for row, answer in zip(rows, answers, strict=True):
        is_refusal = answer.strip().startswith(NOT_FOUND)
        refused.setdefault(row["kind"], []).append(is_refusal)
        if row["kind"] == "answerable":
            right.append(row["answer"].lower() in answer.lower())
            if not is_refusal:
                marked.append("[" in answer)
    return {
        "answers.unanswerable_refused": statistics.mean(refused["unanswerable"]),
        "answers.answerable_refused": statistics.mean(refused["answerable"]),
        "answers.gold_in_answer": statistics.mean(right),
        "answers.with_mark": statistics.mean(marked),
    }


def main() -> None:
    """Print and save the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("candidates", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("name")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    data: Path = arguments.data
    scores = np.load(arguments.out / f"{arguments.name}.npz")
    facts = json.loads((arguments.out / f"{arguments.name}.json").read_text("utf-8"))
    lines = arguments.candidates.read_text("utf-8").splitlines()
    figures = support_figures(read(data / "test.jsonl.xz"), scores["test"])
    figures |= claim_figures(read(data / "claims.jsonl.xz"), scores["claims"])
    figures |= order_figures(
        [json.loads(line) for line in lines],
        read(data / "relevance.jsonl.xz"),
        scores["relevance"],
    )
    figures |= answer_figures(read(data / "answers.jsonl.xz"), facts["answers"])
    figures["perplexity"] = facts["perplexity"]
    figures = {name: round(value, 4) for name, value in figures.items()}
    text = json.dumps(figures, indent=1)
    print(text)
    if arguments.save:
        arguments.save.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
