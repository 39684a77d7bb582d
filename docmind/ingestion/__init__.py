"""From a file on disk to chunks in the vector store."""
