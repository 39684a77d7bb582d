"""Exact damage to a true sentence: what it then says is wrong, and the kind of fault is known.

Each function takes a sentence and the text it is from, and returns what is wrong, or "" where the
sentence has nothing of its kind. Which of several places is spoilt is the random source's choice.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence

_NUMBER = re.compile(r"(?<![A-Za-z0-9.,])[-\u2212]?\d+(?:[.,]\d+)*(?![A-Za-z0-9]|[.,]\d)")
"""Chinese and Japanese write on without a space, so a letter here is a Latin one."""
_NAME = re.compile(r"(?<=[a-z0-9,;:()] )[A-ZÄÖÜ][\w'\u2019&-]+(?: [A-ZÄÖÜ][\w'\u2019&-]+)*")
_AUXILIARY = re.compile(
    r"\b(is|are|was|were|can|could|may|will|would|must|should|shall|has been|have been)\b( not\b)?",
)
_PLAIN_VERB = re.compile(
    r"\b(became|began|made|won|took|led|gave|wrote|built|received|includes?|contains?|provides?|"
    r"requires?|allows?|uses?|needs?)\b"
)
_SUBJECT_END = re.compile(
    r" (?:is|are|was|were|has|have|had|can|could|may|will|would|must|should|shall|became|remained|"
    r"began|made|won|agrees|shall not|may not) "
)
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MONTH = re.compile(
    rf"\b({'|'.join(_MONTHS)})\b(?=\s+\d|,? \d{{4}})|(?<=\d )\b({'|'.join(_MONTHS)})\b"
)
_YEAR = re.compile(r"\b(1[5-9]\d\d|20[0-4]\d)\b")
_SIDES = re.compile(
    r"^(?P<left>.{3,60}?) (?P<verb>defeated|beat|acquired|bought|sued|invaded|founded|replaced|"
    r"followed|preceded|exceeded|owns|employs|licenses|grants|indemnifies|notifies|supplies|"
    r"is larger than|is higher than|is smaller than|is part of|was followed by|was replaced by)"
    r" (?P<right>[^.,;\d]{3,60})(?P<rest>.*)$"
)

_CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY", "€", "$", "£")
_UNITS = (
    ("days", "weeks", "months", "years", "hours", "minutes", "seconds"),
    ("day", "week", "month", "year", "hour", "minute", "second"),
    ("km", "miles", "metres", "meters", "feet", "cm", "mm", "kilometers", "kilometres", "inches"),
    ("kg", "grams", "tonnes", "tons", "pounds", "mg"),
    ("million", "billion", "thousand", "trillion"),
    ("percent", "percentage points"),
    ("°C", "°F"),
    ("GB", "MB", "TB", "KB"),
)
_CURRENCY_NAMES = ("euros", "dollars", "pounds", "yen", "francs")
_ORDER = (
    ("before", "after"), ("earlier", "later"), ("first", "last"), ("start", "end"),
    ("beginning", "end"), ("prior to", "following"), ("until", "from"), ("preceding", "following"),
)  # fmt: skip
_MODALS = (
    ("must", "may"), ("shall", "may"), ("is required to", "is free to"), ("may not", "must"),
    ("shall not", "may"), ("required", "optional"), ("should", "need not"), ("can", "must"),
)  # fmt: skip
_QUANTIFIERS = (
    ("all", "some"), ("every", "not every"), ("always", "sometimes"), ("most", "few"),
    ("many", "few"), ("only", "also"), ("none", "some"), ("at least", "at most"),
    ("more than", "less than"), ("over", "under"), ("maximum", "minimum"), ("up to", "at least"),
    ("both", "neither"), ("any", "no"), ("majority", "minority"), ("half", "all"),
)  # fmt: skip
_OPPOSITES = (
    ("increased", "decreased"), ("increase", "decrease"), ("higher", "lower"), ("rose", "fell"),
    ("largest", "smallest"), ("highest", "lowest"), ("north", "south"), ("east", "west"),
    ("northern", "southern"), ("eastern", "western"), ("won", "lost"), ("success", "failure"),
    ("include", "exclude"), ("includes", "excludes"), ("with", "without"), ("above", "below"),
    ("buyer", "seller"), ("lessee", "lessor"), ("tenant", "landlord"), ("licensee", "licensor"),
    ("employer", "employee"), ("disclosing party", "receiving party"), ("allowed", "forbidden"),
    ("inside", "outside"), ("internal", "external"), ("public", "private"), ("old", "new"),
    ("more", "less"), ("enabled", "disabled"), ("true", "false"), ("accept", "reject"),
    ("import", "export"), ("open", "closed"), ("male", "female"), ("black", "white"),
)  # fmt: skip

Damage = Callable[[str, str, Sequence[str], random.Random], str]
"""A sentence, its text, the text's sentences and the source of chance → the spoilt sentence."""


def change_number(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Change a number: to another one of the text, by a digit, a place, a tenth or its sign."""
    numbers = list(_NUMBER.finditer(sentence))
    if not numbers:
        return ""
    number = pick.choice(numbers)
    old = number[0]
    elsewhere = [n for n in _NUMBER.findall(text) if n not in sentence]
    way = pick.random()
    if elsewhere and way < 0.4:
        return _replace(sentence, number, pick.choice(elsewhere))
    if way < 0.8:
        places = [place for place, letter in enumerate(old) if letter.isdigit()]
        place = pick.choice(places)
        digit = str((int(old[place]) + pick.randint(1, 8)) % 10)
        new = old[:place] + digit + old[place + 1 :]
    elif way < 0.9:
        new = old + "0"
    elif "." in old:
        new = old.replace(".", "", 1)
    else:
        new = old[:-1] + "." + old[-1] if len(old) > 1 else old + old
    if new == old or new in text or new.lstrip("0") == "":
        return ""
    return _replace(sentence, number, new)


def change_unit(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put another unit of the same kind behind a number."""
    for units in pick.sample(_UNITS, len(_UNITS)):
        names = "|".join(re.escape(unit) for unit in units)
        match = re.search(rf"(?<=\d[ -])({names})\b|(?<=\d)({names})\b", sentence)
        if match:
            new = pick.choice([unit for unit in units if unit != match[0]])
            return _replace(sentence, match, new)
    return ""


def change_currency(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put another currency in place of one."""
    names = "|".join(re.escape(currency) for currency in _CURRENCIES)
    match = re.search(rf"(?<!\w)(?:{names})(?=\s?\d)|(?<=\d )(?:EUR|USD|GBP|CHF|JPY|€)", sentence)
    if match:
        same_kind = [c for c in _CURRENCIES if c.isalpha() == match[0].isalpha() and c != match[0]]
        return _replace(sentence, match, pick.choice(same_kind))
    match = re.search(rf"\b({'|'.join(_CURRENCY_NAMES)})\b", sentence)
    if match:
        return _replace(
            sentence, match, pick.choice([name for name in _CURRENCY_NAMES if name != match[0]])
        )
    return ""


def change_date(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put another month or year."""
    month = _MONTH.search(sentence)
    if month and pick.random() < 0.6:
        return _replace(sentence, month, pick.choice([m for m in _MONTHS if m != month[0]]))
    years = list(_YEAR.finditer(sentence))
    if not years:
        return ""
    year = pick.choice(years)
    new = str(int(year[0]) + pick.choice([-100, -11, -10, -3, -2, -1, 1, 2, 3, 10, 11]))
    if new in text:
        return ""
    return _replace(sentence, year, new)


def negate(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put a negation in, or take one away."""
    auxiliary = _AUXILIARY.search(sentence)
    if auxiliary:
        if auxiliary[2]:
            return _replace(sentence, auxiliary, auxiliary[1])
        if pick.random() < 0.2 and auxiliary[1] in {"is", "are", "was", "were"}:
            return _replace(sentence, auxiliary, f"{auxiliary[1]} never")
        first, *rest = auxiliary[1].split()
        return _replace(sentence, auxiliary, " ".join([first, "not", *rest]))
    verb = _PLAIN_VERB.search(sentence)
    if verb:
        return _replace(sentence, verb, f"never {verb[1]}")
    return ""


def swap_order(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Turn before into after, first into last."""
    return _swap_word(sentence, _ORDER, pick)


def swap_modality(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Turn a duty into a permission, and the other way."""
    return _swap_word(sentence, _MODALS, pick)


def swap_quantifier(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Turn all into some, at least into at most."""
    return _swap_word(sentence, _QUANTIFIERS, pick)


def swap_opposite(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put a word's opposite."""
    return _swap_word(sentence, _OPPOSITES, pick)


def swap_name(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put another name of the text in place of one."""
    names = list(_NAME.finditer(sentence))
    if not names:
        return ""
    name = pick.choice(names)
    words = set(name[0].lower().split())
    elsewhere = []
    for other in _NAME.findall(text):
        if other not in sentence and not words & set(other.lower().split()):
            elsewhere.append(other)
    if not elsewhere:
        return ""
    return _replace(sentence, name, pick.choice(elsewhere))


def swap_subject(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Put another sentence's subject before this one's verb."""
    verb = _SUBJECT_END.search(sentence)
    if not verb or len(sentence[: verb.start()].split()) > 10:
        return ""
    words = set(sentence[: verb.start()].lower().split()) - {"the", "a", "an"}
    subjects = []
    for other in others:
        end = _SUBJECT_END.search(other)
        if other == sentence or not end or len(other[: end.start()].split()) > 10:
            continue
        subject = other[: end.start()]
        new = set(subject.lower().split()) - {"the", "a", "an"}
        if new and not new & words and not new <= {"it", "this", "they", "he", "she", "there"}:
            subjects.append(subject)
    if not subjects:
        return ""
    return pick.choice(subjects) + sentence[verb.start() :]


def swap_sides(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> str:
    """Exchange who does and to whom it is done, or two names of the sentence."""
    sides = _SIDES.match(sentence)
    if sides:
        right = sides["right"].strip()
        return f"{_capital(right)} {sides['verb']} {_small(sides['left'])}{sides['rest']}"
    names = list(_NAME.finditer(sentence))
    if len(names) < 2:
        return ""
    first, second = sorted(pick.sample(names, 2), key=lambda match: match.start())
    between = sentence[first.end() : second.start()]
    is_list = bool(re.fullmatch(r",? (?:and|or|&) |, ", between))
    if is_list or first[0] in second[0] or second[0] in first[0]:
        return ""
    return sentence[: first.start()] + second[0] + between + first[0] + sentence[second.end() :]


KINDS: Mapping[str, Damage] = {
    "number": change_number,
    "unit": change_unit,
    "currency": change_currency,
    "date": change_date,
    "negation": negate,
    "order": swap_order,
    "modality": swap_modality,
    "quantifier": swap_quantifier,
    "opposite": swap_opposite,
    "name": swap_name,
    "subject": swap_subject,
    "sides": swap_sides,
}


def damages(sentence: str, text: str, others: Sequence[str], pick: random.Random) -> dict[str, str]:
    """Return the spoilt sentences by kind, those that the text does not hold."""
    spoilt = {}
    for kind, damage in KINDS.items():
        wrong = damage(sentence, text, others, pick)
        if wrong and wrong != sentence and wrong.lower() not in text.lower():
            spoilt[kind] = wrong
    return spoilt


def _swap_word(sentence: str, pairs: Sequence[tuple[str, str]], pick: random.Random) -> str:
    directed = [*pairs, *[(right, left) for left, right in pairs]]
    for old, new in pick.sample(directed, len(directed)):
        match = re.search(rf"\b{re.escape(old)}\b", sentence, re.IGNORECASE)
        if match:
            shown = new
            if match[0][0].isupper():
                shown = _capital(new)
            return _replace(sentence, match, shown)
    return ""


def _replace(sentence: str, match: re.Match[str], new: str) -> str:
    return sentence[: match.start()] + new + sentence[match.end() :]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    if text.startswith(("The ", "A ", "An ", "This ", "Its ", "His ", "Her ")):
        return text[0].lower() + text[1:]
    return text
