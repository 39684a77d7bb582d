from docmind.retrieval.sparse import document_vector, query_vector, terms


def test_words_are_lowered_stemmed_and_stopped():
    assert terms("The Dogs were RUNNING, running!") == ["dog", "run", "run"]
    assert terms("naïve Größe 3.14 snake_case") == ["naïve", "größe", "3", "14", "snake", "case"]
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
