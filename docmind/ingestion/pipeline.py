"""A file's text → chunks in the vector store, by LlamaIndex's IngestionPipeline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import BaseNode, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    VectorStoreQuery,
    VectorStoreQueryResult,
)

from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.splitter import StructureSplitter, embedded_prefix
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.sparse import document_vector
from docmind.retrieval.store import Chunk, Embedded, VectorStore
from docmind.settings import Settings

Stage = Literal["parse", "split", "embed", "store"]
Progress = Callable[[Stage, int, int], None]
"""Called with (stage, done, total) between batches; may raise to stop."""
BATCH = 64
"""Chunks embedded and stored together: about three seconds on two cores."""


class NodeStore(BasePydanticVectorStore):  # type: ignore[misc]
    """LlamaIndex's view of our `VectorStore`, whichever mode it runs in."""

    stores_text: bool = True
    is_embedding_query: bool = True
    _store: Any

    def __init__(self, store: VectorStore) -> None:
        super().__init__(stores_text=True)
        self._store = store

    @property
    def client(self) -> VectorStore:
        """Our store."""
        return self._store  # type: ignore[no-any-return]

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:  # noqa: ARG002
        """Write embedded chunks with their BM25 weights."""
        self._store.upsert([_embedded(node) for node in nodes])
        return [node.node_id for node in nodes]

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:  # noqa: ARG002
        """Remove a document's chunks."""
        self._store.delete(ref_doc_id)

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:  # noqa: ARG002
        """Search by the query's vector, within `doc_ids` if it names any."""
        hits = self._store.search(query.query_embedding, None, query.similarity_top_k, query.doc_ids)
        return VectorStoreQueryResult(
            nodes=[TextNode(id_=h.chunk_id, text=h.text) for h in hits],
            similarities=[h.score for h in hits],
            ids=[h.chunk_id for h in hits],
        )


class Pipeline:
    """Splits, embeds and stores parsed documents."""

    def __init__(self, store: VectorStore, embedder: Embedder, settings: Settings) -> None:
        self._store = NodeStore(store)
        self._embedder = embedder
        self._settings = settings.ingestion

    def run(self, document_id: str, file_name: str, document: ParsedDocument, progress: Progress) -> int:
        """Write a document's chunks and return how many there are. The same input gives the same ids.

        Raises:
            ModelError: the embedding model can't be loaded.
            StoreError: the chunks can't be written.
        """
        splitter = StructureSplitter(
            self._embedder.tokenizer, self._settings.chunk_tokens, self._settings.chunk_overlap
        )
        # no cache: it would keep all texts and vectors in memory; the registry knows what is done
        split = IngestionPipeline(transformations=[splitter], disable_cache=True)
        nodes = list(
            split.run(
                nodes=_sections(document_id, file_name, document),
                progress=lambda done, total: progress("split", done, total),
            )
        )
        progress("embed", 0, len(nodes))
        embed = IngestionPipeline(transformations=[self._embedder.model], vector_store=self._store, disable_cache=True)
        for start in range(0, len(nodes), BATCH):
            batch = nodes[start : start + BATCH]
            # neighbours in length are padded least
            embed.run(nodes=sorted(batch, key=lambda n: len(n.get_content())))
            progress("embed", min(start + BATCH, len(nodes)), len(nodes))
        return len(nodes)


def _sections(document_id: str, file_name: str, document: ParsedDocument) -> list[BaseNode]:
    return [
        TextNode(
            text=section.text,
            metadata={
                "document_id": document_id,
                "file_name": file_name,
                "page": section.page,
                "heading": section.heading[:300],
                "table": section.table,
                "start": start,
            },
        )
        for start, section in document.spans()
    ]


def _embedded(node: BaseNode) -> Embedded:
    meta = node.metadata
    text = node.get_content()
    chunk = Chunk(
        chunk_id=node.node_id,
        document_id=meta["document_id"],
        file_name=meta["file_name"],
        text=text,
        page=meta["page"],
        heading=meta["heading"],
        start=meta["start"],
        end=meta["end"],
        position=meta["position"],
    )
    return Embedded(chunk, node.get_embedding(), document_vector(f"{embedded_prefix(meta)}\n\n{text}"))
