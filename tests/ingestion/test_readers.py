import zipfile

import pytest

from docmind.errors import CorruptFile, EmptyFile, EncryptedFile, UnsupportedFile
from docmind.ingestion.parsed import GAP
from docmind.ingestion.readers import SUPPORTED, read
from tests.samples import NOTE, PAGES, write_pdf


def test_every_type_of_the_card_is_read(samples):
    assert set(samples) <= set(SUPPORTED)
    for path in samples.values():
        document = read(path)
        assert document.sections, path.name
        for start, section in document.spans():
            assert document.text[start : start + len(section.text)] == section.text


def test_a_pdf_keeps_pages_bookmarks_and_notes(samples):
    seen = []
    document = read(samples[".pdf"], progress=lambda done, total: seen.append((done, total)))
    assert document.pages == 3
    assert [s.page for s in document.sections] == [1, 2, 3]
    assert [s.heading for s in document.sections] == ["Chapter 1", "Chapter 2", "Chapter 3"]
    assert "Ada Lindqvist" in document.sections[0].text
    assert NOTE in document.sections[0].text
    assert "5,200 kilograms" in document.sections[1].text
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_word_keeps_headings_and_tables(samples):
    document = read(samples[".docx"])
    table = next(s for s in document.sections if s.table)
    assert table.heading == "Staff handbook > Travel"
    assert table.text.splitlines() == ["| City | Allowance |", "| --- | --- |", "| Riga | 48 |", "| Porto | 52 |"]
    assert "thirty days" in document.sections[0].text


def test_slides_are_pages_with_notes(samples):
    document = read(samples[".pptx"])
    assert document.pages == 2
    assert {(s.page, s.heading) for s in document.sections} == {(1, "Roadmap"), (2, "Risks")}
    assert "Call Jonas" in document.text


def test_sheets_are_pages_with_headers(samples):
    document = read(samples[".xlsx"])
    assert [(s.page, s.heading, s.table) for s in document.sections] == [(1, "Sales", True), (2, "Costs", True)]
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
    table = next(s for s in document.sections if s.table)
    assert table.heading == "Bees > Keeping bees > Honey"
    assert "- Store it dark" in document.text


def test_markdown_sections_and_code(samples):
    document = read(samples[".md"])
    assert [s.heading for s in document.sections] == ["Setup", "Setup > Options", "Setup > Options", "Setup > Options"]
    assert [s.table for s in document.sections] == [False, False, True, False]
    assert "# no heading" in document.sections[0].text


def test_text_of_another_encoding(samples):
    assert "Straßenbahn" in read(samples[".txt"]).text


def test_an_unknown_type_says_what_is_known(tmp_path):
    (tmp_path / "song.mp3").write_bytes(b"x")
    with pytest.raises(UnsupportedFile, match=r"song\.mp3.*PDF, DOCX, PPTX"):
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


def test_a_scan_says_that_there_is_no_ocr_yet(tmp_path):
    with pytest.raises(EmptyFile, match="OCR"):
        read(write_pdf(tmp_path / "scan.pdf", ("", ""), note=""))


def test_an_encrypted_office_file(tmp_path):
    (tmp_path / "secret.docx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    with pytest.raises(EncryptedFile, match="password"):
        read(tmp_path / "secret.docx")


def test_an_encrypted_pdf(tmp_path):
    # the password check fails on keys of the right shape that belong to no empty password
    data = write_pdf(tmp_path / "a.pdf").read_bytes()
    lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O (%b) /U (%b) /P -4 >> /ID [(a) (a)]" % (b"o" * 32, b"u" * 32)
    (tmp_path / "secret.pdf").write_bytes(data.replace(b"trailer\n<<", b"trailer\n<< " + lock))
    with pytest.raises(EncryptedFile, match="password"):
        read(tmp_path / "secret.pdf")


def test_entities_and_bombs_are_not_opened(samples, tmp_path):
    evil = tmp_path / "evil.docx"
    with zipfile.ZipFile(samples[".docx"]) as good, zipfile.ZipFile(evil, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == "word/document.xml":
                data = data.replace(b"<w:document", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><w:document', 1)
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
    assert document.text.count(GAP) >= 2
    assert PAGES[2].split(". ", maxsplit=1)[0] in document.text
