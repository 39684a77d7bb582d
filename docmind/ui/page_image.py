"""A document's page as a picture, with a passage marked on it; drawn once for all tabs."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from docmind.ingestion.page_images import WIDTH, draw_page

__all__ = ["WIDTH", "page_image"]


@st.cache_data(show_spinner=False, max_entries=20)
def page_image(
    path: str, page: int, boxes: Sequence[Sequence[float]] = (), width: int = WIDTH
) -> bytes | None:
    """Return a page as PNG, see `draw_page`."""
    return draw_page(path, page, boxes, width)
