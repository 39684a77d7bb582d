"""A document's page as a picture, with a passage marked on it."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from docmind.ingestion.readers.formats import IMAGES

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

DRAWN_SUFFIXES = {".pdf", *IMAGES}
"""Formats whose pages can be drawn."""
WIDTH = 1100
"""Pixels of a page in full view: about two for each that a screen's pane has."""
MARKER_COLOUR = "#ffe680"
_PDFIUM = threading.Lock()
"""PDFium is not thread-safe."""


def draw_page(
    path: str, page: int, boxes: Sequence[Sequence[float]] = (), width: int = WIDTH
) -> bytes | None:
    """Return a PDF's or picture's page as PNG with the passage marked; None if it can't be drawn.

    Args:
        page: 1-based.
        boxes: to be marked; left, top, right and bottom as fractions of the page.
        width: in pixels.
    """
    try:
        if path.endswith(".pdf"):
            image = _draw_pdf_page(path, page, width)
        else:
            image = _draw_picture(path, page, width)
    except (RuntimeError, OSError, EOFError, IndexError, ValueError) as exc:
        # PDFium's errors are RuntimeErrors.
        log.warning("page %s of %s could not be drawn: %s", page, path, exc)
        return None
    marked = _mark(image, boxes)
    png = io.BytesIO()
    marked.save(png, "PNG", optimize=False)
    return png.getvalue()


def _mark(image: Image, boxes: Sequence[Sequence[float]]) -> Image:
    """Return the image as if a marker pen had gone over the boxes: what is dark stays dark."""
    from PIL import ImageChops, ImageDraw

    coloured = image.copy()
    pen = ImageDraw.Draw(coloured)
    for left, top, right, bottom in boxes:
        corners = (
            left * image.width,
            top * image.height,
            right * image.width,
            bottom * image.height,
        )
        pen.rectangle(corners, fill=MARKER_COLOUR)
    return ImageChops.darker(image, coloured)


def _draw_pdf_page(path: str, page: int, width: int) -> Image:
    import pypdfium2

    with _PDFIUM, pypdfium2.PdfDocument(path) as pdf:
        sheet = pdf[page - 1]
        image: Image = sheet.render(scale=width / sheet.get_width()).to_pil()
        return image.convert("RGB")


def _draw_picture(path: str, page: int, width: int) -> Image:
    import PIL.Image

    from docmind.ingestion.readers.ocr import open_heic_too, upright

    open_heic_too()
    with PIL.Image.open(path) as picture:
        picture.seek(page - 1)
        image: Image = upright(picture)
        height = max(1, image.height * width // image.width)
        return image.resize((width, height))
