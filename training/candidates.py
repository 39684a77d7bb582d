"""Search results of the product on the public sets, to be reordered on the GPU host.

    python -m training.candidates DATA_DIR OUT.jsonl --questions 60

One line a question: the set, the half it is in, the gold units, and the passages that hybrid search
finds with the units that each stands for.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path

from benchmarks.index import load_embedder
from benchmarks.retrieval import rank_figures, searches, stored
from benchmarks.sets import retrieval_sets
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
                        "candidates": [],
                    }
                    for mode in MODES:
                        results = search[mode](question.text)
                        units: list[int] = []
                        for result in results:
                            passage = result.passage
                            found = corpus.units_of(passage.document_id, passage.start, passage.end)
                            units += found
                            if mode == "hybrid":
                                row["candidates"].append(
                                    {
                                        "text": passage.text,
                                        "file_name": passage.file_name,
                                        "units": list(found),
                                    }
                                )
                        ranked = list(dict.fromkeys(units))
                        row[mode] = rank_figures(question, ranked)["ndcg10"]
                    lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(corpus.name, len(drawn), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--questions", type=int, default=60)
    arguments = parser.parse_args()
    write_candidates(Settings(), arguments.data, arguments.out, questions=arguments.questions)
