"""Which language a text is written in, told by the small words that no text goes without."""

from __future__ import annotations

import re
from collections import Counter

SAMPLE_CHARS = 20_000
"""So much of a long text is looked at, in SAMPLES pieces from all over it: a report may have a
title page in another language."""
SAMPLES = 4
FEWEST_WORDS = 5
"""Small words of a language that a text must have for it to be told."""
LEAST_FRACTION = 0.05
"""Of a text's words that are small words: half of what prose has, as tables have few."""

_SMALL_WORDS = {
    "en": "the of and to in is that for was with are this from by be not which have it on or",
    "de": "der die und das ist von den mit für auf nicht eine dem des sich wird im werden auch zu",
    "fr": "le la les des et est une dans pour que qui sur par au du pas avec cette sont aux",
    "es": "el la los las de y que en una por con para es del se su como más sus lo",
    "it": "il di che la per una del con non è della sono gli nel dei alla più le anche delle",
    "pt": "o de que e do da em um para com uma os no não se na por mais as dos",
    "nl": "de het een van en dat is op te voor zijn met niet aan er door worden bij ook naar",
    "sv": "och att det som en på är av för den med till inte har ett om vi från eller de",
    "da": "og det at en den til er som på de med han af for ikke der var et har sig",
    "no": "og det er som en på av med for til den ikke har at de et om han fra ble",
    "fi": "ja on ei se että oli hän ovat mutta kun myös sen tai joka kuin ole jotka mukaan",
    "ru": "и в не на что с по как это он из за к от для но его она они был",  # noqa: RUF001
}
LANGUAGE_NAMES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "sv": "Swedish",
    "da": "Danish",
    "no": "Norwegian",
    "fi": "Finnish",
    "ru": "Russian",
}
_WORD = re.compile(r"[^\W\d_]+")
_QUESTION_WORDS = {
    "en": "what which who whose when where why how do does did can could may must is are was were "
    "my your their there about any please thanks thank hello",
    "de": "was welche welcher welches welchem welchen wer wem wen wessen wann wo woher wohin warum "
    "wie wieviel ist sind war waren hat haben kann darf muss gibt ein einen einer eines im ich "
    "mein meine meinen meiner du mir dir wir es geht worum worüber kein keine alle alles zum zur "
    "bei aus nach über unter und oder bitte danke hallo guten bis",
}
"""Words with which questions begin, and others of which a short one has but few. In the languages
in which the app has sentences of its own (`docmind/phrases.py`)."""
_ASKED_FOR = {
    "en": re.compile(r"\b(?:in|into|auf|ins) (?:english|englisch\w*)\b", re.IGNORECASE),
    "de": re.compile(r"\b(?:in|into|auf|ins) (?:german|deutsch\w*)\b", re.IGNORECASE),
}
"""A wish for the language of an answer."""


def detect_language(text: str) -> str:
    """Return the language of a text as its ISO 639-1 code; "" where it can't be told.

    Languages with the same small words differ by those that only one of them has: each counts by
    how few languages have it.
    """
    words = _WORD.findall(_sample(text).lower())
    counts = Counter(words)
    weights = Counter(small for row in _SMALL_WORDS.values() for small in row.split())
    found: dict[str, int] = {}
    scores: dict[str, float] = {}
    for language, row in _SMALL_WORDS.items():
        small_words = row.split()
        found[language] = sum(counts[small] for small in small_words)
        scores[language] = sum(counts[small] / weights[small] for small in small_words)
    best = max(scores, key=lambda language: scores[language])
    if found[best] < max(FEWEST_WORDS, LEAST_FRACTION * len(words)):
        return ""
    return best


def answer_language(question: str) -> str:
    """Return the language in which a question is to be answered, as its ISO 639-1 code.

    The one that it asks for, else its own; "" where that can't be told.
    """
    for language, wish in _ASKED_FOR.items():
        if wish.search(question):
            return language
    return question_language(question)


def question_language(question: str) -> str:
    """Return the language of a question as its ISO 639-1 code; "" where it can't be told.

    It is too short for `detect_language`: here the language with most small words is taken, unless
    two have as many.
    """
    words = Counter(_WORD.findall(question.lower()))
    scores: Counter[str] = Counter()
    for language, row in _SMALL_WORDS.items():
        small_words = {*row.split(), *_QUESTION_WORDS.get(language, "").split()}
        scores[language] = sum(words[small] for small in small_words)
    (best, most), (_, second) = scores.most_common(2)
    if most == second:
        return ""
    return best


def answer_in(language: str) -> str:
    """Return the wish for an answer in a language, as it stands behind a question or a task."""
    return f" Answer in {LANGUAGE_NAMES[language]}."


def _sample(text: str) -> str:
    if len(text) <= SAMPLE_CHARS:
        return text
    pieces: list[str] = []
    for number in range(SAMPLES):
        start = number * (len(text) - SAMPLE_CHARS // SAMPLES) // (SAMPLES - 1)
        pieces.append(text[start : start + SAMPLE_CHARS // SAMPLES])
    return " ".join(pieces)
