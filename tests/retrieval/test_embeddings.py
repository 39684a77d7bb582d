import math
import threading

import pytest

from docmind.errors import ModelError
from docmind.retrieval.embeddings import Embedder


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


def test_meaning_is_near(embedder):
    query = embedder.embed_query("Where can I park my car?")
    near, far = embedder.embed_texts(["The garage has room for vehicles.", "Bees make honey."])
    assert len(query) == embedder.dims == 384
    assert math.hypot(*query) == pytest.approx(1, abs=0.01)
    assert cosine(query, near) > cosine(query, far) + 0.2


def test_batches_give_what_single_texts_give(embedder):
    texts = []
    for i in range(70):
        subject = "about ships " * (i % 9)
        texts.append(f"Sentence {subject}number {i}.")
    together = embedder.embed_texts(texts)
    for text, vector in zip(texts[:10], together, strict=False):
        (alone,) = embedder.embed_texts([text])
        assert cosine(vector, alone) > 0.995
    assert embedder.embed_texts([]) == []


def test_words_after_the_128th_token_count(embedder):
    filler = "ship " * 180
    a, b = embedder.embed_texts([filler + "volcano eruption lava", filler + "wedding cake recipe"])
    assert cosine(a, b) < 0.9999


def test_the_tokenizer_counts_all(embedder):
    assert len(embedder.tokenizer.encode("hello " * 1000, add_special_tokens=False).ids) == 1000


def test_threads_share_it(embedder):
    wanted = [embedder.embed_query(f"question {i}") for i in range(4)]
    failures = []

    def ask(i):
        for n in range(10):
            words = "long " * (n * i)
            embedder.embed_texts([f"{words} text"] * 3)
            vector = embedder.embed_query(f"question {i}")
            if cosine(vector, wanted[i]) < 0.999:
                failures.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_unrelated_texts_are_at_zero_with_every_model(embedder, e5):
    """What a cosine means differs: E5 gives 0.8 to any two texts, MiniLM 0."""
    statement = "The tenant may leave with three months' notice."
    similar = "Notice is three months for the tenant."
    unrelated = "Bees make honey."
    for model in (embedder, e5):
        assert model.nearness(statement, [similar, unrelated]) > 0.5
        assert model.nearness(statement, [unrelated]) < 0.25
        assert model.nearness(statement, [statement]) == pytest.approx(1, abs=0.05)


def test_e5_finds_across_languages(e5):
    """A question in one language, passages in others.

    A question and a passage get prefixes of E5's own: the same text has two vectors.
    """
    passages = [
        "Die K\u00fcndigungsfrist betr\u00e4gt drei Monate.",
        "\u8702\u871c\u7531\u871c\u8702\u5236\u9020\u3002",
        "Le loyer est pay\u00e9 le premier du mois.",
    ]
    vectors = e5.embed_texts(passages)
    questions = ["How much notice must be given?", "What do bees make?", "When is the rent due?"]
    for i, question in enumerate(questions):
        query = e5.embed_query(question)
        cosines = [cosine(query, vector) for vector in vectors]
        assert cosines.index(max(cosines)) == i
    assert cosine(e5.embed_query(passages[0]), vectors[0]) < 0.999


def test_e5_counts_tokens_as_its_own_program_does(e5):
    """Numbers from the C program that the weights are packed with.

    They include `passage: ` and both ends.
    """
    rare = (
        "\ufb01rst \u00bd \u2460  tab\there\u200bzero\u00a0nbsp \u2026  \u2167 "
        "\uff46\uff55\uff4c\uff4c"
    )
    counts = {
        "The notice period is three months.": 11,
        "Die K\u00fcndigungsfrist betr\u00e4gt drei Monate.": 11,
        rare: 15,
    }
    for text, count in counts.items():
        assert len(e5.tokenizer.encode(f"passage: {text}").ids) == count


def test_a_missing_model_says_how_to_get_it(tmp_path):
    with pytest.raises(ModelError, match="docmind model pull NAME"):
        Embedder(tmp_path).embed_query("x")
    with pytest.raises(ModelError, match="docmind model pull NAME"):
        _ = Embedder(tmp_path).dims


def test_a_language_model_is_not_taken_for_an_embedding_model(tmp_path):
    (tmp_path / "config.json").write_text(
        '{"architectures": ["Qwen2ForCausalLM"], "hidden_size": 8}'
    )
    with pytest.raises(ModelError, match="it is a language model"):
        _ = Embedder(tmp_path).dims
