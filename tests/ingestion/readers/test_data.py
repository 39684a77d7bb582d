"""Data and code as text with structure; drawings and pictures of telephones."""

import base64
import gzip
import json

import pytest
from PIL import Image

from docmind.errors import CorruptFile
from docmind.ingestion.readers import data
from docmind.ingestion.readers.formats import read
from docmind.ingestion.tables import tables_of
from tests.samples import write_image


def read_text(tmp_path, name, text):
    (tmp_path / name).write_text(text, "utf-8")
    return read(tmp_path / name)


PRICES = '[{"part": "Bolt", "price": 12.50, "of": {"city": "Riga"}}, {"part": "Nut", "price": 3}]'
TABLE = ["| part | price | of.city |", "| --- | --- | --- |", "| Bolt | 12.50 | Riga |"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", PRICES),
        ("a.jsonl", PRICES[1:-1].replace("}, {", "}\n{")),
        ("a.yaml", "- {part: Bolt, price: 12.50, of: {city: Riga}}\n- part: Nut\n  price: 3\n"),
        (
            "a.xml",
            (
                "<x><a><part>Bolt</part><price>12.50</price><of><city>Riga</city></of></a>"
                "<a><part>Nut</part><price>3</price></a></x>"
            ),
        ),
    ],
)
def test_records_are_a_table_that_is_computed_with(tmp_path, name, text):
    document = read_text(tmp_path, name, text)
    (section,) = [section for section in document.sections if section.table]
    assert section.text.splitlines()[:3] == TABLE
    (table,) = tables_of(document)
    assert [str(row.values[1]) for row in table.rows] == ["12.50", "3"]


def test_keys_are_headings_and_values_stay_as_they_are_written(tmp_path):
    text = (
        "port: 0123\nactive: no\nversion: 1.10\nserver:\n  name: Heron\n  paths:\n"
        "    - /a\n    - /b\n"
    )
    document = read_text(tmp_path, "a.yaml", text)
    assert document.sections[0].text.splitlines() == ["port: 0123", "active: no", "version: 1.10"]
    assert document.sections[1].headings == ("server",)
    assert "paths: /a, /b" in document.sections[1].text
    again = read_text(tmp_path, "a.toml", '[server]\nname = "Heron"\nratio = 1.50\n')
    assert again.sections[0].headings == ("server",)
    assert "ratio: 1.50" in again.text


def test_text_with_marks_in_xml_stays_whole(tmp_path):
    text = '<book lang="en"><p>The <b>blue</b> heron<ref to="n1"/>.</p><p>Second.</p></book>'
    document = read_text(tmp_path, "a.xml", text)
    for words in ("lang: en", "The blue heron (n1).", "Second."):
        assert words in document.text


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.toml"])
def test_what_is_no_valid_data_is_read_as_text(tmp_path, name):
    document = read_text(tmp_path, name, "{{ herons: [1, 2")
    assert document.text == "{{ herons: [1, 2"
    assert "read as text" in document.unread[0]


def test_yaml_that_stands_for_itself_many_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "MOST_VALUES", 10_000)
    lines = ["a0: &a0 [x, y]"]
    for number in range(1, 40):
        lines.append(f"a{number}: &a{number} [*a{number - 1}, *a{number - 1}]")
    with pytest.raises(CorruptFile, match="values"):
        read_text(tmp_path, "a.yaml", "\n".join(lines))


def test_code_is_cut_at_its_definitions_and_keeps_its_indentation(tmp_path):
    text = (
        '"""A module."""\nimport os\n\n# The nest.\nclass Nest:\n    """Sticks."""\n\n'
        "    def eggs(self):\n        return 3\n\n\nasync def fly():\n    pass\n"
    )
    sections = read_text(tmp_path, "heron.py", text).sections
    assert [section.headings for section in sections] == [
        (),
        ("Nest",),
        ("Nest", "eggs"),
        ("fly",),
    ]
    assert sections[1].text.startswith("# The nest.\nclass Nest:")
    assert "def eggs(self):\n    return 3" in "\n".join(s.text for s in sections)
    tex = read_text(tmp_path, "a.tex", "\\section{Birds}\nText.\n\\subsection{Herons}\nMore.")
    assert [section.headings for section in tex.sections] == [("Birds",), ("Birds", "Herons")]
    ini = read_text(tmp_path, "a.ini", "[server]\nport = 1\n")
    assert ini.sections[0].headings == ("server",)


def test_a_notebook_is_its_texts_code_and_output(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# Herons\n", "They **fish**."]},
        {
            "cell_type": "code",
            "source": "print(3)\n# no heading",
            "outputs": [{"text": ["3\n"]}, {"data": {"text/plain": "four"}}],
        },
    ]
    document = read_text(tmp_path, "a.ipynb", json.dumps({"cells": cells}))
    assert {section.headings for section in document.sections} == {("Herons",)}
    for words in ("They fish.", "print(3)\n# no heading", "3", "four"):
        assert words in document.text


def test_a_drawing_is_its_texts_and_nothing_is_fetched(tmp_path):
    picture = base64.b64encode(write_image(tmp_path / "x.png").read_bytes()).decode()
    svg = (
        '<!DOCTYPE svg [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
        '<svg xmlns="http://www.w3.org/2000/svg"><title>Plan</title><desc>Of the pier</desc>'
        "<text>Pump <tspan>seven</tspan>&f;</text>"
        f'<image href="data:image/png;base64,{picture}"/>'
        '<image href="https://example.com/a.png"/></svg>'
    )
    document = read_text(tmp_path, "a.svg", svg)
    lines = document.text.splitlines()
    assert lines[:2] == ["Plan", "Of the pier"]
    assert lines[2].startswith("Pump seven")
    assert "counts 52 ships a day" in document.text
    assert document.unread == ("1 picture was not read",)
    (tmp_path / "a.svgz").write_bytes(gzip.compress(svg.encode()))
    assert read(tmp_path / "a.svgz").text == document.text


def test_a_picture_of_a_telephone_is_read(tmp_path):
    pytest.importorskip("pi_heif")
    from docmind.ingestion.readers.ocr import open_heic_too

    open_heic_too()
    assert ".heic" in Image.registered_extensions()
    assert Image.registered_extensions()[".heic"] == "HEIF"


def test_a_calendar_is_read(tmp_path):
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "SUMMARY:Roof", "END:VEVENT", "END:VCALENDAR"]
    assert "Meeting: Roof" in read_text(tmp_path, "a.ics", "\n".join(lines)).text
