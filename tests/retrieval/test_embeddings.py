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
    texts = [f"Sentence {'about ships ' * (i % 9)}number {i}." for i in range(70)]
    together = embedder.embed_texts(texts)
    assert all(cosine(v, embedder.embed_texts([t])[0]) > 0.995 for t, v in zip(texts[:10], together, strict=False))
    assert embedder.embed_texts([]) == []


def test_words_after_the_128th_token_count(embedder):
    filler = "ship " * 180
    a, b = embedder.embed_texts([filler + "volcano eruption lava", filler + "wedding cake recipe"])
    assert cosine(a, b) < 0.9999


def test_the_tokenizer_counts_all(embedder):
    assert len(embedder.tokenizer.encode("hello " * 1000, add_special_tokens=False).ids) == 1000


def test_threads_share_it(embedder):
    want = [embedder.embed_query(f"question {i}") for i in range(4)]
    failures = []

    def ask(i):
        for n in range(10):
            embedder.embed_texts([f"{'long ' * (n * i)} text"] * 3)
            if cosine(embedder.embed_query(f"question {i}"), want[i]) < 0.999:
                failures.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []


def test_a_missing_model_says_how_to_get_it(tmp_path):
    with pytest.raises(ModelError, match="docmind model pull minilm"):
        Embedder(tmp_path).embed_query("x")
    with pytest.raises(ModelError, match="docmind model pull minilm"):
        _ = Embedder(tmp_path).dims
