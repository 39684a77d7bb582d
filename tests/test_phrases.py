"""Sentences of code in the question's language."""

import string
from dataclasses import fields

import pytest

from docmind.phrases import ALL, ENGLISH, phrases_in


def filled_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", ALL)
def test_every_language_fills_in_the_same(language):
    phrases = ALL[language]
    for field in fields(phrases):
        ours = getattr(phrases, field.name)
        english = getattr(ENGLISH, field.name)
        if isinstance(ours, str):
            assert filled_in(ours) == filled_in(english), field.name
        elif isinstance(ours, dict):
            assert ours.keys() == english.keys()
            for key, text in ours.items():
                assert filled_in(text) == filled_in(english[key]), (field.name, key)


def test_a_language_without_sentences_gets_english_ones():
    assert phrases_in("fi") is ENGLISH
    assert phrases_in("") is ENGLISH
