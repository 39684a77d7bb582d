"""Where a restore unpacks, and how an interrupted one is known."""

from __future__ import annotations

from pathlib import Path

STAGING = "restoring"
"""The folder in the data folder."""
PLACING = "placing"
"""The file in it that says: the folder's own files are being moved."""


def is_unfinished(data_dir: Path) -> bool:
    """Tell whether a restore was interrupted while it put files into their places."""
    return (data_dir / STAGING / PLACING).exists()
