"""What is written in the pictures of Office files."""

import docx
import openpyxl
import openpyxl.drawing.image
import pptx
import pytest
from docx.shared import Inches

from docmind.ingestion.readers import pictures
from docmind.ingestion.readers.formats import read
from tests.samples import write_image

LINES = ("The lighthouse keeper", "counts 52 ships a day.")


@pytest.fixture
def picture(tmp_path):
    return str(write_image(tmp_path / "picture.png"))


def test_pictures_of_a_document_are_read_once(tmp_path, picture):
    document = docx.Document()
    document.add_paragraph("Before.")
    document.add_picture(picture, width=Inches(2))
    document.add_picture(picture, width=Inches(1))
    document.add_paragraph("After.")
    document.save(tmp_path / "a.docx")
    lines = read(tmp_path / "a.docx").text.splitlines()
    assert [line for line in lines if line] == ["Before.", "In the picture:", *LINES, "After."]


def test_pictures_on_slides_and_sheets(tmp_path, picture):
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "Ships"
    slide.shapes.add_picture(picture, 0, 0)
    presentation.save(tmp_path / "a.pptx")
    (section,) = read(tmp_path / "a.pptx").sections
    assert section.text.splitlines() == ["Ships", *LINES]

    book = openpyxl.Workbook()
    book.active.add_image(openpyxl.drawing.image.Image(picture), "A1")
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx").text.splitlines()[-2:] == list(LINES)


def test_pictures_over_the_limit_are_counted(tmp_path, picture, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PICTURES", 0)
    document = docx.Document()
    document.add_paragraph("Before.")
    document.add_picture(picture)
    document.save(tmp_path / "a.docx")
    assert read(tmp_path / "a.docx").unread == ("1 picture was not read",)
