"""Notes as one Markdown file."""

from __future__ import annotations

from collections.abc import Sequence

from docmind.storage.notes import Note


def notes_as_markdown(notes: Sequence[Note]) -> str:
    """Return the notes one after the other, each below its title."""
    parts: list[str] = []
    for note in notes:
        parts.append(f"# {note.title}\n\n{note.text.strip()}\n")
    return "\n".join(parts)
