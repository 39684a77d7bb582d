"""What the model must go on doing as it does: tool calls, answers, summaries.

On these texts the tuned model is held to the untuned one, token by token (Kullback-Leibler).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from docmind.verification.sentences import stretches
from training.examples import Example, Text, Wording, show
from training.sources import Library, Row, rows, training_files

CALLS = 500
READINGS = 1400
TABLES = 300


def anchors(train: Path, wording: Wording, pick: random.Random) -> Iterator[Example]:
    """Yield the texts to stay the same on."""
    for message in _messages(train, pick)[:CALLS]:
        call = json.dumps({"name": "search_documents", "arguments": {"query": message}})
        yield Example(
            task="anchor", kind="call", user=message, target=f"<tool_call>\n{call}\n</tool_call>",
            tools=True,
        )  # fmt: skip
    files = training_files(train, "passages")
    for number in range(READINGS):
        # Few passages of each file: reading a file once is enough.
        if number % (READINGS // len(files) + 1) == 0:
            library = Library.read(files[number // (READINGS // len(files) + 1)])
            ids = sorted(library.texts)
        texts = []
        for passage_id in pick.sample(ids, min(2, len(ids))):
            texts.append(Text(library.texts[passage_id][:900], library.titles[passage_id]))
        sentences = stretches(texts[0].text, pairs=False)[:3]
        target = " ".join(f"{sentence.strip()} [1]" for sentence in sentences)
        agent = pick.choice(["researcher", "summarizer", "analyst"])
        task = f"What is said about {texts[0].name}?"
        yield Example(
            task="anchor",
            kind=f"read {agent}",
            user=f"{show(texts)}\n\n{wording['closings'][agent].format(task=task)}",
            target=target,
            system=wording["systems"][agent],
        )
    tables: list[Row] = []
    for row in rows(train / "tables" / "wtq.jsonl.gz"):
        tables.append(row)
        if len(tables) >= 3000:
            break
    for row in pick.sample(tables, min(TABLES, len(tables))):
        lines = [" | ".join(str(cell) for cell in cells) for cells in row["table"][:12]]
        yield Example(
            task="anchor", kind="table", user="\n".join([*lines, "", row["question"]]),
            target=str(row["answer"]), system="You are a helpful assistant.",
        )  # fmt: skip


def _messages(train: Path, pick: random.Random) -> list[str]:
    """Return messages of users."""
    found: list[str] = []
    for file in training_files(train, "turns"):
        drawn = list(rows(file))
        found += [row["question"] for row in pick.sample(drawn, min(300, len(drawn)))]
    for file in training_files(train, "routing"):
        drawn = list(rows(file))
        found += [row["text"] for row in pick.sample(drawn, min(150, len(drawn)))]
    for file in training_files(train, "relevance"):
        drawn = [row for row in rows(file) if len(row["q"]) < 300]
        found += [row["q"] for row in pick.sample(drawn, min(80, len(drawn)))]
    pick.shuffle(found)
    return found
