"""Plain text → text."""

from __future__ import annotations

from pathlib import Path

from docmind.ingestion.parsed import Progress, Section
from docmind.ingestion.readers.encodings import decode


def read_text(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read plain text of any encoding."""
    return [Section(decode(path.read_bytes()))]
