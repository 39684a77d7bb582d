"""OpenDocument files of our own making, part by part."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMESPACES = " ".join(
    [
        *(
            f'xmlns:{name}="{OASIS}:{name}:1.0"'
            for name in (
                *("office", "text", "table", "style", "meta", "chart", "presentation", "form"),
                "script",
            )
        ),
        f'xmlns:draw="{OASIS}:drawing:1.0"',
        f'xmlns:svg="{OASIS}:svg-compatible:1.0"',
        'xmlns:dc="http://purl.org/dc/elements/1.1/"',
        'xmlns:xlink="http://www.w3.org/1999/xlink"',
        'xmlns:math="http://www.w3.org/1998/Math/MathML"',
    ]
)


def write_odf(path: Path, kind: str, body: str, *, styles: str = "", master: str = "", **parts):
    """Write a file whose content has this body; `kind` is text, spreadsheet or presentation."""
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        package.writestr(
            "content.xml",
            f"<office:document-content {NAMESPACES}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
        )
        package.writestr(
            "styles.xml",
            f"<office:document-styles {NAMESPACES}><office:master-styles>{master}"
            "</office:master-styles></office:document-styles>",
        )
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def cell(text: str, *, value: str = "", kind: str = "", spans: str = "", inner: str = "") -> str:
    """Return a table's cell; `kind` is the type of its value, such as float."""
    typed = f'office:value-type="{kind or "string"}"' + (f' office:value="{value}"' * bool(value))
    shown = f"<text:p>{escape(text)}</text:p>" if text else ""
    return f"<table:table-cell {typed} {spans}>{shown}{inner}</table:table-cell>"


def table(texts, ranges=(), name="Sheet1") -> str:
    """Return a table; of a merged range (top, left, bottom, right) the first cell has the text."""
    covered = set()
    spans = {}
    for top, left, bottom, right in ranges:
        spans[top, left] = (
            f'table:number-rows-spanned="{bottom - top + 1}" '
            f'table:number-columns-spanned="{right - left + 1}"'
        )
        covered |= {
            (row, column)
            for row in range(top, bottom + 1)
            for column in range(left, right + 1)
            if (row, column) != (top, left)
        }
    rows = []
    for row, values in enumerate(texts):
        cells = []
        for column, text in enumerate(values):
            if (row, column) in covered:
                cells.append("<table:covered-table-cell/>")
            elif text.isdigit():
                merged = spans.get((row, column), "")
                cells.append(cell(text, value=text, kind="float", spans=merged))
            else:
                cells.append(cell(text, spans=spans.get((row, column), "")))
        rows.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'
