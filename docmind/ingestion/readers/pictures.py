"""What is written in the pictures of an Office file or a mail, by OCR."""

from __future__ import annotations

from io import BytesIO
from typing import Protocol

from docmind.ingestion.parsed import Progress
from docmind.ingestion.readers.ocr import open_heic_too, recognize, upright
from docmind.ingestion.readers.ooxml import Unread

LEAST_WIDTH = 100
LEAST_HEIGHT = 24
"""Pixels; what is smaller is an icon and has no text that could be read."""
LEAST_LETTERS = 3
"""What has fewer is a sign that looks like a letter."""
MOST_PICTURES = 100
"""Of one file: each takes a second or two."""


class PartsWithPictures(Protocol):
    """A file of parts, some of which are pictures."""

    unread: Unread

    def read(self, name: str) -> bytes:
        """Return a part's bytes; b"" if it is not there or its data are damaged."""


class Pictures:
    """Reads each picture of a file once, however often it is shown."""

    def __init__(self, package: PartsWithPictures, progress: Progress) -> None:
        self._package = package
        self._progress = progress
        self._seen: set[str] = set()

    def text(self, part: str) -> str:
        """Return the text in a picture; "" if there is none or it was returned before.

        A picture in a form that can't be opened (a drawing of Windows, say) is counted as unread,
        and so are those over `MOST_PICTURES`.
        """
        if part in self._seen:
            return ""
        self._seen.add(part)
        if len(self._seen) > MOST_PICTURES:
            self.count_unread()
            return ""
        self._progress(len(self._seen) - 1, 0)
        text = text_in_picture(self._package.read(part))
        if text is None:
            self.count_unread()
            return ""
        return text

    def count_unread(self) -> None:
        """Note a picture that can't be read."""
        self._package.unread.count("picture", "pictures")


def text_in_picture(data: bytes) -> str | None:
    """Return the text in a picture, "" if it has none; None if the picture can't be opened."""
    import numpy as np
    from PIL import Image

    open_heic_too()
    try:
        with Image.open(BytesIO(data)) as picture:
            is_drawing_of_windows = picture.format in {"EMF", "WMF"}
            width, height = picture.size
            if is_drawing_of_windows:
                return None
            if width < LEAST_WIDTH or height < LEAST_HEIGHT:
                return ""
            pixels = np.asarray(upright(picture))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    lines = [line.text for line in recognize(pixels[:, :, ::-1])]
    text = "\n".join(lines)
    letters = [character for character in text if character.isalnum()]
    return text if len(letters) >= LEAST_LETTERS else ""
