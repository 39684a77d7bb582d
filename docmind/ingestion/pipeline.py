"""A file's text → passages in the vector store, by LlamaIndex's IngestionPipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import BaseNode, MetadataMode, TransformComponent

from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.splitter import StructureSplitter, section_nodes
from docmind.passages import EmbeddedPassage, Passage
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.language import detect_language
from docmind.retrieval.sparse import document_vector
from docmind.retrieval.store.base import VectorStore
from docmind.settings import Settings
from docmind.storage.documents import IngestionStage

StageProgress = Callable[[IngestionStage, int, int], None]
"""Called with (stage, done, total) between batches; may raise to stop."""
BATCH = 16
"""Passages embedded and stored together: under a second on two free cores, so that progress is seen
to move."""


class StoreWriter(TransformComponent):  # type: ignore[misc]
    """The pipeline's last step: embedded nodes → our `VectorStore`, whichever mode it runs in."""

    _store: VectorStore = PrivateAttr()

    _language: str = PrivateAttr()

    def __init__(self, store: VectorStore, language: str) -> None:
        super().__init__()
        self._store = store
        self._language = language

    def __call__(self, nodes: Sequence[BaseNode], **_kwargs: Any) -> Sequence[BaseNode]:
        """Write the passages with their vectors and BM25 weights."""
        self._store.upsert([_embedded_passage(node, self._language) for node in nodes])
        return nodes


class Pipeline:
    """Splits, embeds and stores parsed documents."""

    def __init__(self, store: VectorStore, embedder: Embedder, settings: Settings) -> None:
        self._store = store
        self._embedder = embedder
        self._settings = settings.ingestion

    def run(
        self, document_id: str, file_name: str, document: ParsedDocument, progress: StageProgress
    ) -> int:
        """Write a document's passages and return how many there are.

        The same input gives the same ids.

        Raises:
            ModelError: the embedding model can't be loaded.
            StoreError: the passages can't be written.
        """
        splitter = StructureSplitter(
            self._embedder.tokenizer,
            chunk_tokens=self._settings.chunk_tokens,
            chunk_overlap=self._settings.chunk_overlap,
        )
        # No cache: it would keep all texts and vectors in memory; the registry knows what is done.
        split = IngestionPipeline(transformations=[splitter], disable_cache=True)
        sections = section_nodes(document_id, file_name, document)
        nodes = list(split.run(nodes=sections, progress=partial(progress, "split")))
        # A batch is padded to its longest: alike lengths belong together.
        nodes.sort(key=_text_length)
        language = detect_language("\n".join(section.text for section in document.sections))
        writer = StoreWriter(self._store, language)
        embed = IngestionPipeline(
            transformations=[self._embedder.model, writer], disable_cache=True
        )
        progress("embed", 0, len(nodes))
        for start in range(0, len(nodes), BATCH):
            embed.run(nodes=nodes[start : start + BATCH])
            done = min(start + BATCH, len(nodes))
            progress("embed", done, len(nodes))
        return len(nodes)


def _text_length(node: BaseNode) -> int:
    return len(node.get_content())


def _embedded_passage(node: BaseNode, language: str) -> EmbeddedPassage:
    """Return a node that has been embedded as a passage for the store."""
    metadata = node.metadata
    passage = Passage(
        id=node.node_id,
        document_id=metadata["document_id"],
        file_name=metadata["file_name"],
        text=node.get_content(),
        page=metadata["page"],
        page_label=metadata["page_label"],
        heading=metadata["heading"],
        start=metadata["start"],
        end=metadata["end"],
        position=metadata["position"],
        table=metadata["table"],
        boxes=metadata["boxes"],
        language=language,
    )
    # The words of title and heading count as well as those of the passage.
    words = node.get_content(MetadataMode.EMBED)
    return EmbeddedPassage(
        passage=passage,
        dense=node.get_embedding(),
        sparse=document_vector(words, language),
    )
