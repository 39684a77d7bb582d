"""Text formats: nothing is moved, renumbered or replaced on the way."""

import pytest

from docmind.errors import EmptyFile
from docmind.ingestion.readers.formats import read


def test_an_empty_first_header_keeps_the_columns_of_a_tsv_in_place(tmp_path):
    file = tmp_path / "a.tsv"
    file.write_text("\n\tdepth\tcranes\nAveiro\t12\t4\nSines\t28\t9\n")
    lines = read(file).text.splitlines()
    assert lines[0] == "|  | depth | cranes |"
    assert lines[2] == "| Aveiro | 12 | 4 |"


def test_a_list_that_goes_on_keeps_its_numbers(tmp_path):
    markdown = tmp_path / "a.md"
    markdown.write_text(
        "1. Drain the pump.\n\n```\nwait\n```\n\n2. Close the valve.\n3. Ring the bell.\n"
    )
    assert "2. Close the valve.\n\n3. Ring the bell." in read(markdown).text
    html = tmp_path / "a.html"
    html.write_text("<ol start='x'><li>One</li><li>Two</li></ol>")
    assert read(html).text == "1. One\n\n2. Two"


def test_a_part_of_a_mail_needs_no_headers_but_the_mail_does(tmp_path):
    file = tmp_path / "a.eml"
    file.write_text(
        'Subject: News\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="cut"\n\n'
        "--cut\n\nThe ferry leaves at nine.\n--cut--\n"
    )
    assert "The ferry leaves at nine." in read(file).text
    file.write_text("\nNo header stands above this.\n")
    with pytest.raises(EmptyFile):
        read(file)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [("", "utf-8"), ("; charset=x-unknown", "cp1252"), ("; charset=us-ascii", "utf-8")],
)
def test_a_mail_whose_encoding_is_not_told_or_wrong_keeps_its_letters(tmp_path, charset, encoding):
    body = "Die Brücke in Zürich wird übermorgen geöffnet. Bitte nehmen Sie so lange die Fähre."
    head = f"Subject: News\nContent-Type: text/plain{charset}\nContent-Transfer-Encoding: 8bit\n\n"
    file = tmp_path / "a.eml"
    file.write_bytes(head.encode() + body.encode(encoding))
    assert body in read(file).text
