import zipfile

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from docmind.ingestion.readers.formats import read
from tests.parts import find_shared_data

TITLE_ONLY = 5
TWO_CONTENTS = 3


@pytest.fixture
def presentation():
    return pptx.Presentation()


@pytest.fixture
def save(tmp_path, presentation):
    def save():
        presentation.save(tmp_path / "a.pptx")
        return tmp_path / "a.pptx"

    return save


def add_box(shapes, text, left, top):
    box = shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    box.text_frame.text = text
    return box


def test_a_picture_in_the_place_of_the_title_costs_nothing():
    document = read(find_shared_data("handout", "19-picture-as-title.pptx"))
    assert document.text == "The ferry leaves at half past six."


def test_shapes_are_read_from_top_to_bottom():
    document = read(find_shared_data("handout", "20-shape-order.pptx"))
    assert document.text.splitlines() == [
        "Step 1: switch the pump off.",
        "Step 2: open the drain.",
        "Step 3: remove the filter.",
    ]


def test_shapes_beside_each_other_groups_and_inherited_places(presentation, save):
    slide = presentation.slides.add_slide(presentation.slide_layouts[TWO_CONTENTS])
    # drawn from the last to the first
    group = slide.shapes.add_group_shape()
    add_box(group.shapes, "6", left=5, top=6.2)
    add_box(group.shapes, "5", left=1, top=6)
    add_box(slide.shapes, "3", left=5, top=1.1)
    add_box(slide.shapes, "2", left=1, top=1.2)
    title, left, right, *_ = slide.placeholders
    right.text_frame.text = "4b"
    left.text_frame.text = "4a"
    title.text_frame.text = "1"
    lines = read(save()).text.splitlines()
    assert lines[0] == "1"
    assert sorted(lines[1:5]) == ["2", "3", "4a", "4b"]
    assert lines.index("2") < lines.index("3")
    assert lines.index("4a") < lines.index("4b")
    assert lines[5:] == ["5", "6"]


def test_merged_cells_of_a_table_are_filled(presentation, save):
    slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
    size = [Inches(1)] * 4
    table = slide.shapes.add_table(3, 3, *size).table
    for row, texts in enumerate((("Region", "2024", ""), ("North", "1", "2"), ("", "3", "4"))):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(1, 0).merge(table.cell(2, 0))
    assert read(save()).text.splitlines() == [
        "| Region | 2024 | 2024 |",
        "| --- | --- | --- |",
        "| North | 1 | 2 |",
        "| North | 3 | 4 |",
    ]


def test_a_chart_is_its_title_and_its_values_as_shown(presentation, save):
    data = CategoryChartData(number_format="0%")
    data.categories = ["May", "June"]
    data.add_series("Share", (0.17, 0.23))
    slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
    slide.shapes.title.text = "Lake"
    size = [Inches(1)] * 4
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *size, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Ducks"
    text, table = read(save()).sections
    assert text.text == "Lake\nChart: Ducks"
    assert table.heading == "Lake"
    assert table.text.splitlines()[2:] == ["| May | 17% |", "| June | 23% |"]


def test_links_notes_footers_and_what_is_on_every_slide(presentation, save):
    for number in (1, 2):
        slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
        slide.shapes.title.text = f"Slide {number}"
        slide.notes_slide.notes_text_frame.text = f"Say {number}."
    run = add_box(slide.shapes, "our terms", left=1, top=3).text_frame.paragraphs[0].runs[0]
    run.hyperlink.address = "https://a.example/terms"
    master = presentation.slide_master.shapes
    copied = add_box(slide.shapes, "Northwind, confidential", left=1, top=7)
    master._spTree.append(copied._element)
    document = read(save())
    assert "our terms (https://a.example/terms)" in document.text
    assert [s.text for s in document.sections if s.text.startswith("Notes")] == [
        "Notes: Say 1.",
        "Notes: Say 2.",
    ]
    assert document.text.count("Northwind, confidential") == 1


def test_scripts_get_a_mark(presentation, save):
    slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
    paragraph = add_box(slide.shapes, "10", left=1, top=3).text_frame.paragraphs[0]
    power = paragraph.add_run()
    power.text = "6"
    power.font._element.set("baseline", "30000")
    assert read(save()).text == "10^6"


def test_a_damaged_or_missing_slide_costs_itself(presentation, save):
    for number in (1, 2, 3):
        slide = presentation.slides.add_slide(presentation.slide_layouts[TITLE_ONLY])
        slide.shapes.title.text = f"Slide {number}"
    path = save()
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    del parts["ppt/slides/slide1.xml"]
    parts["ppt/slides/slide2.xml"] = b"no slide"
    with zipfile.ZipFile(path, "w") as package:
        for name, data in parts.items():
            package.writestr(name, data)
    document = read(path)
    assert document.text == "Slide 3"
    assert document.pages == 3
    assert any("slide 1" in sentence for sentence in document.unread)
    assert any("slide2.xml" in sentence for sentence in document.unread)
