"""A small PDF writer: real pages with real text, so that the tests need no file of others."""

from pathlib import Path


def write_pdf(path: Path, pages: list[list[str]]) -> Path:
    """Write one page per list of lines, in Helvetica on A4."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = " T* ".join(f"({line.replace('(', '').replace(')', '')}) Tj" for line in lines)
        content = f"BT /F1 12 Tf 16 TL 72 770 Td {shown} ET"
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start = len(out)
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}".encode()
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    path.write_bytes(out)
    return path


HANDBOOK = [
    [
        "Handbook of the Lighthouse Library",
        "",
        "1 Opening hours",
        "The reading room opens at nine in the morning and closes at eight in the evening.",
        "On Sundays the reading room stays closed, and books go to the night box.",
        "",
        "2 Membership",
        "A membership costs 24 euros a year. Students pay 12 euros a year.",
    ],
    [
        "3 Loans",
        "A member may borrow twelve books at a time, for four weeks each.",
        "A loan is renewed twice at most, unless somebody waits for the book.",
        "A late book costs 20 cents a day, and no more than 10 euros in all.",
        "",
        "4 The lamp",
        "The lamp of the old lighthouse was built in 1874 and is lit every evening at dusk.",
    ],
]
