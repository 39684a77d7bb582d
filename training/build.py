"""Makes what is trained on, and what is measured with, out of the public data.

    python -m training.build TRAIN_DATA OUT

OUT has the files of `training.prepare`. Writes OUT/train.jsonl.xz, OUT/select.jsonl.xz (kept for
choosing between models), OUT/test.jsonl.xz and OUT/answers.jsonl.xz (held out). Needs little of
what DocMind imports, so that the GPU host with its many cores can run it. The same at every call.
Sources have weights: rows of small sets are repeated, those of large ones drawn.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from docmind.verification.sentences import stretches
from training.anchors import anchors
from training.damage import damages
from training.examples import (
    CONTRADICTED,
    NOT_STATED,
    SUPPORTED,
    Example,
    Text,
    Wording,
    answered,
    has_tools,
    judged,
    read_wording,
    relevance,
)
from training.plans import plan_examples
from training.search import Index
from training.sources import Library, Row, is_kept, rows, test_files, training_files, write

LABELS = {
    "supported": SUPPORTED,
    "contradicted": CONTRADICTED,
    "neither": NOT_STATED,
    "partial": NOT_STATED,
}
SUPPORT_ROWS = {
    "contract_nli": 3200,
    "wice": 2600,
    "summedits": 4200,
    "bump": 2000,
    "begin": 1500,
    "faithdial_audit": 600,
    "fever_symmetric": 1000,
    "q2_wow": 700,
    "realsumm": 2500,
    "student_answers": 2500,
    "cad_nli": 3000,
    "indonli_id": 1500,
    "jnli_ja": 1200,
    "klue_nli_ko": 1200,
    "farstail_fa": 1200,
}
"""Rows of each source: what is asked most of comes closest to what the product checks."""
TABLE_ROWS = {"tabfact": 1500, "scitab": 800}
SENTENCE_PASSAGES = {
    "qed_nq": 4500, "cuad": 1800, "tatqa": 900, "covidqa": 1200, "conditionalqa": 1500,
    "pubmedqa": 700, "medquad": 1200, "contract_nli": 900, "selqa": 1500, "emanual": 300,
    "cmrc2018_zh": 700, "drcd_zh": 900, "jaquad_ja": 700, "norquad_no": 900, "faquad_pt": 200,
    "arcd_ar": 300, "cnil_faq_fr": 300,
}  # fmt: skip
"""Passages whose sentences are quoted and spoilt."""
QUESTION_ROWS = {
    "qed_nq": 3600, "covidqa": 800, "conditionalqa": 1200, "selqa": 700, "tatqa": 1000,
    "pubmedqa": 400, "medquad": 800, "cuad": 700, "contract_nli": 700, "cmrc2018_zh": 1200,
    "drcd_zh": 1200, "jaquad_ja": 900, "norquad_no": 1400, "faquad_pt": 700, "arcd_ar": 500,
    "cnil_faq_fr": 330,
}  # fmt: skip
"""Questions with their passages: for answers, answers to another question, and relevance."""
MOST_STATEMENT = 600
"""Characters."""
WINDOW = 2400
"""Characters of long evidence: what stands around the words of the statement."""
TEST_WINDOW = 6000
TEST_ROWS = 500
_SHORT_ANSWER = 120
_DIGIT = re.compile(r"\d")


def window(texts: Sequence[str], statement: str, most: int) -> str:
    """Return the parts of evidence that share most with the statement, in order, up to `most`."""
    if sum(len(text) for text in texts) <= most:
        return "\n".join(texts)
    parts: list[str] = []
    for text in texts:
        parts += stretches(text, pairs=False)
    wanted = set(re.findall(r"\w+", statement.lower()))

    def overlap(place: int) -> float:
        words = set(re.findall(r"\w+", parts[place].lower()))
        return len(words & wanted) / (5 + len(words)) ** 0.5

    chosen: set[int] = set()
    length = 0
    for place in sorted(range(len(parts)), key=overlap, reverse=True):
        for near in (place, place - 1, place + 1):
            if 0 <= near < len(parts) and near not in chosen and length < most:
                chosen.add(near)
                length += len(parts[near]) + 1
        if length >= most:
            break
    return "\n".join(parts[place] for place in sorted(chosen))


def support_examples(row: Row, pick: random.Random, *, spoil: float) -> Iterator[Example]:
    """Yield a row of `support/` as it is and, if it is supported, sometimes spoilt."""
    statement = row["statement"][:MOST_STATEMENT]
    question = (row.get("question") or "")[:400]
    evidence = window(row["evidence"], statement, WINDOW)
    text = Text(evidence, f"{row['source']}.txt")
    tools = has_tools(pick)
    label = LABELS[row["label"]]
    yield judged(row["source"], [text], statement, label, question=question, tools=tools)
    if label == SUPPORTED and row.get("lang") == "en" and pick.random() < spoil:
        wrong = damages(statement, evidence, [], pick)
        for kind in pick.sample(sorted(wrong), min(1, len(wrong))):
            yield judged(
                f"spoilt {kind}", [text], wrong[kind], CONTRADICTED, question=question, tools=tools
            )


def table_text(row: Row) -> str:
    """Return a table as rows of cells, as the product shows one."""
    lines = [str(row.get("caption") or "")]
    for cells in row["table"][:30]:
        lines.append(" | ".join(str(cell) for cell in cells))
    return "\n".join(lines).strip()


def sentence_examples(
    library: Library, index: Index, number: int, pick: random.Random
) -> Iterator[Example]:
    """Yield sentences of passages: as they are, spoilt in each way, and with other passages."""
    ids = sorted(library.texts)
    for passage_id in pick.sample(ids, min(number, len(ids))):
        text = library.texts[passage_id][:WINDOW]
        sentences = [s.strip() for s in stretches(text, pairs=False) if 25 <= len(s) <= 400]
        if is_kept(text) or not sentences:
            continue
        sentence = pick.choice(sentences)
        passage = Text(text, library.titles[passage_id])
        others = index.near(sentence, without={passage_id}, most=3)
        shown = _among(passage, [library_text(library, o) for o in others], pick)
        tools = has_tools(pick)
        if pick.random() < 0.6:
            yield judged(f"quote {library.name}", shown, sentence, SUPPORTED, tools=tools)
        wrong = damages(sentence, text, sentences, pick)
        for kind in pick.sample(sorted(wrong), min(2, len(wrong))):
            yield judged(f"spoilt {kind}", shown, wrong[kind], CONTRADICTED, tools=tools)
        if others and pick.random() < 0.2:
            other = library_text(library, others[0])
            if sentence not in other.text:
                yield judged("quote elsewhere", [other], sentence, NOT_STATED, tools=tools)


def library_text(library: Library, passage_id: str) -> Text:
    """Return a passage of a library."""
    return Text(library.texts[passage_id][:WINDOW], library.titles[passage_id])


def _among(passage: Text, others: Sequence[Text], pick: random.Random) -> list[Text]:
    """Return a passage alone or, if it is short, sometimes among others, at any place."""
    shown = [passage]
    if pick.random() < 0.35:
        for other in others:
            if sum(len(each.text) for each in shown) + len(other.text) < WINDOW:
                shown.append(other)
        pick.shuffle(shown)
    return shown


def plain_answer(row: Row) -> str:
    """Return a row's answer as one text; "" if it has none that is short and plain."""
    answer = str(row.get("answer") or "").strip()
    if row["source"] == "qed_nq":
        answer = answer.split('", "')[0].strip('" ')
    if answer.lower() in {"yes", "no", "maybe"} or not answer or len(answer) > 300:
        return ""
    return answer


def question_examples(
    library: Library,
    questions: Sequence[Row],
    index: Index,
    *,
    wording: Wording,
    pick: random.Random,
) -> Iterator[Example]:
    """Yield questions with right and wrong answers, and with passages that answer and do not."""
    answers_of: dict[str, list[tuple[str, str]]] = {}
    for row in questions:
        answer = plain_answer(row)
        if answer and row["pos"]:
            answers_of.setdefault(row["pos"][0], []).append((row["q"], answer))
    for row in questions:
        known = [passage_id for passage_id in row["pos"] if passage_id in library.texts]
        question = row["q"][:500]
        near = index.near(question, without=set(row["pos"]), most=4, document=row.get("doc"))
        answer = plain_answer(row)
        if answer:
            near = [i for i in near if answer.lower() not in library.texts[i].lower()]
        others = [library_text(library, passage_id) for passage_id in near]
        if not known:
            for other in others[:1]:
                yield relevance(f"unanswered {library.name}", other, question, relevant=False)
            continue
        gold = library_text(library, pick.choice(known))
        yield relevance(f"answers {library.name}", gold, question, relevant=True)
        for other in others[:2]:
            yield relevance(f"near {library.name}", other, question, relevant=False)
        if answer and answer.lower() in gold.text.lower():
            yield from _answer_examples(
                question,
                answer,
                gold=gold,
                others=others,
                asked=answers_of.get(known[0], []),
                wording=wording,
                pick=pick,
            )


def _answer_examples(
    question: str,
    answer: str,
    *,
    gold: Text,
    others: Sequence[Text],
    asked: Sequence[tuple[str, str]],
    wording: Wording,
    pick: random.Random,
) -> Iterator[Example]:
    tools = has_tools(pick)
    sentences = [s.strip() for s in stretches(gold.text, pairs=False)]
    telling = [s for s in sentences if answer.lower() in s.lower() and len(s) <= 350]
    shown = _among(gold, others, pick)
    # The answer as it is, or the sentence that has it.
    yield judged("answer", shown, answer, SUPPORTED, question=question, tools=tools)
    if telling and pick.random() < 0.5:
        yield judged(
            "answer in a sentence", shown, telling[0], SUPPORTED, question=question, tools=tools
        )

    # Answers to another question about the same passage, and what looks like one.
    wrong = [a for q, a in asked if q != question and not _shares_words(a, answer)]
    alike = _alike(answer, gold.text, question)
    for choices, most in ((wrong, 2), (alike, 1)):
        for other in pick.sample(sorted(set(choices)), min(most, len(set(choices)))):
            yield judged(
                "answer to another question", shown, other, CONTRADICTED, question=question,
                tools=tools,
            )  # fmt: skip
    elsewhere = [s for s in sentences if answer.lower() not in s.lower() and 25 <= len(s) <= 350]
    if elsewhere and pick.random() < 0.5:
        # A true sentence that does not answer.
        sentence = pick.choice(elsewhere)
        yield judged("true elsewhere", shown, sentence, NOT_STATED, question=question, tools=tools)
    if others and pick.random() < 0.6:
        yield judged("answer, other passage", others[:1], answer, NOT_STATED, question=question)

    # To be answered: in the passage's own sentence, with its mark; or not at all.
    if telling and len(telling[0]) <= 260 and pick.random() < 0.45:
        texts = [gold, *others[:2]]
        pick.shuffle(texts)
        sentence = telling[0]
        if sentence[-1] not in ".!?\u3002\uff01\uff1f":
            sentence += "."
        mark = f" [{texts.index(gold) + 1}]"
        yield answered("answered", texts, question, sentence + mark, wording=wording, tools=tools)
    if len(others) >= 2 and pick.random() < 0.3:
        yield answered("not found", others[:3], question, "", wording=wording, tools=tools)


def _shares_words(one: str, other: str) -> bool:
    shared = set(re.findall(r"\w", one.lower())) if len(one) < 3 else set()
    words = set(re.findall(r"\w+", one.lower())) & set(re.findall(r"\w+", other.lower()))
    return (
        bool(words)
        or one.lower() in other.lower()
        or other.lower() in one.lower()
        or (bool(shared) and one == other)
    )


def _alike(answer: str, text: str, question: str) -> list[str]:
    """Return other numbers of the text for a number, other names for a name."""
    if _DIGIT.match(answer) and len(answer) < 20:
        found = re.findall(r"\d[\d,.]*\d|\d", text)
    elif answer[:1].isupper() and len(answer) < 60:
        found = re.findall(r"[A-ZÄÖÜÅÆØ][\w'-]+(?: [A-ZÄÖÜÅÆØ][\w'-]+)*", text)
    else:
        return []
    return [
        other
        for other in found
        if not _shares_words(other, answer) and other not in question and len(other) > 1
    ]


def support_part(file: Path) -> list[Example]:
    """Return what a file of `support/` gives."""
    pick = random.Random(file.name)
    wanted = SUPPORT_ROWS.get(file.name.split(".")[0], 0)
    usable = [row for row in rows(file) if not is_kept(row["evidence"][0])]
    examples: list[Example] = []
    for row in _drawn(usable, wanted, pick):
        examples += support_examples(row, pick, spoil=0.3)
    return examples


def table_part(file: Path) -> list[Example]:
    """Return the statements about tables of a file of `tables/`."""
    pick = random.Random(file.name)
    wanted = TABLE_ROWS.get(file.name.split(".")[0], 0)
    usable = [row for row in rows(file) if wanted and not is_kept(str(row["table"][0]))]
    examples = []
    for row in _drawn(usable, wanted, pick):
        text = Text(table_text(row), "table.csv")
        examples.append(judged(row["source"], [text], row["question"], LABELS[row["answer"]]))
    return examples


def passage_part(file: Path, train: Path, wording: Wording) -> list[Example]:
    """Return what the passages of a source give, with the questions about them."""
    pick = random.Random(file.name)
    library = Library.read(file)
    questions = question_rows(train, library)
    questions = _drawn(questions, QUESTION_ROWS.get(library.name, 0), pick, repeat=False)
    index = Index(library, [i for row in questions for i in row["pos"]], pick)
    sentences = SENTENCE_PASSAGES.get(library.name, 0)
    return [
        *sentence_examples(library, index, sentences, pick),
        *question_examples(library, questions, index, wording=wording, pick=pick),
    ]


def training_examples(train: Path, wording: Wording) -> list[Example]:
    """Return all that is trained on; the sources are made at the same time, each in a process."""
    with ProcessPoolExecutor() as pool:
        # The sources with the most questions first.
        files = training_files(train, "passages")
        files.sort(key=lambda file: -QUESTION_ROWS.get(file.name.split(".")[0], 0))
        jobs = [pool.submit(passage_part, file, train, wording) for file in files]
        jobs += [pool.submit(support_part, file) for file in training_files(train, "support")]
        jobs += [pool.submit(table_part, file) for file in training_files(train, "tables")]
        examples: list[Example] = []
        for job in jobs:
            examples += job.result()
    examples += anchors(train, wording, random.Random(1))
    examples += plan_examples(train, wording, random.Random(4), wording["reported"])
    random.Random(9).shuffle(examples)
    return examples


def question_rows(train: Path, library: Library) -> list[Row]:
    """Return the questions about a library's passages that may be trained on."""
    file = train / "relevance" / f"{library.name}.jsonl.gz"
    if not file.exists():
        return []
    found = []
    for row in rows(file):
        known = [passage_id for passage_id in row["pos"] if passage_id in library.texts]
        if len(known) == len(row["pos"]) and not any(is_kept(library.texts[i]) for i in known):
            found.append(row)
    return found


def selection_examples(train: Path) -> Iterator[Example]:
    """Yield what is kept for choosing: rows of the training files on other texts."""
    pick = random.Random(2)
    for file in training_files(train, "support"):
        if SUPPORT_ROWS.get(file.name.split(".")[0]):
            usable = [row for row in rows(file) if is_kept(row["evidence"][0])]
            for row in _drawn(usable, 120, pick, repeat=False):
                yield from support_examples(row, pick, spoil=0.0)


def test_rows(train: Path) -> Iterator[dict[str, object]]:
    """Yield held-out rows of `support/`."""
    pick = random.Random(3)
    for file in test_files(train, "support"):
        for row in _drawn(list(rows(file)), TEST_ROWS, pick, repeat=False):
            text = Text(window(row["evidence"], row["statement"], TEST_WINDOW), "test.txt")
            example = judged(
                row["source"], [text], row["statement"], LABELS[row["label"]],
                question=row.get("question") or "",
            )  # fmt: skip
            yield example.as_json()


def answer_tests(train: Path, wording: Wording) -> Iterator[dict[str, object]]:
    """Yield held-out questions to be answered: half of them by no passage."""
    pick = random.Random(5)
    for name in ("drcd_zh", "norquad_no", "covidqa", "selqa"):
        library = Library.read(train / "passages" / f"{name}.jsonl.gz")
        usable = []
        for row in rows(train / "relevance" / f"{name}.test.jsonl.gz"):
            if plain_answer(row) and row["pos"] and row["pos"][0] in library.texts:
                usable.append(row)
        drawn = _drawn(usable, 60, pick, repeat=False)
        index = Index(library, [i for row in drawn for i in row["pos"]], pick)
        for place, row in enumerate(drawn):
            answer = plain_answer(row)
            near = index.near(row["q"], without=set(row["pos"]), most=5)
            near = [i for i in near if answer.lower() not in library.texts[i].lower()]
            texts = [library_text(library, i) for i in near[:3]]
            kind = "unanswerable"
            if place % 2 == 0:
                kind = "answerable"
                texts = [library_text(library, row["pos"][0]), *texts[:2]]
                pick.shuffle(texts)
            example = answered(kind, texts, row["q"], answer, wording=wording)
            yield {"source": name, "answer": answer, **example.as_json()}


def _drawn(items: list[Row], number: int, pick: random.Random, *, repeat: bool = True) -> list[Row]:
    """Return `number` of the items; of fewer, each as often as the others."""
    if not items or not number:
        return []
    if len(items) >= number:
        return pick.sample(items, number)
    if not repeat:
        return list(items)
    most = min(number, 2 * len(items))
    return [*items, *pick.sample(items, most - len(items))]


def main() -> None:
    """Build everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    train: Path = arguments.train
    out: Path = arguments.out
    wording = read_wording(out / "wording.json")
    examples = training_examples(train, wording)
    write(out / "train.jsonl.xz", (example.as_json() for example in examples))
    write(out / "select.jsonl.xz", (e.as_json() for e in selection_examples(train)))
    write(out / "test.jsonl.xz", test_rows(train))
    write(out / "answers.jsonl.xz", answer_tests(train, wording))
    counts = Counter((e.task, e.kind, e.label) for e in examples)
    for (task, kind, label), count in sorted(counts.items()):
        print(f"{task:10} {kind:40} {label:2} {count}")
    print(len(examples), "examples", flush=True)
    (out / "built").touch()


if __name__ == "__main__":
    main()
