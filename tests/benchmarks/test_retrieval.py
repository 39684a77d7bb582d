import pytest

from benchmarks.retrieval import measure_retrieval
from benchmarks.sets import retrieval_sets, xquad
from docmind.storage.settings import load_settings


@pytest.fixture
def settings(tmp_path, models_dir, minilm):
    made = load_settings(data_dir=tmp_path / "data")
    made.models_dir.symlink_to(models_dir)
    return made


def test_every_question_finds_its_paragraph(settings, data):
    found = measure_retrieval(settings, [xquad(data, "en")], progress=lambda _: None)
    assert found["retrieval.xquad-en.questions"] == 2  # the odd ones
    for mode in ("hybrid", "dense"):
        assert found[f"retrieval.xquad-en.{mode}.recall5"] == 1
    assert found["retrieval.gain.better"] >= 0


def test_a_passage_stands_for_the_paragraphs_that_it_has(data):
    corpus = xquad(data, "en")
    first = corpus.units[0]
    second = corpus.units[1]
    assert corpus.units_of(first.document_id, first.start, first.end) == [0]
    assert corpus.units_of(first.document_id, first.start, second.end) == [0, 1]
    assert corpus.units_of(first.document_id, first.end - 3, second.end) == [1]
    assert corpus.units_of("another", 0, 9) == []


def test_sets_that_share_their_documents_are_the_same_documents(data):
    (data / "chunking-eval" / "corpora").mkdir(parents=True)
    (data / "chunking-eval" / "questions_df.csv").write_text("question,references,corpus_id\n")
    *_, last, three = retrieval_sets(data)
    assert last.documents == three.documents
    assert three.questions[0].text == "Was tea taxed?\nWhat was the tax rate on tea?"
