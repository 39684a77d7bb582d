"""HTML, and what becomes HTML: Markdown, reStructuredText and EPUB → text."""

from __future__ import annotations

import posixpath
import re
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from docmind.ingestion.parsed import Outline, Progress, Section, markdown_table, one_line
from docmind.ingestion.readers.encodings import decode

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from bs4.element import NavigableString, PageElement

_NOT_CONTENT = [
    "script",
    "style",
    "nav",
    "noscript",
    "template",
    "svg",
    "iframe",
    "object",
    "head",
]
_BLOCKS = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure
    footer form header hr html li main ol option p pre section summary table tbody td tfoot th
    thead tr ul""".split()  # noqa: SIM905
)
"""Elements that stand on lines of their own."""
_HEADING = re.compile("h[1-6]")
_LIST_START = re.compile(r"\d{1,9}")
_BLANKS = re.compile(r"\s+")
_BLANKS_AROUND_LINE_END = re.compile(r"[ \t]*\n[ \t]?")
_LONELY_BULLET = re.compile(r"^(-|\d+\.) ?\n+", re.MULTILINE)
"""A list item's bullet or number whose text, being a block, began on the next line."""
LEAST_COLUMNS = 2
"""A table with fewer only lays out the page."""


def read_html(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read HTML without scripts, styles and navigation; a section per heading, tables apart."""
    return html_sections(path.read_bytes())


def read_markdown(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read Markdown as the web page that it describes; HTML in it is text."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    text = decode(path.read_bytes())
    return html_sections(markdown.render(text))


def read_rst(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read reStructuredText as the web page that docutils makes of it; it may include no files."""
    from docutils.core import publish_string

    settings = {
        # what would read other files, or bring foreign HTML in
        "file_insertion_enabled": False,
        "raw_enabled": False,
        "_disable_config": True,
        # above every level that docutils reports: mistakes neither stop it nor stand in the text
        "report_level": 5,
        "halt_level": 5,
        "embed_stylesheet": False,
        "stylesheet_path": None,
    }
    text = decode(path.read_bytes())
    return html_sections(publish_string(text, writer="html5", settings_overrides=settings))


def read_epub(path: Path, progress: Progress) -> list[Section]:
    """Read a book chapter by chapter, in the order of its spine."""
    from lxml import etree

    # Any: what xpath() returns depends on its expression, which the stubs can't know
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    sections: list[Section] = []
    with zipfile.ZipFile(path) as book:
        container: Any = etree.fromstring(book.read("META-INF/container.xml"), parser)
        index = PurePosixPath(container.xpath("string(//*[local-name()='rootfile']/@full-path)"))
        package: Any = etree.fromstring(book.read(str(index)), parser)
        title = one_line(package.xpath("string(//*[local-name()='title'])"))
        items = package.xpath("//*[local-name()='item']")
        file_by_id = {item.get("id"): item.get("href") for item in items}
        chapter_ids = package.xpath("//*[local-name()='itemref']/@idref")
        for done, chapter_id in enumerate(chapter_ids):
            progress(done, len(chapter_ids))
            file = unquote(file_by_id.get(chapter_id) or "")
            name = posixpath.normpath(str(index.parent / file))
            if name in book.NameToInfo:  # some books name chapters that they do not have
                sections += html_sections(book.read(name), title)
    return sections


def html_sections(page: bytes | str, title: str = "") -> list[Section]:
    """Return the sections of a web page.

    Args:
        page: HTML or XHTML; its encoding is found out.
        title: the outermost heading; by default the page's own title.
    """
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning

    warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # a book's chapters are XHTML
    soup = BeautifulSoup(page, "lxml")
    if not title and soup.title:
        title = one_line(soup.title.get_text())
    for tag in soup(_NOT_CONTENT):
        tag.decompose()
    outline = Outline(title)
    _fill(outline, soup)
    return [replace(section, text=_tidy(section.text)) for section in outline.finish()]


def _fill(outline: Outline, soup: BeautifulSoup) -> None:
    """Put a page's text, headings and tables into an outline, in reading order."""
    from bs4 import Tag
    from bs4.element import NavigableString

    # A stack, the next piece on top: recursion would end on pages that nest thousands of levels.
    todo: list[PageElement | str] = [soup]
    while todo:
        piece = todo.pop()
        if isinstance(piece, Tag):
            if not _add_heading_or_table(outline, piece):
                todo.extend(reversed(_pieces(piece)))
        elif isinstance(piece, NavigableString):
            outline.add_text(_visible_text(piece))
        elif isinstance(piece, str):
            # No text of the page (that is a NavigableString), but line ends and bullets of ours.
            outline.add_text(piece)


def _add_heading_or_table(outline: Outline, element: Tag) -> bool:
    """Add a heading or a table as a whole.

    Returns:
        False for all else, of which the pieces are to be added one by one: also for an empty
        heading, and for a table that only lays out the page.
    """
    if _HEADING.fullmatch(element.name):
        heading = element.get_text(" ")
        if heading:
            level = int(element.name[1])
            outline.add_heading(level, heading)
            return True
    elif element.name == "table":
        table = _table(element)
        if table:
            if element.caption:
                outline.add_text("\n" + element.caption.get_text(" "))
            outline.add_table(table)
            return True
    return False


def _pieces(tag: Tag) -> list[PageElement | str]:
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
    return [before, *tag.contents, "\n"]


def _number_items(ordered_list: Tag) -> None:
    """Write each item's number into its `value`, HTML's own attribute for it."""
    start = _LIST_START.fullmatch(str(ordered_list.get("start", "")))
    number = int(start[0]) if start else 1
    for item in ordered_list("li", recursive=False):
        item["value"] = f"{number}."
        number += 1


def _visible_text(text: NavigableString) -> str:
    """Return a piece of the page's text as a browser shows it."""
    from bs4.element import PreformattedString

    if isinstance(text, PreformattedString):  # a comment or a declaration
        return ""
    if text.find_parent("pre"):
        return text
    return _BLANKS.sub(" ", text)


def _tidy(text: str) -> str:
    """Return a section's text without blanks around line ends, bullets beside their items."""
    text = _BLANKS_AROUND_LINE_END.sub("\n", text)
    return _LONELY_BULLET.sub(r"\1 ", text)


def _table(table: Tag) -> str:
    """Return a table as Markdown; "" if it only lays out the page."""
    if table.find(["table", "h1", "h2", "h3"]):
        return ""
    rows = [_cells(row) for row in table("tr")]
    columns = max(map(len, rows), default=0)
    if columns < LEAST_COLUMNS:
        return ""
    return markdown_table(rows)


def _cells(row: Tag) -> list[str]:
    return [cell.get_text(" ") for cell in row(["td", "th"])]
