import pytest

from docmind.verification.words import content_words, names, numbers, words_in_order


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234,567 and 1'000", {"1234567", "1000"}),
        ("5.30 euros", {"5.3"}),
        ("5.0 euros", {"5"}),
        ("1.234,50", {"1234.5"}),
        ("twelve of 20", {"12", "20"}),
        ("nothing", set()),
    ],
)
def test_numbers_are_written_alike(text, found):
    assert numbers(text) == found


def test_names_are_words_with_a_capital_within_a_sentence():
    assert names("In the end Mina Okafor gave the opening talk.") == {"mina", "okafor"}
    assert names("Das Haus steht im Wald bei Wien.") == set()  # German


def test_words_are_compared_by_their_stems():
    assert content_words("The two dogs ran") == {"two", "2", "dog", "ran"}
    assert words_in_order("The two dogs") == ["the", "2", "dog"]
