"""The tags between which data reaches a model, and how data is kept from closing them."""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?(?:passages?|results?|earlier|summary)\b)", re.IGNORECASE)
"""The tags between which documents, results and earlier turns reach a model."""


def defuse_tags(text: str) -> str:
    """Return the text with our own tags in it made harmless: data can't close its delimiters."""
    return _TAG.sub("\u2039\\1", text)
