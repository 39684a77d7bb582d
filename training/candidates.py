"""Search results of the product on the public sets, to be reordered on the GPU host.

    python -m training.candidates DATA_DIR OUT.jsonl --questions 60

One line a question: the set, the half it is in, the gold units, and the passages that hybrid search
finds with the units that each stands for.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable
from pathlib import Path

from benchmarks.index import load_embedder
from benchmarks.retrieval import found_units, ndcg10, searches, stored
from benchmarks.sets import Corpus, retrieval_sets
from docmind.passages import ScoredPassage
from docmind.settings import Settings

MODES = ("bm25", "dense", "hybrid")


def write_candidates(settings: Settings, data: Path, out: Path, *, questions: int) -> None:
    """Search for `questions` questions of each half of each set; write what was found."""
    embedder = load_embedder(settings)
    with out.open("w", encoding="utf-8") as lines:
        for corpus in retrieval_sets(data):
            pick = random.Random(4)
            numbers = list(range(len(corpus.questions)))
            drawn = []
            for half in (0, 1):
                of_half = numbers[half::2]
                drawn += sorted(pick.sample(of_half, min(questions, len(of_half))))
            with stored(settings, embedder, corpus.documents) as index:
                search = searches(settings, index.store, embedder)
                for number in drawn:
                    question = corpus.questions[number]
                    row = {
                        "set": corpus.name,
                        "half": number % 2,
                        "question": question.text,
                        "gold": list(question.gold),
                    }
                    for mode in MODES:
                        results = search[mode](question.text)
                        row[mode] = ndcg10(found_units(corpus, results), question.gold)
                        if mode == "hybrid":
                            row["candidates"] = _candidates(corpus, results)
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(corpus.name, len(drawn), flush=True)


def _candidates(corpus: Corpus, results: Iterable[ScoredPassage]) -> list[dict[str, object]]:
    """Return the passages that were found, each with its units."""
    candidates: list[dict[str, object]] = []
    for result in results:
        candidate = {
            "text": result.passage.text,
            "file_name": result.passage.file_name,
            "units": found_units(corpus, [result]),
        }
        candidates.append(candidate)
    return candidates


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=int, default=60)
    arguments = parser.parse_args()
    write_candidates(Settings(), arguments.data, arguments.out, questions=arguments.questions)
