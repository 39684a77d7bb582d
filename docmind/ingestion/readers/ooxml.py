"""The parts of an Office file (DOCX, PPTX, XLSX): a ZIP of XML parts that refer to each other.

The newest form, "strict", differs from the usual one in the names of its namespaces only; parts are
given in the usual one. A part that is damaged is read as far as it goes, and named in `unread`.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Section, one_line

if TYPE_CHECKING:
    from lxml.etree import XMLParser
    from lxml.etree import _Element as Element

_STRICT_MARK = b"http://purl.oclc.org/ooxml/"
_STRICT_NAMESPACE = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_USUAL_NAMESPACE = rb"http://schemas.openxmlformats.org/\1/2006/"
_RELATIONSHIP_OF_MAIN_PART = "officeDocument"
_USUAL_MAIN_PARTS = ("word/document.xml", "ppt/presentation.xml", "xl/workbook.xml")
"""Where the main part is if the file does not say so."""
SAID_BY_PROGRAMS = {
    "python-docx",
    "openpyxl",
    "Steve Canny",
    "PptxGenJS",
    "Apache POI",
    "PowerPoint Presentation",
}
"""Authors and titles that programs write into the files they make: they say nothing of them."""
_TRUE = {"1", "true", "on"}
LONGEST_REPEATED_TEXT = 60
"""Characters of a text that is repeated in each of the columns that its merged cell covers; a
longer one is a remark, which would only be repeated."""


@dataclass(frozen=True)
class Relationship:
    """How a part refers to another part, or to something outside of the file."""

    id: str
    kind: str
    """The last word of its type, for example `header`, `chart`, `hyperlink`."""
    target: str
    """The name of the part in the ZIP; an address where it is external."""
    external: bool


class Unread:
    """Counts what was not read, and puts it into words."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._sentences: dict[str, None] = {}

    def count(self, one: str, several: str) -> None:
        """Note one more thing of a kind, for example `picture`, `pictures`."""
        self._counts[one, several] += 1

    def say(self, sentence: str) -> None:
        """Note something that has words of its own."""
        self._sentences[sentence] = None

    def sentences(self) -> tuple[str, ...]:
        """Return a sentence for each kind, without its full stop."""
        sentences: list[str] = []
        for (one, several), number in self._counts.items():
            if number == 1:
                sentences.append(f"1 {one} was not read")
            else:
                sentences.append(f"{number} {several} were not read")
        return (*sentences, *self._sentences)


class Package:
    """An Office file, opened. Use it in a `with` statement.

    Raises:
        CorruptFile: it names no main part, or that is not there.
    """

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path)
        self.unread = Unread()
        self._names = {name.lower(): name for name in self._zip.namelist()}
        """Programs do not agree on the case of parts' names."""
        self._relationships: dict[str, dict[str, Relationship]] = {}
        self.main = self._main_part()

    def __enter__(self) -> Package:
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._names

    def read(self, name: str) -> bytes:
        """Return a part's bytes; b"" if it is not there or its data are damaged."""
        real_name = self._names.get(name.lower())
        if real_name is None:
            return b""
        try:
            data = self._zip.read(real_name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            self._say_damaged(name)
            return b""
        if _STRICT_MARK in data:
            data = _in_usual_form(data)
        return data

    def part(self, name: str) -> Element | None:
        """Return the root of an XML part; None if it is not there or nothing of it can be read."""
        from lxml import etree

        data = self.read(name)
        if not data:
            return None
        # Huge: a long document is no attack here, its unpacked size was checked before.
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        try:
            return etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            self._say_damaged(name)
        recovering = etree.XMLParser(
            resolve_entities=False, no_network=True, huge_tree=True, recover=True
        )
        try:
            return etree.fromstring(data, recovering)
        except etree.XMLSyntaxError:
            return None

    def elements(self, name: str, path: str) -> list[Element]:
        """Return the elements under a path of a part; none if it is missing or unreadable."""
        root = self.part(name)
        if root is None:
            return []
        return list(root.iterfind(path))

    def relationships(self, part_name: str) -> dict[str, Relationship]:
        """Return what a part refers to, by the ids that it uses for it."""
        if part_name not in self._relationships:
            folder, name = posixpath.split(part_name)
            root = self.part(f"{folder}/_rels/{name}.rels".lstrip("/"))
            self._relationships[part_name] = {}
            if root is not None:
                for relationship in _relationships(root, folder):
                    self._relationships[part_name][relationship.id] = relationship
        return self._relationships[part_name]

    def related(self, part_name: str, kind: str) -> list[str]:
        """Return the names of the parts of a kind that a part refers to."""
        return [
            relationship.target
            for relationship in self.relationships(part_name).values()
            if relationship.kind == kind and not relationship.external
        ]

    def numbered(self, beginning: str) -> list[str]:
        """Return the parts `beginning1.xml`, `beginning2.xml` and so on, by their numbers.

        They are what can be had where the list of sheets or slides is damaged.
        """
        numbers: list[int] = []
        for name in self._names.values():
            match = re.fullmatch(rf"{re.escape(beginning)}(\d+)\.xml", name)
            if match:
                numbers.append(int(match[1]))
        return [f"{beginning}{number}.xml" for number in sorted(numbers)]

    def target(self, part_name: str, relationship_id: str | None) -> Relationship | None:
        """Return what a part means by an id."""
        if relationship_id is None:
            return None
        return self.relationships(part_name).get(relationship_id)

    def properties(self) -> list[Section]:
        """Return a section with the document's title and author, if it has them."""
        lines: list[str] = []
        for name in self.related("", "core-properties") or ["docProps/core.xml"]:
            root = self.part(name)
            if root is None:
                continue
            for label, tag in (
                ("Title", "title"),
                ("Subject", "subject"),
                ("Author", "creator"),
                ("Keywords", "keywords"),
                ("Description", "description"),
                ("Category", "category"),
            ):
                value = one_line(root.findtext(f"{{*}}{tag}") or "")
                if value and not is_said_by_program(value):
                    lines.append(f"{label}: {value}")
        if not lines:
            return []
        return [Section(text="\n".join(lines))]

    def _main_part(self) -> str:
        for name in [*self.related("", _RELATIONSHIP_OF_MAIN_PART), *_USUAL_MAIN_PARTS]:
            if name in self:
                return name
        raise CorruptFile("has no document in it. Save it again in the program that made it.")

    def _say_damaged(self, name: str) -> None:
        self.unread.say(f"the part '{name}' is damaged and was read as far as possible")


def is_said_by_program(value: str) -> bool:
    """Tell whether a title or author is what a program writes into each of its files."""
    return value in SAID_BY_PROGRAMS or value.startswith("generated ")


def _in_usual_form(data: bytes) -> bytes:
    data = _STRICT_NAMESPACE.sub(_USUAL_NAMESPACE, data)
    data = data.replace(b"2006/extendedProperties", b"2006/extended-properties")
    return data.replace(b"2006/customProperties", b"2006/custom-properties")


def _relationships(root: Element, folder: str) -> Iterator[Relationship]:
    for element in root.iterfind("{*}Relationship"):
        target = element.get("Target") or ""
        external = element.get("TargetMode") == "External"
        if not external:
            target = posixpath.normpath(posixpath.join("/", folder, unquote(target))).lstrip("/")
        yield Relationship(
            id=element.get("Id") or "",
            kind=(element.get("Type") or "").rsplit("/", 1)[-1],
            target=target,
            external=external,
        )


def recovering_parser() -> XMLParser:
    """Return a parser of damaged XML; entities are not resolved, nothing is fetched.

    Comments and instructions to programs are left out.
    """
    from lxml import etree

    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )


def local_name(element: Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rsplit("}", 1)[-1]


def attribute(element: Element | None, name: str) -> str | None:
    """Return an attribute by its name, whatever its namespace; None without it or the element."""
    if element is None:
        return None
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, other in element.items():
        if str(key).endswith(f"}}{name}"):
            return str(other)
    return None


def relationship_id(element: Element, name: str = "id") -> str | None:
    """Return an attribute of the namespace of relationships, for example `r:id`."""
    for key, value in element.items():
        if str(key).endswith(f"/relationships}}{name}"):
            return str(value)
    return None


def relationship_id_of_picture(shape: Element) -> str | None:
    """Return the id by which a shape refers to the picture that it shows."""
    for blip in shape.iter("{*}blip"):
        return relationship_id(blip, "embed") or relationship_id(blip, "link")
    return None


def number_attribute(element: Element | None, name: str) -> int | None:
    """Return an attribute as a whole number; None if it is none."""
    value = attribute(element, name)
    try:
        return None if value is None else int(value)
    except ValueError:
        return None


def is_on(element: Element | None, name: str = "val") -> bool:
    """Tell whether a switch such as `<w:b/>` is there and not turned off."""
    if element is None:
        return False
    value = attribute(element, name)
    return value is None or value in _TRUE


def preferred_alternatives(root: Element) -> None:
    """Put in place of each AlternateContent its newest form; the older one only if that is empty.

    Text boxes and equations stand in files twice: for new programs and for old ones.
    """
    for alternative in list(root.iter("{*}AlternateContent")):
        chosen = alternative.find("{*}Choice")
        if chosen is None or not len(chosen):
            chosen = alternative.find("{*}Fallback")
        for element in list(chosen) if chosen is not None else []:
            alternative.addprevious(element)
        parent = alternative.getparent()
        if parent is not None:
            parent.remove(alternative)


def says_only_page(text: str, *, has_page_number: bool) -> bool:
    """Tell whether a header or footer says no more than which page it is (`Page 3 of 7`).

    Args:
        text: what it says apart from the numbers.
        has_page_number: it shows the page's number.
    """
    return has_page_number and len(text.split()) <= 2
