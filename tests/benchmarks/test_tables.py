import gzip
import json

import pytest

from benchmarks.tables import load_questions, measure_tables, same
from tests.engines import PromptedEngine

ROWS = [["Item", "2018", "2017"], ["Revenue", "$2,554", "$2,355"], ["Cost", "$(1,000)", "$900"]]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "train" / "tables"
    folder.mkdir(parents=True)
    for name in ("wtq", "tatqa"):
        with gzip.open(folder / f"{name}.test.jsonl.gz", "wt", encoding="utf-8") as file:
            for number in range(3):
                row = {
                    "question": f"What changed, number {number}?",
                    "table": ROWS,
                    "answer": "199",
                    "table_id": "t",
                }
                if name == "tatqa":
                    row["answer_from"] = "text" if number == 2 else "table"
                file.write(json.dumps(row) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("found", "expected", "alike"),
    [
        (["199"], ["199"], True),
        (["8.4501"], ["8.45"], True),
        (["Peru", "Paraguay"], ["Paraguay", "peru"], True),
        (["2554"], ["$2,554"], True),
        (["199"], ["198"], False),
        (["Peru"], ["Peru", "Paraguay"], False),
        (["Peru", "Paraguay"], ["Peru"], False),
    ],
)
def test_answers_are_compared_by_value_in_any_order(found, expected, alike):
    assert same(found, expected) is alike


def test_the_sample_is_the_same_every_time_and_answered_by_the_table(data):
    folder = data / "train" / "tables"
    assert load_questions(folder, "tatqa") == load_questions(folder, "tatqa")
    assert len(load_questions(folder, "tatqa")) == 2
    assert len(load_questions(folder, "wtq")) == 3


def test_right_wrong_and_missing_values_are_told_apart(data):
    where = ' FROM "table" WHERE "Item" = \'Revenue\''
    engine = PromptedEngine(
        [
            f'SELECT "2018" - "2017"{where}',
            f'SELECT "2018"{where}',
            "NONE",
            "no query at all",
        ]
    )
    figures = measure_tables(engine, data, limit=4, progress=lambda _line: None).figures
    assert figures["tables.wtq.right"] == 0.5
    assert figures["tables.wtq.wrong"] == 0.5
    assert figures["tables.tatqa.none"] == 1.0
