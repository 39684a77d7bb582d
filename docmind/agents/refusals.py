"""How an agent says that its passages do not tell, and how that is recognised."""

from __future__ import annotations

import re

from docmind.phrases import ALL as ALL_PHRASES
from docmind.phrases import ENGLISH
from docmind.verification.sentences import MARK

NOT_FOUND = ENGLISH.not_found
"""What an agent writes where its passages do not tell; it is shown in the question's language."""
_WORD = re.compile(r"\w")


def is_refusal(text: str) -> bool:
    """Return whether a whole text finds nothing, or has no word, only a mark or a fence."""
    text = text.strip()
    for phrases in ALL_PHRASES.values():
        if text.startswith(phrases.not_found.rstrip(".")):
            return True
    return not _WORD.search(MARK.sub("", text))


def may_become_refusal(beginning: str) -> bool:
    """Return whether the beginning of a text may still turn out to be a refusal."""
    beginning = beginning.strip()
    return NOT_FOUND.startswith(beginning) or beginning.startswith(NOT_FOUND)
