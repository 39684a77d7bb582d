"""Text → the words and names that a sentence and a passage are compared by."""

from __future__ import annotations

import re

from docmind.retrieval.sparse import terms

_NUMBER = re.compile(r"\d+(?:[.,\u202f\u00a0']\d+)*")
"""A number with its separators: `2024`, `5.3`, `1,234,567`, `1'000`."""

_SEPARATOR = re.compile(r"[.,\u202f\u00a0']")
"""What parts a number's groups of digits: point, comma, no-break spaces, apostrophe."""

_SMALL_NUMBERS = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
}
"""Numbers that are usually written as words."""

_NEGATION = re.compile(
    r"""
    \b (?:
        not | no | never | none | neither | nor | without | cannot
        | nicht | kein\w* | nie(?:mals)? | ohne
    ) \b
    | n['\u2019]t \b                 # "isn't"
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A word that turns a statement into its opposite, in English and German."""

_OPPOSITE_WORDS = {
    "before|prior to|bevor|vor dem": "after|following|nach dem|nachdem",
    "may|can|might|could|optional(?:ly)?|darf|kann": (
        "must|shall|ha(?:s|ve) to|mandatory|(?:is|are) (?:required|obliged) to|muss|müssen"
    ),
    "all|every|each|always|entire(?:ly)?|alle|jede[rsn]?|immer": (
        "some|several|sometimes|partly|a few|einige|manche|manchmal|teilweise"
    ),
    "at least|(?:no|not) (?:less|fewer) than|a minimum of|mindestens"
    "|(?<!no )(?<!not )more than|or more": (
        "at most|(?:no|not) more than|a maximum of|up to|höchstens"
        "|(?<!no )(?<!not )(?:less|fewer) than"
    ),
    "increas(?:e[sd]?|ing)|rose|risen|rises|grew|grown|grows|higher|gestiegen|stieg": (
        "decreas(?:e[sd]?|ing)|fell|fallen|falls|declin(?:e[sd]?|ing)|dropped|drops|lower"
        "|gesunken|sank"
    ),
    "includ(?:e[sd]?|ing)|einschließlich": "exclud(?:e[sd]?|ing)|ausschließlich",
    "first|earliest|oldest": "last|latest|newest",
    "largest|highest|biggest": "smallest|lowest",
}
_OPPOSITES = [
    (
        re.compile(rf"\b(?:{one_side})\b", re.IGNORECASE),
        re.compile(rf"\b(?:{other_side})\b", re.IGNORECASE),
    )
    for one_side, other_side in _OPPOSITE_WORDS.items()
]
"""Words that can't both be right where two sentences say the same otherwise."""

_NAME = re.compile(r"(?<=[\w,;:)] )[A-Z][\w'-]+")
"""A word with a capital within a sentence: `Okafor` in "Mina Okafor spoke", not `Mina`."""

NAMES = 0.25
"""Names are compared where at most this fraction of the words has a capital: neither in German,
where every noun has one, nor in titles."""


def content_words(text: str) -> set[str]:
    """Return what a text is about: its words, stemmed and without stop words, and its numbers."""
    words = {term for term in terms(text) if not term.isdigit()}
    return words | numbers(text)


def words_of_name(name: str) -> set[str]:
    """Return what a file's name, or a text with such names, is about.

    `rent-roll_2024.xlsx` has the words of "rent roll 2024 xlsx".
    """
    return content_words(re.sub(r"[-_.]", " ", name))


def numbers(text: str) -> set[str]:
    """Return the numbers in a text, written alike: `3400` for 3,400, `3` for three."""
    found = {_normalized_number(number) for number in _NUMBER.findall(text)}
    for word in re.findall(r"[a-z]+", text.lower()):
        if word in _SMALL_NUMBERS:
            found.add(_SMALL_NUMBERS[word])
    return found


def is_bare_number(text: str) -> bool:
    """Return whether a text has no word beside its numbers."""
    return re.search(r"\d", text) is not None and re.search(r"[^\W\d_]", text) is None


def names(text: str) -> set[str]:
    """Return the names in a sentence, stemmed: words with a capital where no sentence starts."""
    found = _NAME.findall(text)
    if len(found) > NAMES * len(text.split()):
        return set()
    return set(terms(" ".join(found)))


def words_in_order(text: str) -> list[str]:
    """Return all words of a text in order, stop words too, written as `content_words` does."""
    found: list[str] = []
    for word in re.findall(r"\w+", text.lower()):
        found += sorted(numbers(word)) or terms(word) or [word]
    return found


def words_alone(text: str) -> str:
    """Return a text in lower case without punctuation, its words one space apart."""
    return " ".join(re.findall(r"\w+", text.lower()))


def is_negated(text: str) -> bool:
    """Return whether a sentence has an odd number of negations: two make it positive again."""
    return len(_NEGATION.findall(text)) % 2 == 1


def says_opposite(text: str, other: str) -> bool:
    """Return whether two sentences use words of opposite meaning, each only those of one side."""
    for one_side, other_side in _OPPOSITES:
        in_text = _only_side(text, one_side, other_side)
        in_other = _only_side(other, one_side, other_side)
        if in_text and in_other and in_text is not in_other:
            return True
    return False


def _only_side(
    text: str, one_side: re.Pattern[str], other_side: re.Pattern[str]
) -> re.Pattern[str] | None:
    """Return the side whose words a text uses; None if it uses both or neither."""
    uses_one = one_side.search(text) is not None
    uses_other = other_side.search(text) is not None
    if uses_one == uses_other:
        return None
    if uses_one:
        return one_side
    return other_side


def _normalized_number(number: str) -> str:
    """Return a number without thousands separators and without zeros at the end of its fraction."""
    first, *others = _SEPARATOR.split(number)
    # 1,234,567. So 1.234 is taken for a thousand, but in both texts alike.
    if len(first) <= 3 and all(len(group) == 3 for group in others):
        return first + "".join(others)
    if not others:
        return first
    whole = "".join([first, *others[:-1]])
    fraction = others[-1].rstrip("0")
    if not fraction:
        return whole
    return f"{whole}.{fraction}"
