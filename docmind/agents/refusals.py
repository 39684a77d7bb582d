"""How an agent says that its passages do not tell, and how that is recognised."""

from __future__ import annotations

import json
import re

from docmind.phrases import ALL as ALL_PHRASES
from docmind.phrases import ENGLISH
from docmind.verification.sentences import MARK

NOT_FOUND = ENGLISH.not_found
"""What an agent writes where its passages do not tell; it is shown in the question's language."""
_WORD = re.compile(r"\w")
_FENCE = re.compile(r"^```\w*\s*|\s*```\s*$")
_TRAILING_MARKS = re.compile(r"(?:\s*\[\d+\])+\s*$")


def is_refusal(text: str) -> bool:
    """Return whether a whole text finds nothing, or says nothing: a mark, a fence, or JSON."""
    text = text.strip()
    for phrases in ALL_PHRASES.values():
        if text.startswith(phrases.not_found.rstrip(".")):
            return True
    return is_json(text) or not _WORD.search(MARK.sub("", text))


def is_json(text: str) -> bool:
    """Return whether a whole text is a JSON object or list: a call of no tool that there is."""
    without_marks = _TRAILING_MARKS.sub("", _FENCE.sub("", text)).strip()
    if not without_marks.startswith(("{", "[{")):
        return False
    try:
        json.loads(without_marks, strict=False)
    except ValueError:
        return False
    return True


def may_become_refusal(beginning: str) -> bool:
    """Return whether the beginning of a text may still turn out to be a refusal."""
    beginning = beginning.strip()
    return NOT_FOUND.startswith(beginning) or beginning.startswith(NOT_FOUND)
