"""The optional reranker, with a real cross-encoder: a tiny one, made here with random weights."""

import json

import pytest

from docmind.errors import ModelError
from docmind.passages import Passage, passage_id
from docmind.retrieval.rerank import Reranker
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings
from tests.passages import embed


@pytest.fixture(scope="module")
def cross_encoder(minilm, tmp_path_factory):
    """A directory with a cross-encoder of two small layers and MiniLM's tokenizer."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("cross-encoder")
    config = BertConfig(
        num_labels=1,
        initializer_range=0.5,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(minilm).save_pretrained(folder)
    return folder


@pytest.fixture
def library(tmp_path, embedder):
    """A store of twenty passages, and the settings it was made with."""
    settings = load_settings(data_dir=tmp_path)
    store = open_store(settings, embedder.dims)
    passages = []
    for i in range(20):
        cargo = "and timber " * (i % 5)
        passage = Passage(
            id=passage_id("d", i),
            document_id="d",
            file_name="log.txt",
            text=f"The river carries ship {i} {cargo}to harbour number {i * 7}.",
            page=i,
            heading="Ships",
            start=i * 200,
            end=i * 200 + 90,
            position=i,
        )
        passages.append(passage)
    store.upsert(embed(embedder, passages))
    yield store, settings
    store.close()


def scores_by_transformers(folder, query, passages):
    """Return the model's score of each passage (by its id), without our code."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [f"{passage.file_name}\n{passage.heading}\n{passage.text}" for passage in passages]
    queries = [query] * len(passages)
    inputs = tokenizer(queries, texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        scores = model(**inputs).logits[:, 0].sigmoid()
    return {passage.id: float(x) for passage, x in zip(passages, scores, strict=True)}


def test_passages_come_in_the_order_of_the_models_own_scores(library, embedder, cross_encoder):
    store, settings = library
    query = "Which ship carries timber?"
    plain = Retriever(store, embedder, settings)
    reranking = Retriever(store, embedder, settings, reranker=Reranker(cross_encoder))
    plain_ids = [result.passage.id for result in plain.search(query, 8)]
    reranked = reranking.search(query, 8)
    reranked_ids = [result.passage.id for result in reranked]
    assert reranked_ids != plain_ids
    wanted = scores_by_transformers(cross_encoder, query, [result.passage for result in reranked])
    assert reranked_ids == sorted(wanted, key=wanted.__getitem__, reverse=True)
    scores = [result.score for result in reranked]
    assert scores == pytest.approx(list(wanted.values()), abs=1e-4)


def test_nothing_found_is_nothing_to_rank(library, embedder, cross_encoder):
    store, settings = library
    retriever = Retriever(store, embedder, settings, reranker=Reranker(cross_encoder))
    assert retriever.search("zebra", 5, mode="bm25_only") == []


def test_what_is_no_reranker_is_refused(minilm, tmp_path):
    for folder in (tmp_path, minilm):
        with pytest.raises(ModelError, match="DOCMIND_RETRIEVAL__RERANKER"):
            Reranker(folder)
    config = {
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "a", "1": "b"},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="2 labels"):
        Reranker(tmp_path)
