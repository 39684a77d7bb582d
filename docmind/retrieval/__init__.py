"""Embeddings, the vector store, hybrid search and citations."""
