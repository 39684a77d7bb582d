from pathlib import Path
from random import Random

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.readers.formats import _cleaned, read
from docmind.ingestion.readers.pdf import _sections
from docmind.ingestion.readers.pdf_lines import Direction, PageLayout, Rect, TextLine, Word
from docmind.ingestion.readers.pdf_tables import Table
from tests.parts import find_shared_data
from tests.samples import write_image, write_pdf

ROTATED = "0 1 -1 0 595 0 cm"
"""Turns what follows a quarter, as a landscape page on an upright sheet."""


def show(x: float, y: float, text: str, size: float = 11) -> str:
    return f"BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET"


def read_page(folder: Path, *drawing: str, rotation: int = 0) -> ParsedDocument:
    """Return what is read of a page with this content stream."""
    path = write_pdf(folder / "page.pdf", ("%\n" + "\n".join(drawing),), note="")
    if rotation:
        with pypdfium2.PdfDocument(path) as pdf:
            pdf[0].set_rotation(rotation)
            pdf.save(folder / "turned.pdf")
        path = folder / "turned.pdf"
    return read(path)


def test_text_between_blank_lines_and_tables_keeps_its_places(tmp_path):
    def line(y: float, text: str) -> TextLine:
        rect = Rect(left=60, top=y, right=300, bottom=y + 10)
        word = Word(text, rect)
        return TextLine([word], rect, baseline=y + 8, font_height=10, blank_before=True)

    path = write_pdf(tmp_path / "page.pdf", ("Some text.",), note="")
    one, a, b, two = (line(y, text) for y, text in zip(range(-800, -400, 100), "1ab2", strict=True))
    with pypdfium2.PdfDocument(path) as pdf:
        page_layout = PageLayout(pdf[0], Direction(), [one, a, b, two])
        table = Table(
            markdown="| a |\n| --- |\n| b |",
            boxes=(page_layout.box(a.rect), None, page_layout.box(b.rect)),
            words=frozenset([*a.words, *b.words]),
        )
        drawn = _sections(page_layout, tables=[table], other_lines=[], page=1, headings=())
        before, found, after = [_cleaned(section) for section in drawn]
        assert found.table
        assert (before.text, after.text) == ("1", "2")
        assert before.boxes == (page_layout.box(one.rect),)
        assert after.boxes == (page_layout.box(two.rect),)


def cells(markdown: str) -> list[list[str]]:
    """Return the rows of a Markdown table, its header first."""
    header, _rule, *rows = markdown.splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in [header, *rows]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "01-invoice-single-digits.pdf",
            ["Bolt 12.50 3 37.50", "Nut 8.25 2 16.50", "Washer 1.10 7 7.70", "Screw 0.15 9 1.35"],
        ),
        (
            "02-landscape-rotate90.pdf",
            ["PX-4001 Valve 1 11 5.50 Firm 1 S1", "PX-4019 Valve 19 29 23.50 Firm 19 S19"],
        ),
        ("05-drawn-bottom-up.pdf", [f"Sentence number {n} of the story." for n in range(1, 7)]),
    ],
)
def test_lines_are_those_of_the_page(name, expected):
    tops: list[float] = []
    lines: list[str] = []
    for section in read(find_shared_data("handout", name)).sections:
        for line, box in zip(section.text.splitlines(), section.boxes, strict=True):
            lines.append(" ".join(line.replace("|", " ").split()))
            if box:
                tops.append(box.top)
    assert [line for line in lines if line in expected] == expected
    assert tops == sorted(tops)
    assert len(set(tops)) == len(tops)  # each line has a place of its own


def test_a_hyphen_goes_only_between_two_lower_case_letters():
    text = read(find_shared_data("handout", "04-hyphen-codes.pdf")).text
    for code in ("XK-7781", "2024-11-30", "report-2024.pdf", "Anglo-American", "DE12-3456"):
        assert code in text


def test_a_word_is_whole_and_a_footnote_is_not_in_it(tmp_path):
    document = read_page(
        tmp_path,
        show(60, 700, "The docu-"),
        show(60, 100, "The price is in dollars.", size=7),
        show(320, 700, "ment is short."),
    )
    assert "The document" in document.text
    assert "The price is in dollars." in document.text


def test_a_minus_behind_a_number_is_no_hyphen(tmp_path):
    document = read_page(
        tmp_path,
        show(60, 700, "Loss of the year 2023"),
        show(300, 700, "1,234-"),
        show(60, 686, "5 others"),
        show(300, 686, "5,678"),
    )
    assert document.text.splitlines() == ["Loss of the year 2023 1,234-", "5 others 5,678"]


def test_raised_numbers_are_no_part_of_the_number_before(tmp_path):
    document = read_page(
        tmp_path,
        show(60, 700, "10"),
        show(72.5, 704, "6", size=7),
        show(80, 700, "neutrons"),
        show(60, 680, "total 45"),
        show(97, 684, "2", size=7),
        show(103, 680, "million"),
        show(60, 660, "H"),
        show(68, 657, "2", size=7),
        show(72, 660, "O"),
    )
    assert document.text.splitlines() == ["10^6 neutrons", "total 45^2 million", "H2O"]


def test_columns_are_read_one_after_the_other_and_a_footer_last(tmp_path):
    left = [show(60, 700 - 14 * n, f"Left column line {n} of text") for n in range(5)]
    right = [show(320, 700 - 14 * n, f"Right column line {n} of text") for n in range(5)]
    footer = show(60, 60, "Page 7 of the report")
    heading = show(60, 760, "A heading over both of the columns of this page, drawn last of all")
    text = read_page(tmp_path, footer, *left, *right, heading).text
    assert text.splitlines() == [
        "A heading over both of the columns of this page, drawn last of all",
        *[f"Left column line {n} of text" for n in range(5)],
        *[f"Right column line {n} of text" for n in range(5)],
        "Page 7 of the report",
    ]


WORDS = [
    "harbour",
    "keeper",
    "counted",
    "ships",
    "that",
    "came",
    "before",
    "noon",
    "island",
    "storms",
]


@given(
    columns=st.integers(2, 3),
    order=st.sampled_from(["by rows", "row at once", "right to left", "any"]),
    has_middle_heading=st.booleans(),
    turned=st.booleans(),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_columns_of_text_are_read_down_however_they_were_drawn(
    tmp_path_factory, columns, order, has_middle_heading, turned, random
):
    placed: list[tuple[int, int, str]] = []  # row, column, text
    expected = ["A heading that stands over all columns of this page and is longer than one"]
    for first, last in ((0, 9), (10, 19)) if has_middle_heading else ((0, 19),):
        if first:
            expected.append("Another heading over all of the columns stands in the middle of it")
        for column in range(columns):
            for row in range(first, last):
                text = " ".join(random.sample(WORDS, 5))
                if row == first:
                    text = text.capitalize()
                placed.append((row, column, text))
                expected.append(text)
    if order == "by rows":
        placed.sort()
    elif order == "right to left":
        placed.sort(key=lambda line: (-line[1], line[0]))
    elif order == "any":
        random.shuffle(placed)
    drawing = [show(60, 520, expected[0])]
    if has_middle_heading:
        middle = next(text for text in expected if text.startswith("Another"))
        drawing.append(show(60, 494 - 14 * 9, middle, size=14))
    if order == "row at once":
        for row in sorted({row for row, _, _ in placed}):
            pieces = [(60 + 175 * column, text) for at, column, text in placed if at == row]
            moves = [f"1 0 0 1 {x} {494 - 14 * row} Tm ({text}) Tj" for x, text in sorted(pieces)]
            drawing.append(f"BT /F1 7 Tf {' '.join(moves)} ET")
    else:
        for row, column, text in placed:
            drawing.append(show(60 + 175 * column, 494 - 14 * row, text, size=7))
    if order == "any":
        random.shuffle(drawing)
    if turned:
        drawing.insert(0, ROTATED)
    document = read_page(tmp_path_factory.mktemp("pdf"), *drawing)
    lines = [line for line in document.text.splitlines() if line]
    assert lines == expected


def test_rows_of_texts_and_labels_are_not_parted(tmp_path):
    drawing: list[str] = []
    expected: list[str] = []
    for number, month in enumerate(["January", "February", "March", "April", "May", "June"]):
        y = 700 - 30 * number
        drawing.append(show(60, y, f"{month} was counted by two of the"))
        drawing.append(show(320, y, f"Ships that came in {month} were"))
        drawing.append(show(60, y - 13, "keepers who live on the isle"))
        drawing.append(show(320, y - 13, "more than in the year before"))
        expected.append(f"{month} was counted by two of the Ships that came in {month} were")
        expected.append("keepers who live on the isle more than in the year before")
    text = read_page(tmp_path, *drawing).text
    assert text.splitlines() == expected


def ruled(lefts: list[int], tops: list[int]) -> list[str]:
    """Return the lines of a table with all its rules."""
    lines = [f"{lefts[0]} {y} m {lefts[-1]} {y} l S" for y in tops]
    lines += [f"{x} {tops[0]} m {x} {tops[-1]} l S" for x in lefts]
    return lines


def test_a_paragraph_between_two_tables_stands_once_and_in_no_column(tmp_path):
    above = ruled([60, 200, 340], [700, 680, 660])
    below = ruled([60, 200, 340], [600, 580, 560])
    frame = ["60 660 m 60 600 l S", "340 660 m 340 600 l S"]
    paragraph = "The tables above and below were made by two people who never met in their lives,"
    document = read_page(
        tmp_path,
        *above,
        *below,
        *frame,
        show(64, 686, "Year"),
        show(204, 686, "Sales"),
        show(64, 666, "2023"),
        show(204, 666, "41"),
        show(64, 640, paragraph, size=6),
        show(64, 630, "and who would have had little to say to each other.", size=6),
        show(64, 586, "Year"),
        show(204, 586, "Costs"),
        show(64, 566, "2023"),
        show(204, 566, "39"),
    )
    first, between, second = document.sections
    assert cells(first.text) == [["Year", "Sales"], ["2023", "41"]]
    assert between.text.startswith(paragraph)
    assert document.text.count("two people") == 1
    assert cells(second.text) == [["Year", "Costs"], ["2023", "39"]]


def test_a_rule_through_a_word_does_not_part_it(tmp_path):
    document = read_page(
        tmp_path,
        *ruled([60, 200, 340], [700, 680, 660, 640]),
        show(64, 686, "Key figures"),
        show(168, 686, "performance of the year"),  # over the rule in the middle
        show(64, 666, "Sales"),
        show(204, 666, "41"),
        show(64, 646, "Costs"),
        show(204, 646, "39"),
    )
    assert document.text.split().count("performance") == 1


def test_shades_and_frames_do_not_part_a_text_nor_repeat_a_row(tmp_path):
    # the shade of the last column is lower than a row, a title runs through the sides of shades
    drawing = [
        *ruled([60, 260, 340, 420], [700, 680, 640, 620, 600]),
        "260 660 m 340 660 l S",
        show(64, 666, "Current assets"),
        show(64, 646, "Cash"),
        show(264, 646, "4,900"),
        show(344, 646, "13,302"),
        show(64, 626, "Other comprehensive income that can be reclassified"),
        show(64, 606, "Receivables"),
        show(264, 606, "10,641"),
        show(344, 606, "12,698"),
        show(264, 686, "2022"),
        show(344, 686, "2021"),
    ]
    (table,) = read_page(tmp_path, *drawing).sections
    assert cells(table.text) == [
        ["", "2022", "2021"],
        ["Current assets Cash", "4,900", "13,302"],
        ["Other comprehensive income that can be reclassified", "", ""],
        ["Receivables", "10,641", "12,698"],
    ]


def test_rows_without_rules_between_them_are_rows(tmp_path):
    drawing = ruled([60, 200, 340], [700, 680, 620])
    drawing += [show(64, 686, "Item"), show(204, 686, "Price")]
    for row, (item, price) in enumerate([("Bolt", "12.50"), ("Nut", "8.25"), ("Screw", "0.15")]):
        drawing += [show(64, 666 - 14 * row, item), show(204, 666 - 14 * row, price)]
    (table,) = read_page(tmp_path, *drawing).sections
    assert cells(table.text) == [
        ["Item", "Price"],
        ["Bolt", "12.50"],
        ["Nut", "8.25"],
        ["Screw", "0.15"],
    ]


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Return rows of different numbers, of one to six characters."""
    columns = draw(st.integers(2, 5))
    rows = draw(st.integers(2, 6))
    count = columns * rows
    numbers = draw(st.lists(st.integers(0, 99999), min_size=count, max_size=count, unique=True))
    decimals = draw(st.booleans())
    texts = [f"{number / 100:.2f}" if decimals else str(number) for number in numbers]
    return [texts[row * columns : (row + 1) * columns] for row in range(rows)]


@given(
    rows=tables(),
    turned=st.booleans(),
    rotation=st.sampled_from([0, 90, 180, 270]),
    order=st.sampled_from(["by rows", "by columns", "any"]),
    random=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_each_number_of_a_ruled_table_stands_below_its_headers(
    tmp_path_factory, rows, turned, rotation, order, random
):
    columns = len(rows[0])
    lefts = [60 + 80 * n for n in range(columns + 1)]
    tops = [540 - 20 * n for n in range(len(rows) + 3)]
    group_end = random.randint(1, columns)
    # "Group" spans the first columns, so there are no rules between them in the first row
    drawing = [f"{lefts[0]} {y} m {lefts[-1]} {y} l S" for y in tops]
    for number, x in enumerate(lefts):
        top = tops[1] if 0 < number < group_end else tops[0]
        drawing.append(f"{x} {top} m {x} {tops[-1]} l S")
    placed = [(0, 0, "Group")]
    placed += [(0, column, f"Alone{column}") for column in range(group_end, columns)]
    placed += [(1, column, f"Head{column}") for column in range(columns)]
    for number, row in enumerate(rows):
        placed += [(number + 2, column, text) for column, text in enumerate(row)]
    if order == "by columns":
        placed.sort(key=lambda cell: cell[1])
    elif order == "any":
        random.shuffle(placed)
    for row, column, text in placed:
        drawing.append(show(lefts[column] + 4, tops[row] - 14, text))
    if turned:
        drawing.insert(0, ROTATED)
    document = read_page(tmp_path_factory.mktemp("pdf"), *drawing, rotation=rotation)
    (table,) = [section for section in document.sections if section.table]
    found = cells(table.text)
    if group_end == columns:  # a title over all columns, which is no row of the table
        assert "Group" in document.text
        headers = found[:1]
    else:
        assert found[0] == ["Group"] * group_end + [
            f"Alone{column}" for column in range(group_end, columns)
        ]
        headers = found[:2]
    assert headers[-1] == [f"Head{column}" for column in range(columns)]
    assert found[len(headers) :] == rows


@given(
    rows=tables(),
    turned=st.booleans(),
    rotation=st.sampled_from([0, 90, 180, 270]),
    by_columns=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_each_number_without_rules_stands_in_its_row(
    tmp_path_factory, rows, turned, rotation, by_columns
):
    placed = [(n, 0, f"Item{n}") for n in range(len(rows))]
    for number, row in enumerate(rows):
        placed += [(number, column + 1, text) for column, text in enumerate(row)]
    placed.sort(key=lambda cell: cell[1 if by_columns else 0])
    drawing = [show(60 + 70 * column, 540 - 18 * row, text) for row, column, text in placed]
    if turned:
        drawing.insert(0, ROTATED)
    document = read_page(tmp_path_factory.mktemp("pdf"), *drawing, rotation=rotation)
    (section,) = document.sections
    expected = [[f"Item{number}", *row] for number, row in enumerate(rows)]
    if section.table:
        header, *found = cells(section.text)
        assert not any(header)  # a number is no head of a column
        assert found == expected
    else:  # two rows may stand below each other by chance
        assert len(rows) < 3
        assert section.text.splitlines() == [" ".join(row) for row in expected]


@pytest.mark.parametrize("heads", [["2023", "2022", "2021"], ["Sales", "Costs", "Profit"]])
@pytest.mark.parametrize("order", ["by rows", "by columns", "any"])
@pytest.mark.parametrize("seed", range(4))
def test_each_number_without_rules_stands_below_its_head(tmp_path, heads, order, seed):
    random = Random(seed)
    placed = [(0, column, text) for column, text in enumerate(heads, start=1)]
    expected = [["", *heads]]
    for row in range(1, 10):
        numbers = [f"{random.randrange(10**6):,}" for _ in heads]
        expected.append([f"Item{row}", *numbers])
        placed += [(row, column, text) for column, text in enumerate(expected[-1])]
    if order == "by columns":
        placed.sort(key=lambda cell: (cell[1], cell[0]))
    elif order == "any":
        random.shuffle(placed)
    drawing = [show(60 + 90 * column, 700 - 18 * row, text) for row, column, text in placed]
    (table,) = read_page(tmp_path, *drawing).sections
    assert cells(table.text) == expected


def test_a_table_without_rules_has_its_heads_title_and_unit(tmp_path):
    drawing = [
        show(60, 760, "Revenue by region and year is shown in the table that follows below."),
        show(60, 720, "Revenue by region"),
        show(60, 706, "\\($ in millions\\)"),
        show(260, 690, "Year ended December"),
        show(250, 676, "2023"),
        show(350, 676, "2022"),
        show(60, 662, "Europe"),
        show(240, 662, "$"),
        show(250, 662, "1,204"),
        show(340, 662, "$"),
        show(350, 662, "1,100"),
        show(60, 648, "Products"),
        show(70, 634, "Bolts and nuts"),
        show(250, 634, "804"),
        show(350, 634, "\\(12\\)"),
        show(70, 620, "Other"),
        show(250, 620, "31"),
        show(350, 620, "7"),
        show(60, 560, "What follows is text again."),
    ]
    text, table, after = read_page(tmp_path, *drawing).sections
    assert text.text.startswith("Revenue by region and year")
    assert table.caption == "Revenue by region\n($ in millions)"
    assert cells(table.text) == [
        ["", "Year ended December 2023", "Year ended December 2022"],
        ["Europe", "$ 1,204", "$ 1,100"],
        ["Products", "", ""],
        ["Bolts and nuts", "804", "(12)"],
        ["Other", "31", "7"],
    ]
    assert after.text == "What follows is text again."


def test_lists_contents_and_two_columns_of_text_are_no_tables(tmp_path):
    drawing: list[str] = []
    for number in range(5):
        y = 700 - 14 * number
        drawing.append(show(60, y, f"{number + 1}."))
        drawing.append(show(90, y, f"The step number {number} is done with care"))
        drawing.append(show(60, y - 100, f"Chapter {number} . . . . . . . . . . . . ."))
        drawing.append(show(400, y - 100, f"{7 * number}"))
        drawing.append(show(60, y - 200, "A line of the left column"))
        drawing.append(show(320, y - 200, "and one of the right column"))
    sections = read_page(tmp_path, *drawing).sections
    assert not any(section.table for section in sections)


def test_a_table_that_would_lose_or_repeat_words_is_text():
    rect = Rect(left=0, top=0, right=10, bottom=10)
    words = frozenset([Word("Sales", rect), Word("41", rect)])

    def table(markdown: str) -> Table:
        return Table(markdown=markdown, boxes=(), words=words)

    assert table("| Sales | 41 |\n| --- | --- |").is_whole
    assert not table("| Sales |\n| --- |").is_whole
    assert not table("| Sales | Sales | Sales | 41 |\n| --- | --- | --- | --- |").is_whole


def test_running_heads_are_read_once_and_page_numbers_are_labels(tmp_path):
    pages: list[str] = []
    for number in range(5):
        head = show(60, 810, "Northwind annual report")
        body = show(60, 500, f"The harbour had {number * 37 + 11} ships.")
        total = show(300, 60, f"{[5, 8, 2, 9, 4][number]}")
        foot = show(290, 30, f"- {number + 1} -")
        pages.append(f"%\n{head}\n{body}\n{total}\n{foot}")
    path = write_pdf(tmp_path / "report.pdf", pages, note="")
    document = read(path)
    assert document.text.count("Northwind annual report") == 1
    assert "- 3 -" not in document.text
    for number in range(5):
        assert f"{number * 37 + 11} ships" in document.text
    # numbers at the same place that do not count the pages are part of the text
    assert [section.text.split()[-1] for section in document.sections] == ["5", "8", "2", "9", "4"]
    for section in document.sections:
        assert len(section.boxes) == len(section.text.splitlines())


def test_larger_lines_are_headings_where_a_pdf_has_no_bookmarks(tmp_path):
    drawing = [show(60, 780, "The harbour", size=24)]
    for part, top in (("Ships", 740), ("Storms", 500)):
        drawing.append(show(60, top, part, size=16))
        for number in range(5):
            text = f"{part} of the year number {number} were counted by two keepers."
            drawing.append(show(60, top - 20 - 14 * number, text))
    (section,) = read_page(tmp_path, *drawing).sections
    assert len(section.headings) == 1  # the bookmark of the page
    path = write_without_bookmarks(tmp_path / "page.pdf")
    title, ships, storms = read(path).sections
    assert title.text == "The harbour"
    assert ships.headings == ("The harbour", "Ships")
    assert ships.text.startswith("Ships\nShips of the year")
    assert storms.headings == ("The harbour", "Storms")


def write_without_bookmarks(path: Path) -> Path:
    """Return a copy with the pages of a PDF and nothing else."""
    copy = path.with_suffix(".copy.pdf")
    with pypdfium2.PdfDocument(path) as pdf, pypdfium2.PdfDocument.new() as pages:
        pages.import_pages(pdf)
        pages.save(copy)
    return copy


def test_a_page_has_the_label_that_is_printed_on_it(tmp_path):
    path = write_pdf(tmp_path / "a.pdf", ["Preface.", "Chapter one."], note="")
    content = path.read_bytes()
    labels = b"/Type /Catalog /PageLabels << /Nums [0 << /S /r >> 1 << /S /D >>] >>"
    path.write_bytes(content.replace(b"/Type /Catalog", labels))
    preface, chapter = read(path).sections
    assert (preface.page, preface.page_label) == (1, "i")
    assert (chapter.page, chapter.page_label) == (2, "1")


def test_pictures_that_are_too_many_are_said_to_be_unread(tmp_path, monkeypatch):
    count_recognized(monkeypatch)
    monkeypatch.setattr("docmind.ingestion.readers.pdf_pictures.MOST_PICTURES", 0)
    path = write_with_picture(tmp_path / "a.pdf", ["Some text."], ("Logo",), width=240, height=100)
    assert read(path).unread == ("1 picture after the first 0 was not read",)


def write_with_picture(
    path: Path, pages: list[str], lines: tuple[str, ...], width: int, height: int
) -> Path:
    """Write pages of text with a picture of these lines in the middle of each."""
    text = write_pdf(path.with_suffix(".text.pdf"), pages, note="")
    picture = write_image(path.with_suffix(".jpg"), lines)
    with pypdfium2.PdfDocument(text) as pdf:
        for page in pdf:
            image = pypdfium2.PdfImage.new(pdf)
            image.load_jpeg(picture)
            left = (595 - width) / 2
            bottom = (842 - height) / 2
            image.set_matrix(pypdfium2.PdfMatrix().scale(width, height).translate(left, bottom))
            page.insert_obj(image)
            page.gen_content()
        pdf.save(path)
    return path


def count_recognized(monkeypatch) -> list[tuple[int, ...]]:
    """Return a list that will have the shape of each picture that OCR is asked to read."""
    shapes: list[tuple[int, ...]] = []

    def recognize(image):
        shapes.append(image.shape)
        return []

    monkeypatch.setattr("docmind.ingestion.readers.pdf_pictures.recognize", recognize)
    return shapes


def test_a_long_stamp_does_not_hide_the_scan_below_it():
    text = read(find_shared_data("handout", "03-scan-with-stamp.pdf")).text
    assert text.count("DocuSign Envelope ID") == 1
    for words in ("monthly rent is 1,450 dollars", "cat named Pelican", "Rotterdam on 12 May 2023"):
        assert words.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_a_scan_with_a_stamp_is_one_text_in_which_the_stamp_stands_once(tmp_path):
    stamp = "%\n" + show(60, 800, "Case 1:23-cv-01234-ABC Document 16 Filed 05/12/23 Page 2 of 16")
    lines = ("The lighthouse keeper", "counts 52 ships a day.")
    path = write_with_picture(tmp_path / "scan.pdf", [stamp], lines, width=560, height=460)
    (section,) = read(path).sections
    assert section.text.count("01234") == 1
    assert "counts52shipsaday" in section.text.replace(" ", "")
    assert len(section.boxes) == len(section.text.splitlines())


def test_a_picture_on_a_page_of_text_is_a_passage_with_its_place(tmp_path):
    lines = ("The lighthouse keeper", "counts 52 ships a day.")
    path = write_with_picture(tmp_path / "a.pdf", ["Some text."], lines, width=240, height=100)
    text, picture = read(path).sections
    assert text.text == "Some text."
    assert picture.text.splitlines() == list(lines)
    assert picture.page == 1
    for box in picture.boxes:
        assert (595 - 240) / 2 / 595 < box.left < box.right < (595 + 240) / 2 / 595
        assert (842 - 100) / 2 / 842 < box.top < box.bottom < (842 + 100) / 2 / 842


def test_a_picture_on_every_page_is_read_once(tmp_path, monkeypatch):
    shapes = count_recognized(monkeypatch)
    pages = ["Some text.", "More text.", "The end."]
    read(write_with_picture(tmp_path / "a.pdf", pages, ("Logo",), width=240, height=100))
    assert len(shapes) == 1


@pytest.mark.parametrize(
    ("width", "height", "page"),
    [
        (60, 60, "Some text."),  # too small to hold text
        # a scan with its text, or a background
        (560, 800, ". ".join(f"Line {number} of a text layer" for number in range(40))),
    ],
)
def test_pictures_without_text_of_their_own_cost_no_ocr(tmp_path, monkeypatch, width, height, page):
    shapes = count_recognized(monkeypatch)
    read(write_with_picture(tmp_path / "a.pdf", [page], ("Sea",), width=width, height=height))
    assert shapes == []
