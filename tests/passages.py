"""Passages for tests."""

from typing import Any

from docmind.passages import EmbeddedPassage, NumberedPassage, Passage
from docmind.retrieval.sparse import document_vector


def numbered(
    number: int, passage_id: str, document_id: str, file_name: str, text: str, **fields: Any
) -> NumberedPassage:
    """Return a passage under a number; `fields` are more of Passage's."""
    passage = Passage(
        id=passage_id, document_id=document_id, file_name=file_name, text=text, **fields
    )
    return NumberedPassage(number=number, passage=passage)


def embed(embedder, passages: list[Passage]) -> list[EmbeddedPassage]:
    """Return passages with the vectors of their texts."""
    vectors = embedder.embed_texts([passage.text for passage in passages])
    return [
        EmbeddedPassage(passage=passage, dense=vector, sparse=document_vector(passage.text))
        for passage, vector in zip(passages, vectors, strict=True)
    ]
