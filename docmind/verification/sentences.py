"""Text → sentences, and an answer's marks → the numbers of the passages that they cite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

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

_FENCED_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)

_HEADING = re.compile(
    r"""
    \s* (?: \#{1,6} \s .*             # ## Rent
      | \*\* [^*]+ \*\* :? | __ [^_]+ __ :?    # a line in bold
    ) \s*
    """,
    re.VERBOSE,
)
_TABLE_LINE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*\s*")
"""What stands between a table's head and its rows: `| --- | ---: |`."""

_ABBREVIATION = re.compile(
    r"""
    (?: \b (?: Mr | Mrs | Ms | Dr | Prof | St | No | Nr | Nos | Art | Abs | Sec | Sect | Fig | Eq
        | vs | approx | ca | cf | bzw | ggf | inkl | zzgl | Inc | Ltd | Co | Corp | Jr | Sr
        | e\.g | i\.e | z\.\ ?B | d\.\ ?h | u\.\ ?a | p | pp | vol | ed | est | incl | excl
        | Jan | Feb | Mar | Apr | Jun | Jul | Aug | Sept? | Oct | Nov | Dec | Mio | Mrd | Tsd )
      | (?<! \w ) [A-Za-z]           # an initial, or the first half of "z. B."
    ) \. \s* \Z
    """,
    re.VERBOSE,
)
"""The end of a text whose full stop ends no sentence."""

_COMPANY_END = re.compile(r"\b(?:Inc|Ltd|Co|Corp|plc)\.\s*\Z")
_SENTENCE_START = re.compile(r"(?:It|Its|The|This|These|They|He|She|In|A|An|Both|Each|Either)\s")
"""A company's name ends a sentence where one of these words comes next."""

_GERMAN_DAY = re.compile(
    r"[\s\w]?\d{1,2}\.\s(?:Januar|Februar|M\u00e4rz|April|Mai|Juni|Juli|August|September|Oktober"
    r"|November|Dezember)\b"
)
"""A day and its month, up to three characters before the space: `15. M\u00e4rz`."""

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


@dataclass(frozen=True)
class AnswerSentence:
    """A sentence, heading or table row of an answer."""

    text: str
    """What it says, without its marks."""
    kind: Literal["sentence", "heading", "table head", "table row"]
    numbers: tuple[int, ...]
    """The numbers that it cites, each once, in reading order."""
    marks: tuple[tuple[int, int], ...]
    """Character span [start, end) of each mark in the answer."""
    start: int
    """Character offset in the answer of its first character, behind a bullet."""
    mark_place: int
    """Character offset in the answer where a mark would be put: before the full stop."""
    end: int
    """Character offset in the answer behind its last visible character."""

    @property
    def is_table_row(self) -> bool:
        """Whether it is a row of a table, which a mark would make longer."""
        return self.kind == "table row"


def answer_sentences(answer: str) -> Iterator[AnswerSentence]:
    """Yield the sentences of an answer in reading order; code is none."""
    hidden = _FENCED_CODE.sub(_blank_out, answer)
    hidden = _CODE.sub(_hide_brackets, hidden)
    for start, end in _sentence_spans(hidden):
        raw = hidden[start:end]
        kind = _kind_of(raw, hidden[end:])
        if kind is None:
            continue
        text = plain(raw).replace(_HIDDEN_BRACKET, "[")
        if kind.startswith("table"):
            text = " ".join(text.replace("|", " ").split())
        marks = list(MARK.finditer(hidden, start, end))
        numbers: dict[int, None] = {}  # an ordered set
        for mark in marks:
            numbers.update(dict.fromkeys(expand(mark[1])))
        if not text and not numbers:
            continue
        bullet = _BULLET.match(raw)
        if bullet is None:
            before_text = len(raw) - len(raw.lstrip())
        else:
            before_text = bullet.end()
        visible = raw.rstrip().rstrip("|").rstrip()
        before_stop = visible.rstrip("*_\"')").rstrip(".!\u3002\uff01").rstrip()
        yield AnswerSentence(
            text=text,
            kind=kind,
            numbers=tuple(numbers),
            marks=tuple(mark.span() for mark in marks),
            start=start + before_text,
            mark_place=start + len(before_stop),
            end=start + len(visible),
        )


def cited_sentences(answer: str) -> Iterator[CitedSentence]:
    """Yield each sentence of an answer that has marks, in reading order."""
    text_before = ""
    for sentence in answer_sentences(answer):
        if sentence.numbers:
            text = sentence.text
            if points_elsewhere(text):
                text = f"{text_before} {text}".strip()
            yield CitedSentence(text=text, numbers=sentence.numbers, marks=sentence.marks)
        text_before = sentence.text or text_before


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


def points_elsewhere(sentence: str) -> bool:
    """Return whether a sentence states nothing itself: its marks belong to the one before it.

    Either nothing is left of it without its marks, or it says "This can be found in passage [1].".
    """
    words = terms(sentence)
    if words:
        return POINTING_WORDS.issuperset(words)
    return re.search(r"\w", sentence) is None


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
        is_line_end = "\n" in end[0]
        before = text[max(start, end.start() - 12) : end.end()]
        is_abbreviated = _ABBREVIATION.search(before) is not None
        is_day = _GERMAN_DAY.match(text, end.start() - 3) is not None
        ends_nothing = is_abbreviated or is_day
        if _COMPANY_END.search(before) and _SENTENCE_START.match(text, end.end()):
            ends_nothing = False
        if ends_nothing and not is_line_end:
            continue
        yield start, end.end()
        start = end.end()
    yield start, len(text)


def _hide_brackets(code: re.Match[str]) -> str:
    """Return code without `[`, as long as before: the places of what follows stay the same."""
    return code[0].replace("[", _HIDDEN_BRACKET)


def _blank_out(code: re.Match[str]) -> str:
    """Return spaces, as many as before."""
    return " " * len(code[0])


def _kind_of(
    raw: str, behind: str
) -> Literal["sentence", "heading", "table head", "table row"] | None:
    """Return what a stretch of an answer is, by itself and what is behind it; None for nothing."""
    if not raw.strip() or _TABLE_LINE.fullmatch(raw):
        return None
    if _HEADING.fullmatch(raw):
        return "heading"
    if not raw.lstrip().startswith("|"):
        return "sentence"
    if _TABLE_LINE.match(behind.partition("\n")[0]):
        return "table head"
    return "table row"
