"""A word of its own in every place that the formats beside Office's offer."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

from tests.ingestion.readers.odf_files import write_odf
from tests.samples import _PdfFile

LINK = "https://place.example/"


class Words:
    """Gives each place its word; `write` puts them into a file."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}

    def word(self, place: str) -> str:
        """Return the word of a place."""
        return self.words.setdefault(place, f"zq{len(self.words):03}word")

    def write(self, path: Path) -> Path:
        """Write the file."""
        content = self.content()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def content(self) -> str | bytes:
        """Return what is in the file."""
        raise NotImplementedError


def _meta(word) -> str:
    return (
        '<office:document-meta xmlns:office="o" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:meta="m"><office:meta>'
        f"<dc:title>{word('title of the document')}</dc:title>"
        f"<dc:subject>{word('subject of the document')}</dc:subject>"
        f"<dc:description>{word('description of the document')}</dc:description>"
        f"<meta:keyword>{word('keywords of the document')}</meta:keyword>"
        f"<meta:initial-creator>{word('author of the document')}</meta:initial-creator>"
        f"<meta:user-defined>{word('property that the author has made')}</meta:user-defined>"
        "</office:meta></office:document-meta>"
    )


def _comment(word) -> str:
    return (
        f"<office:annotation><dc:creator>{word('author of a comment')}</dc:creator>"
        f"<text:p>{word('comment')}</text:p></office:annotation>"
    )


def _link(word) -> str:
    return (
        f'<text:a xlink:href="{LINK}{word("address of a link")}" '
        f'office:title="{word("tooltip of a link")}">{word("text of a link")}</text:a>'
    )


def _picture(word) -> str:
    return (
        f"<draw:frame><svg:title>{word('title of a picture')}</svg:title>"
        f"<svg:desc>{word('alternative text')}</svg:desc></draw:frame>"
    )


def _chart(word) -> str:
    cells = "".join(
        f"<table:table-row>{''.join(f'<table:table-cell><text:p>{t}</text:p></table:table-cell>' for t in row)}</table:table-row>"  # noqa: E501
        for row in (
            ("", word("series of a chart")),
            (word("category of a chart"), word("value of a chart")),
        )
    )
    return (
        '<x:document-content xmlns:x="o" xmlns:chart="c" xmlns:text="t" xmlns:table="b"><x:body>'
        f"<x:chart><chart:chart><chart:title><text:p>{word('title of a chart')}</text:p>"
        f"</chart:title><chart:plot-area><chart:axis><chart:title>"
        f"<text:p>{word('axis of a chart')}</text:p></chart:title></chart:axis></chart:plot-area>"
        f"<table:table>{cells}</table:table></chart:chart></x:chart></x:body></x:document-content>"
    )


_OBJECTS = (
    '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    '<draw:frame><draw:object xlink:href="./Object 2"/></draw:frame>'
)


def _equation(word) -> str:
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>{word("equation")}</mi></math>'


class Odt(Words):
    def write(self, path):
        word = self.word
        p = "<text:p>{}</text:p>".format
        cells = "".join(
            f"<table:table-row><table:table-cell>{p(word(place))}</table:table-cell>"
            f"<table:table-cell>{p(word(other))}</table:table-cell></table:table-row>"
            for place, other in (
                ("header cell of a table", "second header cell of a table"),
                ("cell of a table", "second cell of a table"),
            )
        )
        body = (
            "<text:tracked-changes><text:changed-region><text:deletion><office:change-info>"
            f"<dc:creator>{word('author of a deletion')}</dc:creator></office:change-info>"
            f"{p(word('deleted text'))}</text:deletion></text:changed-region>"
            "</text:tracked-changes>"
            "<office:forms><form:form><form:text "
            f'form:label="{word("label of a form field")}" '
            f'form:current-value="{word("value of a form field")}"/></form:form></office:forms>'
            f'<text:h text:outline-level="1">{word("heading")}</text:h>'
            + p(word("paragraph"))
            + f"<text:list><text:list-item>{p(word('list item'))}</text:list-item></text:list>"
            + f'<table:table table:name="{word("name of a table")}">{cells}</table:table>'
            + p(
                "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
                f"{p(word('footnote'))}</text:note-body></text:note>"
                '<text:note text:note-class="endnote"><text:note-citation>i</text:note-citation>'
                f"<text:note-body>{p(word('endnote'))}</text:note-body></text:note>"
            )
            + p(_comment(word))
            + p(_link(word))
            + p(
                f"<text:ruby><text:ruby-base>{word('base of a ruby')}</text:ruby-base>"
                f"<text:ruby-text>{word('reading of a ruby')}</text:ruby-text></text:ruby>"
            )
            + p(f"<text:user-defined>{word('simple field')}</text:user-defined>")
            + p(f'<text:hidden-text text:string-value="x">{word("hidden text")}</text:hidden-text>')
            + p(f'<text:bookmark text:name="{word("name of a bookmark")}"/>')
            + p(
                f"<draw:frame><draw:text-box>{p(word('text box'))}</draw:text-box></draw:frame>"
                f"<draw:custom-shape>{p(word('shape'))}</draw:custom-shape>"
                f"<draw:g><draw:rect>{p(word('group'))}</draw:rect></draw:g>"
            )
            + p(_picture(word))
            + p(_OBJECTS)
            + f"<text:section>{p(word('section'))}</text:section>"
            + "<text:table-of-content><text:index-body>"
            + f"{p(word('table of contents'))}</text:index-body></text:table-of-content>"
        )
        master = "".join(
            f"<style:{tag}>{p(word(place))}</style:{tag}>"
            for tag, place in (
                ("header", "header"),
                ("header-first", "header of the first page"),
                ("footer", "footer"),
                ("footer-left", "footer of even pages"),
            )
        )
        return write_odf(
            path,
            "text",
            body,
            master=f"<style:master-page>{master}</style:master-page>",
            **{
                "meta.xml": _meta(word),
                "Object 1/content.xml": _chart(word),
                "Object 2/content.xml": _equation(word),
            },
        )


class Ods(Words):
    def write(self, path):
        word = self.word
        p = "<text:p>{}</text:p>".format

        def cell(content, attributes=""):
            return f"<table:table-cell {attributes}>{content}</table:table-cell>"

        body = (
            "<table:content-validations><table:content-validation><table:help-message>"
            f"{p(word('hint at a cell'))}</table:help-message></table:content-validation>"
            "</table:content-validations>"
            f'<table:table table:name="{word("name of a sheet")}"><table:table-row>'
            + cell(p(word("header cell of a table")) + _comment(word))
            + cell(p(_link(word)))
            + "</table:table-row><table:table-row>"
            + cell(p(word("cell")))
            + cell(p(word("value of a formula")), 'table:formula="of:=[.A1]"')
            + '</table:table-row><table:table-row table:visibility="collapse">'
            + cell(p(word("hidden row")))
            + cell("", f'table:formula="of:={word("formula without a value")}+1"')
            + "</table:table-row><table:shapes>"
            + f"<draw:custom-shape>{p(word('text box'))}</draw:custom-shape>"
            + _picture(word)
            + _OBJECTS
            + "</table:shapes></table:table>"
            + f'<table:table table:name="Other"><table:table-row>{cell(p(word("hidden sheet")))}'
            + "</table:table-row></table:table><table:named-expressions><table:named-range "
            + f'table:name="{word("defined name")}"/></table:named-expressions>'
        )
        master = (
            f"<style:master-page><style:header>{p(word('header'))}</style:header>"
            f"<style:footer><style:region-left>{p(word('footer'))}</style:region-left>"
            "</style:footer></style:master-page>"
        )
        return write_odf(
            path,
            "spreadsheet",
            body,
            master=master,
            **{
                "meta.xml": _meta(word),
                "Object 1/content.xml": _chart(word),
                "Object 2/content.xml": _equation(word),
            },
        )


class Odp(Words):
    def write(self, path):
        word = self.word
        p = "<text:p>{}</text:p>".format

        def frame(place, attributes=""):
            text = p(word(place))
            return f"<draw:frame {attributes}><draw:text-box>{text}</draw:text-box></draw:frame>"

        cells = "".join(
            f"<table:table-row><table:table-cell>{p(word(place))}</table:table-cell>"
            "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
            for place in ("header cell of a table", "cell of a table")
        )
        body = (
            f"<presentation:footer-decl>{word('footer')}</presentation:footer-decl>"
            f'<draw:page draw:name="{word("name of a slide")}">'
            + frame("title", 'presentation:class="title"')
            + frame("subtitle", 'presentation:class="subtitle"')
            + frame("placeholder", 'presentation:class="outline"')
            + frame("text box")
            + f"<draw:g>{frame('group')}</draw:g>"
            + f"<draw:frame><draw:text-box>{p(_link(word))}</draw:text-box></draw:frame>"
            + f"<draw:frame><table:table>{cells}</table:table></draw:frame>"
            + _picture(word)
            + _OBJECTS
            + _comment(word)
            + f"<presentation:notes>{frame('speaker notes')}</presentation:notes></draw:page>"
            + f'<draw:page presentation:visibility="hidden">{frame("hidden slide")}</draw:page>'
        )
        master = (
            f"<style:master-page>{frame('text of a master')}"
            f"{frame('prompt of a layout', 'presentation:class=' + chr(34) + 'title' + chr(34))}"
            "</style:master-page>"
        )
        return write_odf(
            path,
            "presentation",
            body,
            master=master,
            **{
                "meta.xml": _meta(word),
                "Object 1/content.xml": _chart(word),
                "Object 2/content.xml": _equation(word),
            },
        )


class Rtf(Words):
    def content(self):
        word = self.word

        def row(*places):
            cells = "".join(rf"{word(place)}\cell " for place in places)
            return rf"\trowd\cellx1000\cellx2000\pard\intbl {cells}\row"

        return (
            r"{\rtf1\ansi{\stylesheet{\s1\outlinelevel0 H;}}"
            rf"{{\info{{\title {word('title of the document')}}}"
            rf"{{\author {word('author of the document')}}}"
            rf"{{\subject {word('subject of the document')}}}"
            rf"{{\keywords {word('keywords of the document')}}}"
            rf"{{\category {word('category of the document')}}}"
            rf"{{\doccomm {word('description of the document')}}}}}"
            rf"{{\header {word('header')}\par}}{{\headerf {word('header of the first page')}\par}}"
            rf"{{\footer {word('footer')}\par}}{{\footerl {word('footer of even pages')}\par}}"
            rf"\pard\s1 {word('heading')}\par\pard {word('paragraph')}\par"
            rf"{{\listtext 1.\tab}}{word('list item')}\par"
            + row("header cell of a table", "second header cell of a table")
            + row("cell of a table", "second cell of a table")
            + rf"\pard x{{\footnote {word('footnote')}}}"
            rf"{{\footnote\ftnalt {word('endnote')}}}"
            rf"{{\*\atnauthor {word('author of a comment')}}}{{\*\annotation {word('comment')}}}"
            r"{\field{\*\fldinst{HYPERLINK "
            f'"{LINK}{word("address of a link")}"'
            rf"}}}}{{\fldrslt{{{word('text of a link')}}}}}}}"
            rf"{{\field{{\*\fldinst{{REF {word('instruction of a field')}}}}}"
            rf"{{\fldrslt {word('complex field')}}}}}"
            rf"{{\deleted {word('deleted text')}}}{{\revised {word('inserted text')}}}"
            rf"{{\v {word('hidden text')}}}{{\*\bkmkstart {word('name of a bookmark')}}}"
            rf"{{\shp{{\*\shpinst{{\shptxt {word('text box')}\par}}}}}}"
            rf"{{\object{{\result {word('picture of an object')}}}}}\par}}"
        )


class Html(Words):
    def content(self):
        word = self.word
        return (
            f"<html><head><title>{word('title of the document')}</title>"
            f"<meta name=author content='{word('author of the document')}'>"
            f"<meta name=description content='{word('description of the document')}'>"
            f"<meta name=keywords content='{word('keywords of the document')}'>"
            f"<script>{word('script')}</script><style>{word('style')}</style></head><body>"
            f"<nav>{word('navigation')}</nav><header>{word('header')}</header>"
            f"<h1>{word('heading')}</h1><p>{word('paragraph')}</p><!-- {word('remark')} -->"
            f"<ul><li>{word('list item')}</ul><table><caption>{word('title of a table')}</caption>"
            f"<tr><th>{word('header cell of a table')}<th>x<tr><td>{word('cell of a table')}<td>y"
            f"</table><a href='{LINK}{word('address of a link')}' "
            f"title='{word('tooltip of a link')}'>{word('text of a link')}</a>"
            f"<img alt='{word('alternative text')}'><figure><figcaption>{word('figure caption')}"
            "</figcaption></figure>"
            f"<ruby>{word('base of a ruby')}<rt>{word('reading of a ruby')}</rt></ruby>"
            f"<abbr title='{word('meaning of a short form')}'>ZQ</abbr>"
            f"<svg><title>{word('title of a drawing')}</title><text>{word('drawing')}</text></svg>"
            f"<math><mi>{word('equation')}</mi></math>"
            f"<form><label>{word('label of a form field')}</label>"
            f"<input value='{word('value of a form field')}'>"
            f"<input placeholder='{word('prompt of an empty form field')}'>"
            f"<textarea>{word('text of a form field')}</textarea>"
            f"<select><option>{word('choice of a form field')}</select></form>"
            f"<details><summary>{word('summary')}</summary>{word('folded text')}</details>"
            f"<del>{word('deleted text')}</del><ins>{word('inserted text')}</ins>"
            f"<p hidden>{word('hidden text')}</p>"
            f"<noscript>{word('text without scripts')}</noscript>"
            f"<pre>{word('code')}</pre><footer>{word('footer')}</footer></body></html>"
        )


class Epub(Words):
    def content(self):
        word = self.word
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as book:
            book.writestr(
                "META-INF/container.xml",
                "<container><rootfiles><rootfile full-path='a.opf'/></rootfiles></container>",
            )
            book.writestr(
                "a.opf",
                "<package xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata>"
                f"<dc:title>{word('title of the document')}</dc:title>"
                f"<dc:creator>{word('author of the document')}</dc:creator>"
                f"<dc:subject>{word('subject of the document')}</dc:subject>"
                f"<dc:description>{word('description of the document')}</dc:description>"
                f"<dc:publisher>{word('publisher of the document')}</dc:publisher></metadata>"
                "<manifest><item id='c' href='c.xhtml'/></manifest>"
                "<spine><itemref idref='c'/></spine></package>",
            )
            book.writestr(
                "c.xhtml",
                f"<html><body><h1>{word('heading')}</h1><p>{word('paragraph')}"
                f"<a href='#n'>1</a></p><aside id='n'>{word('footnote')}</aside>"
                f"<img alt='{word('alternative text')}'/></body></html>",
            )
        return data.getvalue()


class Markdown(Words):
    def content(self):
        word = self.word
        return (
            f"---\ntitle: {word('title of the document')}\nauthor: "
            f"{word('author of the document')}\n---\n\n# {word('heading')}\n\n{word('paragraph')}\n"
            f"\n- {word('list item')}\n\n| {word('header cell of a table')} | x |\n| --- | --- |\n"
            f"| {word('cell of a table')} | y |\n\n[{word('text of a link')}]"
            f"({LINK}{word('address of a link')} '{word('tooltip of a link')}')\n\n"
            f"![{word('alternative text')}](a.png)\n\n```\n{word('code')}\n```\n\n"
            f"> {word('quotation')}\n\n<!-- {word('remark')} -->\n"
        )


class Pdf(Words):
    def content(self):
        word = self.word
        pdf = _PdfFile()
        catalog, tree, outlines = pdf.reserve(), pdf.reserve(), pdf.reserve()
        page, parents, figure = pdf.reserve(), pdf.reserve(), pdf.reserve()
        font = pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        layer = pdf.add(f"<< /Type /OCG /Name ({word('name of a layer')}) >>")
        stream = (
            f"BT /F1 11 Tf 60 760 Td ({word('paragraph')}) Tj ET "
            f"BT /F1 11 Tf 0 1 -1 0 500 300 Tm ({word('text turned on its side')}) Tj ET "
            f"BT /F1 11 Tf 3 Tr 60 700 Td ({word('hidden text')}) Tj 0 Tr ET "
            f"BT 1 g /F1 11 Tf 60 650 Td ({word('white text')}) Tj 0 g ET "
            f"/OC /L1 BDC BT /F1 11 Tf 60 600 Td ({word('text of a layer')}) Tj ET EMC "
            "/Figure << /MCID 0 >> BDC 60 500 50 50 re f EMC"
        )
        content = pdf.add(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        box = "/Rect [10 10 60 30]"
        note = pdf.add(f"<< /Type /Annot /Subtype /Text {box} /Contents ({word('comment')}) >>")
        mark = pdf.add(
            f"<< /Type /Annot /Subtype /Highlight {box} /QuadPoints [10 30 60 30 10 10 60 10] "
            f"/Contents ({word('comment on marked text')}) >>"
        )
        box_of_text = pdf.add(
            f"<< /Type /Annot /Subtype /FreeText {box} /DA (/F1 9 Tf) "
            f"/Contents ({word('text box')}) >>"
        )
        link = pdf.add(
            f"<< /Type /Annot /Subtype /Link {box} /A << /S /URI "
            f"/URI ({LINK}{word('address of a link')}) >> >>"
        )
        field = pdf.add(
            f"<< /Type /Annot /Subtype /Widget /FT /Tx {box} /F 4 /P {page} 0 R "
            f"/T ({word('label of a form field')}) /V ({word('value of a form field')}) "
            f"/DA (/F1 9 Tf) >>"
        )
        data = word("attached file")
        embedded = pdf.add(
            f"<< /Type /EmbeddedFile /Length {len(data)} >>\nstream\n{data}\nendstream"
        )
        file = pdf.add(f"<< /Type /Filespec /F (a.txt) /UF (a.txt) /EF << /F {embedded} 0 R >> >>")
        bookmark = pdf.add(
            f"<< /Title ({word('bookmark')}) /Parent {outlines} 0 R /Dest [{page} 0 R /Fit] >>"
        )
        root = pdf.add(f"<< /Type /StructTreeRoot /K {figure} 0 R /ParentTree {parents} 0 R >>")
        pdf.set(parents, f"<< /Nums [0 [{figure} 0 R]] >>")
        pdf.set(
            figure,
            f"<< /Type /StructElem /S /Figure /P {root} 0 R /Pg {page} 0 R /K 0 "
            f"/Alt ({word('alternative text')}) >>",
        )
        pdf.set(
            page,
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 842] /Contents {content} 0 R "
            f"/StructParents 0 /Annots [{note} 0 R {mark} 0 R {box_of_text} 0 R {link} 0 R "
            f"{field} 0 R] /Resources << /Font << /F1 {font} 0 R >> /Properties << /L1 {layer} 0 R "
            ">> >> >>",
        )
        pdf.set(tree, f"<< /Type /Pages /Kids [{page} 0 R] /Count 1 >>")
        pdf.set(
            outlines,
            f"<< /Type /Outlines /First {bookmark} 0 R /Last {bookmark} 0 R /Count 1 >>",
        )
        pdf.set(
            catalog,
            f"<< /Type /Catalog /Pages {tree} 0 R /Outlines {outlines} 0 R /StructTreeRoot {root} "
            f"0 R /MarkInfo << /Marked true >> /AcroForm << /Fields [{field} 0 R] "
            f"/DR << /Font << /F1 {font} 0 R >> >> >> "
            f"/OCProperties << /OCGs [{layer} 0 R] /D << /Order [{layer} 0 R] >> >> "
            f"/Names << /EmbeddedFiles << /Names [(a.txt) {file} 0 R] >> >> >>",
        )
        info = pdf.add(
            f"<< /Title ({word('title of the document')}) "
            f"/Author ({word('author of the document')}) "
            f"/Subject ({word('subject of the document')}) "
            f"/Keywords ({word('keywords of the document')}) >>"
        )
        whole = pdf.to_bytes(root=catalog)
        return whole.replace(b"/Root", f"/Info {info} 0 R /Root".encode())


class Eml(Words):
    def content(self):
        word = self.word
        message = EmailMessage()
        message["Subject"] = word("subject")
        message["From"] = f"{word('sender')}@example.com"
        message["To"] = f"{word('receiver')}@example.com"
        message["Cc"] = f"{word('copy')}@example.com"
        message["Reply-To"] = f"{word('address for answers')}@example.com"
        message["X-Note"] = word("other header")
        message.set_content("Plain.")
        message.add_alternative(
            f"<p>Plain. {word('paragraph')} and more than the plain text says: "
            f"<a href='{LINK}{word('address of a link')}'>{word('text of a link')}</a> and "
            f"<img alt='{word('alternative text')}'></p>",
            subtype="html",
        )
        message.add_attachment(word("attached file"), filename=f"{word('name of a file')}.txt")
        inner = EmailMessage()
        inner["Subject"] = word("subject of a forwarded mail")
        inner.set_content(word("forwarded mail"))
        inner.add_attachment(word("file attached to a forwarded mail"), filename="b.txt")
        message.add_attachment(inner)
        calendar = (
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"
            f"SUMMARY:{word('invitation')}\nLOCATION:{word('place of an invitation')}\n"
            "END:VEVENT\nEND:VCALENDAR"
        )
        message.add_attachment(calendar, subtype="calendar", filename="c.ics")
        return bytes(message)


class Svg(Words):
    def content(self):
        word = self.word
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
            f"<title>{word('title of the document')}</title>"
            f"<desc>{word('description of the document')}</desc><text>{word('paragraph')}</text>"
            f"<g><title>{word('title of a picture')}</title><desc>{word('alternative text')}</desc>"
            f"<text><textPath>{word('text on a path')}</textPath></text></g>"
            f'<a xlink:href="{LINK}{word("address of a link")}">'
            f"<text>{word('text of a link')}</text></a>"
            f"<foreignObject><p>{word('text box')}</p></foreignObject>"
            f"<style>{word('style')}</style></svg>"
        )


FORMATS = {
    "ODT": Odt, "ODS": Ods, "ODP": Odp, "RTF": Rtf, "HTML": Html, "EPUB": Epub,
    "Markdown": Markdown, "PDF": Pdf, "EML": Eml, "SVG": Svg,
}  # fmt: skip
SUFFIXES = {"Markdown": "md"}
