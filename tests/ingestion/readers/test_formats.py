import re
import zipfile

import pypdfium2
import pytest

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, UnsupportedFile
from docmind.ingestion.parsed import SECTION_SEPARATOR, Box, markdown_table
from docmind.ingestion.readers.formats import SUPPORTED, read
from docmind.ingestion.readers.ocr import RecognizedLine, in_reading_order
from tests.parts import find_shared_data
from tests.samples import NOTE, PAGES, locked_pdf, table_page, write_image, write_pdf


def only_table(document):
    (table,) = [section for section in document.sections if section.table]
    return table


def test_every_type_of_the_card_is_read(samples):
    assert set(samples) <= set(SUPPORTED)
    for path in samples.values():
        document = read(path)
        assert document.sections, path.name
        for start, section in document.spans():
            assert document.text[start : start + len(section.text)] == section.text


def test_a_pdf_keeps_pages_bookmarks_and_notes(samples):
    steps = []

    def progress(done, total):
        steps.append((done, total))

    document = read(samples[".pdf"], progress=progress)
    assert document.pages == 3
    assert [s.page for s in document.sections] == [1, 2, 3]
    assert [s.heading for s in document.sections] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert "Ada Lindqvist" in document.sections[0].text
    assert NOTE in document.sections[0].text
    assert "5,200 kilograms" in document.sections[1].text
    assert steps == [(0, 3), (1, 3), (2, 3)]


def test_word_keeps_headings_and_tables(samples):
    document = read(samples[".docx"])
    table = only_table(document)
    assert table.heading == "Staff handbook > Travel"
    assert table.text.splitlines() == [
        "| City | Allowance |",
        "| --- | --- |",
        "| Riga | 48 |",
        "| Porto | 52 |",
    ]
    assert "thirty days" in document.sections[0].text


def test_slides_are_pages_with_notes(samples):
    document = read(samples[".pptx"])
    assert document.pages == 2
    places = {(section.page, section.heading) for section in document.sections}
    assert places == {(1, "Roadmap"), (2, "Risks")}
    assert "Call Jonas" in document.text


def test_sheets_are_pages_with_headers(samples):
    document = read(samples[".xlsx"])
    assert all(section.table for section in document.sections)
    places = [(section.page, section.heading) for section in document.sections]
    assert places == [(1, "Sales"), (2, "Costs")]
    assert document.sections[0].text.splitlines()[2] == "| North | Q1 | 1200 |"


def test_csv_of_any_dialect_and_encoding(samples):
    (section,) = read(samples[".csv"]).sections
    assert section.table
    assert section.text.splitlines()[0] == "| Name | City | Born |"
    assert "| Åsa | Malmö | 1980 |" in section.text


def test_html_is_text_without_scripts_and_navigation(samples):
    document = read(samples[".html"])
    assert "60,000 bees" in document.text
    for hidden in ("hidden", "color", "Shop"):
        assert hidden not in document.text
    table = only_table(document)
    assert table.heading == "Bees > Keeping bees > Honey"
    assert "- Store it dark" in document.text


def test_markdown_sections_and_code(samples):
    document = read(samples[".md"])
    assert [s.heading for s in document.sections] == [
        "Setup",
        "Setup > Options",
        "Setup > Options",
        "Setup > Options",
    ]
    assert [s.table for s in document.sections] == [False, False, True, False]
    assert "# no heading" in document.sections[0].text


def test_text_of_another_encoding(samples):
    assert "Straßenbahn" in read(samples[".txt"]).text


def test_an_unknown_type_says_what_is_known(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"x")
    with pytest.raises(UnsupportedFile, match=r"song\.mp3.*PDF, DOCX.*EPUB.*PNG"):
        read(tmp_path / "song.mp3")


@pytest.mark.parametrize("suffix", [".pdf", ".docx", ".txt"])
def test_zero_bytes(tmp_path, suffix):
    (tmp_path / f"a{suffix}").touch()
    with pytest.raises(EmptyFile, match="0 bytes"):
        read(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", [".pdf", ".docx", ".pptx", ".xlsx"])
def test_garbage_is_corrupt(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"this is no such file" * 20)
    with pytest.raises(CorruptFile, match="damaged"):
        read(tmp_path / f"a{suffix}")


def test_a_cut_off_word_file_is_corrupt(samples, tmp_path):
    data = samples[".docx"].read_bytes()
    (tmp_path / "half.docx").write_bytes(data[: len(data) // 2])
    with pytest.raises(CorruptFile, match="half"):
        read(tmp_path / "half.docx")


def test_empty_pages_have_no_text(tmp_path):
    with pytest.raises(EmptyFile, match="no text"):
        read(write_pdf(tmp_path / "blank.pdf", ("", ""), note=""))


def test_a_scan_is_read_by_ocr_with_its_places(tmp_path):
    section, about = read(write_image(tmp_path / "scan.pdf")).sections
    assert about.text == "Title: scan"  # which the program that made it has written
    assert section.text == "The lighthouse keeper\ncounts 52 ships a day."
    assert section.page == 1
    first, second = section.boxes
    assert first.left < 0.1
    assert 0.05 < first.top < first.bottom < second.bottom < 0.6


def test_only_pages_without_text_are_read_by_ocr(tmp_path, monkeypatch):
    recognized = []

    def recognize(image):
        recognized.append(image.shape)
        return []

    monkeypatch.setattr("docmind.ingestion.readers.pdf_pictures.recognize", recognize)
    text = write_pdf(tmp_path / "text.pdf")
    scan = write_image(tmp_path / "scan.pdf")
    with pypdfium2.PdfDocument(text) as mixed, pypdfium2.PdfDocument(scan) as other:
        mixed.import_pages(other)
        mixed.save(tmp_path / "mixed.pdf")
    assert read(tmp_path / "mixed.pdf").pages == 4
    assert len(recognized) == 1


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_the_words_of_a_picture_are_read_however_it_is_turned(tmp_path, turned):
    document = read(write_image(tmp_path / "scan.webp", turned=turned))
    lines = set(re.split(r"\n|(?<=keeper) |(?<=day\.) ", document.text))
    assert lines == {"The lighthouse keeper", "counts 52 ships a day."}
    box = document.sections[0].boxes[0]
    is_wide = box.right - box.left > box.bottom - box.top
    assert is_wide == (turned in {0, 180})


def test_columns_of_a_scan_are_read_one_after_the_other_and_tables_by_row():
    def line(x, y, text):
        return RecognizedLine(Box(left=x, top=y, right=x + 0.3, bottom=y + 0.02), text)

    head = line(0.1, 0.1, "A title")
    left = []
    right = []
    for i in range(4):
        left.append(line(0.1, 0.2 + i * 0.03, f"left column, line number {i}"))
        right.append(line(0.5, 0.21 + i * 0.03, f"right column, line number {i}"))
    assert in_reading_order([*right, head, *reversed(left)]) == [head, *left, *right]
    cells = []
    for y in (0.5, 0.6, 0.7):
        cells.append(line(0.5, y, f"0.5 {y}"))
        cells.append(line(0.1, y, f"0.1 {y}"))
    assert [row.text for row in in_reading_order(cells)] == [
        "0.1 0.5 0.5 0.5",
        "0.1 0.6 0.5 0.6",
        "0.1 0.7 0.5 0.7",
    ]


ROWS = (
    ("Port", "Depth", "Cranes"),
    ("Aveiro", "12 m", "4"),
    ("Sines", "28 m", ""),
    ("Setubal", "13 m", "9"),
)


def test_a_ruled_table_in_a_pdf_is_a_table(tmp_path):
    file = write_pdf(tmp_path / "ports.pdf", pages=(table_page(ROWS),), note="")
    before, table, after = read(file).sections
    assert before.text == "Before the table."
    assert after.text == "After the table."
    assert table.table
    assert table.text == markdown_table(ROWS)
    assert [box is None for box in table.boxes] == [False, True, False, False, False]
    tops = [box.top for box in table.boxes if box]
    assert tops == sorted(tops)


def test_a_frame_is_no_table(tmp_path):
    frame = table_page((("Only a frame",),))
    document = read(write_pdf(tmp_path / "frame.pdf", (frame,), note=""))
    assert not any(s.table for s in document.sections)
    assert "".join(document.text.split()).count("table.") == 2


def test_a_rule_through_the_words_of_a_table_loses_nothing(tmp_path):
    cut = table_page(ROWS) + " 75 720 m 75 600 l S"
    before, table, after = read(write_pdf(tmp_path / "cut.pdf", (cut,), note="")).sections
    assert before.text == "Before the table."
    assert table.text == markdown_table(ROWS)
    assert after.text == "After the table."


def test_every_line_of_a_pdf_has_its_place(samples):
    section = read(samples[".pdf"]).sections[1]
    boxes = section.boxes
    assert len(boxes) == len(section.text.split("\n"))
    first = boxes[0]
    assert round(first.left, 2) == 0.10
    assert round(first.bottom, 2) == round(1 - 760 / 842, 2)
    assert boxes[1].top > first.top
    assert 0.3 < first.right < 1


def test_an_encrypted_office_file(tmp_path):
    (tmp_path / "secret.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    with pytest.raises(EncryptedFile, match="password"):
        read(tmp_path / "secret.docx")


def test_an_encrypted_pdf_wants_its_password(tmp_path):
    locked = locked_pdf(tmp_path / "secret.pdf")
    for wrong in (None, "simsim"):
        with pytest.raises(EncryptedFile, match=r"secret\.pdf.*password"):
            read(locked, password=wrong)
    assert "Ada Lindqvist" in read(locked, password="sesame").text
    assert "Ada Lindqvist" in read(locked).text  # an unlocked copy took its place


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (
            "macro.docm",
            {
                "vnd.openxmlformats-officedocument.wordprocessingml.document": (
                    "vnd.ms-word.document.macroEnabled"
                )
            },
        ),
        (
            "strict.docx",
            {
                f"http://schemas.openxmlformats.org/{part}/2006": f"http://purl.oclc.org/ooxml/{part}"
                for part in ("wordprocessingml", "officeDocument", "drawingml")
            },
        ),
    ],
)
def test_word_files_with_macros_and_in_the_strict_form(samples, tmp_path, name, changes):
    with zipfile.ZipFile(samples[".docx"]) as good, zipfile.ZipFile(tmp_path / name, "w") as other:
        for part in good.namelist():
            data = good.read(part)
            for old, new in changes.items():
                data = data.replace(old.encode(), new.encode())
            other.writestr(part, data)
    document = read(tmp_path / name)
    assert "thirty days" in document.text
    assert any(s.table for s in document.sections)


def test_books_and_mails(samples):
    book = read(samples[".epub"])
    assert [s.heading for s in book.sections] == ["Tides > Spring", "Tides > Neap"]
    mail = read(samples[".eml"]).text
    assert "Subject: Grüße from the pier" in mail
    assert "The crane is repaired." in mail
    assert "Attachments: invoice.txt" in mail


def test_rst_includes_no_other_files(samples):
    document = read(samples[".rst"])
    assert "They leave at nine." in document.text
    assert "root:" not in document.text
    assert "raw" not in document.text


def test_outlook_messages():
    text = read(find_shared_data("formats/email/sources/msg_with_attachment.msg")).text
    assert 'From: "Alice Example" <alice@example.com>' in text
    assert "Attachments: test.txt, report.pdf" in text


def test_entities_and_bombs_are_not_opened(samples, tmp_path):
    evil = tmp_path / "evil.docx"
    with zipfile.ZipFile(samples[".docx"]) as good, zipfile.ZipFile(evil, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "word/document.xml":
                data = data.replace(
                    b"<w:document", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><w:document', 1
                )
            bad.writestr(name, data)
    with pytest.raises(CorruptFile, match="entities"):
        read(evil)
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/worksheets/sheet1.xml", b" " * (120 << 20))
    with pytest.raises(CorruptFile, match="zip bomb"):
        read(bomb)


def test_binary_data_is_no_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 8 + bytes(4000))
    with pytest.raises(CorruptFile, match="not text"):
        read(tmp_path / "a.txt")


def test_control_characters_are_left_out(tmp_path):
    (tmp_path / "log.txt").write_text("\x1b[31mred\x1b[0m a\x07\x7f\x9bb so\xadft\x0cnext page")
    assert read(tmp_path / "log.txt").text == "[31mred[0m ab soft\nnext page"


def test_deep_nesting_does_not_crash(tmp_path):
    (tmp_path / "deep.html").write_text("<div>" * 20_000 + "core" + "</div>" * 20_000)
    assert "core" in read(tmp_path / "deep.html").text


def test_sections_are_joined_by_a_gap(samples):
    document = read(samples[".pdf"])
    assert document.text.count(SECTION_SEPARATOR) >= 2
    assert PAGES[2].split(". ", maxsplit=1)[0] in document.text
