"""What is damaged says something else than the text, of the kind that is asked for."""

import random

import pytest

from training.damage import KINDS, damages

TEXT = (
    "The Buyer shall pay EUR 1,500 within 30 days after 15 March 2024. "
    "All tenants must notify the landlord before leaving. "
    "Gustav Mahler met Richard Strauss in Leipzig in 1887."
)
SENTENCES = [f"{sentence.rstrip('.')}." for sentence in TEXT.split(". ")]


@pytest.mark.parametrize(
    ("kind", "sentence", "lost"),
    [
        ("unit", 0, "30 days"),
        ("currency", 0, "EUR"),
        ("order", 1, "before"),
        ("modality", 1, "must"),
        ("quantifier", 1, "All tenants"),
        ("negation", 1, "must notify"),
        ("sides", 2, "Gustav Mahler met Richard Strauss"),
    ],
)
def test_each_kind_changes_what_it_is_named_for(kind, sentence, lost):
    true = SENTENCES[sentence]
    wrong = KINDS[kind](true, TEXT, SENTENCES, random.Random(1))
    assert lost in true
    assert wrong
    assert lost not in wrong


def test_what_is_damaged_stands_nowhere_in_the_text():
    for seed in range(30):
        for sentence in SENTENCES:
            for wrong in damages(sentence, TEXT, SENTENCES, random.Random(seed)).values():
                assert wrong.lower() not in TEXT.lower()


def test_the_same_seed_gives_the_same_damage():
    first = damages(SENTENCES[0], TEXT, SENTENCES, random.Random(3))
    assert first == damages(SENTENCES[0], TEXT, SENTENCES, random.Random(3))
    assert len(first) >= 6
