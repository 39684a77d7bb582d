"""The page behind a citation is drawn with its passage marked."""

import io

import pytest
from PIL import Image

from docmind.ingestion.readers.formats import read
from docmind.ui.page_image import page_image
from tests.samples import HANDBOOK, write_pdf

MARK = (255, 230, 128)


def opened(png):
    return Image.open(io.BytesIO(png)).convert("RGB")


def marked_box(image):
    """Return the box around what is marked: left, top, right, bottom as fractions of the image."""
    mask = Image.new("1", image.size)
    mask.putdata([pixel == MARK for pixel in image.getdata()])
    left, top, right, bottom = mask.getbbox()
    return [
        left / image.width,
        top / image.height,
        right / image.width,
        bottom / image.height,
    ]


def test_the_cited_lines_are_marked_on_the_page(tmp_path):
    path = write_pdf(tmp_path / "handbook.pdf", HANDBOOK)
    on_page_2 = [section for section in read(path).sections if section.page == 2]
    box = on_page_2[0].boxes[0]
    with_mark = opened(page_image(str(path), 2, [box]))
    assert marked_box(with_mark) == pytest.approx(list(box), abs=0.005)
    without_mark = opened(page_image(str(path), 2))
    colours = {colour for _, colour in without_mark.getcolors(1 << 24)}
    assert MARK not in colours


def test_a_picture_is_shown_like_a_page(tmp_path):
    Image.new("RGBA", (300, 150), (0, 0, 0, 0)).save(tmp_path / "scan.png")
    image = opened(page_image(str(tmp_path / "scan.png"), 1, [[0.25, 0.5, 0.75, 1.0]]))
    assert image.size == (1100, 550)
    assert marked_box(image)[:2] == [0.25, 0.5]
    assert image.getpixel((5, 5)) == (255, 255, 255)
    assert page_image(str(tmp_path / "scan.png"), 2) is None


def test_a_page_that_cannot_be_drawn_is_left_out(tmp_path):
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.4 broken")
    assert page_image(str(path), 1) is None
    assert page_image(str(write_pdf(tmp_path / "handbook.pdf", HANDBOOK)), 9) is None
