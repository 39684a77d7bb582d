"""Text in the pictures of a PDF page, by OCR.

A page is a scan if its larger part is a picture with hardly any text on it, however many letters a
stamp has. On other pages each picture that is large enough to hold text is read, but for those
that have text on them: they are backgrounds, or scans whose text somebody has recognised already.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from docmind.ingestion.parsed import Box, Line
from docmind.ingestion.readers.ocr import LONGEST_SIDE, recognize
from docmind.ingestion.readers.ooxml import Unread
from docmind.ingestion.readers.pdf_lines import PageLayout, Rect, around

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pypdfium2 import PdfObject, PdfPage

SCAN = 0.5
"""Fraction of a page's area from which a picture without text makes it a scan."""
LEAST_WIDTH = 0.12
LEAST_HEIGHT = 0.03
"""Fractions of a page's width and height that a picture with text has; a line of text is 0.014."""
LEAST_PIXELS = 40
"""A picture with fewer in either direction is a pattern or a rule."""
BANDS = 20
MOST_BANDS_WITH_TEXT = 5
"""Of so many horizontal bands of a picture as many may have text on them before it is not read.

A stamp or a court's running head has one or two; the text on a slide's background, and a text layer
below a scan, have most.
"""
LEAST_LETTERS = 6
"""Fewer in a picture are what OCR takes for letters."""
MOST_PICTURES = 200
"""Pictures on text pages that are read in a document: half a second each. Scans always are."""
MOST_IMAGES = 400
"""More on a page are its drawing."""
MOST_FORMS = 4
"""Forms in forms in which images are looked for."""
WHOLE_PAGE = Box(left=0, top=0, right=1, bottom=1)


@dataclass
class Picture:
    """Images that touch each other, as the strips of a scan do."""

    rect: Rect
    content: tuple[int, ...]
    """A checksum of each image."""


class PictureReader:
    """Reads the pictures of a document: one that stands on every page, as a logo does, once."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._seen: set[tuple[int, ...]] = set()
        self._count = 0
        """Pictures of text pages that have been read."""

    def read(self, page: PicturePage) -> Iterator[ReadPicture]:
        """Yield what OCR reads on a page, without what is known as its text."""
        if page.is_without_text:
            yield ReadPicture(page.lines(WHOLE_PAGE), is_scan=True)
            return
        for picture in page.unread_pictures:
            if picture.content in self._seen:
                continue
            self._seen.add(picture.content)
            is_scan = page.is_mostly(picture)
            if not is_scan:
                self._count += 1
                if self._count > MOST_PICTURES:
                    self._unread.count(
                        f"picture after the first {MOST_PICTURES}",
                        f"pictures after the first {MOST_PICTURES}",
                    )
                    continue
            lines = page.lines(page.box(picture))
            letters = sum(character.isalnum() for line in lines for character in line.text)
            if letters >= LEAST_LETTERS:
                yield ReadPicture(lines, is_scan=is_scan)


class ReadPicture(NamedTuple):
    """What a picture says."""

    lines: list[Line]
    is_scan: bool
    """It is most of its page: what it says is the page's text."""


class PicturePage:
    """The pictures of a page whose text is not known yet."""

    def __init__(self, page_layout: PageLayout) -> None:
        self._layout = page_layout
        self._page_rect = page_layout.direction.rect(*page_layout.page.get_bbox())

    @property
    def is_without_text(self) -> bool:
        """Tell whether the page shows something, but no text."""
        if self._layout.lines:
            return False
        return any(True for _ in self._layout.page.get_objects(max_depth=2))

    @property
    def is_read_by_ocr(self) -> bool:
        """Tell whether the page has anything that OCR may read."""
        return self.is_without_text or bool(self.unread_pictures)

    @property
    def is_scan(self) -> bool:
        """Tell whether what OCR reads is the text of the page."""
        return self.is_without_text or any(map(self.is_mostly, self.unread_pictures))

    def is_mostly(self, picture: Picture) -> bool:
        """Tell whether the page is hardly more than this picture."""
        return picture.rect.area >= SCAN * self._page_rect.area

    def box(self, picture: Picture) -> Box:
        """Return where a picture stands when the page is shown."""
        return self._layout.box(picture.rect)

    @cached_property
    def unread_pictures(self) -> list[Picture]:
        """Those that are large enough for text and have none on them."""
        images = list(_images(self._layout.page))
        if len(images) > MOST_IMAGES:
            return []
        pictures: list[Picture] = []
        for image in images:
            rect = _common(self._layout.direction.rect(*_bounds(image)), self._page_rect)
            if rect is not None:
                pictures.append(Picture(rect, content=(_checksum(image),)))
        return [
            picture
            for picture in _joined(pictures)
            if self._is_large(picture) and not self._has_text(picture)
        ]

    def _is_large(self, picture: Picture) -> bool:
        is_wide = picture.rect.width >= LEAST_WIDTH * self._page_rect.width
        return is_wide and picture.rect.height >= LEAST_HEIGHT * self._page_rect.height

    def _has_text(self, picture: Picture) -> bool:
        """Tell whether text stands all over a picture."""
        rect = picture.rect
        bands: set[int] = set()
        for line in self._layout.lines:
            for word in line.words:
                center = word.rect.center
                if rect.holds(center):
                    bands.add(int((center.y - rect.top) / rect.height * BANDS))
        return len(bands) > MOST_BANDS_WITH_TEXT

    def lines(self, part: Box) -> list[Line]:
        """Return what OCR reads in a part of the page, without what is known as text."""
        height, width = self._image.shape[:2]
        top = int(part.top * height)
        bottom = int(part.bottom * height)
        left = int(part.left * width)
        right = int(part.right * width)
        lines: list[Line] = []
        for line in recognize(self._image[top:bottom, left:right]):
            box = Box(
                left=round(part.left + line.box.left * (part.right - part.left), 4),
                top=round(part.top + line.box.top * (part.bottom - part.top), 4),
                right=round(part.left + line.box.right * (part.right - part.left), 4),
                bottom=round(part.top + line.box.bottom * (part.bottom - part.top), 4),
            )
            if not self._is_known(box):
                lines.append(Line(box=box, text=line.text))
        return lines

    def _is_known(self, box: Box) -> bool:
        """Tell whether a line of the page's text covers most of a place."""
        for known in self._known_boxes:
            width = min(box.right, known.right) - max(box.left, known.left)
            height = min(box.bottom, known.bottom) - max(box.top, known.top)
            if width > 0 and height > 0:
                area = (box.right - box.left) * (box.bottom - box.top)
                if width * height > area / 3:
                    return True
        return False

    @cached_property
    def _known_boxes(self) -> list[Box]:
        return [self._layout.box(line.rect) for line in self._layout.lines if line.words]

    @cached_property
    def _image(self) -> NDArray[np.uint8]:
        """The page as blue, green and red pixels; [height, width, 3]."""
        page = self._layout.page
        scale = LONGEST_SIDE / max(page.get_size())
        pixels: NDArray[np.uint8] = page.render(scale=scale).to_numpy()
        return pixels[:, :, :3]


def _images(page: PdfPage) -> Iterator[PdfObject]:
    """Yield the images on a page, also those in forms, that have as many pixels as text needs."""
    import pypdfium2.raw as pdfium_c

    if not _may_have_images(page):
        return
    for image in page.get_objects([pdfium_c.FPDF_PAGEOBJ_IMAGE], max_depth=MOST_FORMS):
        if _is_fine(image):
            yield image


def _may_have_images(page: PdfPage) -> bool:
    """Tell whether an image or a form stands on the page.

    Most pages have none. pypdfium2 makes an object of each letter and line to find that out.
    """
    import pypdfium2.raw as pdfium_c

    for number in range(pdfium_c.FPDFPage_CountObjects(page)):
        kind = pdfium_c.FPDFPageObj_GetType(pdfium_c.FPDFPage_GetObject(page, number))
        if kind in {pdfium_c.FPDF_PAGEOBJ_IMAGE, pdfium_c.FPDF_PAGEOBJ_FORM}:
            return True
    return False


def _bounds(image: PdfObject) -> tuple[float, float, float, float]:
    """Return where an image stands on the page: left, bottom, right, top."""
    left, bottom, right, top = image.get_bounds()
    container = image.container
    while container is not None:  # an image in a form says where it stands there
        matrix = container.get_matrix()
        corners = [matrix.on_point(x, y) for x in (left, right) for y in (bottom, top)]
        left = min(x for x, _ in corners)
        right = max(x for x, _ in corners)
        bottom = min(y for _, y in corners)
        top = max(y for _, y in corners)
        container = container.container
    return left, bottom, right, top


def _is_fine(image: PdfObject) -> bool:
    """Tell whether an image has as many pixels as text needs."""
    import pypdfium2.raw as pdfium_c

    width = ctypes.c_uint()
    height = ctypes.c_uint()
    if not pdfium_c.FPDFImageObj_GetImagePixelSize(image, width, height):
        return True  # nothing is known of it
    return min(width.value, height.value) >= LEAST_PIXELS


def _checksum(image: PdfObject) -> int:
    """Return a number that tells images apart."""
    import pypdfium2.raw as pdfium_c

    size = pdfium_c.FPDFImageObj_GetImageDataRaw(image, None, 0)
    buffer = ctypes.create_string_buffer(size)
    pdfium_c.FPDFImageObj_GetImageDataRaw(image, buffer, size)
    return zlib.crc32(buffer.raw)


def _common(one: Rect, other: Rect) -> Rect | None:
    """Return what both rectangles have in common, if they overlap."""
    common = Rect(
        left=max(one.left, other.left),
        top=max(one.top, other.top),
        right=min(one.right, other.right),
        bottom=min(one.bottom, other.bottom),
    )
    if common.width <= 0 or common.height <= 0:
        return None
    return common


def _joined(pictures: Sequence[Picture]) -> list[Picture]:
    """Return pictures of which none touches another."""
    separate: list[Picture] = []
    for picture in pictures:
        merged = picture
        while True:
            touched = _first_touched(separate, merged)
            if touched is None:
                break
            separate.remove(touched)
            merged = Picture(
                rect=around(touched.rect, merged.rect), content=touched.content + merged.content
            )
        separate.append(merged)
    return separate


def _first_touched(pictures: Sequence[Picture], picture: Picture) -> Picture | None:
    one = picture.rect
    for candidate in pictures:
        other = candidate.rect
        across = one.left <= other.right + 1 and other.left <= one.right + 1
        if across and one.top <= other.bottom + 1 and other.top <= one.bottom + 1:
            return candidate
    return None
