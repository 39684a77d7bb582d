"""reStructuredText → text, as the web page that it describes."""

from __future__ import annotations

from pathlib import Path

from docmind.ingestion.parsed import Progress, Section
from docmind.ingestion.readers.encodings import decode
from docmind.ingestion.readers.html import html_sections


def read_rst(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read reStructuredText; it may include no files."""
    from docmind.ingestion.readers.sphinx import rst_page

    return html_sections(rst_page(decode(path.read_bytes())))
