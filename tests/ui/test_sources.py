"""The page behind a citation is drawn with its passage marked, also while other PDFs are being read."""

import io

from PIL import Image

from docmind.ingestion.read_pdf import PDF_LOCK
from docmind.ui.sources import page_image
from tests.browser.pdf import HANDBOOK, write_pdf

MARK = (255, 230, 128)


def colours(png):
    return {colour for _, colour in Image.open(io.BytesIO(png)).getcolors(1 << 24)}


def test_the_cited_lines_are_marked_on_the_page(tmp_path):
    path = str(write_pdf(tmp_path / "handbook.pdf", HANDBOOK))
    assert MARK in colours(page_image(path, 2, "A late book costs 20 cents a day, and no more than 10 euros in all."))
    assert MARK not in colours(page_image(path, 2, "This sentence is nowhere on the page."))


def test_a_page_that_cannot_be_drawn_is_left_out(tmp_path):
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.4 broken")
    assert page_image(str(path), 1, "text") is None
    assert page_image(str(write_pdf(tmp_path / "handbook.pdf", HANDBOOK)), 9, "text") is None
    assert not PDF_LOCK.locked()
