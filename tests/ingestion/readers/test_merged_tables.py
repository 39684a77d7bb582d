"""Tables of random numbers and merged cells, in each format: a number keeps its header."""

import json
import tempfile
from pathlib import Path

import docx
import openpyxl
import pptx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx.util import Inches

from docmind.ingestion.readers.formats import read
from tests.ingestion.readers.odf_files import table, write_odf

ROWS = 5
COLUMNS = 4


@st.composite
def merged_ranges(draw):
    """Ranges (top, left, bottom, right) below the header that do not touch each other."""
    ranges = []
    for _ in range(draw(st.integers(0, 3))):
        top = draw(st.integers(1, ROWS - 1))
        left = draw(st.integers(1, COLUMNS - 1))
        bottom = draw(st.integers(top, min(top + 2, ROWS - 1)))
        right = draw(st.integers(left, COLUMNS - 1))
        is_free = all(
            bottom < other[0] or top > other[2] or right < other[1] or left > other[3]
            for other in ranges
        )
        if is_free and (top, left) != (bottom, right):
            ranges.append((top, left, bottom, right))
    return ranges


def table_of(ranges, numbers):
    """Return the texts of a table's cells; those inside of a merged range are ""."""
    texts = [["Part", "Jan", "Feb", "Mar"]]
    for row in range(1, ROWS):
        texts.append([f"Part {row}", *numbers[row * 3 : row * 3 + 3]])
    for top, left, bottom, right in ranges:
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) != (top, left):
                    texts[row][column] = ""
    return texts


def write_docx(path, texts, ranges):
    document = docx.Document()
    table = document.add_table(ROWS, COLUMNS)
    _fill(table, texts)
    for top, left, bottom, right in ranges:
        table.cell(top, left).merge(table.cell(bottom, right))
    document.save(path)


def write_pptx(path, texts, ranges):
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    size = [Inches(1)] * 4
    table = slide.shapes.add_table(ROWS, COLUMNS, *size).table
    _fill(table, texts)
    for top, left, bottom, right in ranges:
        table.cell(top, left).merge(table.cell(bottom, right))
    presentation.save(path)


def _fill(table, texts):
    for row, values in enumerate(texts):
        for column, text in enumerate(values):
            table.cell(row, column).text = text


def write_xlsx(path, texts, ranges):
    book = openpyxl.Workbook()
    for values in texts:
        book.active.append([int(text) if text.isdigit() else text or None for text in values])
    for top, left, bottom, right in ranges:
        book.active.merge_cells(
            start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1
        )
    book.save(path)


def write_ods(path, texts, ranges):
    write_odf(path, "spreadsheet", table(texts, ranges))


def write_odt(path, texts, ranges):
    write_odf(path, "text", table(texts, ranges))


def write_odp(path, texts, ranges):
    frame = f"<draw:frame>{table(texts, ranges)}</draw:frame>"
    write_odf(path, "presentation", f"<draw:page>{frame}</draw:page>")


def write_html(path, texts, ranges):
    covered = set()
    rows = []
    for row, values in enumerate(texts):
        cells = []
        for column, text in enumerate(values):
            spans = ""
            for top, left, bottom, right in ranges:
                if (row, column) == (top, left):
                    spans = f"rowspan={bottom - top + 1} colspan={right - left + 1}"
                elif top <= row <= bottom and left <= column <= right:
                    covered.add((row, column))
            if (row, column) not in covered:
                cells.append(f"<td {spans}>{text}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    path.write_text(f"<table>{''.join(rows)}</table>")


def write_rtf(path, texts, ranges):
    rows = []
    for row, values in enumerate(texts):
        definition = ""
        for column in range(COLUMNS):
            for top, left, bottom, right in ranges:
                if top <= row <= bottom and left <= column <= right:
                    across = "clmgf" if column == left else "clmrg"
                    down = "clvmgf" if row == top else "clvmrg"
                    definition += rf"\{across}" * (left < right) + rf"\{down}" * (top < bottom)
            definition += rf"\cellx{1000 * (column + 1)}"
        cells = "".join(rf"{text}\cell " for text in values)
        rows.append(rf"\trowd{definition}\pard\intbl {cells}\row")
    path.write_text(rf"{{\rtf1\ansi{''.join(rows)}}}")


def write_eml(path, texts, ranges):
    write_html(path, texts, ranges)
    path.write_text(f"Subject:\nContent-Type: text/html\n\n{path.read_text()}")


WRITERS = {
    ".rtf": write_rtf,
    ".eml": write_eml,
    ".docx": write_docx,
    ".pptx": write_pptx,
    ".xlsx": write_xlsx,
    ".odt": write_odt,
    ".ods": write_ods,
    ".odp": write_odp,
    ".html": write_html,
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    merged_ranges(),
    st.lists(st.integers(1000, 9999).map(str), min_size=15, max_size=15, unique=True),
)
def test_every_number_stands_beside_its_header(ranges, numbers):
    texts = table_of(ranges, numbers)
    for suffix, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a{suffix}"
            write(path, texts, ranges)
            header, _, *rows = read(path).text.splitlines()
        names = cells_of(header)
        found = [cells_of(row) for row in rows]
        for row, values in enumerate(texts[1:]):
            for column, text in enumerate(values):
                if text:
                    assert found[row][names.index(texts[0][column])] == text, suffix
        for top, left, bottom, right in ranges:
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    name = texts[0][column]
                    is_column_empty = all(not values[column] for values in texts[1:])
                    if not is_column_empty:
                        assert found[row - 1][names.index(name)] == texts[top][left], suffix


def cells_of(line):
    return line.strip("| ").split(" | ") if line else []


def write_csv(path, texts):
    path.write_text("\n".join(",".join(values) for values in texts))


def write_tsv(path, texts):
    path.write_text("\n".join("\t".join(values) for values in texts))


def write_markdown(path, texts):
    lines = [f"| {' | '.join(values)} |" for values in texts]
    lines.insert(1, "| --- | --- | --- | --- |")
    path.write_text("\n".join(lines))


def write_json(path, texts):
    records = [dict(zip(texts[0], values, strict=True)) for values in texts[1:]]
    path.write_text(json.dumps(records))


def write_yaml(path, texts):
    lines = []
    for values in texts[1:]:
        pairs = zip(texts[0], values, strict=True)
        lines.append("- {" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}")
    path.write_text("\n".join(lines))


def write_xml(path, texts):
    rows = []
    for values in texts[1:]:
        pairs = zip(texts[0], values, strict=True)
        cells = "".join(f"<{name}>{value}</{name}>" for name, value in pairs)
        rows.append(f"<row>{cells}</row>")
    path.write_text(f"<rows>{''.join(rows)}</rows>")


PLAIN_WRITERS = {
    ".csv": write_csv,
    ".tsv": write_tsv,
    ".md": write_markdown,
    ".json": write_json,
    ".yaml": write_yaml,
    ".xml": write_xml,
}
SHOWN = st.one_of(
    st.integers(0, 99999).map(str),
    st.decimals(0, 9999, places=2).map(str),
    st.from_regex(r"0[0-9]{4}", fullmatch=True),
    st.sampled_from(["7.50%", "-3", "(500)", "2024-03-05", "yes", "1e5"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SHOWN, min_size=15, max_size=15))
def test_every_value_stays_as_it_is_written_in_formats_of_text(values):
    texts = table_of([], values)
    for suffix, write in PLAIN_WRITERS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"a{suffix}"
            write(path, texts)
            (section,) = [section for section in read(path).sections if section.table]
        header, _, *rows = section.text.splitlines()
        assert cells_of(header) == texts[0], suffix
        assert [cells_of(row) for row in rows] == texts[1:], suffix
