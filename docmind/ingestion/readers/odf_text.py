"""What OpenDocument files have in common: paragraphs, lists, tables, drawings, remarks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import markdown_table, one_line
from docmind.ingestion.readers.drawings import Piece, joined
from docmind.ingestion.readers.odf_package import CONTENT, OdfPackage, child_named, text_of
from docmind.ingestion.readers.ooxml import (
    LONGEST_REPEATED_TEXT,
    attribute,
    local_name,
    number_attribute,
)
from docmind.ingestion.readers.pictures import Pictures
from docmind.ingestion.readers.word_numbering import written_number

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

DEEPEST = 50
"""Elements nested deeper are not followed."""
MOST_REPEATED = 1000
"""Times that a row or cell which is said to be repeated is repeated."""
_BLOCKS = {"p", "h", "list", "table", "section"}
_DRAWINGS = {
    "frame", "custom-shape", "rect", "ellipse", "circle", "line", "connector", "polygon",
    "polyline", "path", "caption", "g", "a", "measure", "regular-polygon", "page-thumbnail",
}  # fmt: skip
_NOT_SHOWN = {
    "tracked-changes", "annotation", "note", "ruby-text", "bookmark", "forms", "script",
    "event-listeners", "tab-stops", "sequence-decls", "variable-decls", "user-field-decls",
}  # fmt: skip
_WHITE_SPACE = {"s": " ", "tab": " ", "line-break": "\n"}
_NUMBER_FORMS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_FORMULA_REFERENCE = re.compile(r"\[\.?([^\]]*)\]")

Block = tuple[str, str]
"""A kind (`text`, `table`, `heading 2`) and its text."""


class OdfText:
    """Reads the elements of one file.

    What is remarked in a paragraph (notes, comments) is collected in `remarks`, for whoever asked
    for the paragraph to put it somewhere.
    """

    def __init__(self, package: OdfPackage, pictures: Pictures) -> None:
        self._package = package
        self._pictures = pictures
        self.remarks: list[str] = []
        self._list_levels = self._read_list_levels()
        self._list_counts: dict[tuple[str, int], int] = {}
        """List style and level → the number of its last item."""
        self._outline_counts: dict[int, int] = {}

    # -- paragraphs

    def paragraph(self, element: Element) -> str:
        """Return a paragraph's text on its line; its notes and comments become remarks."""
        pieces: list[Piece] = []
        self._collect(element, pieces, baseline=0, depth=0)
        return joined(pieces).strip()

    def _collect(self, element: Element, pieces: list[Piece], *, baseline: int, depth: int) -> None:
        """Append the pieces of text in an element, those of drawings in it excepted."""
        if element.text:
            pieces.append(Piece(_spaced(element.text), baseline))
        for child in element:
            if depth < DEEPEST:
                self._collect_child(child, pieces, baseline=baseline, depth=depth + 1)
            if child.tail:
                pieces.append(Piece(_spaced(child.tail), baseline))

    def _collect_child(
        self, child: Element, pieces: list[Piece], *, baseline: int, depth: int
    ) -> None:
        name = local_name(child)
        if name in _WHITE_SPACE:
            times = number_attribute(child, "c") or 1
            pieces.append(Piece(_WHITE_SPACE[name] * times))
        elif name == "note":
            pieces.append(Piece(self._note(child)))
        elif name == "annotation":
            self.remarks.append(self.comment(child))
        elif name == "a" and child_named(child, "frame") is None:
            self._collect_link(child, pieces, baseline=baseline, depth=depth)
        elif name == "ruby":
            self._collect_ruby(child, pieces, baseline=baseline, depth=depth)
        elif name not in _NOT_SHOWN and name not in _DRAWINGS:
            own = self._package.baseline(attribute(child, "style-name"))
            self._collect(child, pieces, baseline=own or baseline, depth=depth)

    def _collect_link(
        self, link: Element, pieces: list[Piece], *, baseline: int, depth: int
    ) -> None:
        """Append the text of a link, and its address in brackets if that says more."""
        start = len(pieces)
        self._collect(link, pieces, baseline=baseline, depth=depth)
        address = (attribute(link, "href") or "").removeprefix("mailto:")
        shown = "".join(piece.text for piece in pieces[start:])
        if address and not address.startswith("#") and address not in shown:
            pieces.append(Piece(f" ({address})"))

    def _collect_ruby(
        self, ruby: Element, pieces: list[Piece], *, baseline: int, depth: int
    ) -> None:
        """Append a word and its reading in brackets."""
        base = child_named(ruby, "ruby-base")
        reading = child_named(ruby, "ruby-text")
        if base is not None:
            self._collect(base, pieces, baseline=baseline, depth=depth)
        if reading is not None and text_of(reading).strip():
            pieces.append(Piece(f"({text_of(reading)})"))

    def _note(self, note: Element) -> str:
        """Return the mark of a note, and remark what it says."""
        citation = child_named(note, "note-citation")
        mark = "" if citation is None else text_of(citation).strip()
        body = child_named(note, "note-body")
        texts = [] if body is None else [text for _, text in self.blocks(body)]
        self.remarks.append(f"[{mark}] {one_line(' '.join(texts))}")
        return f"[{mark}]"

    def comment(self, annotation: Element) -> str:
        """Return a comment with its author."""
        author = ""
        texts: list[str] = []
        for child in annotation:
            if local_name(child) == "creator":
                author = text_of(child).strip()
            elif local_name(child) in {"p", "list"}:
                texts.append(one_line(text_of(child)))
        by_author = f" by {author}" if author else ""
        return f"Comment{by_author}: {one_line(' '.join(texts))}"

    def deletions(self, body: Element) -> list[str]:
        """Return what tracked changes have deleted, with who did it."""
        lines: list[str] = []
        for deletion in body.iterfind("{*}tracked-changes/{*}changed-region/{*}deletion"):
            author = "".join(map(text_of, deletion.iter("{*}creator"))).strip()
            texts: list[str] = []
            for child in deletion:
                if local_name(child) in _BLOCKS:
                    texts += [text for _, text in self._block(child, 0)]
            by_author = f" by {author}" if author else ""
            if any(texts):
                lines.append(f"Deleted{by_author}: {one_line(' '.join(texts))}")
        return lines

    # -- blocks

    def blocks(self, parent: Element, depth: int = 0) -> Iterator[Block]:
        """Yield the headings, paragraphs, tables and drawings in an element, in their order."""
        for child in parent:
            yield from self._block(child, depth)

    def _block(self, element: Element, depth: int) -> Iterator[Block]:
        name = local_name(element)
        if name in _NOT_SHOWN or depth > DEEPEST:
            return
        if name == "h":
            level = max(1, min(6, number_attribute(element, "outline-level") or 1))
            text = self.paragraph(element)
            if text:
                yield f"heading {level}", f"{self._outline_number(element, level)}{text}"
            yield from self._drawings_in(element, depth)
        elif name == "p":
            text = self.paragraph(element)
            if text:
                yield "text", text
            yield from self._drawings_in(element, depth)
        elif name == "list":
            yield from self._list(element, attribute(element, "style-name") or "", 1)
        elif name == "table":
            yield from self._table(element)
        elif name in _DRAWINGS:
            yield from self.drawing(element, depth)
        else:  # a section, an index, a form of a heading
            yield from self.blocks(element, depth + 1)

    def _drawings_in(self, element: Element, depth: int) -> Iterator[Block]:
        """Yield the drawings that are anchored in a paragraph."""
        for child in element:
            if local_name(child) in _DRAWINGS - {"a"} or child_named(child, "frame") is not None:
                yield from self.drawing(child, depth + 1)
            elif local_name(child) in {"span", "a"}:
                yield from self._drawings_in(child, depth + 1)

    def _list(self, element: Element, style: str, level: int) -> Iterator[Block]:
        """Yield the items of a list with their numbers."""
        continues = attribute(element, "continue-numbering") == "true"
        if not continues and attribute(element, "continue-list") is None:
            self._list_counts.pop((style, level), None)
        for item in element:
            if local_name(item) not in {
                "list-item",
                "list-header",
            }:
                continue
            mark = ""
            if local_name(item) == "list-item":
                mark = self._list_mark(item, style, level)
            for child in item:
                if local_name(child) == "list":
                    inner_style = attribute(child, "style-name") or style
                    if level < DEEPEST:
                        yield from self._list(child, inner_style, level + 1)
                    continue
                for kind, text in self._block(child, level):
                    indent = "  " * (level - 1) if kind == "text" else ""
                    yield kind, f"{indent}{mark}{text}" if kind != "table" else text
                    mark = ""

    def _list_mark(self, item: Element, style: str, level: int) -> str:
        levels = self._list_levels.get(style, {})
        form = levels.get(level)
        if form is None:
            return "- "
        if not form.form:
            return ""
        start = number_attribute(item, "start-value")
        count = self._list_counts.get((style, level), form.start - 1) + 1
        self._list_counts[style, level] = count if start is None else start
        for other in range(level + 1, 11):
            self._list_counts.pop((style, other), None)
        shown: list[str] = []
        for upper in range(max(1, level - form.display_levels + 1), level + 1):
            upper_form = levels.get(upper, form)
            number = self._list_counts.get((style, upper), upper_form.start)
            shown.append(upper_form.written(number))
        return f"{form.prefix}{'.'.join(shown)}{form.suffix} "

    def _outline_number(self, heading: Element, level: int) -> str:
        """Return a heading's number where the document numbers its headings."""
        levels = self._list_levels.get(_OUTLINE, {})
        form = levels.get(level)
        if form is None or not form.form or attribute(heading, "is-list-header") == "true":
            return ""
        self._outline_counts[level] = self._outline_counts.get(level, form.start - 1) + 1
        for other in range(level + 1, 11):
            self._outline_counts.pop(other, None)
        shown: list[str] = []
        for upper in range(max(1, level - form.display_levels + 1), level + 1):
            upper_form = levels.get(upper, form)
            shown.append(upper_form.written(self._outline_counts.get(upper, upper_form.start)))
        return f"{form.prefix}{'.'.join(shown)}{form.suffix} "

    def _read_list_levels(self) -> dict[str, dict[int, _ListLevel]]:
        styles: dict[str, dict[int, _ListLevel]] = {}
        for root in self._package.roots:
            for style in root.iter("{*}list-style", "{*}outline-style"):
                name = _OUTLINE
                if local_name(style) == "list-style":
                    name = attribute(style, "name") or ""
                levels: dict[int, _ListLevel] = {}
                for element in style.iterfind("{*}list-level-style-number"):
                    levels[number_attribute(element, "level") or 1] = _ListLevel(element)
                for element in style.iterfind("{*}outline-level-style"):
                    levels[number_attribute(element, "level") or 1] = _ListLevel(element)
                styles[name] = levels
        return styles

    # -- tables

    def _table(self, table: Element) -> Iterator[Block]:
        rows = self.grid(table)
        if max(map(len, rows), default=0) > 1:
            yield "table", markdown_table(rows)
            return
        for row in rows:  # it only draws a frame
            for text in row:
                yield "text", text

    def grid(self, table: Element) -> list[list[str]]:
        """Return a table's rows; what a merged cell says stands in each of its places."""
        rows: list[list[str]] = []
        merged: list[tuple[int, int, int, int]] = []
        for row in rows_of(table):
            texts: list[str] = []
            for cell in cells_of(row):
                across = number_attribute(cell, "number-columns-spanned") or 1
                down = number_attribute(cell, "number-rows-spanned") or 1
                if across * down > 1:
                    merged.append((len(rows), len(texts), down, across))
                text = self.cell(cell)
                texts += [text] * _times(cell, "number-columns-repeated")
            rows += [list(texts) for _ in range(_times(row, "number-rows-repeated"))]
        for top, left, down, across in merged:
            text = rows[top][left]
            is_title = across >= len(rows[top])
            repeats_across = len(text) <= LONGEST_REPEATED_TEXT and not is_title
            for covered in rows[top : top + down]:
                for column in range(left, min(left + across, len(covered))):
                    if column == left or repeats_across:
                        covered[column] = text
        return rows

    def cell(self, cell: Element) -> str:
        """Return the text of a cell."""
        texts: list[str] = []
        for kind, text in self.blocks(cell):
            texts.append(_flat_table(text) if kind == "table" else text.strip())
        if len(texts) == 1:
            return one_line(texts[0].removeprefix("- "))
        return one_line(" ".join(texts))

    # -- drawings

    def drawing(self, element: Element, depth: int = 0) -> Iterator[Block]:
        """Yield what a shape, a picture, a chart or a group of them says."""
        if depth > DEEPEST:
            return
        described = self._description(element)
        if described:
            yield "text", described
        for child in element:
            name = local_name(child)
            if name == "text-box":
                yield from self.blocks(child, depth + 1)
            elif name in {"object", "object-ole"}:
                yield from self._object(child)
            elif name == "plugin":
                self._package.unread.count("embedded video or sound", "embedded videos or sounds")
            elif name in {"p", "list", "table"}:
                yield from self._block(child, depth + 1)
            elif name in _DRAWINGS:
                yield from self.drawing(child, depth + 1)
        yield from self._picture(element)

    def _description(self, element: Element) -> str:
        texts: list[str] = []
        for name in ("title", "desc"):
            child = child_named(element, name)
            text = "" if child is None else one_line(text_of(child))
            if text and text not in texts:
                texts.append(text)
        return f"Picture: {': '.join(texts)}" if texts else ""

    def _picture(self, frame: Element) -> Iterator[Block]:
        """Yield the text in a frame's picture; beside an object stands a picture of it."""
        if child_named(frame, "object") is not None:
            return
        targets: list[str] = []
        for image in frame.iterfind("{*}image"):
            targets.append(self._package.target(image))
        if not targets:
            return
        # Of a drawing there is a copy in pixels.
        pixels = [target for target in targets if not target.endswith((".svg", ".svm", ".emf"))]
        target = (pixels or targets)[0]
        if not target:
            self._pictures.count_unread()
            return
        text = self._pictures.text(target)
        if text:
            yield "text", text

    def _object(self, element: Element) -> Iterator[Block]:
        """Yield what an embedded chart, equation or table says."""
        target = self._package.target(element)
        root = self._package.part(f"{target}/{CONTENT}") if target else None
        if root is None:
            self._package.unread.count("embedded object", "embedded objects")
            return
        if local_name(root) == "math":
            yield "text", _equation(root)
            return
        chart = next(root.iter("{*}chart"), None)
        if chart is not None:
            yield from self._chart(root)
            return
        for body in root.iterfind("{*}body"):
            for kind in body:
                yield from self.blocks(kind, 1)

    def _chart(self, root: Element) -> Iterator[Block]:
        titles: list[str] = []
        for title in root.iter("{*}title", "{*}subtitle"):
            text = one_line(" ".join(text_of(part) for part in title.iterfind("{*}p")))
            if text:
                titles.append(text)
        yield "text", f"Chart: {'; '.join(titles)}" if titles else "Chart"
        for table in root.iter("{*}table"):
            rows = self.grid(table)
            yield "table", markdown_table(rows)


def _flat_table(markdown: str) -> str:
    """Return a table within a cell of another one: its rows behind each other."""
    rows = [line for number, line in enumerate(markdown.split("\n")) if number != 1]
    return "; ".join(one_line(row.replace("|", " ")) for row in rows)


_OUTLINE = "\0outline"
"""Stands for the name of the style that numbers headings."""


class _ListLevel:
    """How the numbers of a level of a list are written."""

    def __init__(self, element: Element) -> None:
        self.form = attribute(element, "num-format") or ""
        self.prefix = attribute(element, "num-prefix") or ""
        self.suffix = attribute(element, "num-suffix") or ""
        self.start = number_attribute(element, "start-value") or 1
        self.display_levels = number_attribute(element, "display-levels") or 1

    def written(self, number: int) -> str:
        """Return a number in this form."""
        word_form = _NUMBER_FORMS.get(self.form)
        return str(number) if word_form is None else written_number(number, word_form)


def _spaced(text: str) -> str:
    """Return text with its white space as one blank: line ends in the file are none in the text."""
    return re.sub(r"\s+", " ", text)


def rows_of(table: Element) -> Iterator[Element]:
    """Yield a table's rows, in whatever groups they are."""
    for child in table:
        name = local_name(child)
        if name == "table-row":
            yield child
        elif name in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from rows_of(child)


def cells_of(row: Element) -> Iterator[Element]:
    """Yield a row's cells, those too that a merged one covers."""
    for child in row:
        if local_name(child) in {"table-cell", "covered-table-cell"}:
            yield child


def _times(element: Element, name: str) -> int:
    return min(MOST_REPEATED, max(1, number_attribute(element, name) or 1))


def formula_text(formula: str) -> str:
    """Return a cell's formula as a sheet shows it: `of:=[.B2]*[.C2]` is `=B2*C2`."""
    _, _, text = formula.partition("=")
    return "=" + _FORMULA_REFERENCE.sub(lambda match: match[1].replace(":.", ":"), text)


def _equation(root: Element) -> str:
    from bs4 import BeautifulSoup
    from lxml import etree

    from docmind.ingestion.readers.mathml import linear

    soup = BeautifulSoup(etree.tostring(root, encoding="unicode"), "lxml")
    math = soup.find(re.compile("^(mml:|m:|math:)?math$"))
    return "" if math is None else linear(math)


def lines_of(blocks: Sequence[Block]) -> str:
    """Return blocks as lines of text."""
    return "\n".join(text for _, text in blocks if text)
