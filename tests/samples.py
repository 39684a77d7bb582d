"""Small real files of each type, of our own making."""

import hashlib
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import docx
import openpyxl
import pptx
from PIL import Image, ImageDraw, ImageFont

PAGES = (
    (
        "The Heron observatory stands on the island of Vilm. "
        "It was opened in 1987 by the astronomer Ada Lindqvist."
    ),
    (
        "Its main telescope has a mirror of 3.4 metres. "
        "The mirror weighs 5,200 kilograms and is made of glass ceramic."
    ),
    (
        "Visitors are welcome on Thursdays between 18:00 and 23:00. "
        "A ticket costs 12 euros; children enter free."
    ),
)
HANDBOOK = (
    """Handbook of the Lighthouse Library

1 Opening hours
The reading room opens at nine in the morning and closes at eight in the evening.
On Sundays the reading room stays closed, and books go to the night box.

2 Membership
A membership costs 24 euros a year. Students pay 12 euros a year.""",
    """3 Loans
A member may borrow twelve books at a time, for four weeks each.
A loan is renewed twice at most, unless somebody waits for the book.
A late book costs 20 cents a day, and no more than 10 euros in all.

4 The lamp
The lamp of the old lighthouse was built in 1874 and is lit every evening at dusk.""",
)
NOTE = "Checked by the archive in May."


class _PdfFile:
    """The numbered objects of a PDF, and how they are written to a file (PDF 32000-1, 7.5)."""

    def __init__(self) -> None:
        self._bodies: list[str] = []

    def reserve(self) -> int:
        """Return the number of an object whose body is set later, as others refer to it."""
        return self.add("")

    def add(self, body: str) -> int:
        """Add an object and return its number."""
        self._bodies.append(body)
        return len(self._bodies)

    def set(self, number: int, body: str) -> None:
        self._bodies[number - 1] = body

    def to_bytes(self, root: int) -> bytes:
        data = b"%PDF-1.4\n"
        offsets: list[int] = []
        for number, body in enumerate(self._bodies, 1):
            offsets.append(len(data))
            data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
        size = len(self._bodies) + 1
        entries = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
        cross_references = f"xref\n0 {size}\n0000000000 65535 f \n{entries}"
        trailer = f"trailer\n<< /Size {size} /Root {root} 0 R >>\n"
        end = f"startxref\n{len(data)}\n%%EOF\n"
        return data + (cross_references + trailer + end).encode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _page_content(text: str) -> str:
    """Return the content stream that shows a text, a line for each sentence."""
    sentences = text.replace(". ", ".\n").split("\n")
    lines = "".join(f"({_escaped(line.strip())}) Tj 0 -16 Td " for line in sentences)
    return f"BT /F1 11 Tf 60 760 Td {lines}ET"


def write_pdf(path: Path, pages: Sequence[str] = PAGES, note: str = NOTE) -> Path:
    """Write a PDF by hand: a text line per sentence, a bookmark per page, a note on the first page.

    A page that begins with % is a content stream.
    """
    pdf = _PdfFile()
    catalog = pdf.reserve()
    tree = pdf.reserve()
    outlines = pdf.reserve()
    font = pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    notes = ""
    if note:
        annotation = pdf.add(
            f"<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents ({_escaped(note)}) >>"
        )
        notes = f"/Annots [{annotation} 0 R]"

    page_numbers: list[int] = []
    for text in pages:
        stream = text
        if not text.startswith("%"):
            stream = _page_content(text)
        content = pdf.add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        page = pdf.add(
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] "
            f"/Contents {content} 0 R {notes} "
            f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
        )
        page_numbers.append(page)
        notes = ""

    bookmarks = [pdf.reserve() for _ in pages]
    for index, bookmark in enumerate(bookmarks):
        following = ""
        if index + 1 < len(bookmarks):
            following = f"/Next {bookmarks[index + 1]} 0 R"
        pdf.set(
            bookmark,
            f"<< /Title (Chapter {index + 1}) /Parent {outlines} 0 R "
            f"/Dest [{page_numbers[index]} 0 R /Fit] {following} >>",
        )

    pdf.set(catalog, f"<< /Type /Catalog /Pages {tree} 0 R /Outlines {outlines} 0 R >>")
    kids = " ".join(f"{page} 0 R" for page in page_numbers)
    pdf.set(tree, f"<< /Type /Pages /Kids [{kids}] /Count {len(page_numbers)} >>")
    ends = ""
    if bookmarks:
        ends = f"/First {bookmarks[0]} 0 R /Last {bookmarks[-1]} 0 R"
    pdf.set(outlines, f"<< /Type /Outlines {ends} >>")
    path.write_bytes(pdf.to_bytes(root=catalog))
    return path


def _rc4(key: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with RC4."""
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = 0
    j = 0
    output = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        output.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(output)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()


def locked_pdf(path: Path, password: str = "sesame") -> Path:
    """Write a PDF that opens with this password only (PDF 32000-1, 7.6.3: V 1, R 2)."""
    filling = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded = (password.encode() + filling)[:32]
    owner_entry = _rc4(_md5(padded)[:5], padded)
    permissions = b"\xfc\xff\xff\xff"
    file_id = b"a"
    key = _md5(padded + owner_entry + permissions + file_id)[:5]

    def encrypted(stream_object: re.Match[bytes]) -> bytes:
        number = int(stream_object[1])
        stream = stream_object[2]
        object_key = _md5(key + number.to_bytes(3, "little") + b"\x00\x00")[:10]
        return stream_object[0].replace(stream, _rc4(object_key, stream))

    data = re.sub(
        rb"(\d+) 0 obj\n[^\n]*\nstream\n(.*?)\nendstream",
        encrypted,
        write_pdf(path, note="").read_bytes(),
        flags=re.S,
    )
    user_entry = _rc4(key, filling)
    entries = f"/O <{owner_entry.hex()}> /U <{user_entry.hex()}>"
    lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 {entries} /P -4 >> /ID [(a) (a)]"
    path.write_bytes(data.replace(b"trailer\n<<", b"trailer\n<< " + lock.encode()))
    return path


def table_page(rows: Sequence[Sequence[str]]) -> str:
    """Return a content stream: a line of text, a ruled table, a line of text."""
    left = 60
    top = 700
    column_width = 120
    row_height = 20
    columns = len(rows[0])
    right = left + column_width * columns
    bottom = top - row_height * len(rows)

    def show(x: int, y: int, text: str) -> str:
        return f"BT /F1 11 Tf {x} {y} Td ({text}) Tj ET"

    drawing: list[str] = []
    for row in range(len(rows) + 1):
        y = top - row * row_height
        drawing.append(f"{left} {y} m {right} {y} l S")
    for column in range(columns + 1):
        x = left + column * column_width
        drawing.append(f"{x} {top} m {x} {bottom} l S")
    drawing.append(show(left, top + 20, "Before the table."))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if cell:
                x = left + column * column_width + 4
                y = top - row * row_height - 14
                drawing.append(show(x, y, cell))
    drawing.append(show(left, bottom - 30, "After the table."))
    return f"%\n{' '.join(drawing)}"


def write_image(
    path: Path,
    lines: Sequence[str] = ("The lighthouse keeper", "counts 52 ships a day."),
    turned: int = 0,
) -> Path:
    """Write a picture of text (as a scan, if it is a PDF), turned by so many degrees."""
    image = Image.new("RGB", (1200, 500), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(size=52)
    for i, line in enumerate(lines):
        pen.text(xy=(80, 60 + 90 * i), text=line, fill="black", font=font)
    image.rotate(turned, expand=True).save(path)
    return path


def write_epub(path: Path) -> Path:
    page = (
        "<!DOCTYPE html><html><head><title>x</title></head>"
        "<body><h1>{heading}</h1><p>{text}</p></body></html>"
    )
    spring = page.format(heading="Spring", text="They come at full moon.")
    neap = page.format(heading="Neap", text="They come at half moon.")
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "META-INF/container.xml", "<container><rootfile full-path='o/b.opf'/></container>"
        )
        # The order of reading is the spine's, not the one of the files.
        book.writestr(
            "o/b.opf",
            "<package><title>Tides</title>"
            "<item id='b' href='two%20.xhtml'/><item id='a' href='one.xhtml'/>"
            "<spine><itemref idref='a'/><itemref idref='b'/></spine></package>",
        )
        book.writestr("o/two .xhtml", neap)
        book.writestr("o/one.xhtml", spring)
    return path


def write_docx(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Staff handbook", 1)
    document.add_paragraph("Everyone gets thirty days of leave.")
    document.add_heading("Travel", 2)
    document.add_paragraph("Trains are booked by Mina Okafor.")
    table = document.add_table(rows=0, cols=2)
    for row in (("City", "Allowance"), ("Riga", "48"), ("Porto", "52")):
        cells = table.add_row().cells
        for cell, text in zip(cells, row, strict=True):
            cell.text = text
    document.save(path)
    return path


def write_pptx(path: Path) -> Path:
    deck = pptx.Presentation()
    title_and_content = deck.slide_layouts[1]

    roadmap = deck.slides.add_slide(title_and_content)
    roadmap.shapes.title.text = "Roadmap"
    roadmap.placeholders[1].text = "Ship the beta in March"

    risks = deck.slides.add_slide(title_and_content)
    risks.shapes.title.text = "Risks"
    risks.placeholders[1].text = "Two suppliers are late"
    risks.notes_slide.notes_text_frame.text = "Call Jonas"

    deck.save(path)
    return path


def write_xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    sales = book.active
    sales.title = "Sales"
    sales.append(("Region", "Quarter", "Revenue"))
    sales.append(("North", "Q1", 1200))
    sales.append(("South", "Q1", 900))
    costs = book.create_sheet("Costs")
    costs.append(("Item", "Euro"))
    costs.append(("Rent", 700))
    book.save(path)
    return path


HTML = """<html><head><title>Bees</title><style>p {color: red}</style>
<script>var hidden = 1;</script></head><body>
<nav>Home Shop Contact</nav><h1>Keeping bees</h1><p>A hive holds up to <b>60,000</b> bees.</p>
<h2>Honey</h2>
<table><tr><th>Kind</th><th>Price</th></tr><tr><td>Lime</td><td>9</td></tr></table>
<ul><li>Store it dark</li></ul></body></html>"""
MARKDOWN = """# Setup

Install it with pip.

```
# no heading
```

## Options

| Name | Default |
| --- | --- |
| depth | 7 |

Done.
"""
CSV = "Name;City;Born\nÅsa;Malmö;1980\nJürgen;Köln;1975\n"
RST = """Ferries
=======

They leave at *nine*.

.. include:: /etc/passwd
.. raw:: html

   <b>raw</b>
"""
EML = """From: Ana Duarte <ana@example.org>
To: Ben <ben@example.org>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the pier
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/html; charset=utf-8

<p>The crane is <b>repaired</b>.</p>
--x
Content-Disposition: attachment; filename=invoice.txt

The new winch cost 780 euros.
--x--
"""
TEXT = (
    "Zürich liegt am See. Die Brücke wurde 1838 gebaut. Über sie fährt die Straßenbahn nach Süden."
)


def write_all(folder: Path) -> dict[str, Path]:
    """Write one file of each type; return suffix → path."""
    files = {
        ".pdf": write_pdf(folder / "observatory.pdf"),
        ".docx": write_docx(folder / "handbook.docx"),
        ".pptx": write_pptx(folder / "plan.pptx"),
        ".xlsx": write_xlsx(folder / "figures.xlsx"),
        ".epub": write_epub(folder / "tides.epub"),
        ".png": write_image(folder / "lighthouse.png"),
    }

    def write(name: str, text: str, encoding: str) -> None:
        path = folder / name
        path.write_bytes(text.encode(encoding))
        files[path.suffix] = path

    write("people.csv", CSV, "cp1252")
    write("bees.html", HTML, "utf-8")
    write("setup.md", MARKDOWN, "utf-8")
    write("zürich.txt", TEXT, "utf-16")
    write("ferries.rst", RST, "utf-8")
    write("pier.eml", EML, "utf-8")
    return files
