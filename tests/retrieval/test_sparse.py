import pytest

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
