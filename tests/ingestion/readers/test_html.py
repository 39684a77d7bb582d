"""Web pages, and what becomes one: Markdown, reStructuredText, books."""

import zipfile

import pytest

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.parsed import clean
from docmind.ingestion.readers.formats import read
from docmind.ingestion.readers.html import html_sections


def text_of(html):
    return "\n\n".join(clean(section.text) for section in html_sections(html)).strip()


def only_table(html):
    (table,) = [section for section in html_sections(html) if section.table]
    return table.text.splitlines()


def read_text(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    return read(file)


MATH = [
    ("<mfrac><mn>3</mn><mn>4</mn></mfrac>", "3/4"),
    ("<mn>3</mn><mfrac><mn>1</mn><mn>2</mn></mfrac>", "3 1/2"),
    ("<msup><mn>10</mn><mn>6</mn></msup>", "10^6"),
    ("<msup><mn>10</mn><mrow><mo>-</mo><mn>6</mn></mrow></msup>", "10^(-6)"),
    ("<msub><mi>x</mi><mn>2</mn></msub>", "x_2"),
    ("<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>", "x_1^2"),
    ("<msqrt><mi>a</mi><mo>+</mo><mn>1</mn></msqrt>", "√(a+1)"),
    ("<mroot><mn>8</mn><mn>3</mn></mroot>", "√[3]8"),
    ("<mn>2</mn><mo>\u2062</mo><mi>x</mi>", "2x"),
    ("<mn>2</mn><mo>\u2062</mo><mn>3</mn>", "2 3"),
    ("<mi>sin</mi><mo>\u2061</mo><mi>x</mi>", "sin x"),
    ("<msup><mn>45</mn><mo>\u2218</mo></msup>", "45°"),
    ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
    ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>", "1, 2"),
    ("<mfrac><mn>3</mn></mfrac>", "3"),
    (
        "<semantics><mrow><mi>E</mi></mrow><annotation>E tex</annotation></semantics>",
        "E",
    ),
]


@pytest.mark.parametrize(("mathml", "line"), MATH)
def test_an_equation_is_one_line(mathml, line):
    assert text_of(f"<p>It is <math>{mathml}</math>.</p>") == f"It is {line}."
    cells = f"<table><tr><td>a</td><td><math>{mathml}</math></td></tr></table>"
    assert only_table(cells)[0] == f"| a | {line} |"


def test_what_draws_an_equation_a_second_time_is_left_out():
    katex = (
        "<span class='katex'><span class='katex-mathml'><math><mn>7</mn></math></span>"
        "<span class='katex-html'>7</span></span>"
    )
    assert text_of(f"<p>It is {katex}.</p>") == "It is 7."
    assert text_of("<p>It is <script type='math/tex'>x^2</script>.</p>") == "It is x^2 ."


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("10<sup>6</sup> neutrons", "10^6 neutrons"),
        ("10<sup>-6</sup>", "10^(-6)"),
        ("45<sup>2</sup> million", "45^2 million"),
        ("45<sup><a href='#n'>2</a></sup>", "45[2]"),
        ("45<sup>[2]</sup>", "45[2]"),
        ("5 cm<sup>3</sup>", "5 cm^3"),
        ("x<sup>n</sup>", "x^n"),
        ("the 1<sup>st</sup> and 2<sup>e</sup>", "the 1st and 2e"),
        ("Brand<sup>®</sup>", "Brand®"),
        ("H<sub>2</sub>O", "H2O"),
        ("10<sub>2</sub>", "10_2"),
        ("x<sub>max</sub>", "x_max"),
        ("<ruby>田中<rt>たなか</rt></ruby>です", "田中(たなか)です"),
        ("<ruby>田中<rp>(</rp><rt>たなか</rt><rp>)</rp></ruby>です", "田中(たなか)です"),
        ("1<b>2</b>3", "123"),
    ],
)
def test_what_is_written_high_or_low_changes_no_number(html, text):
    assert text_of(f"<p>{html}</p>") == text
    assert text_of(f"<h2>{html}</h2>") == f"## {text}"
    assert only_table(f"<table><tr><td>a</td><td>{html}</td></tr></table>")[0] == f"| a | {text} |"


def test_merged_cells_keep_values_under_their_headers():
    table = only_table(
        "<table><thead><tr><th rowspan=2>Region</th><th colspan=2>2024</th></tr>"
        "<tr><th>Q1</th><th>Q2</th></tr></thead>"
        "<tbody><tr><td rowspan=0>EU</td><td>1</td><td>2</td></tr>"
        "<tr><td>3</td><td>4</td></tr><tr><td colspan=2>5</td></tr></tbody></table>"
    )
    assert table[0] == "| Region | 2024 | 2024 |"
    assert table[2:] == [
        "| Region | Q1 | Q2 |",
        "| EU | 1 | 2 |",
        "| EU | 3 | 4 |",
        "| EU | 5 | 5 |",
    ]


def test_a_title_across_a_table_and_a_paragraph_in_it_are_not_repeated():
    long = "word " * 40
    table = only_table(
        "<table><tr><th colspan=3>Sales</th></tr><tr><td>a</td><td>b</td><td>c</td></tr>"
        f"<tr><td>d</td><td colspan=2>{long}</td></tr></table>"
    )
    assert table[0] == "| Sales |  |  |"
    assert table[3] == f"| d | {long.strip()} |  |"


def test_a_heading_in_a_cell_does_not_end_the_table():
    table = only_table(
        "<table><tr><th><h1>Plan</h1></th><th><h1>Price</h1></th></tr>"
        "<tr><td>Basic</td><td>10</td></tr></table>"
    )
    assert table == ["| Plan | Price |", "| --- | --- |", "| Basic | 10 |"]


@pytest.mark.parametrize(
    ("named", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("iso-8859-1", "cp1252"),
        ("utf-8", "cp1252"),
        ("iso-8859-1", "utf-8"),
        ("windows-1250", "cp1250"),
        ("utf-16", "utf-8"),
        ("", "cp1252"),
        ("", "utf-16"),
    ],
)
def test_a_page_is_read_in_the_encoding_that_fits(named, encoding):
    sentence = "Die Brücke wird für größere Lastwagen geöffnet."
    page = f"<meta charset='{named}'><p>{sentence}</p>".encode(encoding)
    assert text_of(page) == sentence


def test_a_bad_byte_costs_a_page_only_itself():
    page = "<meta charset='utf-8'><p>Die Brücke in Zürich, größer.".encode() + b"\xc3 x</p>"
    assert text_of(page) == "Die Brücke in Zürich, größer.� x"


def test_code_keeps_its_indentation(tmp_path):
    code = "  server:\n    port: 80\n    tls:\n      cert: a\n"
    markdown = f"# Setup\n\n- Write:\n\n  ```yaml\n{code}  ```\n"
    text = read_text(tmp_path, "a.md", markdown).text
    assert "server:\n  port: 80\n  tls:\n    cert: a" in text
    assert "- Write:" in text


@pytest.mark.parametrize("fence", ["---", "+++"])
def test_front_matter_is_no_heading(tmp_path, fence):
    sign = ":" if fence == "---" else " ="
    front = f'{fence}\ntitle{sign} "A guide"\ntags{sign} [hr, people]\n{fence}\n'
    document = read_text(tmp_path, "a.md", f"{front}\nA laptop.\n\n### Badges\n\nOn Mondays.\n")
    assert [section.headings for section in document.sections] == [
        ("A guide",),
        ("A guide",),
        ("A guide", "Badges"),
    ]
    assert document.sections[0].text == f"tags{sign} [hr, people]"
    rule = read_text(tmp_path, "b.md", "---\n\nNot data.\n\n---\n\nMore.\n")
    assert rule.text.split() == ["Not", "data.", "More."]


def test_html_in_markdown_is_read_and_placeholders_stay(tmp_path):
    markdown = (
        "# Prices\n\n<table>\n<tr><th>Plan</th><th>Price</th></tr>\n"
        "<tr><td>Basic</td><td>10</td></tr>\n</table>\n\n"
        "Send <name> a <b>bold</b> word, Array<String> and an <object>; not lost.\n\n"
        "<Tabs>\n\nInside a tab.\n\n</Tabs>\n\n<script>alert(1)</script>\n"
    )
    document = read_text(tmp_path, "a.md", markdown)
    (table,) = [section for section in document.sections if section.table]
    assert table.text.splitlines()[0] == "| Plan | Price |"
    assert "Send <name> a bold word, Array<String> and an <object>; not lost." in document.text
    assert "Inside a tab." in document.text
    assert "alert" not in document.text


def test_what_only_sphinx_knows_is_read(tmp_path):
    rst = """Guide
=====

.. seealso:: The backup plan.

.. glossary::

   quorum
      Seven of twelve.

.. versionchanged:: 2.1
   The port is 9443.

.. admonition:: Remember

   Lock the door.

.. my-own:directive:: Some argument
   :option: value

   Its *content*.

.. code-block:: python
   :caption: Unknown here
   :emphasize-lines: 1

   print(17)

.. math::
   :label: energy

   E = mc^2

See :doc:`the guide <guide/index>`, :py:func:`~os.path.join` and :term:`quorum`; |version|.

.. include:: /etc/hostname

.. note:: The end.
"""
    text = read_text(tmp_path, "a.rst", rst).text
    for words in [
        "The backup plan.",
        "quorum",
        "Seven of twelve.",
        "Changed in version 2.1: The port is 9443.",
        "Remember",
        "Lock the door.",
        "Some argument",
        "Its content.",
        "print(17)",
        "mc^2",
        "See the guide, os.path.join and quorum; |version|.",
        "The end.",
    ]:
        assert words in text
    assert "hostname" not in text


CONTAINER = "<container><rootfiles><rootfile full-path='O/b.opf'/></rootfiles></container>"
PACKAGE = """<package><metadata><title>Tides</title></metadata><manifest>
<item id='a' href='One%20a.xhtml'/><item id='b' href='two.xhtml'/><item id='c' href='none.xhtml'/>
</manifest><spine><itemref idref='a'/><itemref idref='b'/><itemref idref='c'/></spine></package>"""


def book(tmp_path, **changes):
    parts = {
        "META-INF/container.xml": CONTAINER,
        "O/b.opf": PACKAGE,
        "O/one a.xhtml": "<html><body><h1>Spring</h1><p>High water.</p></body></html>",
        "O/two.xhtml": "<html><body><h1>Neap</h1><p>Low water.</p></body></html>",
        **changes,
    }
    path = tmp_path / "a.epub"
    with zipfile.ZipFile(path, "w") as package:
        for name, text in parts.items():
            if text is not None:
                package.writestr(name, text)
    return path


def spoil(path, text):
    path.write_bytes(path.read_bytes().replace(text, text.upper()))


def test_a_broken_chapter_costs_only_itself(tmp_path):
    path = book(tmp_path)
    spoil(path, b"High water")
    assert [section.heading for section in read(path).sections] == ["Tides > Neap"]
    spoil(path, b"Low water")
    with pytest.raises(CorruptFile, match="none of its chapters"):
        read(path)


def test_books_without_a_container_or_a_spine(tmp_path):
    whole = ["Tides > Spring", "Tides > Neap"]
    for changes in (
        {"META-INF/container.xml": None},
        {"O/b.opf": "<package><metadata><title>Tides</title></metadata></package>"},
    ):
        document = read(book(tmp_path, **changes))
        assert [section.heading for section in document.sections] == whole


def test_a_locked_book(tmp_path):
    lock = "<encryption><EncryptionMethod Algorithm='{}'/></encryption>"
    fonts = lock.format("http://www.idpf.org/2008/embedding")
    assert read(book(tmp_path, **{"META-INF/encryption.xml": fonts})).sections
    aes = lock.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")
    with pytest.raises(EncryptedFile, match="DRM"):
        read(book(tmp_path, **{"META-INF/encryption.xml": aes}))
