import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmind.retrieval.sparse import document_vector, query_vector, terms


def test_words_are_lowered_stemmed_and_stopped():
    assert terms("The Dogs were RUNNING, running!") == ["dog", "run", "run"]
    assert terms("naïve 3.14") == ["naiv", "3", "14"]
    assert terms("") == terms("  ... the of ") == []


def test_chinese_becomes_pairs_and_mixes_with_latin():
    assert terms("北京大学 GPU卡") == ["北京", "京大", "大学", "gpu", "卡"]


def test_query_and_document_meet():
    document = document_vector("Trains run on rails")
    query = query_vector("running train")
    assert set(query) < set(document)
    assert all(0 <= dimension < 2**32 for dimension in document)


def test_repeating_a_word_saturates_and_length_costs():
    (river,) = query_vector("river")
    once = document_vector("river bank")
    often = document_vector("river " * 50 + "bank")
    assert once[river] < often[river] < 2.5
    other_words = " ".join(f"w{i}" for i in range(300))
    short = document_vector("river")
    long = document_vector(f"river {other_words}")
    assert short[river] > long[river]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("AX-4711", "AX4711"),
        ("AX4711", "ax 4711"),
        ("DE12_3456", "de123456"),
        ("getUserName", "user name"),
        ("getUserName", "get_user_name"),
        ("snake_case", "snakeCase"),
        ("HTTPServer", "server"),
        ("Größe", "Groesse"),
        ("Größe", "Grosse"),
        ("Müller", "Mueller"),
        ("naïve café", "naive cafe"),
        ("cafe\u0301", "café"),
        ("\uff21\uff22\uff23\uff11", "ABC1"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1,234,567"),
        ("the WHO said", "WHO"),
        ("IT department", "IT"),
        ("exports of the US", "US"),
    ],
)
def test_what_is_written_in_several_ways_is_found_in_each(written, asked):
    assert set(terms(written)) & set(terms(asked))
    assert terms(asked)


def test_stop_words_stay_stop_words_in_small_letters():
    assert terms("who is it that told me about an error") == ["told", "error"]
    assert "106" not in terms("10\u2076 neutrons")
    assert terms("Привет й") == ["привет", "й"]


def test_words_are_stemmed_by_the_documents_language():
    house = document_vector("Die Häuser stehen leer", "de")
    assert set(query_vector("Haus", ["de"])) & set(house)
    # A question is asked of all documents, whichever languages they are in.
    of_both = query_vector("Haus houses", ["en", "de"])
    assert set(of_both) & set(house)
    assert set(of_both) & set(document_vector("an empty house"))
    assert set(of_both) == set(query_vector("Haus houses", ["de", "en", ""]))


def test_another_spelling_makes_a_passage_no_longer():
    (word,) = query_vector("rot")
    assert document_vector("rot größer Müller")[word] == document_vector("rot grob Muster")[word]


LETTERS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=6)
MARKS = st.sampled_from(["", "-", "_", "/", "."])


@given(LETTERS, st.integers(10, 99_999), MARKS, MARKS)
def test_a_code_is_found_whatever_marks_are_in_it(letters, number, written, asked):
    code = f"{letters.upper()}{written}{number}"
    question = f"Where is {letters.upper()}{asked}{number}?"
    assert set(query_vector(question)) & set(document_vector(f"See {code} for more"))


@given(st.integers(1000, 999_999_999), st.sampled_from([",", ".", "'", "\u202f", "\u00a0", ""]))
def test_a_number_is_found_however_its_digits_are_grouped(number, mark):
    grouped = f"{number:,}".replace(",", mark)
    assert set(terms(f"a total of {grouped} units")) & set(terms(str(number)))


@given(st.lists(LETTERS, min_size=2, max_size=4))
def test_a_name_in_a_program_is_found_by_its_words_and_whole(words):
    camel = words[0] + "".join(word.capitalize() for word in words[1:])
    snake = "_".join(words)
    assert terms(camel)
    for question in (camel, snake):
        assert set(query_vector(question)) & set(document_vector(f"call {camel}(x)"))
        assert set(query_vector(question)) & set(document_vector(f"call {snake}(x)"))


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=3, max_size=8))
def test_letters_of_full_width_are_the_same(word):
    full_width = "".join(chr(ord(character) + 0xFEE0) for character in word)
    assert terms(full_width) == terms(word)


DATE_NOTATIONS = (
    "{year}-{month:02}-{day:02}",
    "{day:02}.{month:02}.{year}",
    "{day}.{month}.{year}",
    "{month}/{day}/{year}",
    "{day:02}/{month:02}/{year}",
    "{name} {day}, {year}",
    "{day} {name} {year}",
    "{day}. {german} {year}",
)
ENGLISH_MONTHS = (
    "January February March April May June July August September October November December"
)
GERMAN_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"


@given(
    st.dates(),
    st.sampled_from(DATE_NOTATIONS),
    st.sampled_from(DATE_NOTATIONS),
)
def test_a_date_is_found_in_any_notation(date, written, asked):
    parts = {
        "year": f"{date.year:04}",
        "month": date.month,
        "day": date.day,
        "name": ENGLISH_MONTHS.split()[date.month - 1],
        "german": GERMAN_MONTHS.split()[date.month - 1],
    }
    whole = f"{date:%Y}".zfill(4) + f"{date:%m%d}"
    assert whole in terms(f"signed on {written.format(**parts)} by both")
    assert whole in terms(f"What was signed on {asked.format(**parts)}?")


def test_what_only_looks_like_a_date_is_none():
    assert "20221340" not in terms("version 2022.13.40")
    assert not [term for term in terms("Chapter 12, 2022 people") if len(term) == 8]
