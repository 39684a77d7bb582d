"""Small real files of each type, of our own making."""

from pathlib import Path

import docx
import openpyxl
import pptx

PAGES = (
    "The Heron observatory stands on the island of Vilm. It was opened in 1987 by the astronomer Ada Lindqvist.",
    "Its main telescope has a mirror of 3.4 metres. The mirror weighs 5,200 kilograms and is made of glass ceramic.",
    "Visitors are welcome on Thursdays between 18:00 and 23:00. A ticket costs 12 euros; children enter free.",
)
NOTE = "Checked by the archive in May."


def write_pdf(path: Path, pages=PAGES, note: str = NOTE) -> Path:
    """Write a PDF by hand: a text line per sentence, a bookmark per page, a note on the first page."""
    objects: list[bytes] = []

    def add(body: str) -> int:
        objects.append(body.encode("latin-1"))
        return len(objects)

    def escaped(text: str) -> str:
        return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")

    catalog, tree, outlines = add(""), add(""), add("")
    font = add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    annot = add(f"<< /Type /Annot /Subtype /Text /Rect [10 10 30 30] /Contents ({escaped(note)}) >>") if note else 0
    kids, marks = [], []
    for i, text in enumerate(pages):
        lines = "".join(f"({escaped(s.strip())}) Tj 0 -16 Td " for s in text.replace(". ", ".\n").split("\n"))
        stream = f"BT /F1 11 Tf 60 760 Td {lines}ET"
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
        marks.append(add(f"<< /Title (Chapter {i + 1}) /Parent {outlines} 0 R /Dest [{page} 0 R /Fit] {following} >>"))
    objects[catalog - 1] = f"<< /Type /Catalog /Pages {tree} 0 R /Outlines {outlines} 0 R >>".encode()
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
TEXT = "Zürich liegt am See. Die Brücke wurde 1838 gebaut. Über sie fährt die Straßenbahn nach Süden."


def write_all(folder: Path) -> dict[str, Path]:
    """Write one file of each type; return suffix → path."""
    files = {
        ".pdf": write_pdf(folder / "observatory.pdf"),
        ".docx": write_docx(folder / "handbook.docx"),
        ".pptx": write_pptx(folder / "plan.pptx"),
        ".xlsx": write_xlsx(folder / "figures.xlsx"),
    }
    for name, text, code in (
        ("people.csv", CSV, "cp1252"),
        ("bees.html", HTML, "utf-8"),
        ("setup.md", MARKDOWN, "utf-8"),
        ("zürich.txt", TEXT, "utf-16"),
    ):
        path = folder / name
        path.write_bytes(text.encode(code))
        files[path.suffix] = path
    return files
