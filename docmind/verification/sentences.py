"""Text → sentences, and an answer's marks → the numbers of the passages that they cite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from docmind.retrieval.sparse import terms

MARK = re.compile(
    r"""
    \[ \s*
    (                                # group 1: what `expand` reads
        \d{1,3}
        (?: \s* [,;\u2013-] \s* \d{1,3} )*
    )
    \s* \]
    (?!\()                           # `[1](https://…)` is a link
    """,
    re.VERBOSE,
)
"""A mark in an answer: `[1]`, `[1, 3]`, `[2-4]`."""

_CODE = re.compile(
    r"""
    ``` .*? (?: ``` | \Z )           # a block, or one that is not closed (yet)
    | ` [^`\n]+ `                    # `a[1]` within a line
    """,
    re.VERBOSE | re.DOTALL,
)
"""Code in Markdown."""

_SENTENCE_END = re.compile(
    r"""
    (?<=[.!?])                       # "grew." and what belongs to it:
    [\"')*_]*                        #     closing quotes and emphasis
    (?: \s* \[ [\d\s,;\u2013-]+ \] )*    # marks: "It grew. [1] Then …" is cut behind the mark
    \s+ (?=\S)
    | (?<=[\u3002\uff01\uff1f])      # Chinese and Japanese ends, with no space behind them
      (?! \s* \[ )
    | \n+
    """,
    re.VERBOSE,
)
"""Where a sentence ends, up to the first character of the next."""

_LINE_WRAP = re.compile(
    r"""
    (?<= [^\n]{39} [^\n.!?:;|] )     # a line of 40 characters or more that ends with a word
    \n
    (?! [\n|\u2022*#-] )             # no empty line, table row, bullet or heading comes next
    """,
    re.VERBOSE,
)
"""The end of a line but not of a sentence, as in the text of a PDF."""

_BULLET = re.compile(r"^\s*(?:[-*+>]|#{1,6}|\d{1,2}[.)])\s+")
"""What Markdown writes before a sentence: `- `, `> `, `## `, `3. `."""

_EMPHASIS = re.compile(r"\*\*|__|~~|\*")
"""What Markdown writes around words: `**bold**`, `~~struck~~`."""

_SPACE_BEFORE_PUNCTUATION = re.compile(r"\s+([.,;:!?])")
"""The gap that a mark leaves: "grew [1]." becomes "grew ."."""

_HIDDEN_BRACKET = "\x02"
"""Stands for `[` in code while marks are looked for: an index such as `a[1]` is no mark."""

POINTING_WORDS = frozenset(
    terms(
        "found passage source document text see refer information answer state mention accord give"
    )
)
"""Words that tell where something stands, not what is so: "This can be found in passage [2]."."""

LONGEST_RANGE = 20
"""Numbers after the first that a mark may span, so that `[1-999]` does not cite everything."""

MOST_STRETCHES = 60
"""Stretches of one passage that are compared, at most."""


@dataclass(frozen=True)
class CitedSentence:
    """A sentence of an answer that has marks."""

    text: str
    """The sentence without its marks."""
    numbers: tuple[int, ...]
    """The numbers that it cites, each once, in reading order; never empty."""
    marks: tuple[tuple[int, int], ...]
    """Character span [start, end) of each mark in the answer; never empty."""


def cited_sentences(answer: str) -> Iterator[CitedSentence]:
    """Yield each sentence of an answer that has marks, in reading order."""
    hidden = _CODE.sub(_hide_brackets, answer)
    sentence_before = ""
    for start, end in _sentence_spans(hidden):
        sentence = plain(hidden[start:end]).replace(_HIDDEN_BRACKET, "[")
        marks = list(MARK.finditer(hidden, start, end))
        numbers: dict[int, None] = {}  # an ordered set
        for mark in marks:
            numbers.update(dict.fromkeys(expand(mark[1])))
        if numbers:
            text = sentence
            if _only_points(sentence):
                text = f"{sentence_before} {sentence}".strip()
            yield CitedSentence(
                text=text,
                numbers=tuple(numbers),
                marks=tuple(mark.span() for mark in marks),
            )
        if sentence:
            sentence_before = sentence


def expand(numbers: str) -> Iterator[int]:
    """Yield the numbers of a mark: 1, 3, 4 and 5 of `1, 3-5`.

    The page that draws marks counts them by the same rule.
    """
    for part in re.split(r"[,;]", numbers):
        first, *rest = [int(number) for number in re.split(r"[\u2013-]", part)]
        last = first
        if rest:
            last = min(rest[0], first + LONGEST_RANGE)
        yield from range(first, last + 1)


def plain(text: str) -> str:
    """Return a sentence without marks, bullet and emphasis, its words one space apart."""
    text = MARK.sub("", text)
    text = _BULLET.sub("", text)
    text = _EMPHASIS.sub("", text)
    text = " ".join(text.split())
    return _SPACE_BEFORE_PUNCTUATION.sub(r"\1", text)


def stretches(text: str, *, pairs: bool = True) -> list[str]:
    """Return a passage's sentences, then its pairs of neighbouring sentences.

    They are short enough to compare with one sentence. There is always one, if only an empty one.

    Args:
        text: the passage.
        pairs: False returns the single sentences only.
    """
    text = _LINE_WRAP.sub(" ", text)
    sentences: list[str] = []
    for start, end in _sentence_spans(text):
        sentence = text[start:end].strip()
        if sentence:
            sentences.append(sentence)
    found = list(sentences)
    if pairs:
        found += [f"{first} {second}" for first, second in pairwise(sentences)]
    return found[:MOST_STRETCHES] or [text]


def _sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield the character span [start, end) of each sentence, spaces behind it included."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        yield start, end.end()
        start = end.end()
    yield start, len(text)


def _hide_brackets(code: re.Match[str]) -> str:
    """Return code without `[`, as long as before: the places of what follows stay the same."""
    return code[0].replace("[", _HIDDEN_BRACKET)


def _only_points(sentence: str) -> bool:
    """Return whether a sentence states nothing itself: its marks belong to the one before it.

    Either nothing is left of it without its marks, or it says "This can be found in passage [1].".
    """
    words = terms(sentence)
    if words:
        return POINTING_WORDS.issuperset(words)
    return re.search(r"\w", sentence) is None
