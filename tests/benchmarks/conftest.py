import json

import pytest


def paragraph(text, question, answer):
    """Return a paragraph of xquad with one question."""
    answers = [{"text": answer, "answer_start": text.index(answer)}]
    return {"context": text, "qas": [{"question": question, "answers": answers}]}


ARTICLES = [
    {
        "title": "Lighthouses",
        "paragraphs": [
            paragraph(
                text="The lighthouse of Arvo was built in 1874 from granite.",
                question="When was the lighthouse built?",
                answer="1874",
            ),
            paragraph(
                text="Its lamp burns oil from Norway.",
                question="What does the lamp burn?",
                answer="oil",
            ),
        ],
    },
    {
        "title": "Volcanoes",
        "paragraphs": [
            paragraph(
                text="Mount Erebus rises 3794 metres above the ice.",
                question="How high is Erebus?",
                answer="3794 metres",
            ),
        ],
    },
    {
        "title": "Beekeeping",
        "paragraphs": [
            paragraph(
                text="A hive holds one queen and many workers.",
                question="How many queens are in a hive?",
                answer="one",
            ),
        ],
    },
]
SECTION = {
    "chunk_link": "https://x/en/docs/keys#make",
    "chunk_heading": "Make a key",
    "text": "Press Create Key.",
}
CONTEXT = {
    "document_id": "7-0-50",
    "title": "Tax",
    "text": "The tax rate on tea was three pence a pound.",
}


def task(answerability, contexts, *turns):
    """Return a task of the multi-turn set; user and agent speak in turn."""
    speakers = ["user", "agent"] * len(turns)
    utterances = [
        {"speaker": speaker, "text": text} for speaker, text in zip(speakers, turns, strict=False)
    ]
    return {
        "answerability": [answerability],
        "contexts": contexts,
        "input": utterances,
        "targets": [{"speaker": "agent", "text": "It was three pence a pound."}],
    }


TASKS = [
    task(
        "ANSWERABLE",
        [CONTEXT],
        "Was tea taxed?",
        "Yes, it was.",
        "What was the tax rate on tea?",
    ),
    task("UNANSWERABLE", [], "Who drank the tea?"),
]


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


@pytest.fixture
def data(tmp_path):
    """A data folder in the form of the public sets, with a handful of passages."""
    folder = tmp_path / "sets"
    for language in ("en", "de", "zh"):
        write_json(folder / "xquad" / f"xquad.{language}.json", {"data": ARTICLES})
    question = {
        "question": "How do I make a key?",
        "correct_chunks": [SECTION["chunk_link"]],
        "correct_answer": "Press Create Key.",
    }
    write_json(folder / "cookbook-docs" / "anthropic_docs.json", [SECTION])
    write_json(folder / "cookbook-docs" / "docs_evaluation_dataset.json", [question])
    write_json(folder / "handbook" / "sourcegraph.json", [{"query": "What is the mission?"}])
    lines = [json.dumps(one) for one in TASKS]
    (folder / "mtrag").mkdir()
    (folder / "mtrag" / "dev.jsonl").write_text("\n".join(lines), "utf-8")
    return folder
