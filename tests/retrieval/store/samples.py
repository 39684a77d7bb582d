"""Small passages and stores for tests of the vector store."""

from docmind.passages import EmbeddedPassage, Passage, passage_id
from docmind.retrieval.sparse import document_vector
from docmind.storage.settings import load_settings

DIMS = 8


def settings_for(mode, folder, **store):
    """Return settings with a store of this mode; `store` are more of the store's settings."""
    return load_settings(data_dir=folder, store={"mode": mode, **store})


def unit(axis):
    """Return a dense vector that points along one axis, almost."""
    vector = [0.01] * DIMS
    vector[axis % DIMS] = 1.0
    return vector


def embedded(document, position, text, *, page=None, dense=None, name="", table=False):
    """Return a passage of a document with its vectors; `dense` is `unit(position)` if not given."""
    passage = Passage(
        id=passage_id(document, position),
        document_id=document,
        file_name=name or f"{document}.txt",
        text=text,
        page=page,
        heading="Head",
        start=position * 100,
        end=90,
        position=position,
        table=table,
    )
    return EmbeddedPassage(
        passage=passage,
        dense=dense or unit(position),
        sparse=document_vector(text),
    )
