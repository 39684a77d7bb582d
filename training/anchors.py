"""What the model must go on doing as it does: tool calls, answers, summaries.

On these texts the tuned model is held to the untuned one, token by token (Kullback-Leibler).
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from docmind.verification.sentences import stretches
from training import plan_phrases as phrases
from training.examples import Example, Text, Wording, show
from training.sources import Library, Row, rows, training_files

CALLS = 500
READINGS = 2000
CELLS = 300
REPLIES = 500
TABLES = 300
WITHOUT_TOOLS = 0.25
"""Of the texts that are read, with no tools in the system message."""


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
        agent = pick.choice(["researcher", "researcher", "summarizer", "analyst", "verifier"])
        task = f"What is said about {texts[0].name}?"
        system = wording["with_tools"][agent]  # as the product offers them
        if pick.random() < WITHOUT_TOOLS:
            system = wording["systems"][agent]
        yield Example(
            task="anchor",
            kind=f"read {agent}",
            user=f"{show(texts)}\n\n{wording['closings'][agent].format(task=task)}",
            target=target,
            system=system,
        )
        if number % (READINGS // CELLS) == 0:
            asked = " ".join(sentences[0].split()[:2])
            yield Example(
                task="anchor",
                kind="cell",
                user=f"{show(texts)}\n\n{wording['cell'].format(asked=asked)}",
                target=" ".join(sentences[0].split()[-4:]),
                system=wording["systems"]["researcher"],
            )
    yield from _replies(train, wording, pick)
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


def _replies(train: Path, wording: Wording, pick: random.Random) -> Iterator[Example]:
    """Yield what the supervisor replies itself: to small talk, about the app, the conversation."""
    messages = _messages(train, pick)
    for number in range(REPLIES):
        before, *others = pick.sample(messages, 3)
        language = pick.choice(["en", "en", "de"])
        match number % 3:
            case 0:
                user = pick.choice(phrases.CHAT[language])
                target = "You are welcome! Ask me a question about your documents."
                system = wording["replies"]["chat"]
            case 1:
                user = pick.choice(phrases.APP[language])
                target = "I answer questions about your documents, and cite the passages."
                system = wording["replies"]["app"]
            case _:
                record = f"<record>\nQuestion 1: {before}\nQuestion 2: {others[0]}\n</record>"
                question = "What did I ask first?"
                user = wording["reminder"].format(question=question, language="")
                target = f'You asked first: "{before}"'
                system = wording["replies"]["conversation"].format(record=record)
        yield Example(task="anchor", kind="reply", user=user, target=target, system=system)


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
