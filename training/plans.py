"""Messages with their plans: which questions a message has, of which kind, in full words.

People's own questions and follow-ups (`../shared/data/train`), and forms of `plan_phrases` filled
at random; several of them joined to one message. Prompts and plans are written as
`docmind.agents.planner` has them. No message that is reported on is among them.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training import plan_phrases as phrases
from training.examples import Example, Wording
from training.sources import Row, is_kept, rows, training_files

FIRST_MESSAGES = 5200
"""Messages that nothing stands before."""
IN_CONVERSATIONS = 4200
LIBRARY_QUERIES = 500
LONG_MESSAGES = 250
PER_FILE = 260
"""Public questions of each source, at most."""
LONGEST = 220
"""Characters of a question."""
LONG_TEXT = 900
"""Characters of a text that stands beside a question."""
MOST_HISTORY = 3
"""Earlier turns that are shown, at most."""
SHOWN_ANSWER = 300
"""Characters of an earlier answer, as the planner shows it."""

LOOK_UP = "look_up"
FORMS_OF: dict[str, Mapping[str, Sequence[str]]] = {
    LOOK_UP: phrases.LOOK_UP,
    "summarize": phrases.SUMMARIZE,
    "calculate": phrases.CALCULATE,
    "compare": phrases.COMPARE,
    "check": phrases.CHECK,
    "library": phrases.LIBRARY,
    "app": phrases.APP,
    "conversation": phrases.CONVERSATION,
    "chat": phrases.CHAT,
}
TASKS = (LOOK_UP, "summarize", "calculate", "compare", "check", "library")
"""Kinds that agents are for: these stand beside each other in one message."""
SINGLES = {
    LOOK_UP: 10, "calculate": 5, "summarize": 4, "compare": 4, "check": 4, "library": 4, "app": 3,
    "conversation": 2, "chat": 3,
}  # fmt: skip
"""How often a message of one question is of each kind."""
JOINED = {LOOK_UP: 6, "calculate": 3, "summarize": 2, "compare": 2, "check": 2, "library": 1}
INTENTS = {
    "chat": re.compile(
        r"greeting|goodbye|thank_you|joke|hobbies|pets|appraisal|dialog\.(?:sorry|hug)|ha_ha|wow"
        r"|user\.(?:tired|bored|happy|sad|sleepy|back|has_birthday|likes_agent)|general_praise"
    ),
    "app": re.compile(r"what_can_i_ask|who_made_you|are_you_a_bot|your_name|acquaintance|chatbot"),
    "conversation": re.compile(r"^(?:repeat|general_repeat)$"),
    "calculate": re.compile(r"^(?:calculator|qa_maths)$"),
}
"""Intents of the public messages that mean a kind; those of a bank are looked up."""
_COMPUTES = re.compile(
    r"\b(?:average|total|sum|combined|difference|percent\w*|ratio|proportion|more|less|fewer|many"
    r"|increase\w*|decrease\w*|change|variance)\b",
    re.IGNORECASE,
)
"""A word by which a question about a table or a report is one that computes."""
_SUMS = re.compile(r"\b(?:average|total|sum|difference|combined|how many more)\b")
"""The same for questions about tables, of which many ask for a single cell."""
GREETINGS = {"en": ("Hi! ", "Hello, ", "Good morning. ", "Thanks! "), "de": ("Hallo! ", "Danke. ")}
GLUE = {
    "en": (" And ", ", and ", " Also, ", " ", "\n", " Then: ", " and ", " Besides, "),
    "de": (" Und ", ", und ", " Außerdem: ", " ", "\n", " und "),
}


@dataclass(frozen=True)
class Question:
    """A question with its kind."""

    text: str
    """As it stands in a message."""
    kind: str
    language: str = "en"
    full: str = ""
    """In full words; empty: it is complete in itself."""
    topic: str = ""
    """What the documents that it asks for are about."""

    @property
    def in_full(self) -> str:
        """The question, complete in itself."""
        return self.full or self.text


class Asker:
    """Asks questions at random."""

    def __init__(self, train: Path, pick: random.Random, reported: Sequence[str]) -> None:
        """Read the public questions.

        Args:
            train: the public data.
            pick: what is drawn by.
            reported: messages on which figures are reported: none of them is asked.
        """
        self._pick = pick
        self._reported = {_plain(message) for message in reported}
        self._public: dict[str, list[Question]] = {}
        for question in _public_questions(train, pick):
            if not self.is_reported(question.text):
                self._public.setdefault(question.kind, []).append(question)

    def is_reported(self, message: str) -> bool:
        """Return whether figures are reported on a message."""
        return _plain(message) in self._reported

    def ask(self, kind: str, language: str | None = None) -> Question:
        """Return a question of a kind; public ones are of any language."""
        public = self._public.get(kind, [])
        if language is None and public and self._pick.random() < 0.6:
            return self._pick.choice(public)
        language = language or self.language()
        while True:
            form = self._pick.choice(FORMS_OF[kind][language])
            slots = self.slots(language)
            text = self._typed(fill(form, slots))
            if not self.is_reported(text):
                topic = ""
                if "{topic}" in form:
                    begin = text.lower().index(slots["topic"].lower())
                    topic = text[begin : begin + len(slots["topic"])]  # as it is typed
                return Question(text=text, kind=kind, language=language, topic=topic)

    def language(self) -> str:
        """Return a language that there are forms of."""
        return self._pick.choices(["en", "de"], [3, 1])[0]

    def slots(self, language: str) -> dict[str, str]:
        """Return what the forms' slots are filled with."""
        words = phrases.SLOTS[language]
        pick = self._pick
        aspects = pick.sample(words["aspect"], 3)
        who = pick.sample(phrases.NAMES, 2)
        topics = pick.sample(words["topic"], 2)
        years = pick.sample([str(year) for year in range(1998, 2031)], 2)
        slots = {
            "aspect": aspects[0], "aspect2": aspects[1], "aspect3": aspects[2],
            "who": who[0], "who2": who[1], "topic": topics[0], "topic2": topics[1],
            "thing": pick.choice(words["thing"]), "things": pick.choice(words["things"]),
            "year": years[0], "year2": years[1], "n": str(pick.randint(2, 40)),
        }  # fmt: skip
        kind = pick.choice(words["wordy"])
        slots["doc"] = self._file_name(kind, language)
        slots["doc2"] = self._file_name(kind, language)
        if language == "en" and pick.random() < 0.75:
            slots["thing"] = f"the {slots['thing']}"
        claim = pick.choice(phrases.CLAIMS[language])
        slots["claim"] = fill(claim, slots)
        return slots

    def _file_name(self, kind: str, language: str) -> str:
        pick = self._pick
        word = pick.choice(phrases.NAMES).split()[0].strip(".").lower()
        if pick.random() < 0.4:
            word = str(pick.randint(2015, 2030))
        stem = pick.choice([f"{kind}-{word}", f"{word}_{kind}", f"{kind}{word}", f"{kind} {word}"])
        if pick.random() < 0.8:
            return stem + pick.choice([".pdf", ".docx", ".xlsx", ".md", ".txt", ".csv"])
        article = "the " if language == "en" else ""
        return f"{article}{kind} {word.title()}"

    def _typed(self, text: str) -> str:
        """Return a text as people type now and then: small, without its end."""
        if self._pick.random() < 0.12:
            text = text.lower()
        if self._pick.random() < 0.1:
            text = text.rstrip("?.")
        return text


def fill(form: str, slots: Mapping[str, str]) -> str:
    """Return a form with its slots filled; it begins with a capital where the form does."""
    text = form
    for name, value in slots.items():
        text = text.replace(f"{{{name}}}", value)
    if form.startswith("{"):
        text = text[:1].upper() + text[1:]
    return text


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _public_questions(train: Path, pick: random.Random) -> Iterator[Question]:
    """Yield people's own questions with their kinds."""
    for file in training_files(train, "relevance"):
        drawn = [row for row in rows(file) if len(row["q"]) <= LONGEST and not is_kept(row["q"])]
        for row in pick.sample(drawn, min(PER_FILE, len(drawn))):
            kind = LOOK_UP
            if row["source"] == "tatqa" and _COMPUTES.search(row["q"]):
                kind = "calculate"
            yield Question(text=row["q"].strip(), kind=kind, language=row["lang"])
    computing = []
    for row in rows(train / "tables" / "wtq.jsonl.gz"):
        if _SUMS.search(row["question"]) and not is_kept(row["question"]):
            computing.append(row)
    for row in pick.sample(computing, min(3 * PER_FILE, len(computing))):
        yield Question(text=row["question"], kind="calculate")
    for file in training_files(train, "routing"):
        yield from _public_messages(list(rows(file)), pick)
    claims = [
        row for row in rows(train / "support" / "wice.jsonl.gz")
        if len(row["statement"]) < LONGEST and not is_kept(row["evidence"][0])
    ]  # fmt: skip
    for row in pick.sample(claims, min(3 * PER_FILE, len(claims))):
        form = pick.choice(phrases.CHECK["en"])
        claim = row["statement"].strip().rstrip(".")
        yield Question(text=fill(form, {"claim": claim}), kind="check")


def _public_messages(drawn: Sequence[Row], pick: random.Random) -> Iterator[Question]:
    by_kind: dict[str, list[Row]] = {}
    for row in drawn:
        if row["source"] == "banking77":
            by_kind.setdefault(LOOK_UP, []).append(row)
        if row.get("lang", "english") in {"english", "german", "french", "spanish", "italian"}:
            for kind, pattern in INTENTS.items():
                if pattern.search(row["intent"]):
                    by_kind.setdefault(kind, []).append(row)
    for kind, some in by_kind.items():
        for row in pick.sample(some, min(PER_FILE, len(some))):
            yield Question(text=row["text"], kind=kind)


def plan_examples(
    train: Path, wording: Wording, pick: random.Random, reported: Sequence[str]
) -> Iterator[Example]:
    """Yield messages with their plans, and questions to the list of documents."""
    asker = Asker(train, pick, reported)
    for _ in range(FIRST_MESSAGES):
        message, questions = first_message(asker, pick)
        yield Example(
            task="plan",
            kind=f"first {len(questions)}",
            user=message,
            target=listed(questions),
            system=wording["systems"]["plan"],
        )
    histories = Histories(train, asker, pick)
    for number in range(IN_CONVERSATIONS + LONG_MESSAGES):
        if number < IN_CONVERSATIONS:
            lines, message, questions = histories.draw()
        else:
            lines, message, questions = histories.long_message()
        plan = listed(questions)
        if len(questions) == 1:
            (question,) = questions
            plan = _json({"count": 1, "full_question": question.in_full, "kind": question.kind})
        user = "\n".join([*lines, f"{wording['new_message']}{message}", wording["in_full"]])
        yield Example(
            task="plan",
            kind=f"in conversation {len(questions)}",
            user=user,
            target=plan,
            system=wording["systems"]["follow_up"],
        )
    for _ in range(LIBRARY_QUERIES):
        question = asker.ask("library", asker.language())
        about = question.topic or "all documents"
        yield Example(
            task="plan",
            kind="library query",
            user=question.text,
            target=_json({"about": about, "order": _order(question.text)}),
            system=wording["systems"]["library"],
        )


def _order(text: str) -> str:
    """Return how a list is sorted that a question asks for."""
    for order, pattern in (
        ("newest", r"newest|last\b|zuletzt"),
        ("longest", r"longest"),
    ):
        if re.search(pattern, text, re.IGNORECASE):
            return order
    return "name"


def listed(questions: Sequence[Question]) -> str:
    """Return a plan that lists its questions."""
    items = [{"question": question.in_full, "kind": question.kind} for question in questions]
    return _json({"count": len(questions), "questions": items})


def _json(data: Mapping[str, object]) -> str:
    return json.dumps(data, ensure_ascii=False)


def first_message(asker: Asker, pick: random.Random) -> tuple[str, list[Question]]:
    """Return a message of one to three questions."""
    count = pick.choices([1, 2, 3], [5, 4, 2])[0]
    if count == 1:
        (kind,) = pick.choices(list(SINGLES), list(SINGLES.values()))
        question = asker.ask(kind)
        if kind in TASKS and pick.random() < 0.22:
            question = _with_form(question, pick)
        text = question.text
        if kind in TASKS and pick.random() < 0.08:
            text = pick.choice(GREETINGS[_spoken(question)]) + text
        return text, [replace(question, text=question.in_full, full="")]
    language = asker.language()
    questions = []
    for kind in pick.choices(list(JOINED), list(JOINED.values()), k=count):
        question = asker.ask(kind, language)
        if pick.random() < 0.2:
            question = asker.ask(kind)
        if question not in questions:
            questions.append(question)
    return joined(questions, pick), questions


def _spoken(question: Question) -> str:
    return question.language if question.language in GREETINGS else "en"


def _with_form(question: Question, pick: random.Random) -> Question:
    """Return a question with a wish for the form of its answer, before or behind it."""
    wish = pick.choice(phrases.FORMS[_spoken(question)]).replace("{n}", str(pick.randint(2, 6)))
    ended = question.text if question.text[-1] in ".?!" else f"{question.text}."
    if pick.random() < 0.25:
        return replace(question, text=f"{wish} {ended}")
    return replace(question, text=f"{ended} {wish}")


def joined(questions: Sequence[Question], pick: random.Random) -> str:
    """Return one message with several questions."""
    language = _spoken(questions[0])
    if pick.random() < 0.08:
        return "\n".join(f"{n}. {question.text}" for n, question in enumerate(questions, 1))
    message = questions[0].text
    if pick.random() < 0.12:
        message = pick.choice(GREETINGS[language]) + message
    for question in questions[1:]:
        glue = pick.choice(GLUE[language])
        text = question.text
        if glue.lower().endswith(("and ", "und ")):
            text = text[:1].lower() + text[1:]
        if glue.startswith((",", " and ", " und ")):
            message = message.rstrip("?.! ")
        elif message[-1] not in ".?!":
            message += "."
        message += glue + text
    return message


class Histories:
    """Draws conversations with a new message."""

    def __init__(self, train: Path, asker: Asker, pick: random.Random) -> None:
        self._asker = asker
        self._pick = pick
        self._rows: list[Row] = []
        for file in training_files(train, "turns"):
            drawn = [row for row in rows(file) if row["history"] and _is_usable(row)]
            self._rows += pick.sample(drawn, min(900, len(drawn)))
        self._texts: list[str] = []
        for row in rows(train / "support" / "wice.jsonl.gz"):
            text = " ".join(row["evidence"])[:LONG_TEXT]
            if len(text) > LONG_TEXT / 2 and not is_kept(row["evidence"][0]):
                self._texts.append(text)

    def draw(self) -> tuple[list[str], str, list[Question]]:
        """Return the lines of a conversation, a new message, and what it asks."""
        draws = [self._public, self._made, self._new, self._several]
        while True:
            (draw,) = self._pick.choices(draws, [8, 10, 6, 5])
            lines, message, questions = draw()
            if not self._asker.is_reported(message):
                return lines, message, questions

    def long_message(self) -> tuple[list[str], str, list[Question]]:
        """Return a message with a long text before its question, or behind it."""
        text = self._pick.choice(self._texts)
        question = self._asker.ask(LOOK_UP, "en")
        message = f"{text}\n\n{question.text}"
        if self._pick.random() < 0.3:
            message = f"{question.text}\n\n{text}"
        return [], message, [question]

    def _public(self) -> tuple[list[str], str, list[Question]]:
        """Return a follow-up that somebody asked, with how it was completed."""
        row = self._pick.choice(self._rows)
        kind = LOOK_UP
        if row["source"] == "pacific" and _COMPUTES.search(row["standalone"]):
            kind = "calculate"
        question = Question(text=row["question"], kind=kind, full=row["standalone"])
        return self._lines(_turns_of(row)), row["question"], [question]

    def _made(self) -> tuple[list[str], str, list[Question]]:
        language = self._asker.language()
        before, question = self._follow_up(language)
        return self._with_earlier(before, language), question.text, [question]

    def _follow_up(self, language: str) -> tuple[str, Question]:
        """Return an earlier question and one that leans on it."""
        forms = [(*form, LOOK_UP) for form in phrases.FOLLOW_UPS[language]]
        if self._pick.random() < 0.4:
            forms = list(phrases.OTHER_FOLLOW_UPS[language])
        before, text, full, kind = self._pick.choice(forms)
        slots = self._asker.slots(language)
        question = Question(
            text=fill(text, slots), kind=kind, language=language, full=fill(full, slots)
        )
        return fill(before, slots), question

    def _new(self) -> tuple[list[str], str, list[Question]]:
        """Return a message that is complete in itself, behind a conversation."""
        (kind,) = self._pick.choices(list(SINGLES), [5, 3, 2, 2, 2, 3, 4, 6, 5])
        question = self._asker.ask(kind)
        if kind in TASKS and self._pick.random() < 0.15:
            question = _with_form(question, self._pick)
        language = _spoken(question)
        before = self._asker.ask(LOOK_UP, language).text
        return self._with_earlier(before, language), question.text, [question]

    def _several(self) -> tuple[list[str], str, list[Question]]:
        """Return a follow-up with another question beside it."""
        language = self._asker.language()
        before, question = self._follow_up(language)
        (kind,) = self._pick.choices(list(JOINED), list(JOINED.values()))
        other = self._asker.ask(kind, language)
        questions = [question, other]
        if self._pick.random() < 0.25:
            questions.append(self._asker.ask(LOOK_UP, language))
        return self._with_earlier(before, language), joined(questions, self._pick), questions

    def _with_earlier(self, before: str, language: str) -> list[str]:
        """Return the lines of a conversation that ends with a question and its answer."""
        turns = []
        for _ in range(self._pick.choice([0, 0, 1, 2])):
            turns.append((self._asker.ask(LOOK_UP, language).text, self._answer(language)))
        turns.append((before, self._answer(language)))
        return self._lines(turns)

    def _answer(self, language: str) -> str:
        form = self._pick.choice(phrases.ANSWERS[language])
        return fill(form, self._asker.slots(language))

    def _lines(self, turns: Sequence[tuple[str, str]]) -> list[str]:
        lines: list[str] = []
        for question, answer in turns[-MOST_HISTORY:]:
            shown = " ".join((answer or self._answer("en")).split())
            if len(shown) > SHOWN_ANSWER:
                shown = f"{shown[: SHOWN_ANSWER // 2]} … {shown[-SHOWN_ANSWER // 2 :]}"
            lines += [f"User: {question}", f"You: {shown}"]
        return lines


def _is_usable(row: Row) -> bool:
    """Return whether a full question says what was asked, and not much more."""
    return len(row["standalone"]) <= LONGEST and not is_kept(row["standalone"])


def _turns_of(row: Row) -> list[tuple[str, str]]:
    """Return the questions of a conversation with their answers; "" where there are none."""
    history = list(row["history"])
    match row["source"]:
        case "canard":  # an article and its section stand before the questions
            title, section, *said = history
            turns = list(zip(said[::2], said[1::2], strict=False))
            return [(f"What is written about {title}: {section}?", ""), *turns]
        case "cast":
            return [(question, "") for question in history]
        case _:
            return list(zip(history[::2], history[1::2], strict=False))
