"""Text in images, by RapidOCR with the models that its package carries."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from docmind.ingestion.parsed import Box, Progress, Section

Placed = tuple[Box, str]
"""Where a line stands in the image, and what it says."""
LONGEST_SIDE = 2000
"""Pixels to which larger images are reduced: A4 at 170 dpi."""
TRIM = (0.03, 0.2)
"""Share of a line's width and height left out at either end: skewed lines reach into each other."""
COLUMN_LINES, COLUMN_CHARS = 3, 18
"""Fewer lines beside each other, or shorter ones (median), are no columns of running text."""


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    threads = min(4, os.cpu_count() or 1)
    params = {
        "Global.log_level": "critical",
        "EngineConfig.onnxruntime.intra_op_num_threads": threads,
        # lines are found in a smaller picture than they are read in: a quarter faster, 0.995 of the words for 0.987
        "Det.limit_type": "max",
        "Det.limit_side_len": 1280,
    }
    return RapidOCR(params=params)


def read_image(path: Path, progress: Progress) -> list[Section]:
    """Read a picture, or each page of a TIFF."""
    import numpy as np
    from PIL import Image

    sections: list[Section] = []
    with Image.open(path) as image:
        pages = getattr(image, "n_frames", 1)
        for number in range(1, pages + 1):
            progress(number - 1, pages)
            image.seek(number - 1)
            lines = recognize(np.asarray(upright(image))[:, :, ::-1])
            boxes = tuple(box for box, _ in lines)
            sections.append(Section("\n".join(text for _, text in lines), number, boxes=boxes))
    return sections


def upright(image: Any) -> Any:
    """Return a PIL image as it is shown: turned as the camera says, on white where it is transparent."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def recognize(image: Any) -> list[Placed]:
    """Return the lines of an image in reading order.

    Args:
        image: pixels as blue, green, red; uint8 [height, width, 3].
    """
    import numpy as np

    result = _engine()(np.ascontiguousarray(image))
    if result.boxes is None:
        return []
    height, width = result.img.shape[:2]
    lines: list[Placed] = []
    for corners, text in zip(result.boxes, result.txts, strict=True):
        (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
        box = (left / width, top / height, right / width, bottom / height)
        a, b, c, d = (round(min(1.0, max(0.0, float(v))), 4) for v in box)
        lines.append(((a, b, c, d), text))
    return in_order(lines)


def in_order(lines: Sequence[Placed]) -> list[Placed]:
    """Return lines in reading order: columns before what stands below them (an XY-cut); a row becomes one line."""
    parts = _split(lines, 0)
    if not all(
        len(part) >= COLUMN_LINES and median(len(t) for _, t in part) >= COLUMN_CHARS
        for part in parts
    ):
        parts = [list(lines)]  # tables are read by rows
    if len(parts) == 1:
        parts = _split(lines, 1)
    if len(parts) > 1:
        return [line for part in parts for line in in_order(part)]
    rows: list[list[Placed]] = []
    for line in sorted(lines, key=lambda line: line[0][1]):
        if rows and (line[0][1] + line[0][3]) / 2 < rows[-1][0][0][3]:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [_row(sorted(row)) for row in rows]


def _row(row: Sequence[Placed]) -> Placed:
    lefts, tops, rights, bottoms = zip(*(box for box, _ in row), strict=True)
    return (min(lefts), min(tops), max(rights), max(bottoms)), " ".join(text for _, text in row)


def _split(lines: Sequence[Placed], axis: int) -> list[list[Placed]]:
    """Cut at every gap that no line reaches into: across (axis 0) or down (axis 1)."""
    spans = []
    for line in lines:
        low, high = line[0][axis], line[0][axis + 2]
        trim = TRIM[axis] * (high - low)
        spans.append((low + trim, high - trim, line))
    spans.sort(key=lambda span: span[:2])
    parts: list[list[Placed]] = []
    end = -1.0
    for low, high, line in spans:
        if low > end:
            parts.append([])
        parts[-1].append(line)
        end = max(end, high)
    return parts
