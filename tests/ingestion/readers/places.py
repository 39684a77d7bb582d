"""A word of its own in every place that a format offers, and where each word ends up.

`python -m tests.ingestion.readers.places` writes the table in `docs/formats.md` anew; a test
compares.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.readers.formats import read
from tests.ingestion.readers import places_elsewhere

DOCS = Path(__file__).resolve().parents[3] / "docs" / "formats.md"
TABLE = re.compile(r"(?<=<!-- places -->\n).*?(?=<!-- end of places -->)", re.DOTALL)

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
NAMESPACES = (
    f'xmlns:w="{W}" xmlns:p="{P}" xmlns:a="{A}" xmlns:r="{OFFICE}/relationships" '
    f'xmlns:m="{OFFICE}/math" '
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" '
    'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"'
)
EXTERNAL = "https://place.example/"


class PlacesFile:
    """An Office file whose texts are words of their own: `word("the footer")` is put there."""

    def __init__(self, main: str) -> None:
        self.words: dict[str, str] = {}
        """Place → its word."""
        self._parts: dict[str, str] = {}
        self._relationships: dict[str, list[str]] = {}
        self.relate("", "officeDocument", main)
        core = "".join(
            f"<{tag}>{self.word(f'{place} of the document')}</{tag}>"
            for tag, place in (
                ("title", "title"),
                ("creator", "author"),
                ("subject", "subject"),
                ("keywords", "keywords"),
                ("description", "description"),
                ("category", "category"),
            )
        )
        self.add("docProps/core.xml", f"<coreProperties>{core}</coreProperties>")

    def word(self, place: str) -> str:
        """Return the word of a place."""
        return self.words.setdefault(place, f"zq{len(self.words):03}word")

    def add(self, name: str, content: str) -> None:
        """Add a part; its first tag gets the namespaces."""
        tag = re.sub(r"^<([\w:]+)", rf"<\1 {NAMESPACES}", content)
        self._parts[name] = tag

    def relate(self, part: str, kind: str, target: str) -> str:
        """Let a part refer to another, or to an address; return the reference's id."""
        entries = self._relationships.setdefault(part, [])
        name = f"rId{len(entries) + 1}"
        mode = ' TargetMode="External"' if target.startswith("https") else ""
        path = target if mode else f"/{target}"
        entries.append(
            f'<Relationship Id="{name}" Type="{OFFICE}/relationships/{kind}" '
            f'Target="{path}"{mode}/>'
        )
        return name

    def write(self, path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as package:
            for name, content in self._parts.items():
                package.writestr(name, content)
            for part, entries in self._relationships.items():
                folder, _, name = part.rpartition("/")
                place = f"{folder}/_rels/{name}.rels".lstrip("/")
                package.writestr(
                    place,
                    f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(entries)}'
                    "</Relationships>",
                )
        return path

    # -- what the formats share

    def chart(self, part: str, name: str) -> str:
        """Add a chart and return the id by which `part` refers to it."""
        word = self.word
        self.add(
            name,
            "<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r>"
            f"<a:t>{word('title of a chart')}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
            "<c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache><c:pt idx='0'>"
            f"<c:v>{word('series of a chart')}</c:v></c:pt></c:strCache></c:strRef></c:tx>"
            "<c:cat><c:strRef><c:strCache><c:pt idx='0'>"
            f"<c:v>{word('category of a chart')}</c:v></c:pt></c:strCache></c:strRef></c:cat>"
            "<c:val><c:numRef><c:numCache><c:pt idx='0'>"
            f"<c:v>{word('value of a chart')}</c:v></c:pt></c:numCache></c:numRef></c:val>"
            "</c:ser></c:barChart><c:valAx><c:title><c:tx><c:rich><a:p><a:r>"
            f"<a:t>{word('axis of a chart')}</a:t></a:r></a:p></c:rich></c:tx></c:title>"
            "</c:valAx></c:plotArea></c:chart></c:chartSpace>",
        )
        return self.relate(part, "chart", name)

    def diagram(self, part: str, name: str) -> str:
        """Add a diagram and return the id by which `part` refers to it."""
        self.add(
            name,
            "<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t><a:p><a:r>"
            f"<a:t>{self.word('diagram (SmartArt)')}</a:t></a:r></a:p></dgm:t></dgm:pt>"
            "</dgm:ptLst></dgm:dataModel>",
        )
        return self.relate(part, "diagramData", name)


def docx() -> PlacesFile:
    """Return a Word document."""
    main = "word/document.xml"
    file = PlacesFile(main)
    word = file.word

    def run(place: str, properties: str = "") -> str:
        return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{word(place)}</w:t></w:r>"

    def paragraph(content: str, properties: str = "") -> str:
        return f"<w:p><w:pPr>{properties}</w:pPr>{content}</w:p>"

    def part(kind: str, content: str) -> str:
        name = f"word/{kind}{len(file.words)}.xml"
        file.add(name, content)
        return file.relate(main, kind, name)

    def cell(content: str) -> str:
        return f"<w:tc>{content}</w:tc>"

    def field_part(kind: str) -> str:
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    part(
        "styles",
        '<w:styles><w:style w:styleId="H"><w:name w:val="heading 1"/></w:style></w:styles>',
    )
    part(
        "numbering",
        '<w:numbering><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0">'
        f'<w:lvlText w:val="{word("words before a clause number")} %1"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num></w:numbering>',
    )
    headers = ""
    for kind, name in (
        ("header", "header"),
        ("header", "header of the first page"),
        ("footer", "footer"),
        ("footer", "footer of even pages"),
    ):
        tag = "hdr" if kind == "header" else "ftr"
        reference = part(kind, f"<w:{tag}>{paragraph(run(name))}</w:{tag}>")
        headers += f'<w:{kind}Reference r:id="{reference}"/>'
    for kind, name in (("footnotes", "footnote"), ("endnotes", "endnote")):
        content = f'<w:{name} w:id="5">{paragraph(run(name))}</w:{name}>'
        part(kind, f"<w:{kind}>{content}</w:{kind}>")
    part(
        "comments",
        f'<w:comments><w:comment w:id="5" w:author="{word("author of a comment")}">'
        f"{paragraph(run('comment'))}</w:comment></w:comments>",
    )
    link = file.relate(main, "hyperlink", EXTERNAL + word("address of a link"))
    chart = file.chart(main, "word/charts/chart1.xml")
    diagram = file.diagram(main, "word/diagrams/data1.xml")
    table = (
        f"<w:tbl><w:tr>{cell(paragraph(run('header cell of a table')))}"
        f"{cell(paragraph(run('second header cell of a table')))}</w:tr>"
        f"<w:tr>{cell(paragraph(run('cell of a table')))}"
        f"<w:sdt><w:sdtContent>{cell(paragraph(run('cell in a content control')))}"
        "</w:sdtContent></w:sdt></w:tr></w:tbl>"
    )
    inner = f"<w:tbl><w:tr>{cell(paragraph(run('cell of a table in a table'))) * 2}</w:tr></w:tbl>"
    inner = inner.replace(word("cell of a table in a table"), "", 1)
    nested = f"<w:tbl><w:tr>{cell(paragraph(run('cell around a table')) + inner)}</w:tr></w:tbl>"
    drawn_box = f"<w:txbxContent>{paragraph(run('text box'))}</w:txbxContent>"
    body = [
        paragraph(run("heading"), '<w:pStyle w:val="H"/>'),
        paragraph(run("paragraph")),
        paragraph(run("list item"), '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'),
        table,
        nested,
        paragraph(
            "<w:r><w:footnoteReference w:id='5'/><w:endnoteReference w:id='5'/>"
            "<w:commentReference w:id='5'/></w:r>"
        ),
        paragraph(
            f'<w:hyperlink r:id="{link}" w:tooltip="{word("tooltip of a link")}">'
            f"{run('text of a link')}</w:hyperlink>"
        ),
        paragraph(
            f'<w:fldSimple w:instr="DOCPROPERTY {word("instruction of a field")}">'
            f"{run('simple field')}</w:fldSimple>"
        ),
        paragraph(
            field_part("begin")
            + f"<w:r><w:instrText>REF {word('instruction of a field')}</w:instrText></w:r>"
            + field_part("separate")
            + run("complex field")
            + field_part("end")
        ),
        paragraph(
            f"<w:r><w:ruby><w:rt>{run('reading of a ruby')}</w:rt>"
            f"<w:rubyBase>{run('base of a ruby')}</w:rubyBase></w:ruby></w:r>"
        ),
        paragraph(f"<w:ins>{run('inserted text')}</w:ins>"),
        paragraph(
            f'<w:del w:author="{word("author of a deletion")}"><w:r>'
            f"<w:delText>{word('deleted text')}</w:delText></w:r></w:del>"
        ),
        paragraph(f"<w:moveTo>{run('moved text')}</w:moveTo>"),
        paragraph(run("hidden text", "<w:vanish/>")),
        paragraph(f"<m:oMath><m:r><m:t>{word('equation')}</m:t></m:r></m:oMath>"),
        paragraph(f"<w:smartTag>{run('smart tag')}</w:smartTag>"),
        f"<w:customXml>{paragraph(run('custom XML'))}</w:customXml>",
        (
            f"<w:sdt><w:sdtPr><w:alias w:val='{word('name of a content control')}'/></w:sdtPr>"
            f"<w:sdtContent>{paragraph(run('content control'))}</w:sdtContent></w:sdt>"
        ),
        paragraph(
            "<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>"
            f"{run('prompt of an empty form field')}</w:sdtContent></w:sdt>"
        ),
        paragraph(f"<w:bookmarkStart w:name='{word('name of a bookmark')}'/>"),
        paragraph(
            "<w:r><mc:AlternateContent><mc:Choice><w:drawing><wp:anchor><wps:txbx>"
            f"{drawn_box}</wps:txbx></wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict>"
            f"<v:textbox>{drawn_box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        ),
        paragraph(
            "<w:r><w:pict><v:shape><v:textbox><w:txbxContent>"
            f"{paragraph(run('text box in the old form'))}</w:txbxContent></v:textbox>"
            f"<v:textpath string='{word('WordArt')}'/></v:shape></w:pict></w:r>"
        ),
        paragraph(
            f"<w:r><w:drawing><wp:inline><wp:docPr title='{word('title of a picture')}' "
            f"descr='{word('alternative text')}'/><a:graphic><pic:pic><a:blip/></pic:pic>"
            "</a:graphic></wp:inline></w:drawing></w:r>"
        ),
        paragraph(
            f'<w:r><w:drawing><wp:inline><c:chart r:id="{chart}"/></wp:inline></w:drawing>'
            f'<w:drawing><wp:inline><dgm:relIds r:dm="{diagram}"/></wp:inline></w:drawing></w:r>'
        ),
        f"<w:sectPr>{headers}</w:sectPr>",
    ]
    file.add(main, f"<w:document><w:body>{''.join(body)}</w:body></w:document>")
    return file


def pptx() -> PlacesFile:
    """Return a presentation of one slide and a hidden one."""
    main = "ppt/presentation.xml"
    file = PlacesFile(main)
    word = file.word
    slide = "ppt/slides/slide1.xml"

    def body(place: str, properties: str = "") -> str:
        return (
            f"<p:txBody><a:p><a:r><a:rPr>{properties}</a:rPr><a:t>{word(place)}</a:t></a:r></a:p>"
            "</p:txBody>"
        )

    def shape(place: str, kind: str = "", properties: str = "") -> str:
        placeholder = f'<p:ph type="{kind}"/>' if kind else ""
        return (
            f"<p:sp><p:nvSpPr><p:cNvPr/><p:nvPr>{placeholder}</p:nvPr></p:nvSpPr>"
            f"{body(place, properties)}</p:sp>"
        )

    def page(name: str, tag: str, shapes: str) -> None:
        file.add(name, f"<p:{tag}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{tag}>")

    link = file.relate(slide, "hyperlink", EXTERNAL + word("address of a link"))
    chart = file.chart(slide, "ppt/charts/chart1.xml")
    diagram = file.diagram(slide, "ppt/diagrams/data1.xml")
    cells = "".join(
        f"<a:tc>{body(place)}</a:tc>" for place in ("header cell of a table", "cell of a table")
    )
    page(
        slide,
        "sld",
        shape("title", "title")
        + shape("subtitle", "subTitle")
        + shape("placeholder", "body")
        + shape("footer", "ftr")
        + shape("text box")
        + shape("text of a link", properties=f'<a:hlinkClick r:id="{link}"/>')
        + f"<p:grpSp>{shape('group')}</p:grpSp>"
        + f"<p:graphicFrame><a:graphic><a:tbl><a:tr>{cells}</a:tr></a:tbl></a:graphic>"
        + "</p:graphicFrame>"
        + f'<p:graphicFrame><a:graphic><c:chart r:id="{chart}"/></a:graphic></p:graphicFrame>'
        + f'<p:graphicFrame><dgm:relIds r:dm="{diagram}"/></p:graphicFrame>'
        + f"<p:pic><p:nvPicPr><p:cNvPr title='{word('title of a picture')}' "
        + f"descr='{word('alternative text')}'/></p:nvPicPr></p:pic>"
        + "<p:sp><p:txBody><a:p><m:oMath><m:r>"
        + f"<m:t>{word('equation')}</m:t></m:r></m:oMath></a:p></p:txBody></p:sp>",
    )
    layout = "ppt/slideLayouts/slideLayout1.xml"
    master = "ppt/slideMasters/slideMaster1.xml"
    page(layout, "sldLayout", shape("text of a layout") + shape("prompt of a layout", "body"))
    page(master, "sldMaster", shape("text of a master"))
    file.relate(slide, "slideLayout", layout)
    file.relate(layout, "slideMaster", master)
    notes = "ppt/notesSlides/notesSlide1.xml"
    page(notes, "notes", shape("speaker notes", "body"))
    file.relate(slide, "notesSlide", notes)
    comments = "ppt/comments/comment1.xml"
    file.add(
        comments,
        f'<p:cmLst><p:cm authorId="0"><p:text>{word("comment")}</p:text></p:cm></p:cmLst>',
    )
    file.relate(slide, "comments", comments)
    authors = "ppt/commentAuthors.xml"
    file.add(
        authors,
        f'<p:cmAuthorLst><p:cmAuthor id="0" name="{word("author of a comment")}"/></p:cmAuthorLst>',
    )
    file.relate(main, "commentAuthors", authors)
    hidden = "ppt/slides/slide2.xml"
    page(hidden, "sld", shape("hidden slide"))
    ids = [file.relate(main, "slide", name) for name in (slide, hidden)]
    slides = "".join(f'<p:sldId r:id="{name}"/>' for name in ids)
    file.add(main, f"<p:presentation><p:sldIdLst>{slides}</p:sldIdLst></p:presentation>")
    return file


def xlsx() -> PlacesFile:
    """Return a workbook of one sheet and a hidden one."""
    main = "xl/workbook.xml"
    file = PlacesFile(main)
    word = file.word
    sheet = "xl/worksheets/sheet1.xml"
    strings = "".join(
        f"<si><t>{word(place)}</t></si>" for place in ("header cell of a table", "cell")
    )
    strings += (
        f"<si><r><t>{word('formatted text in a cell')}</t></r>"
        f"<rPh><t>{word('pronunciation of a cell')}</t></rPh></si>"
    )
    file.add("xl/sharedStrings.xml", f'<sst xmlns="{S}">{strings}</sst>')
    file.relate(main, "sharedStrings", "xl/sharedStrings.xml")
    file.add(
        "xl/styles.xml",
        f"<styleSheet xmlns='{S}'><numFmts><numFmt numFmtId='170' formatCode='"
        f'0 "{word("number format")}"'
        "'/></numFmts><cellXfs><xf/><xf numFmtId='170'/></cellXfs></styleSheet>",
    )
    file.relate(main, "styles", "xl/styles.xml")
    link = file.relate(sheet, "hyperlink", EXTERNAL + word("address of a link"))
    drawing = "xl/drawings/drawing1.xml"
    file.chart(drawing, "xl/charts/chart1.xml")
    file.diagram(drawing, "xl/diagrams/data1.xml")
    file.add(
        drawing,
        "<xdr:wsDr><xdr:sp><xdr:txBody><a:p><a:r>"
        f"<a:t>{word('text box')}</a:t></a:r></a:p></xdr:txBody></xdr:sp>"
        f"<xdr:pic><xdr:nvPicPr><xdr:cNvPr descr='{word('alternative text')}'/></xdr:nvPicPr>"
        "</xdr:pic></xdr:wsDr>",
    )
    file.relate(sheet, "drawing", drawing)
    file.add(
        "xl/comments1.xml",
        f"<comments xmlns='{S}'><authors><author>{word('author of a comment')}</author></authors>"
        f"<commentList><comment ref='A1' authorId='0'><text><t>{word('comment')}</t></text>"
        "</comment></commentList></comments>",
    )
    file.relate(sheet, "comments", "xl/comments1.xml")
    file.add(
        "xl/threadedComments/threadedComment1.xml",
        "<ThreadedComments><threadedComment ref='A2'>"
        f"<text>{word('comment of the newer kind')}</text></threadedComment></ThreadedComments>",
    )
    file.relate(sheet, "threadedComment", "xl/threadedComments/threadedComment1.xml")
    cells = (
        "<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>2</v></c></row>"
        "<row r='2'><c r='A2' t='s'><v>1</v></c><c r='B2' s='1'><v>5</v></c></row>"
        f"<row r='3'><c r='A3' t='inlineStr'><is><t>{word('text in the sheet itself')}</t></is></c>"
        f"<c r='B3' t='str'><f>A1</f><v>{word('value of a formula')}</v></c></row>"
        f"<row r='4' hidden='1'><c r='A4' t='str'><v>{word('hidden row')}</v></c>"
        f"<c r='B4'><f>{word('formula without a value')}+1</f></c></row>"
    )
    file.add(
        sheet,
        f"<worksheet xmlns='{S}'><sheetData>{cells}</sheetData>"
        f"<hyperlinks><hyperlink ref='A1' r:id='{link}' tooltip='{word('tooltip of a link')}'/>"
        "</hyperlinks><dataValidations>"
        f"<dataValidation sqref='A2' prompt='{word('hint at a cell')}'/></dataValidations>"
        f"<headerFooter><oddHeader>&amp;L{word('header')}</oddHeader>"
        f"<oddFooter>&amp;CPage &amp;P&amp;R{word('footer')}</oddFooter></headerFooter>"
        "</worksheet>",
    )
    hidden = "xl/worksheets/sheet2.xml"
    file.add(
        hidden,
        f"<worksheet xmlns='{S}'><sheetData><row><c t='str'><v>{word('hidden sheet')}</v></c></row>"
        "</sheetData></worksheet>",
    )
    ids = [file.relate(main, "worksheet", name) for name in (sheet, hidden)]
    file.add(
        main,
        f"<workbook xmlns='{S}'><sheets>"
        f"<sheet name='{word('name of a sheet')}' r:id='{ids[0]}'/>"
        f"<sheet name='Other' state='hidden' r:id='{ids[1]}'/></sheets><definedNames>"
        f"<definedName name='{word('defined name')}'>Sheet1!$A$1</definedName></definedNames>"
        "</workbook>",
    )
    return file


def where(document: ParsedDocument, word: str) -> str:
    """Return where a word ended up: heading, table, text, a file of its own, or nowhere."""
    if any(word in section.heading for section in document.sections):
        return "heading"
    if any(word in section.text for section in document.sections if section.table):
        return "table"
    if word in document.text:
        return "text"
    if any(word in file.path.read_text("utf-8") for file in document.attached):
        return "document"
    return "not read"


OFFICE_XML = {"DOCX": docx, "PPTX": pptx, "XLSX": xlsx}
OTHER_FAMILIES = (
    ("ODT", "ODS", "ODP", "RTF"),
    ("HTML", "EPUB", "Markdown", "SVG", "PDF", "EML"),
)
MAKERS = {**OFFICE_XML, **places_elsewhere.FORMATS}


def read_places(file_type: str) -> tuple[Mapping[str, str], ParsedDocument, Mapping[str, str]]:
    """Return a format's words by their place, the file with them as read, and where they are."""
    file = MAKERS[file_type]()
    suffix = places_elsewhere.SUFFIXES.get(file_type, file_type.lower())
    with tempfile.TemporaryDirectory() as folder:
        unpacked = Path(folder) / "unpacked"
        unpacked.mkdir()
        path = file.write(Path(folder) / f"places.{suffix}")
        document = read(path, unpack_into=unpacked)
        found = {place: where(document, word) for place, word in file.words.items()}
    return file.words, document, found


def places_table(file_types: Sequence[str]) -> str:
    """Return a table of `docs/formats.md`: a row a place, a column a format."""
    found: dict[str, dict[str, str]] = {}
    for file_type in file_types:
        for place, ended_up in read_places(file_type)[2].items():
            found.setdefault(place, {})[file_type] = ended_up
    lines = [f"| place | {' | '.join(file_types)} |", "| --- |" + " --- |" * len(file_types)]
    for place, ended_up in sorted(found.items()):
        cells = [ended_up.get(file_type, "") for file_type in file_types]
        lines.append(f"| {place} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def all_tables() -> list[str]:
    """Return the tables of `docs/formats.md` in their order."""
    return [places_table(file_types) for file_types in (tuple(OFFICE_XML), *OTHER_FAMILIES)]


if __name__ == "__main__":
    tables = iter(all_tables())
    DOCS.write_text(TABLE.sub(lambda _: next(tables), DOCS.read_text("utf-8")), "utf-8")
