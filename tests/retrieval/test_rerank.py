"""The optional reranker, with a real cross-encoder: a tiny one, made here with random weights."""

import json

import pytest

from docmind.errors import ModelError
from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.rerank import Reranker
from docmind.retrieval.search import Retriever
from docmind.retrieval.sparse import document_vector
from docmind.retrieval.store.base import open_store
from docmind.storage.settings import load_settings


@pytest.fixture(scope="module")
def cross_encoder(minilm, tmp_path_factory):
    """A directory with a cross-encoder of two small layers and MiniLM's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("cross-encoder")
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
    }
    config = BertConfig(num_labels=1, initializer_range=0.5, **sizes)
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm).save_pretrained(folder)
    return folder


@pytest.fixture
def library(tmp_path, embedder):
    """A store of twenty passages, and the settings it was made with."""
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    texts = [
        f"The river carries ship {i} {'and timber ' * (i % 5)}to harbour number {i * 7}."
        for i in range(20)
    ]
    chunks = [
        Passage(
            id=passage_id("d", i),
            document_id="d",
            file_name="log.txt",
            text=t,
            page=i,
            heading="Ships",
            start=i * 200,
            end=i * 200 + 90,
            position=i,
        )
        for i, t in enumerate(texts)
    ]
    vectors = embedder.embed_texts(texts)
    store.upsert(
        [
            EmbeddedPassage(c, v, document_vector(c.text))
            for c, v in zip(chunks, vectors, strict=True)
        ]
    )
    yield store, settings
    store.close()


def own_scores(folder, query, hits):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    texts = [f"{hit.passage.file_name}\n{hit.passage.heading}\n{hit.passage.text}" for hit in hits]
    inputs = AutoTokenizer.from_pretrained(folder)(
        [query] * len(hits), texts, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        return {
            hit.passage.id: float(x)
            for hit, x in zip(hits, model(**inputs).logits[:, 0].sigmoid(), strict=True)
        }


def test_passages_come_in_the_order_of_the_models_own_scores(library, embedder, cross_encoder):
    store, settings = library
    query = "Which ship carries timber?"
    plain = Retriever(store, embedder, settings).search(query, 8)
    reranked = Retriever(store, embedder, settings, Reranker(cross_encoder)).search(query, 8)
    assert [h.passage.id for h in reranked] != [h.passage.id for h in plain]
    wanted = own_scores(cross_encoder, query, reranked)
    assert [h.passage.id for h in reranked] == sorted(wanted, key=lambda i: -wanted[i])
    assert [h.score for h in reranked] == pytest.approx(list(wanted.values()), abs=1e-4)


def test_nothing_found_is_nothing_to_rank(library, embedder, cross_encoder):
    store, settings = library
    found = Retriever(store, embedder, settings, Reranker(cross_encoder)).search(
        "zebra", 5, mode="bm25_only"
    )
    assert found == []


def test_what_is_no_reranker_is_refused(minilm, tmp_path):
    for folder in (tmp_path, minilm):
        with pytest.raises(ModelError, match="DOCMIND_RETRIEVAL__RERANKER"):
            Reranker(folder)
    (tmp_path / "config.json").write_text(
        json.dumps(
            {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "a", "1": "b"}}
        )
    )
    with pytest.raises(ModelError, match="2 labels"):
        Reranker(tmp_path)
