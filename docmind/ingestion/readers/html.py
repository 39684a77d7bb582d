"""HTML, and what becomes HTML: Markdown, reStructuredText and EPUB → text."""

from __future__ import annotations

import posixpath
import re
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from docmind.ingestion.parsed import Outline, Progress, Section, markdown_table, one_line
from docmind.ingestion.readers.text import decode

_DROP = ["script", "style", "nav", "noscript", "template", "svg", "iframe", "object", "head"]
_BLOCK = frozenset(
    """address article aside blockquote body br dd details div dl dt fieldset figcaption figure footer form header hr
    html li main ol option p pre section summary table tbody td tfoot th thead tr ul""".split()  # noqa: SIM905
)


def read_html(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read HTML without scripts, styles and navigation; a section per heading, tables apart."""
    return html_sections(path.read_bytes())


def read_markdown(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read Markdown as the web page that it describes; HTML in it is text."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return html_sections(markdown.render(decode(path.read_bytes())))


def read_rst(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read reStructuredText as the web page that docutils makes of it; it may include no other files."""
    from docutils.core import publish_string

    safe = {"file_insertion_enabled": False, "raw_enabled": False, "_disable_config": True}
    quiet = {"report_level": 5, "halt_level": 5, "embed_stylesheet": False, "stylesheet_path": None}
    return html_sections(
        publish_string(decode(path.read_bytes()), writer="html5", settings_overrides=safe | quiet)
    )


def read_epub(path: Path, progress: Progress) -> list[Section]:
    """Read a book chapter by chapter, in the order of its spine."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    sections: list[Section] = []
    with zipfile.ZipFile(path) as book:
        container: Any = etree.fromstring(book.read("META-INF/container.xml"), parser)
        index = PurePosixPath(container.xpath("string(//*[local-name()='rootfile']/@full-path)"))
        package: Any = etree.fromstring(book.read(str(index)), parser)
        title = one_line(package.xpath("string(//*[local-name()='title'])"))
        places = {i.get("id"): i.get("href") for i in package.xpath("//*[local-name()='item']")}
        spine = package.xpath("//*[local-name()='itemref']/@idref")
        for done, chapter in enumerate(spine):
            progress(done, len(spine))
            name = posixpath.normpath(str(index.parent / unquote(places.get(chapter) or "")))
            if name in book.NameToInfo:  # some books name chapters that they do not have
                sections += html_sections(book.read(name), title)
    return sections


def html_sections(page: bytes | str, title: str = "") -> list[Section]:
    """Return the sections of a web page below its title, or the one given."""
    from bs4 import BeautifulSoup, XMLParsedAsHTMLWarning
    from bs4.element import NavigableString, PreformattedString

    warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)  # a book's chapters are XHTML
    soup = BeautifulSoup(page, "lxml")
    outline = Outline(title or (one_line(soup.title.get_text()) if soup.title else ""))
    for tag in soup(_DROP):
        tag.decompose()
    todo: list[Any] = [soup]  # no recursion: pages nest thousands of levels deep
    while todo:
        node = todo.pop()
        if isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):  # comments and declarations
                outline.text(node if node.find_parent("pre") else re.sub(r"\s+", " ", node))
        elif isinstance(node, str):
            outline.text(node)
        elif re.fullmatch("h[1-6]", node.name) and (title := node.get_text(" ")):
            outline.heading(int(node.name[1]), title)
        elif node.name == "table" and (table := _table(node)):
            outline.text("\n" + node.caption.get_text(" ") if node.caption else "")
            outline.table(table)
        else:
            start = re.fullmatch(r"\d{1,9}", node.get("start", ""))
            items = node("li", recursive=False) if node.name == "ol" else ()
            for number, item in enumerate(items, int(start[0]) if start else 1):
                item["value"] = f"{number}."
            block = node.name in _BLOCK
            todo += ["\n"] if block else []
            todo += reversed(node.contents)
            before = {"li": f"\n{node.get('value', '-')} ", "p": "\n\n"}.get(node.name, "\n")
            todo += [before] if block else []
    item = re.compile(r"^(-|\d+\.) ?\n+", re.M)
    return [
        replace(s, text=item.sub(r"\1 ", re.sub(r"[ \t]*\n[ \t]?", "\n", s.text)))
        for s in outline.sections()
    ]


def _table(table: Any) -> str:
    """Return a table as Markdown; "" if it only lays out the page."""
    rows = [[cell.get_text(" ") for cell in row(["td", "th"])] for row in table("tr")]
    layout = table.find(["table", "h1", "h2", "h3"]) or max(map(len, rows), default=0) < 2
    return "" if layout else markdown_table(rows)
