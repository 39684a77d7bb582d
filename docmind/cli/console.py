"""What the commands print with: results go to `out`, everything else to `err`."""

from __future__ import annotations

import re

from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """Return `text` without control characters: a document must not steer the terminal."""
    return _CONTROL_CHARACTERS.sub("", text)
