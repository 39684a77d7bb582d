"""PPTX → text: each slide from top to bottom, with its tables, charts, notes and comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import PartlyRead, Progress, Section, markdown_table, one_line
from docmind.ingestion.readers.drawings import (
    DRAWING_NAMESPACE,
    alternative_text,
    chart_text,
    diagram_text,
    paragraphs,
    write_out_links,
)
from docmind.ingestion.readers.equations import linearize
from docmind.ingestion.readers.ooxml import (
    LONGEST_REPEATED_TEXT,
    Package,
    is_on,
    local_name,
    number_attribute,
    preferred_alternatives,
    relationship_id,
    relationship_id_of_picture,
)
from docmind.ingestion.readers.pictures import Pictures

if TYPE_CHECKING:
    from lxml.etree import _Element as Element

_TITLES = {"title", "ctrTitle"}
_PAGE_FURNITURE = {"ftr", "hdr", "dt"}
"""Placeholders whose text is on every slide: footer, header, date."""
_SHAPES = {"sp", "pic", "graphicFrame", "grpSp", "cxnSp", "contentPart"}


@dataclass(frozen=True)
class _Place:
    """Where a shape begins and how high it is, in the units of its slide or group."""

    left: int
    top: int
    height: int


@dataclass(frozen=True)
class _PlacedShape:
    element: Element
    place: _Place


def read_pptx(path: Path, progress: Progress) -> PartlyRead:
    """Read a presentation: page is the slide's number, heading its title; notes under the slide."""
    with Package(path) as package:
        reader = _PresentationReader(package, progress)
        sections: list[Section] = []
        slides = _slides(package)
        for index, slide in enumerate(slides):
            progress(index, len(slides))
            # Also a slide that can't be read is a page.
            sections.append(Section(text="", page=index + 1))
            if slide not in package:
                package.unread.say(f"slide {index + 1} is missing in the file")
                continue
            sections += reader.slide(slide, index + 1)
        sections += reader.furniture()
        sections += package.properties()
        return PartlyRead(sections, package.unread.sentences())


def _slides(package: Package) -> list[str]:
    """Return the parts of the slides in their order; if that is damaged, of those that are there.

    A part is "" where the presentation names none.
    """
    slides: list[str] = []
    for element in package.elements(package.main, "{*}sldIdLst/{*}sldId"):
        target = package.target(package.main, relationship_id(element))
        slides.append("" if target is None else target.target)
    if any(slides):
        return slides
    return package.numbered("ppt/slides/slide") or slides


class _PresentationReader:
    """Reads the slides of one presentation."""

    def __init__(self, package: Package, progress: Progress) -> None:
        self._package = package
        self._pictures = Pictures(package, progress)
        self._furniture: dict[str, None] = {}
        """What stands on every slide: lines of footers, masters and layouts, in their order."""
        self._backgrounds: set[str] = set()
        """Masters and layouts that were read."""
        self._authors = self._comment_authors()

    def slide(self, part: str, number: int) -> Iterator[Section]:
        """Yield the text of a slide, its tables and charts, its notes and comments."""
        root = self._shapes_of(part)
        if root is None:
            return
        shapes = list(self._in_reading_order(root, part))
        title = ""
        for shape in shapes:
            if _placeholder(shape) in _TITLES:
                title = one_line(" ".join(_text_lines(shape)))
                break
        place = Section(text="", page=number, headings=(title,))
        lines: list[str] = []
        tables: list[Section] = []
        for shape in shapes:
            kind = _placeholder(shape)
            if kind == "sldNum":
                continue
            if kind in _PAGE_FURNITURE:
                self._furniture.update(dict.fromkeys(_text_lines(shape)))
                continue
            lines += _text_lines(shape)
            lines += self._described(shape, part)
            for table in shape.iterfind(".//{*}tbl"):
                tables.append(replace(place, text=_table(table), table=True))
            for text, table_text in self._graphics(shape, part):
                lines.append(text)
                tables.append(replace(place, text=table_text, table=True))
        yield replace(place, text="\n".join(line for line in lines if line))
        yield from tables
        yield from self._around(part, place)
        self._note_background(part)

    def furniture(self) -> list[Section]:
        """Return a section with what stands on every slide, each line once."""
        if not self._furniture:
            return []
        return [Section(text="\n".join(["On the slides:", *self._furniture]))]

    def _shapes_of(self, part: str) -> Element | None:
        """Return the tree of shapes of a slide, layout, master or page of notes."""
        root = self._package.part(part)
        if root is None:
            return None
        preferred_alternatives(root)
        linearize(root, DRAWING_NAMESPACE)
        write_out_links(self._package, part, root)
        return root.find("{*}cSld/{*}spTree")

    def _text_shapes_of(self, part: str) -> list[Element]:
        tree = self._shapes_of(part)
        if tree is None:
            return []
        return list(tree.iter("{*}sp"))

    # -- the order of the shapes

    def _in_reading_order(self, tree: Element, part: str) -> Iterator[Element]:
        """Yield the shapes from top to bottom, those beside each other from left to right.

        The title comes first; the shapes of a group stay together.
        """
        placed: list[_PlacedShape] = []
        without_place: list[Element] = []
        for shape in tree:
            if local_name(shape) not in _SHAPES:
                continue
            place = self._place(shape, part)
            if _placeholder(shape) in _TITLES:
                yield shape
            elif place is None:
                without_place.append(shape)
            else:
                placed.append(_PlacedShape(shape, place))
        for placed_shape in _by_rows(placed):
            yield from self._with_members(placed_shape.element, part)
        for shape in without_place:
            yield from self._with_members(shape, part)

    def _with_members(self, shape: Element, part: str) -> Iterator[Element]:
        if local_name(shape) == "grpSp":
            yield from self._in_reading_order(shape, part)
        else:
            yield shape

    def _place(self, shape: Element, part: str) -> _Place | None:
        """Return where a shape is; a placeholder may have its place from the layout or master."""
        place = _own_place(shape)
        placeholder = shape.find(".//{*}nvPr/{*}ph")
        if place is not None or placeholder is None:
            return place
        background = part
        for kind in ("slideLayout", "slideMaster"):
            parts = self._package.related(background, kind)
            if not parts:
                return None
            background = parts[0]
            for other in self._package.elements(background, "{*}cSld/{*}spTree/{*}sp"):
                other_placeholder = other.find(".//{*}nvPr/{*}ph")
                if other_placeholder is None or not _is_same(placeholder, other_placeholder):
                    continue
                place = _own_place(other)
                if place is not None:
                    return place
        return None

    # -- what shapes hold beside text

    def _described(self, shape: Element, part: str) -> list[str]:
        """Return what is written about a shape and in a picture; count what is not read."""
        lines: list[str] = []
        unread = self._package.unread
        if shape.find(".//{*}nvPr/{*}videoFile") is not None:
            unread.count("embedded video", "embedded videos")
        elif shape.find(".//{*}nvPr/{*}audioFile") is not None:
            unread.count("embedded sound", "embedded sounds")
        elif shape.find(".//{*}oleObj") is not None:
            unread.count("embedded object", "embedded objects")
        elif local_name(shape) == "pic":
            lines = self._in_picture(shape, part)
        elif local_name(shape) == "contentPart":
            unread.count("drawing by hand", "drawings by hand")
        description = alternative_text(shape.find("./*/{*}cNvPr"))
        if description:
            lines.insert(0, f"Picture: {description}")
        return lines

    def _in_picture(self, shape: Element, part: str) -> list[str]:
        target = self._package.target(part, relationship_id_of_picture(shape))
        if target is None or target.external:
            self._pictures.count_unread()
            return []
        return self._pictures.text(target.target).splitlines()

    def _graphics(self, shape: Element, part: str) -> Iterator[tuple[str, str]]:
        """Yield the text and the table of each chart and diagram in a shape."""
        for element in shape.iter("{*}chart", "{*}relIds"):
            is_diagram = local_name(element) == "relIds"
            target = self._package.target(
                part, relationship_id(element, "dm" if is_diagram else "id")
            )
            if target is None or target.target not in self._package:
                self._package.unread.count("chart or diagram", "charts or diagrams")
            elif is_diagram:
                yield diagram_text(self._package, target.target), ""
            elif target.kind == "chart":
                yield chart_text(self._package, target.target)
            else:
                self._package.unread.count("chart of a new kind", "charts of a new kind")

    # -- notes, comments, and what is on every slide

    def _around(self, part: str, place: Section) -> Iterator[Section]:
        lines: list[str] = []
        for notes_part in self._package.related(part, "notesSlide"):
            for shape in self._text_shapes_of(notes_part):
                kind = _placeholder(shape)
                if kind in _PAGE_FURNITURE:
                    self._furniture.update(dict.fromkeys(_text_lines(shape)))
                elif kind != "sldNum":
                    lines += _text_lines(shape)
        if lines:
            text = "\n".join(lines)
            yield replace(place, text=f"Notes: {text}")
        comments = list(self._comments(part))
        if comments:
            yield replace(place, text="\n".join(comments))

    def _comments(self, part: str) -> Iterator[str]:
        """Yield a line for each comment and each answer to one."""
        for comments_part in self._package.related(part, "comments"):
            root = self._package.part(comments_part)
            if root is None:
                continue
            for comment in root.iter("{*}cm", "{*}reply"):
                text = comment.findtext("{*}text") or ""
                body = comment.find("{*}txBody")
                if body is not None:
                    text = " ".join(paragraphs(body))
                author = self._authors.get(comment.get("authorId") or "")
                by_author = f" by {author}" if author else ""
                yield f"Comment{by_author}: {one_line(text)}"

    def _comment_authors(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for kind in ("commentAuthors", "authors"):
            for part in self._package.related(self._package.main, kind):
                for author in self._package.elements(part, "*"):
                    names[author.get("id") or ""] = author.get("name") or ""
        return names

    def _note_background(self, slide: str) -> None:
        """Take down the texts of a slide's layout and master that are no placeholders."""
        layouts = self._package.related(slide, "slideLayout")
        masters: list[str] = []
        for layout in layouts:
            masters += self._package.related(layout, "slideMaster")
        for background in [*masters, *layouts]:
            if background in self._backgrounds:
                continue
            self._backgrounds.add(background)
            for shape in self._text_shapes_of(background):
                if _placeholder(shape) is None:
                    self._furniture.update(dict.fromkeys(_text_lines(shape)))


def _by_rows(shapes: Sequence[_PlacedShape]) -> Iterator[_PlacedShape]:
    """Yield shapes row by row: one that begins above the middle of a row's first is in this row."""
    row: list[_PlacedShape] = []
    for shape in sorted(shapes, key=lambda shape: shape.place.top):
        if row and shape.place.top >= row[0].place.top + row[0].place.height / 2:
            yield from sorted(row, key=lambda shape: shape.place.left)
            row = []
        row.append(shape)
    yield from sorted(row, key=lambda shape: shape.place.left)


def _own_place(shape: Element) -> _Place | None:
    for form in ("{*}spPr/{*}xfrm", "{*}grpSpPr/{*}xfrm", "{*}xfrm"):
        frame = shape.find(form)
        if frame is None:
            continue
        left = number_attribute(frame.find("{*}off"), "x")
        top = number_attribute(frame.find("{*}off"), "y")
        if left is not None and top is not None:
            height = number_attribute(frame.find("{*}ext"), "cy") or 0
            return _Place(left=left, top=top, height=height)
    return None


def _placeholder(shape: Element) -> str | None:
    """Return the kind of a placeholder; None for another shape."""
    placeholder = shape.find("./*/{*}nvPr/{*}ph")
    if placeholder is None:
        return None
    return placeholder.get("type") or "obj"


def _is_same(placeholder: Element, other: Element) -> bool:
    """Tell whether a slide's placeholder is the one of its layout or master."""
    index = placeholder.get("idx")
    if index is not None and index == other.get("idx"):
        return True
    kind = placeholder.get("type") or "body"
    other_kind = other.get("type") or "body"
    return kind == other_kind or {kind, other_kind} == _TITLES


def _text_lines(shape: Element) -> list[str]:
    """Return the lines of a shape's own text."""
    body = shape.find("{*}txBody")
    return [] if body is None else paragraphs(body)


def _table(table: Element) -> str:
    """Return a slide's table, with merged cells in all places."""
    rows: list[list[str]] = []
    above: list[str] = []
    for row in table.iterfind("{*}tr"):
        texts: list[str] = []
        for cell in row.iterfind("{*}tc"):
            body = cell.find("{*}txBody")
            text = "" if body is None else " ".join(paragraphs(body))
            column = len(texts)
            continues_left = cell.get("hMerge") is not None and is_on(cell, "hMerge")
            continues_above = cell.get("vMerge") is not None and is_on(cell, "vMerge")
            if continues_left and texts and len(texts[-1]) <= LONGEST_REPEATED_TEXT:
                text = texts[-1]
            elif continues_above and column < len(above):
                text = above[column]
            texts.append(text)
        rows.append(texts)
        above = texts
    return markdown_table(rows)
