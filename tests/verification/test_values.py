import pytest

from docmind.verification.values import content_words, names, numbers, words_in_order


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,234,567 and 1'000", {"1234567", "1000"}),
        ("5.30 euros", {"5.3"}),
        ("5.0 euros", {"5"}),
        ("1.234,50", {"1234.5"}),
        ("twelve of 20", {"12", "20"}),
        ("nothing", set()),
        ("on 15 March 2024", {"2024-03-15", "15", "2024"}),
        ("on March 15th, 2024", {"2024-03-15", "15", "2024"}),
        ("am 5. März 2024", {"2024-03-05", "5", "2024"}),
        ("on 15.03.2024.", {"2024-03-15", "15", "2024"}),
        ("on 2024-03-05", {"2024-03-05", "5", "2024"}),
        ("on 3/15/2024", {"2024-03-15", "15", "2024"}),
        ("on 03/04/2024", {"2024-03-04", "2024-04-03", "3", "4", "2024"}),
        ("in version 1.10", {"1.10"}),
        ("in version 1.1", {"1.1"}),
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
