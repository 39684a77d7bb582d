"""A conversation as a Word file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from markdown_it.token import Token

from docmind.transcripts.web_page import markdown_reader

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.text.paragraph import Paragraph

_CODE_FONT = "Courier New"
_LISTS = {"bullet_list_open": "List Bullet", "ordered_list_open": "List Number"}


def word_file(title: str, transcript: str) -> bytes:
    """Return a transcript in Markdown as a DOCX file."""
    import docx

    document = docx.Document()
    document.core_properties.title = title
    document.core_properties.author = ""
    _Writer(document).write(markdown_reader().parse(transcript))
    file = BytesIO()
    document.save(file)
    return file.getvalue()


class _Writer:
    """Writes Markdown's tokens into a document, block by block."""

    def __init__(self, document: WordDocument) -> None:
        self._document = document
        self._lists: list[str] = []
        """The styles of the lists that are open, outermost first."""
        self._quotes = 0
        """How many quotations are open."""

    def write(self, tokens: Sequence[Token]) -> None:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "table_open":
                end = place
                while tokens[end].type != "table_close":
                    end += 1
                self._write_table(tokens[place:end])
                place = end
            elif token.type == "heading_open":
                level = int(token.tag[1:])
                heading = self._document.add_heading(level=min(level, 4))
                _write_inline(heading, tokens[place + 1])
                place += 2
            else:
                self._write_block(token)
            place += 1

    def _write_block(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._lists.append(_LISTS[token.type])
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "inline":
                _write_inline(self._document.add_paragraph(style=self._style()), token)
            case "fence" | "code_block":
                run = self._document.add_paragraph().add_run(token.content.rstrip("\n"))
                run.font.name = _CODE_FONT

    def _style(self) -> str:
        if self._quotes:
            return "Quote"
        if not self._lists:
            return "Normal"
        # Word has such styles for three depths: "List Bullet", "List Bullet 2", "List Bullet 3".
        depth = min(len(self._lists), 3)
        style = self._lists[-1]
        return style if depth == 1 else f"{style} {depth}"

    def _write_table(self, tokens: Sequence[Token]) -> None:
        rows: list[list[Token]] = []
        for token in tokens:
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(token)
        columns = max(len(row) for row in rows)
        table = self._document.add_table(rows=len(rows), cols=columns, style="Table Grid")
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, token in zip(row.cells, cells, strict=False):
                _write_inline(cell.paragraphs[0], token)


def _write_inline(paragraph: Paragraph, token: Token) -> None:
    """Write the text of a paragraph with what is bold, italic or code in it."""
    is_bold = False
    is_italic = False
    for child in token.children or []:
        match child.type:
            case "strong_open" | "strong_close":
                is_bold = child.type == "strong_open"
            case "em_open" | "em_close":
                is_italic = child.type == "em_open"
            case "softbreak":
                paragraph.add_run(" ")
            case "hardbreak":
                paragraph.add_run().add_break()
            case "text" | "code_inline":
                run = paragraph.add_run(_printable(child.content))
                run.bold = is_bold
                run.italic = is_italic
                if child.type == "code_inline":
                    run.font.name = _CODE_FONT


def _printable(text: str) -> str:
    """Return a text without the control characters that XML can't hold."""
    return "".join(char for char in text if char >= " " or char in "\t\n")
