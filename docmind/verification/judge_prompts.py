"""What the model is asked when it judges: one letter, about passages that it has read.

The passages stand first and in the words of the answering prompt (`tools.render_for_model`), so
that the prefix cache has them. The adapter is tuned on these very words: changing them needs a new
one.
"""

from __future__ import annotations

SUPPORTED = "A"
CONTRADICTED = "B"
NOT_STATED = "C"
LETTERS = (SUPPORTED, CONTRADICTED, NOT_STATED)
"""What a statement can be, as the model writes it."""
RELEVANT = "A"
IRRELEVANT = "B"

_ANSWER = """Question: {question}
Answer: {statement}

Judge the answer by the passages above alone. A: they say so, and it answers the question. B: they \
say otherwise. C: they do not say so, or it answers another question. Write one letter."""
_STATEMENT = """Statement: {statement}

Judge the statement by the passages above alone. A: they say so. B: they say otherwise. C: they do \
not say so. Write one letter."""
_RELEVANCE = """Question: {question}

Do the passages above say what answers the question? A: yes. B: no. Write one letter."""


def judge_request(statement: str, question: str = "") -> str:
    """Return what stands after the passages to have a statement judged."""
    if question:
        return _ANSWER.format(question=question, statement=statement)
    return _STATEMENT.format(statement=statement)


def relevance_request(question: str) -> str:
    """Return what stands after a passage to have its relevance judged."""
    return _RELEVANCE.format(question=question)
