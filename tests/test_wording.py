"""How figures are written."""

from datetime import date

import pytest

from docmind import wording
from docmind.events import Replacement, Statement, Usage, Verdict


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (900, "900 B"), (1500, "1.5 KB"), (3_300_000, "3.1 MB"), (5 << 30, "5.0 GB")],
)
def test_sizes_read_well(count, expected):
    assert wording.size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.85, "850 ms"), (4.2, "4.2 s"), (185, "3 min 5 s")]
)
def test_durations_read_well(seconds, expected):
    assert wording.duration(seconds) == expected


def test_counts_and_days_read_well():
    assert wording.count(1, "page") == "1 page"
    assert wording.count(1200, "page") == "1,200 pages"
    assert wording.when("2026-01-02T12:00:00+00:00") == "2 Jan 2026"


def test_an_answer_without_a_known_speed_shows_none():
    usage = Usage(prompt_tokens=1200, tokens_per_s=None, engine_calls=2)
    assert wording.cost(usage, agents=[]) == "1,200 prompt tokens · 2 model calls"


def statement(verdict):
    return Statement(text="x", verdict=verdict)


def test_what_became_of_unsupported_sentences_is_said_in_one_line():
    again = Replacement(before="Nine months [1].", after="Three months [1].")
    gone = Replacement(before="Pets are welcome [1].", after="")
    assert wording.replaced([again, again, gone]) == (
        "2 unsupported sentences replaced, 1 unsupported sentence taken out"
    )
    assert wording.replaced([gone]) == "1 unsupported sentence taken out"
    assert wording.replaced([]) == ""


def test_how_much_of_an_answer_is_supported_is_said_in_one_line():
    statements = [
        statement(Verdict.NO_STATEMENT),
        statement(Verdict.SUPPORTED),
        statement(Verdict.NOT_FOUND),
        statement(Verdict.CONTRADICTED),
    ]
    assert wording.support_summary(statements) == "1 of 3 statements supported"
    assert wording.support_summary(statements[:1]) == ""
    doubts = [wording.doubt(found) for found in statements]
    assert doubts == ["", "", "not found in the documents", "the documents say otherwise"]


def test_a_moment_belongs_to_a_day_or_later_to_a_month():
    today = date(2026, 11, 28)
    groups = {}
    for day in ("2026-11-28", "2026-11-27", "2026-11-24", "2026-10-03"):
        groups[day] = wording.day(f"{day}T12:00:00+00:00", today)
    assert list(groups.values()) == ["Today", "Yesterday", "Last 7 days", "October 2026"]
