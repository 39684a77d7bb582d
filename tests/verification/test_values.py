"""The same value in any notation is equal; another value is not."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmind.verification.values import agrees, missing, values

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31))
AMOUNTS = st.integers(min_value=1, max_value=10**12)


def only_value(text):
    (value,) = values(text)
    return value


def same(text, other):
    stated = only_value(text)
    found = only_value(other)
    return agrees(stated, found) and agrees(found, stated)


def notations_of_day(day):
    return [
        f"{day:%Y-%m-%d}",
        f"{day:%d.%m.%Y}",
        f"{day.day}.{day.month}.{day.year}",
        f"{day.day} {day:%B} {day.year}",
        f"{day:%B} {day.day}, {day.year}",
        f"{day:%b} {day.day} {day.year}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%d/%m/%Y}",
        f"{day:%m/%d/%Y}",
    ]


@given(DAYS)
def test_a_day_in_any_notation_is_the_same(day):
    for notation in notations_of_day(day):
        assert same(notation, f"on {day:%Y-%m-%d}"), notation


@given(DAYS, DAYS)
def test_different_days_are_not(day, other):
    if day != other:
        for notation in notations_of_day(day)[:7]:
            assert not same(notation, f"{other:%Y-%m-%d}"), notation


@given(AMOUNTS)
def test_an_amount_in_any_notation_is_the_same(amount):
    in_groups = f"{amount:,}"
    notations = [
        f"EUR {amount}",
        f"{in_groups} EUR",
        f"€{in_groups}",
        f"{in_groups.replace(',', '.')} euros",
        f"{in_groups.replace(',', chr(39))} €",
        f"{in_groups.replace(',', chr(0xA0))} €",
        f"{in_groups}.00 €",
        f"€ {Decimal(amount) / 1_000_000:f} million",
        f"{Decimal(amount) / 1000:f}k EUR",
    ]
    for notation in notations:
        assert same(notation, f"EUR {amount}"), notation


@given(AMOUNTS, AMOUNTS)
def test_different_amounts_are_not(amount, other):
    if amount != other:
        assert not same(f"EUR {amount:,}", f"{other} euros")


@given(AMOUNTS, st.sampled_from(["EUR", "GBP", "months", "days", "%", "kg"]))
def test_units_and_signs_count(amount, unit):
    for other in ("USD", "hours", "km"):
        assert not same(f"{amount} {unit}", f"{amount * 7} {other}")
        assert not same(f"{amount * 7} {unit}", f"{amount} {other}")
    assert not same(f"{amount} {unit}", f"-{amount} {unit}")


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("1.5 million", "1,500,000"),
        ("1,5 Mio. EUR", "EUR 1,500,000"),
        ("two years", "24 months"),
        ("twenty-four months", "24-month"),
        ("two hundred and five", "205"),
        ("12 %", "12 percent"),
        ("third", "3rd"),
        ("5 pm", "17:00"),
        ("5.30 euros", "EUR 5.3"),
        ("INV-2024-001", "inv 2024-001".replace(" ", "-")),
        ("March 2024", "2024-03"[:4] + "年3月"),
        ("2 weeks", "14 days"),
    ],
)
def test_the_same_in_other_words(text, other):
    assert same(text, other)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("1.10", "1.1"),
        ("EUR 5", "GBP 5"),
        ("5", "-5"),
        ("24 months", "24 days"),
        ("12 %", "12 percentage points"),
        ("third", "second"),
        ("Q3", "Q4"),
        ("15 March", "15 May"),
        ("section 1.2.3", "section 1.3.2"),
    ],
)
def test_alike_but_not_the_same(text, other):
    assert not same(text, other)


def test_less_may_be_stated_than_is_found():
    assert not missing(values("in March 2024"), values("on 15 March 2024"))
    assert not missing(values("in 2024"), values("on 15 March 2024"))
    assert missing(values("on 15 March 2024"), values("in March 2024"))


def test_what_counts_nothing_is_no_value():
    assert values("One of them may go.") == []
    assert values("pages and chapters") == []
