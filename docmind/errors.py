"""The errors that DocMind raises on purpose.

    DocMindError
    ├── ConfigError            settings that can't work, data folder not writable
    │   └── AlreadyRunning     another instance owns the data folder, or the port is taken
    ├── ModelError             weights missing, download broken, checksum wrong
    ├── EngineError            the engine can't serve
    │   ├── EngineNotReady     still loading (not a failure: ask again)
    │   ├── EngineFailed       it could not start, or died
    │   └── PromptTooLong      the prompt does not fit the context window
    ├── IngestError            one file could not be read
    │   ├── UnsupportedFile, EmptyFile, FileTooLarge, EncryptedFile, CorruptFile
    ├── StoreError             the database or the vector store can't be read or written
    └── NothingIndexed         a question, but no document to answer it from

Each message says what happened and what to do about it. Errors of other libraries are translated
once, at the edge where that library is called, with `raise ... from exc`.
"""


class DocMindError(Exception):
    """Base of all errors with a message fit for the user."""


class ConfigError(DocMindError):
    """Settings or surroundings that can't work."""


class AlreadyRunning(ConfigError):
    """Another instance owns the data folder, or the port is taken."""


class ModelError(DocMindError):
    """Weights are missing, incomplete or not what they should be."""


class EngineError(DocMindError):
    """The engine can't serve a request."""


class EngineNotReady(EngineError):
    """The model is still loading."""


class EngineFailed(EngineError):
    """The engine could not start, or died while running."""


class PromptTooLong(EngineError):
    """The prompt leaves no room in the context window."""


class IngestError(DocMindError):
    """One file could not be read; others are not affected."""


class UnsupportedFile(IngestError):
    """A file type that no reader knows."""


class EmptyFile(IngestError):
    """A file without content, or without any text."""


class FileTooLarge(IngestError):
    """A file over the configured limit."""


class EncryptedFile(IngestError):
    """A file that needs a password."""


class CorruptFile(IngestError):
    """A file that its own format's reader rejects."""


class StoreError(DocMindError):
    """The database or the vector store can't be read or written."""


class NothingIndexed(DocMindError):
    """A question was asked but no document is ready."""
