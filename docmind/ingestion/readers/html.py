"""Web pages → text. Other formats become web pages first: Markdown, reStructuredText, Word."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from docmind.ingestion.parsed import (
    Outline,
    PartlyRead,
    Progress,
    Section,
    markdown_table,
    one_line,
)
from docmind.ingestion.readers.encodings import decode, decode_as
from docmind.ingestion.readers.equations import operand
from docmind.ingestion.readers.html_media import link_list, page_description, write_media_as_text
from docmind.ingestion.readers.mathml import linear
from docmind.ingestion.readers.ooxml import Unread

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from bs4.element import PageElement

NOT_CONTENT = (
    "script",
    "style",
    "nav",
    "noscript",
    "template",
    "svg",
    "iframe",
    "object",
    "head",
)
_SECOND_COPIES_OF_EQUATIONS = ".katex-html, mjx-math, .MathJax, .MathJax_Preview"
"""What KaTeX and MathJax draw beside the equation's source, which is read."""
_BLOCKS = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure
    footer form header hr html li main ol option p pre section summary table tbody td tfoot th
    thead tr ul""".split()  # noqa: SIM905
)
"""Elements that stand on lines of their own."""
_HEADING = re.compile("h[1-6]")
_NUMBER = re.compile(r"\d{1,9}")
_BLANKS = re.compile(r"\s+")
_ORDINAL = re.compile(r"[^\W\d_]{2,}\.?|[aeo]")
"""What is written high behind a number and belongs to it: 1st, 2e."""
LEAST_COLUMNS = 2
"""A table with fewer only lays out the page."""
LONGEST_HEADING_CELL = 100
"""Characters; a table with headings in it lays out the page if one of its cells has more."""
LONGEST_REPEATED_CELL = 100
"""Characters; a merged cell with more is a paragraph and stands in the first of its places."""
MOST_COLUMNS_SPANNED = 1000
"""By the standard of HTML."""


def read_html(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read HTML without scripts, styles and navigation; a section per heading, tables apart."""
    unread = Unread()
    sections = html_sections(path.read_bytes(), unread=unread)
    return PartlyRead(sections, unread.sentences())


def html_sections(
    page: bytes | str, title: str = "", *, unread: Unread | None = None
) -> list[Section]:
    """Return the sections of a web page.

    Args:
        page: HTML or XHTML; the encoding of bytes is found out.
        title: the outermost heading; by default the page's own title.
        unread: what the page holds and is not read is counted there.
    """
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # a book's chapters are XHTML
    if isinstance(page, bytes):
        page = _decode_page(page)
    soup = BeautifulSoup(page, "lxml")
    if not title and soup.title:
        title = one_line(soup.title.get_text())
    _write_equations_as_text(soup)
    about = page_description(soup)
    write_media_as_text(soup, unread or Unread())
    for tag in soup(NOT_CONTENT):
        tag.decompose()
    _mark_scripts(soup)
    _put_readings_in_brackets(soup)
    outline = Outline(title)
    _fill(outline, soup)
    sections = outline.finish()
    for text in (about, link_list(soup)):
        if text:
            sections.append(Section(text=text, headings=(title,) if title else ()))
    return sections


def _decode_page(data: bytes) -> str:
    """Return a page's text, in the encoding that it names if that fits."""
    from bs4.dammit import EncodingDetector

    named = EncodingDetector.find_declared_encoding(data, is_html=True)
    # A page that names UTF-16 in letters of one byte isn't in it.
    if named is None or named.lower().startswith("utf-16"):
        return decode(data)
    return decode_as(data, named)


def _write_equations_as_text(soup: BeautifulSoup) -> None:
    """Put a line of text in place of each equation."""
    for tag in soup.select(_SECOND_COPIES_OF_EQUATIONS):
        tag.decompose()
    for script in soup.find_all("script", type=re.compile("^math/tex")):
        script.replace_with(f" {script.get_text()} ")
    for math in soup.find_all(re.compile("^(mml:|m:)?math$")):
        if math.decomposed:  # it stood in another one
            continue
        text = linear(math) or str(math.get("alttext", ""))
        math.replace_with(text)
        math.decompose()


def _mark_scripts(soup: BeautifulSoup) -> None:
    """Put a mark before superscripts and subscripts that plain text would join to a number.

    10 with a superscript 6 becomes 10^6, and 45 with a footnote's link 45[2]. H2O and 1st stay.
    """
    for tag in soup(["sup", "sub"]):
        text = tag.get_text().strip()
        before = tag.find_previous(string=True)
        char_before = str(before)[-1:] if before else ""
        has_digit = any(char.isdigit() for char in text)
        stands_alone = not char_before.strip() and not has_digit
        if not any(char.isalnum() for char in text) or stands_alone:
            continue
        if text.isdigit() and (tag.find("a") or tag.find_parent("a")):
            opening = "["
            closing = "]"
        elif tag.name == "sup" and not _ORDINAL.fullmatch(text):
            opening, _, closing = operand(text, "^").partition(text)
        elif tag.name == "sub" and not (text.isdigit() and char_before.isalpha()):
            opening, _, closing = operand(text, "_").partition(text)
        else:
            continue
        if text[0] not in "[(":
            tag.insert(0, opening)
            tag.append(closing)


def _put_readings_in_brackets(soup: BeautifulSoup) -> None:
    """Put the pronunciation of Chinese and Japanese words (ruby) in brackets behind them."""
    for reading in soup("rt"):
        ruby = reading.find_parent("ruby")
        has_brackets = ruby is not None and ruby.find("rp") is not None
        if not has_brackets and reading.get_text().strip():
            reading.insert(0, "(")
            reading.append(")")


class _Layout(NamedTuple):
    """Line ends, and perhaps a list item's bullet, that an element brings with it."""

    text: str
    opens: bool
    """It stands at the element's beginning."""


_END_OF_BLOCK = _Layout("\n", opens=False)


class _TextFlow:
    """Writes a page's text into an outline with the blanks that a browser would show."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        self._after_blank = True
        """What was written last ends with a blank or a line end."""
        self._after_bullet = False

    def restart(self) -> None:
        """Go on at the beginning of a line: a heading or a table was written."""
        self._after_blank = True
        self._after_bullet = False

    def add_layout(self, layout: _Layout) -> None:
        """Write line ends; none between a list item's bullet and its text."""
        text = layout.text
        if self._after_bullet and layout.opens:
            text = text.lstrip("\n")
        elif not layout.opens:
            self._after_bullet = False
        if text:
            self._outline.add_text(text)
            self._after_blank = True
            self._after_bullet = text != "\n" * len(text)

    def add_text(self, text: str) -> None:
        """Write text; of several blanks one is shown."""
        text = _BLANKS.sub(" ", text)
        if self._after_blank:
            text = text.lstrip()
        if text:
            self._write(text)

    def add_preformatted(self, text: str) -> None:
        """Write text with all of its blanks."""
        if text:
            self._write(text)

    def _write(self, text: str) -> None:
        self._outline.add_text(text)
        self._after_blank = text[-1].isspace()
        self._after_bullet = False


def _fill(outline: Outline, soup: BeautifulSoup) -> None:
    """Put a page's text, headings and tables into an outline, in reading order."""
    from bs4 import Tag

    flow = _TextFlow(outline)
    # A stack, the next piece on top: recursion would end on pages that nest thousands of levels.
    todo: list[PageElement | _Layout] = [soup]
    while todo:
        piece = todo.pop()
        if isinstance(piece, _Layout):
            flow.add_layout(piece)
        elif isinstance(piece, Tag):
            if _add_heading_or_table(outline, piece):
                flow.restart()
            else:
                todo.extend(reversed(_pieces(piece)))
        else:
            _add_string(flow, piece)


def _add_heading_or_table(outline: Outline, element: Tag) -> bool:
    """Add a heading or a table as a whole.

    Returns:
        False for all else, of which the pieces are to be added one by one: also for an empty
        heading, and for a table that only lays out the page.
    """
    if _HEADING.fullmatch(element.name):
        heading = _line_of_text(element)
        if heading:
            level = int(element.name[1])
            outline.add_heading(level, heading)
            return True
    elif element.name == "table":
        table = _table(element)
        if table:
            if element.caption:
                outline.add_text("\n" + _line_of_text(element.caption))
            outline.add_table(table)
            return True
    return False


def _pieces(tag: Tag) -> list[PageElement | _Layout]:
    """Return what an element contains, between the line ends that its kind brings with it."""
    if tag.name == "ol":
        _number_items(tag)
    if tag.name not in _BLOCKS:
        return list(tag.contents)
    if tag.name == "li":
        before = f"\n{tag.get('value', '-')} "
    elif tag.name == "p":
        before = "\n\n"
    else:
        before = "\n"
    return [_Layout(before, opens=True), *tag.contents, _END_OF_BLOCK]


def _number_items(ordered_list: Tag) -> None:
    """Write each item's number into its `value`, HTML's own attribute for it."""
    start = _NUMBER.fullmatch(str(ordered_list.get("start", "")))
    number = int(start[0]) if start else 1
    for item in ordered_list("li", recursive=False):
        item["value"] = f"{number}."
        number += 1


def _add_string(flow: _TextFlow, piece: PageElement) -> None:
    """Write a piece of the page's text, unless it is a comment or a declaration."""
    from bs4.element import NavigableString, PreformattedString

    if not isinstance(piece, NavigableString) or isinstance(piece, PreformattedString):
        return
    if piece.find_parent("pre"):
        flow.add_preformatted(piece)
    else:
        flow.add_text(piece)


def _line_of_text(tag: Tag) -> str:
    """Return an element's text as one line, blanks only where the page shows some."""
    return one_line("".join(_strings(tag)))


def _strings(tag: Tag) -> Iterator[str]:
    """Yield an element's strings, and a blank where a line of its own begins or ends in it."""
    from bs4 import Tag
    from bs4.element import NavigableString, PreformattedString

    todo: list[PageElement | _Layout] = [tag]
    while todo:
        piece = todo.pop()
        if isinstance(piece, _Layout):
            yield " "
        elif isinstance(piece, Tag):
            todo.extend(reversed(_pieces(piece)))
        elif isinstance(piece, NavigableString) and not isinstance(piece, PreformattedString):
            yield piece


def _table(table: Tag) -> str:
    """Return a table as Markdown; "" if it only lays out the page."""
    if table.find("table"):
        return ""
    rows = _grid(table)
    columns = max(map(len, rows), default=0)
    if columns < LEAST_COLUMNS:
        return ""
    if table.find(["h1", "h2", "h3"]):
        longest_cell = max(len(cell) for row in rows for cell in row)
        if longest_cell > LONGEST_HEADING_CELL:
            return ""
    return markdown_table(rows)


class _CellFromAbove(NamedTuple):
    """A cell that goes on in the rows below."""

    text: str
    rows: int
    """How many rows more."""


def _grid(table: Tag) -> list[list[str]]:
    """Return a table's rows; what a merged cell says stands in each of its places."""
    rows: list[list[str]] = []
    from_above: dict[int, _CellFromAbove] = {}
    part: Tag | None = None
    for row in table("tr"):
        if row.parent is not part:
            part = row.parent
            from_above.clear()  # no cell goes on from a table's head into its body
        rows.append(_cells(row, from_above))
    return rows


def _cells(row: Tag, from_above: dict[int, _CellFromAbove]) -> list[str]:
    """Return a row's cells, those that go on from above among them.

    Args:
        row: the row.
        from_above: by column; changed to what goes on into the next row.
    """
    texts: list[str] = []
    own_cells = row(["td", "th"])
    for cell in own_cells:
        _continue_from_above(texts, from_above)
        text = _line_of_text(cell)
        columns = min(_span(cell, "colspan"), MOST_COLUMNS_SPANNED)
        rows_below = _span(cell, "rowspan") - 1
        # A title across the whole table isn't the value of each column.
        is_alone = len(own_cells) == 1 and not texts
        repeats = len(text) <= LONGEST_REPEATED_CELL and not is_alone
        for number in range(columns):
            shown = text if number == 0 or repeats else ""
            if rows_below > 0:
                below = text if len(text) <= LONGEST_REPEATED_CELL else ""
                from_above[len(texts)] = _CellFromAbove(text=below, rows=rows_below)
            texts.append(shown)
    _continue_from_above(texts, from_above)
    return texts


def _continue_from_above(texts: list[str], from_above: dict[int, _CellFromAbove]) -> None:
    """Append the cells that go on from above in the next columns."""
    while len(texts) in from_above:
        column = len(texts)
        cell = from_above.pop(column)
        texts.append(cell.text)
        if cell.rows > 1:
            from_above[column] = _CellFromAbove(text=cell.text, rows=cell.rows - 1)


def _span(cell: Tag, attribute: str) -> int:
    """Return how many columns or rows a cell takes: `colspan` or `rowspan`."""
    number = _NUMBER.fullmatch(str(cell.get(attribute, "")).strip())
    if number is None:
        return 1
    if attribute == "rowspan" and int(number[0]) == 0:
        return 1 << 30  # to the table's end
    return max(1, int(number[0]))
