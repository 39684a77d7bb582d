"""Answers → citations: which passage each cited sentence names, and whether that passage supports it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

from docmind.events import Citation
from docmind.passages import NumberedPassage
from docmind.retrieval.sparse import terms

Nearness = Callable[[str, list[str]], float]
"""How near the meaning of the nearest of some texts comes to a text's: 1 is the same, 0 or less has nothing to do."""

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.S)
MARK = re.compile(r"\[\s*(\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\s*\](?!\()")
_END = re.compile(
    r"(?<=[.!?])[\"')*_]*(?:\s*\[[\d\s,;\u2013-]+\])*\s+(?=\S)|(?<=[\u3002\uff01\uff1f])(?!\s*\[)|\n+"
)
_WRAP = re.compile(r"(?<=[^\n]{39}[^\n.!?:;|])\n(?![\n|\u2022*#-])")
"""The end of a line but not of a sentence, as in the text of a PDF: the line is long and ends with a word."""
_NUMBER = re.compile(r"\d+(?:[.,\u202f\u00a0']\d+)*")
_WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_SMALL = {word: str(number) for number, word in enumerate(_WORDS)}
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nicht|kein\w*|nie(?:mals)?|ohne)\b|n['\u2019]t\b",
    re.IGNORECASE,
)
_POINTING = frozenset(
    terms(
        "found passage source document text see refer information answer state mention accord give"
    )
)
_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w'-]+")

OVERLAP, NEAR, SHARED = 0.6, 0.7, 0.3
ALIKE, SAME = 0.3, 0.7
"""Chosen on half of 9,000 claims and measured on the other half, with MiniLM (`docmind eval citations` has the figures
of each kind). A sentence passes when OVERLAP of its content words are in the passage, or its meaning is as close as
NEAR to a stretch of it and at least SHARED of the words are there. If its order of words is as close to a sentence of
the passage as ALIKE, both or neither must be negated; from SAME on, no word may stand in the place of another."""
ASKED = 0.3
"""Share of a question's words that must stand in the passages cited for its answer. Of 49 answers that the 1.5B gave to
questions whose passages do not tell 7 pass without it, 2 with it, and of 12 where they do tell none is lost."""
NAMES = 0.25
"""Names are compared where at most this share of the words is written with a capital: not in German, not in titles."""


def cite(
    answer: str, sources: Sequence[NumberedPassage], nearness: Nearness
) -> tuple[str, tuple[Citation, ...]]:
    """Return the answer and every `[n]` of it (not in code) with its sentence, in reading order.

    A passage supports a sentence that stands in it, or when every name of the sentence is in the passages cited for it,
    every number in their closest stretches, nothing contradicts it, and enough of its words (or of its meaning:
    `nearness` is called only for that) are in the passage. A mark that names no source is unsupported. Where no passage
    named for a sentence supports it but another does, the mark is put right: small models often write the wrong number.
    """
    by_number = {s.number: s for s in sources}
    found: dict[tuple[int, str], Citation] = {}
    pieces, at = [], 0
    for sentence, numbers, marks in cited_sentences(answer):
        cited = [by_number[n] for n in numbers if n in by_number]
        verdicts = {
            n: n in by_number and supports(sentence, by_number[n], cited, nearness) for n in numbers
        }
        right = None if any(verdicts.values()) else _supporting(sentence, sources, nearness)
        if right is None:
            for number, ok in verdicts.items():
                found.setdefault((number, sentence), Citation(number, sentence, ok))
            continue
        found.setdefault(
            (right.number, sentence), Citation(right.number, sentence, True, numbers[0])
        )
        for start, end in marks:
            pieces += [answer[at:start], f"[{right.number}]" if start == marks[0][0] else ""]
            at = end
    return "".join([*pieces, answer[at:]]), tuple(found.values())


def cited_sentences(answer: str) -> Iterator[tuple[str, list[int], list[tuple[int, int]]]]:
    """Yield each sentence that has marks, without them, the numbers it cites, and where its marks stand."""
    hidden = _CODE.sub(lambda m: m[0].replace("[", "\x02"), answer)  # an index in code is no mark
    before = ""
    start = 0
    for end in [*(m.end() for m in _END.finditer(hidden)), len(hidden)]:
        marks = list(MARK.finditer(hidden, start, end))
        numbers = list(dict.fromkeys(n for m in marks for n in expand(m[1])))
        sentence = plain(hidden[start:end]).replace("\x02", "[")
        start = end
        if numbers:
            # nothing but marks, or "This can be found in passage [1].", belongs to what stands before it
            content = set(terms(sentence))
            alone = content <= _POINTING if content else not re.search(r"\w", sentence)
            yield (
                (f"{before} {sentence}".strip() if alone else sentence),
                numbers,
                [m.span() for m in marks],
            )
        before = sentence or before


def _supporting(
    sentence: str, sources: Sequence[NumberedPassage], nearness: Nearness
) -> NumberedPassage | None:
    """Return the source that supports a sentence by itself; of several, the one with most of its words."""
    words = _words(sentence)
    able = [s for s in sources if supports(sentence, s, [s], nearness)]
    return max(able, key=lambda s: len(words & _words(_whole(s))), default=None)


def supports(
    sentence: str, source: NumberedPassage, cited: Sequence[NumberedPassage], nearness: Nearness
) -> bool:
    """Return whether a passage supports a sentence that also cites the passages in `cited`."""
    text = _whole(source)
    if _norm(sentence) and f" {_norm(sentence)} " in f" {_norm(text)} ":
        return True
    words = _words(sentence)
    words = (
        words - _POINTING or words
    )  # "…, which is in passage [2]" states where it stands, not what is so
    own_words, cited_words = _words(text), _words(" ".join(map(_whole, cited)))
    closest = [
        _closest(words, stretches(s.passage.text)) + f" {s.passage.file_name} {s.passage.heading}"
        for s in cited
    ]
    if (
        not words
        or not _names(sentence) <= cited_words
        or not _numbers(sentence) <= _numbers(" ".join(closest))
    ):
        return False
    if _contradicts(sentence, _closest(words, stretches(source.passage.text, pairs=False))):
        return False
    own = len(words & own_words) / len(words)
    together = len(words & cited_words) / len(words)
    if own >= OVERLAP or (together >= OVERLAP and own >= OVERLAP / 3):
        return True
    if own < SHARED:
        return False
    return nearness(sentence, stretches(source.passage.text)) >= NEAR


def closest(sentence: str, sources: Sequence[NumberedPassage]) -> tuple[NumberedPassage, str]:
    """Return the passage with most of a sentence's words, and the sentence of it that has most of them."""
    words = _words(sentence)
    best = max(sources, key=lambda s: len(words & _words(s.passage.text)))
    return best, _closest(words, stretches(best.passage.text, pairs=False))


def answered(
    question: str, sources: Sequence[NumberedPassage], citations: Sequence[Citation]
) -> bool:
    """Return whether a text may be taken for the answer to a question, by its checked citations.

    It has some, all are supported, and their passages are about what is asked: a true sentence may answer another
    question.
    """
    if not citations or not all(citation.supported for citation in citations):
        return False
    asked, cited = _words(question), {citation.number for citation in citations}
    return len(
        asked & _words(" ".join(_whole(s) for s in sources if s.number in cited))
    ) >= ASKED * len(asked)


def _closest(words: set[str], parts: Sequence[str]) -> str:
    """Return the part that has most of the words, the shortest of several."""
    return max(parts, key=lambda part: (len(words & _words(part)), -len(part)))


def _contradicts(sentence: str, other: str) -> bool:
    """Return whether a sentence says nearly the same as another, but negated or with something swapped in it."""
    mine, theirs = _tokens(sentence), _tokens(other)
    match = SequenceMatcher(None, mine, theirs, autojunk=False)
    alike = match.ratio()
    if alike >= ALIKE and len(_NEGATION.findall(sentence)) % 2 != len(_NEGATION.findall(other)) % 2:
        return True
    new, lost = _words(sentence) - _words(other), _words(other) - _words(sentence)
    return alike >= SAME and any(
        op == "replace" and not new.isdisjoint(mine[a:b]) and not lost.isdisjoint(theirs[c:d])
        for op, a, b, c, d in match.get_opcodes()
    )


def _tokens(text: str) -> list[str]:
    """Return all words in order, written as `_words` writes them; stop words as they are."""
    return [
        t
        for word in re.findall(r"\w+", text.lower())
        for t in ([*_numbers(word)] or terms(word) or [word])
    ]


def plain(text: str) -> str:
    """Return a sentence without marks, bullets and emphasis."""
    text = re.sub(r"^\s*(?:[-*+>]|#{1,6}|\d{1,2}[.)])\s+", "", MARK.sub("", text))
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(re.sub(r"\*\*|__|~~|\*", "", text).split()))


def _whole(source: NumberedPassage) -> str:
    return f"{source.passage.file_name} {source.passage.heading} {source.passage.text}"


def expand(numbers: str) -> Iterator[int]:
    """Yield the numbers of a mark such as `1, 3-5`; the page that draws marks counts them by the same rule."""
    for part in re.split(r"[,;]", numbers):
        first, *last = (int(n) for n in re.split(r"[\u2013-]", part))
        yield from range(first, min(last[0] if last else first, first + 20) + 1)


def _norm(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _words(text: str) -> set[str]:
    return {t for t in terms(text) if not t.isdigit()} | _numbers(text)


def _numbers(text: str) -> set[str]:
    """Return the numbers in a text, written alike: no thousands separators, words up to twelve as digits."""
    found = {_digits(n) for n in _NUMBER.findall(text)}
    return found | {_SMALL[w] for w in re.findall(r"[a-z]+", text.lower()) if w in _SMALL}


def _names(text: str) -> set[str]:
    """Return the words that start with a capital though no sentence starts there, as `terms` writes them."""
    found = _NAME.findall(text)
    return set(terms(" ".join(found))) if len(found) <= NAMES * len(text.split()) else set()


def _digits(number: str) -> str:
    parts = re.split(r"[.,\u202f\u00a0']", number)
    if len(parts) == 1 or (all(len(p) == 3 for p in parts[1:]) and len(parts[0]) <= 3):
        return "".join(parts)  # 1,234,567; 1.234 is taken for a thousand in both texts alike
    whole, fraction = "".join(parts[:-1]), parts[-1].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def stretches(text: str, *, pairs: bool = True) -> list[str]:
    """Return a passage as single sentences and pairs of them: short enough to compare with one sentence."""
    text = _WRAP.sub(" ", text)
    cuts = [0, *(m.end() for m in _END.finditer(text)), len(text)]
    parts = [p for a, b in pairwise(cuts) if (p := text[a:b].strip())]
    return [*parts, *(f"{a} {b}" for a, b in pairwise(parts if pairs else []))][:60] or [text]
