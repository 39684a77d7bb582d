"""The parts of an OpenDocument file (ODT, ODS, ODP): a ZIP of XML parts and pictures.

Names of elements are compared without their namespaces: what OpenOffice 1 to LibreOffice today
write differs in these.
"""

from __future__ import annotations

import posixpath
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from docmind.errors import CorruptFile, EncryptedFile
from docmind.ingestion.parsed import Section, one_line
from docmind.ingestion.readers.ooxml import (
    Unread,
    attribute,
    is_said_by_program,
    local_name,
    recovering_parser,
)

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

CONTENT = "content.xml"
STYLES = "styles.xml"
_WRITTEN_BY_PROGRAMS = {
    "AppVersion", "PresentationFormat", "HyperlinksChanged", "LinksUpToDate", "ScaleCrop",
    "ShareDoc", "DocSecurity", "KSOProductBuildVer", "Info 1", "Info 2", "Info 3", "Info 4",
}  # fmt: skip
_PROPERTIES = (
    ("Title", "title"),
    ("Subject", "subject"),
    ("Author", "initial-creator"),
    ("Author", "creator"),
    ("Keywords", "keyword"),
    ("Description", "description"),
)


class OdfPackage:
    """An OpenDocument file, opened. Use it in a `with` statement.

    Raises:
        EncryptedFile: it needs a password.
        CorruptFile: it has no content.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.unread = Unread()
        self._names = set(self._zip.namelist())
        if b"encryption-data" in self.read("META-INF/manifest.xml"):
            raise EncryptedFile("is protected by a password. Save it without one.")
        content = self.part(CONTENT)
        if content is None:
            raise CorruptFile("has no document in it. Save it again in the program that made it.")
        self.content = content
        styles = self.part(STYLES)
        self.roots = [content] if styles is None else [content, styles]
        """The parts with styles."""
        self._baselines = self._read_baselines()

    def __enter__(self) -> OdfPackage:
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def read(self, name: str) -> bytes:
        """Return a part's bytes; b"" if it is not there or its data are damaged."""
        if name not in self._names:
            return b""
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            self.unread.say(f"the part '{name}' is damaged")
            return b""

    def part(self, name: str) -> Element | None:
        """Return the root of an XML part; None if nothing of it can be read."""
        from lxml import etree

        data = self.read(name)
        if not data:
            return None
        parser = recovering_parser()
        root = etree.fromstring(data, parser)
        if len(parser.error_log):
            self.unread.say(f"the part '{name}' is damaged and was read as far as possible")
        return root

    def target(self, element: Element) -> str:
        """Return the name of the part that an element refers to; "" if that is not in the file."""
        address = unquote(attribute(element, "href") or "")
        name = posixpath.normpath(address).removeprefix("./").lstrip("/")
        return name if name in self._names or f"{name}/{CONTENT}" in self._names else ""

    def body(self, kind: str) -> Element:
        """Return the element `text`, `spreadsheet` or `presentation` of the content."""
        for element in self.content.iterfind(f"{{*}}body/{{*}}{kind}"):
            return element
        raise CorruptFile(
            "holds another kind of document than its ending says. "
            "Save it again in the program that made it."
        )

    def baseline(self, style: str | None) -> int:
        """Return whether a style sets letters high (1), low (-1) or on the line (0)."""
        return self._baselines.get(style or "", 0)

    def properties(self) -> list[Section]:
        """Return a section with the document's title, author and so on, if it has them."""
        root = self.part("meta.xml")
        if root is None:
            return []
        lines: dict[str, None] = {}
        for label, tag in _PROPERTIES:
            for element in root.iterfind(f"{{*}}meta/{{*}}{tag}"):
                value = one_line(text_of(element))
                if value and not is_said_by_program(value):
                    lines[f"{label}: {value}"] = None
        for element in root.iterfind("{*}meta/{*}user-defined"):
            name = attribute(element, "name") or "Property"
            value = one_line(text_of(element))
            if value and name not in _WRITTEN_BY_PROGRAMS:
                lines[f"{name}: {value}"] = None
        return [Section(text="\n".join(lines))] if lines else []

    def _read_baselines(self) -> dict[str, int]:
        baselines: dict[str, int] = {}
        for root in self.roots:
            for style in root.iter("{*}style"):
                position = ""
                for properties in style.iterfind("{*}text-properties"):
                    position = attribute(properties, "text-position") or position
                name = attribute(style, "name") or ""
                if position.startswith("super") or position[:1].isdigit():
                    baselines[name] = 1 if not position.startswith("0") else 0
                elif position.startswith(("sub", "-")):
                    baselines[name] = -1
        return baselines


def child_named(element: Element, name: str) -> Element | None:
    """Return the first child of this name, without its namespace."""
    for child in element:
        if local_name(child) == name:
            return child
    return None


def text_of(element: Element) -> str:
    """Return all text within an element."""
    return "".join(str(text) for text in element.itertext())
