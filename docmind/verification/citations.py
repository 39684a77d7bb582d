"""Is a checked text the answer to its question?"""

from __future__ import annotations

from collections.abc import Sequence

from docmind.events import Verdict
from docmind.passages import NumberedPassage
from docmind.verification.statements import CheckedAnswer
from docmind.verification.support import text_with_place
from docmind.verification.words import content_words

ASKED = 0.3
"""Fraction of a question's words that must stand in the passages cited for its answer. Of 49
answers that the 1.5B gave to questions whose passages do not tell, 7 pass without it and 2 with it;
of 12 where they do tell, none is lost."""


def citations_answer_question(
    question: str, sources: Sequence[NumberedPassage], checked: CheckedAnswer
) -> bool:
    """Return whether a text may be taken for the answer to a question, by its check.

    It cites passages, all citations are supported, the passages are about what is asked, and so is
    the text: a true sentence may answer another question.
    """
    citations = checked.citations
    if not citations or not all(citation.supported for citation in citations):
        return False
    if misses_question(question, checked):
        return False
    cited_numbers = {citation.number for citation in citations}
    texts = [
        text_with_place(source.passage) for source in sources if source.number in cited_numbers
    ]
    asked = content_words(question)
    found = asked & content_words(" ".join(texts))
    return len(found) >= ASKED * len(asked)


def misses_question(question: str, checked: CheckedAnswer) -> bool:
    """Return whether a text has supported sentences, but none speaks of what is asked.

    An answer of one short sentence leaves out what was asked, and was checked with its question.
    """
    supported = [
        statement.text for statement in checked.statements if statement.verdict is Verdict.SUPPORTED
    ]
    asked = content_words(question)
    if not supported or not asked or checked.is_short:
        return False
    return not any(asked & content_words(text) for text in supported)
