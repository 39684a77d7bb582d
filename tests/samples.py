"""Small real files of each type, of our own making."""

import hashlib
import re
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx
from PIL import Image, ImageDraw, ImageFont

PAGES = (
    "The Heron observatory stands on the island of Vilm. It was opened in 1987 by the astronomer Ada Lindqvist.",
    "Its main telescope has a mirror of 3.4 metres. The mirror weighs 5,200 kilograms and is made of glass ceramic.",
    "Visitors are welcome on Thursdays between 18:00 and 23:00. A ticket costs 12 euros; children enter free.",
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


def write_pdf(path: Path, pages=PAGES, note: str = NOTE) -> Path:
    """Write a PDF by hand: a text line per sentence, a bookmark per page, a note on the first page.

    A page that begins with % is a content stream.
    """
    objects: list[bytes] = []

    def add(body: str) -> int:
        objects.append(body.encode("latin-1"))
        return len(objects)

    def escaped(text: str) -> str:
        return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")

    catalog, tree, outlines = add(""), add(""), add("")
    font = add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    annot = (
        add(f"<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents ({escaped(note)}) >>")
        if note
        else 0
    )
    kids, marks = [], []
    for i, text in enumerate(pages):
        lines = "".join(
            f"({escaped(s.strip())}) Tj 0 -16 Td " for s in text.replace(". ", ".\n").split("\n")
        )
        stream = text if text.startswith("%") else f"BT /F1 11 Tf 60 760 Td {lines}ET"
        content = add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        notes = f"/Annots [{annot} 0 R]" if annot and i == 0 else ""
        kids.append(
            add(
                f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R {notes} "
                f"/Resources << /Font << /F1 {font} 0 R >> >> >>"
            )
        )
    for i, page in enumerate(kids):
        following = f"/Next {len(objects) + 2} 0 R" if i + 1 < len(kids) else ""
        marks.append(
            add(
                f"<< /Title (Chapter {i + 1}) /Parent {outlines} 0 R /Dest [{page} 0 R /Fit] {following} >>"
            )
        )
    objects[catalog - 1] = (
        f"<< /Type /Catalog /Pages {tree} 0 R /Outlines {outlines} 0 R >>".encode()
    )
    refs = " ".join(f"{k} 0 R" for k in kids)
    objects[tree - 1] = f"<< /Type /Pages /Kids [{refs}] /Count {len(kids)} >>".encode()
    ends = f"/First {marks[0]} 0 R /Last {marks[-1]} 0 R" if marks else ""
    objects[outlines - 1] = f"<< /Type /Outlines {ends} >>".encode()
    data = b"%PDF-1.4\n"
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{o:010} 00000 n \n" for o in offsets)
    data += (
        f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(objects) + 1} "
        f"/Root {catalog} 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    ).encode()
    path.write_bytes(data)
    return path


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j, out = list(range(256)), 0, bytearray()
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def locked_pdf(path: Path, password: str = "sesame") -> Path:
    """Write a PDF that opens with this password only (PDF 32000-1, 7.6.3: version 1, revision 2)."""

    def md5(data: bytes) -> bytes:
        return hashlib.md5(data).digest()

    fill = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    padded = (password.encode() + fill)[:32]
    owner = _rc4(md5(padded)[:5], padded)
    key = md5(padded + owner + b"\xfc\xff\xff\xff" + b"a")[:5]

    def encrypted(found: re.Match[bytes]) -> bytes:
        own = md5(key + int(found[1]).to_bytes(3, "little") + b"\x00\x00")[:10]
        return found[0].replace(found[2], _rc4(own, found[2]))

    data = re.sub(
        rb"(\d+) 0 obj\n[^\n]*\nstream\n(.*?)\nendstream",
        encrypted,
        write_pdf(path, note="").read_bytes(),
        flags=re.S,
    )
    keys = f"/O <{owner.hex()}> /U <{_rc4(key, fill).hex()}>"
    lock = f"/Encrypt << /Filter /Standard /V 1 /R 2 {keys} /P -4 >> /ID [(a) (a)]"
    path.write_bytes(data.replace(b"trailer\n<<", b"trailer\n<< " + lock.encode()))
    return path


def table_page(rows, x=60, y=700, wide=120, high=20) -> str:
    """Return a content stream: a line of text, a ruled table, a line of text."""
    right, bottom = x + wide * len(rows[0]), y - high * len(rows)
    rules = [f"{x} {y - i * high} m {right} {y - i * high} l S" for i in range(len(rows) + 1)]
    rules += [f"{x + i * wide} {y} m {x + i * wide} {bottom} l S" for i in range(len(rows[0]) + 1)]
    words = [
        (x + c * wide + 4, y - r * high - 14, cell)
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if cell
    ]
    words = [(x, y + 20, "Before the table."), *words, (x, bottom - 30, "After the table.")]
    text = " ".join(f"BT /F1 11 Tf {a} {b} Td ({word}) Tj ET" for a, b, word in words)
    return f"%\n{' '.join(rules)} {text}"


def write_image(
    path: Path, lines=("The lighthouse keeper", "counts 52 ships a day."), turned: int = 0
) -> Path:
    """Write a picture of text (as a scan, if it is a PDF)."""
    image = Image.new("RGB", (1200, 500), "white")
    pen = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        pen.text((80, 60 + 90 * i), line, "black", ImageFont.load_default(size=52))
    image.rotate(turned, expand=True).save(path)
    return path


def write_epub(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as book:
        book.writestr(
            "META-INF/container.xml", "<container><rootfile full-path='o/b.opf'/></container>"
        )
        book.writestr(
            "o/b.opf",
            "<package><title>Tides</title><item id='b' href='two%20.xhtml'/><item id='a' href='one.xhtml'/>"
            "<spine><itemref idref='a'/><itemref idref='b'/></spine></package>",
        )
        page = "<!DOCTYPE html><html><head><title>x</title></head><body><h1>{}</h1><p>{}</p></body></html>"
        book.writestr("o/two .xhtml", page.format("Neap", "They come at half moon."))
        book.writestr("o/one.xhtml", page.format("Spring", "They come at full moon."))
    return path


def write_docx(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Staff handbook", 1)
    document.add_paragraph("Everyone gets thirty days of leave.")
    document.add_heading("Travel", 2)
    document.add_paragraph("Trains are booked by Mina Okafor.")
    table = document.add_table(rows=0, cols=2)
    for row in (("City", "Allowance"), ("Riga", "48"), ("Porto", "52")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.save(path)
    return path


def write_pptx(path: Path) -> Path:
    deck = pptx.Presentation()
    for title, body, notes in (
        ("Roadmap", "Ship the beta in March", ""),
        ("Risks", "Two suppliers are late", "Call Jonas"),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    deck.save(path)
    return path


def write_xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (("Region", "Quarter", "Revenue"), ("North", "Q1", 1200), ("South", "Q1", 900)):
        sheet.append(row)
    other = book.create_sheet("Costs")
    other.append(("Item", "Euro"))
    other.append(("Rent", 700))
    book.save(path)
    return path


HTML = """<html><head><title>Bees</title><style>p {color: red}</style><script>var hidden = 1;</script></head><body>
<nav>Home Shop Contact</nav><h1>Keeping bees</h1><p>A hive holds up to <b>60,000</b> bees.</p>
<h2>Honey</h2><table><tr><th>Kind</th><th>Price</th></tr><tr><td>Lime</td><td>9</td></tr></table>
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
RST = "Ferries\n=======\n\nThey leave at *nine*.\n\n.. include:: /etc/passwd\n.. raw:: html\n\n   <b>raw</b>\n"
EML = """From: Ana Duarte <ana@example.org>
To: Ben <ben@example.org>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the pier
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=x

--x
Content-Type: text/html; charset=utf-8

<p>The crane is <b>repaired</b>.</p>
--x
Content-Disposition: attachment; filename=invoice.pdf

data
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
    for name, text, code in (
        ("people.csv", CSV, "cp1252"),
        ("bees.html", HTML, "utf-8"),
        ("setup.md", MARKDOWN, "utf-8"),
        ("zürich.txt", TEXT, "utf-16"),
        ("ferries.rst", RST, "utf-8"),
        ("pier.eml", EML, "utf-8"),
    ):
        path = folder / name
        path.write_bytes(text.encode(code))
        files[path.suffix] = path
    return files
