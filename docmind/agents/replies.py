"""What the supervisor replies itself: to small talk, about the app, about the conversation.

No passages are read for it. The app is described by what it is built to do, the conversation by its
own turns; the model puts that into words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langchain_core.messages import AnyMessage, HumanMessage, SystemMessage

from docmind.agents.messages import instruction_message
from docmind.agents.plan import Own
from docmind.context.delimiters import defuse_tags
from docmind.context.summary import summary_for_prompt
from docmind.ingestion.readers.formats import SUPPORTED
from docmind.retrieval.language import answer_in, answer_language
from docmind.turns import CompletedTurn
from docmind.verification.sentences import plain

CHAT = """You are DocMind, an assistant that answers questions about the user's documents on this \
machine. Reply briefly and kindly. Do not state facts about the documents: for those the user \
should ask a question."""

ABOUT_APP = """You are DocMind, a program that answers questions about the user's documents. \
Answer the user's question about you from these facts, in one to four sentences, with those that \
are asked for only:
- You answer questions with sentences that cite the passages of the documents: the number in \
brackets behind a sentence opens the passage. What no passage supports is not said.
- You summarize documents, compare them, compute with tables and sheets (sums, averages, counts), \
check whether a statement stands in the documents, and tell which documents there are.
- The user adds documents on the Documents page, by dropping files there. File types: {types}. \
Scanned pages and pictures are read by text recognition.
- Everything runs on this machine, without the internet: neither documents nor questions leave it.
- You understand follow-up questions, and several questions in one message.
- The user may ask in any language that the model knows; English and German work best.
- You are a language model with a search, not a person. You know nothing but the documents, and \
you can be wrong: the cited passage is what counts."""

CONVERSATION = """You are DocMind. The user asks about your conversation so far. Answer from the \
record of it, in one to four sentences, and use nothing else.
{record}"""
REMINDER = "Question about the record above: {question}{language}"
"""Stands last, where a small model heeds it most."""
ANSWER_CHARS = (400, 160, 0)
"""Characters of each answer in the record: the first of these with which it fits."""


def app_facts() -> str:
    """Return what the model reads to answer a question about the app."""
    types: list[str] = []
    for ending in SUPPORTED:
        types.append(ending.lstrip(".").upper())
    return ABOUT_APP.format(types=", ".join(types))


def reply_prompts(
    kind: Own,
    question: str,
    *,
    turns: Sequence[CompletedTurn],
    summary: str,
    past: list[AnyMessage],
) -> Iterator[list[AnyMessage]]:
    """Yield prompts for a reply, the longest one first: the first that fits is to be used.

    Args:
        kind: What the question is about.
        question: As it was planned.
        turns: All earlier turns, oldest first.
        summary: Of those that the model no longer sees.
        past: The messages of those that it sees, and the user's.
    """
    language = answer_language(question)
    wish = ""
    if language:
        wish = answer_in(language)
    match kind:
        case Own.APP:
            yield [SystemMessage(app_facts()), HumanMessage(question + wish)]
        case Own.CONVERSATION:
            closing = instruction_message(REMINDER.format(question=question, language=wish))
            for longest in ANSWER_CHARS:
                record = conversation_record(turns, longest)
                yield [SystemMessage(CONVERSATION.format(record=record)), closing]
        case _:
            yield [SystemMessage(CHAT + summary_for_prompt(summary)), *past]


def conversation_record(turns: Sequence[CompletedTurn], longest: int) -> str:
    """Return the turns of a conversation as the model reads them, numbered.

    Args:
        turns: Oldest first.
        longest: Characters of each answer that are shown.
    """
    if not turns:
        return "<record>\nNothing was said before this message.\n</record>"
    lines = [f"The user has asked {len(turns)} questions before this one."]
    for number, turn in enumerate(turns, 1):
        lines.append(f"Question {number}: {turn.question}")
        answer = plain(turn.answer)
        if len(answer) > longest:
            answer = f"{answer[:longest]} …"
        if longest:
            lines.append(f"Answer {number}: {answer}")
    return f"<record>\n{defuse_tags(chr(10).join(lines))}\n</record>"
