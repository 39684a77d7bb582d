"""Archives and mailboxes."""

import zipfile

import pytest

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.readers.formats import read
from tests.ingestion.readers.test_mail import mail


def unpacked(tmp_path, path):
    folder = tmp_path / "unpacked"
    folder.mkdir()
    document = read(path, unpack_into=folder)
    return document, {file.name: file.path.read_bytes() for file in document.attached}


def test_a_damaged_file_costs_itself_and_no_name_leads_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("good.txt", "good")
        package.writestr("bad.txt", "spoilt by one byte")
        package.writestr("../../out.txt", "no way out")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"spoilt by", b"spoilt bz"))
    document, files = unpacked(tmp_path, path)
    assert set(files) == {"good.txt", "../../out.txt"}
    assert document.unread == ("'bad.txt' in it is damaged and was not read",)
    assert "bad.txt (18 bytes)" in document.text
    assert sorted(file.name for file in (tmp_path / "unpacked").iterdir()) == ["0", "2"]
    assert not (tmp_path.parent / "out.txt").exists()


def test_a_bomb_is_not_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as package:
        for number in range(3):
            package.writestr(f"{number}.txt", bytes(50 << 20))
    with pytest.raises(CorruptFile, match="zip bomb"):
        read(tmp_path / "a.zip")


def test_an_archive_with_a_password(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("a.txt", "secret")
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the file's own head and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(EncryptedFile, match="password"):
        read(path)


@pytest.mark.parametrize("encoding", ["utf-8", "cp850"])
def test_a_name_that_says_no_encoding(tmp_path, encoding):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("Gr--e aus K-ln.txt", "x")
    name = "Grüße aus Köln.txt".encode(encoding)
    placeholder = b"Gr--e aus K-ln.txt"
    if encoding == "utf-8":
        placeholder = b"Gr----e aus K--ln.txt"
        with zipfile.ZipFile(path, "w") as package:
            package.writestr(placeholder.decode(), "x")
    path.write_bytes(path.read_bytes().replace(placeholder, name))
    _, files = unpacked(tmp_path, path)
    if encoding == "utf-8":
        assert set(files) == {"Grüße aus Köln.txt"}
    else:
        assert len(files) == 1


def test_every_mail_of_a_mailbox_is_read(tmp_path):
    second = mail("Keys", "They are with the porter.")
    second.add_attachment("A list.", filename="list.txt")
    with (tmp_path / "a.mbox").open("wb") as file:
        for message in (mail(), second):
            file.write(b"From ada@example.com Mon May  6 10:00:00 2024\n")
            file.write(bytes(message) + b"\n")
    document, files = unpacked(tmp_path, tmp_path / "a.mbox")
    texts = {(section.heading, section.text) for section in document.sections}
    assert ("Roof", "It is tight.") in texts
    assert ("Keys", "They are with the porter.") in texts
    assert {name: data.strip() for name, data in files.items()} == {"list.txt": b"A list."}
