"""Two halves of each set: thresholds are chosen on one, figures are reported on the other."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from benchmarks.sets import Question

CHOOSING = 0
REPORTING = 1


def reporting_questions(questions: Sequence[Question]) -> Sequence[Question]:
    """Return the questions with odd numbers. Those with even ones chose the constants."""
    return questions[1::2]


def half_of_document(document_id: str) -> int:
    """Return CHOOSING or REPORTING. By document, so that no passage is in both halves."""
    return crc32(document_id.encode()) % 2
