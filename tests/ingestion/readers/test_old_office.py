"""Office files of before 2007, and what else has their endings."""

import shutil

import docx
import pytest

from docmind.errors import CorruptFile, UnsupportedFile
from docmind.ingestion.readers import old_office
from docmind.ingestion.readers.formats import read
from tests.parts import find_shared_data

OLD = old_office.OLD_OFFICE_MAGIC + b"old"


@pytest.fixture
def no_libre_office(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def test_without_libre_office_it_is_said_what_to_do(tmp_path, no_libre_office):
    (tmp_path / "a.doc").write_bytes(OLD)
    with pytest.raises(UnsupportedFile, match=r"'a\.doc' is a Word file .* or save .* as DOCX"):
        read(tmp_path / "a.doc")


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("a.xls", b"<table><tr><td>Part<td>Price<tr><td>Bolt<td>12.50</table>", "| Bolt | 12.50 |"),
        ("a.xls", b"Part\tPrice\nBolt\t12.50\n", "| Bolt | 12.50 |"),
        ("a.doc", b"{\\rtf1 Rent {\\b due}.\\par}", "Rent due."),
        ("a.doc", b"<html><body><h1>Rent</h1>", "# Rent"),
    ],
)
def test_what_only_has_the_ending_is_read_as_what_it_is(
    tmp_path, no_libre_office, name, content, text
):
    (tmp_path / name).write_bytes(content)
    assert text in read(tmp_path / name).text


def test_a_new_file_with_an_old_ending(tmp_path, no_libre_office):
    document = docx.Document()
    document.add_paragraph("New.")
    document.save(tmp_path / "a.docx")
    (tmp_path / "a.docx").rename(tmp_path / "a.doc")
    assert "New." in read(tmp_path / "a.doc").text


def program(folder, script):
    """Put a program called soffice into a folder of its own."""
    folder.mkdir()
    path = folder / "soffice"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return folder


def test_a_conversion_that_hangs_or_fails_is_ended_and_said(tmp_path, monkeypatch):
    (tmp_path / "a.doc").write_bytes(OLD)
    sleep = shutil.which("sleep")
    monkeypatch.setattr(old_office, "LONGEST_S", 0.2)
    monkeypatch.setenv("PATH", str(program(tmp_path / "hangs", f"{sleep} 60")))
    with pytest.raises(CorruptFile, match="given up: LibreOffice"):
        read(tmp_path / "a.doc")
    monkeypatch.setattr(old_office, "LONGEST_S", 60)
    monkeypatch.setenv("PATH", str(program(tmp_path / "fails", "exit 1")))
    with pytest.raises(CorruptFile, match="can't be converted"):
        read(tmp_path / "a.doc")


@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_an_old_presentation_is_converted_and_read():
    document = read(find_shared_data("formats/ppt/sources/legacy_sample.ppt"))
    assert document.pages > 0
