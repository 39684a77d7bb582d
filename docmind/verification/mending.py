"""What is done with the sentences of an answer that no passage supports.

They are written again, else the passage's own words are quoted, else they are taken out. An answer
of which nothing is left was not found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from docmind.events import Statement, Verdict
from docmind.passages import NumberedPassage
from docmind.verification.statements import CheckedAnswer
from docmind.verification.support import text_with_place
from docmind.verification.words import content_words, names

_UNSUPPORTED = frozenset({Verdict.CONTRADICTED, Verdict.NOT_FOUND})
_BULLET_ONLY = re.compile(r"[ \t]*(?:[-*+>]|\d{1,2}[.)])?[ \t]*\Z")


def needs_mending(statement: Statement) -> bool:
    """Return whether a sentence may not stand in an answer as it is."""
    return statement.verdict in _UNSUPPORTED or statement.is_hollow


def to_mend(checked: CheckedAnswer) -> list[Statement]:
    """Return the sentences that may not stand, in reading order."""
    return [statement for statement in checked.statements if needs_mending(statement)]


def is_about_another(
    question: str, checked: CheckedAnswer, passages: Sequence[NumberedPassage]
) -> bool:
    """Return whether an answer is supported by passages that never name what was asked about.

    A sentence about the capital of a bank answers no question about the capital of Mongolia.
    """
    asked = names(question)
    supporting: set[int] = set()
    for statement in checked.statements:
        supporting.update(statement.passages)
    if not asked or not supporting:
        return False
    texts = [text_with_place(each.passage) for each in passages if each.number in supporting]
    return not asked & content_words(" ".join(texts))


def replace_statement(text: str, statement: Statement, words: str) -> str:
    """Return an answer with other words in a sentence's place; without it if there are none."""
    before = text[: statement.start]
    after = text[statement.end :]
    if words:
        return f"{before}{words}{after}"
    line_start = before.rfind("\n") + 1
    if _BULLET_ONLY.match(before, line_start) and (not after or after.startswith("\n")):
        # The whole line goes, with its bullet.
        return f"{before[:line_start].rstrip()}{after}".strip()
    return f"{before.rstrip(' ')} {after.lstrip(' ')}".strip()


def without_empty_headings(text: str) -> str:
    """Return an answer without the headings under which nothing is left."""
    kept: list[str] = []
    below = ""
    for line in reversed(text.splitlines()):
        depth = _heading_depth(line)
        is_empty = depth > 0 and (not below or 0 < _heading_depth(below) <= depth)
        if not is_empty:
            kept.append(line)
            below = line.strip() or below
    return "\n".join(reversed(kept)).strip()


def _heading_depth(line: str) -> int:
    """Return 1 for `#`, 2 for `##` …, 9 for a line that only announces what follows, else 0."""
    text = line.strip()
    if text.startswith("#"):
        return len(text) - len(text.lstrip("#"))
    if text.endswith(":") and not text.startswith("|"):
        return 9
    return 0
