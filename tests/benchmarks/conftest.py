import json

import pytest


def article(title, *paragraphs):
    return {
        "title": title,
        "paragraphs": [
            {
                "context": text,
                "qas": [{"question": q, "answers": [{"text": a, "answer_start": text.index(a)}]}],
            }
            for text, q, a in paragraphs
        ],
    }


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")


@pytest.fixture
def data(tmp_path):
    """A data folder in the form of the public sets, with a handful of passages."""
    folder = tmp_path / "sets"
    articles = [
        article(
            "Lighthouses",
            (
                "The lighthouse of Arvo was built in 1874 from granite.",
                "When was the lighthouse built?",
                "1874",
            ),
            ("Its lamp burns oil from Norway.", "What does the lamp burn?", "oil"),
        ),
        article(
            "Volcanoes",
            ("Mount Erebus rises 3794 metres above the ice.", "How high is Erebus?", "3794 metres"),
        ),
        article(
            "Beekeeping",
            ("A hive holds one queen and many workers.", "How many queens are in a hive?", "one"),
        ),
    ]
    for language in ("en", "de", "zh"):
        write(folder / "xquad" / f"xquad.{language}.json", {"data": articles})
    section = {
        "chunk_link": "https://x/en/docs/keys#make",
        "chunk_heading": "Make a key",
        "text": "Press Create Key.",
    }
    write(folder / "cookbook-docs" / "anthropic_docs.json", [section])
    question = {
        "question": "How do I make a key?",
        "correct_chunks": [section["chunk_link"]],
        "correct_answer": "Press Create Key.",
    }
    write(folder / "cookbook-docs" / "docs_evaluation_dataset.json", [question])
    context = {
        "document_id": "7-0-50",
        "title": "Tax",
        "text": "The tax rate on tea was three pence a pound.",
    }

    def task(answerability, contexts, *turns):
        said = [
            {"speaker": "user" if i % 2 == 0 else "agent", "text": t} for i, t in enumerate(turns)
        ]
        target = [{"speaker": "agent", "text": "It was three pence a pound."}]
        return {
            "answerability": [answerability],
            "contexts": contexts,
            "input": said,
            "targets": target,
        }

    tasks = [
        task(
            "ANSWERABLE",
            [context],
            "Was tea taxed?",
            "Yes, it was.",
            "What was the tax rate on tea?",
        ),
        task("UNANSWERABLE", [], "Who drank the tea?"),
    ]
    write(folder / "mtrag" / "dev.jsonl", "\n".join(map(json.dumps, tasks)))
    write(folder / "handbook" / "sourcegraph.json", [{"query": "What is the mission?"}])
    return folder
