"""Source code → text as it is, in sections by what it defines; notebooks as the page they show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent

from docmind.errors import CorruptFile
from docmind.ingestion.parsed import Headings, Progress, Section
from docmind.ingestion.readers.encodings import decode
from docmind.ingestion.readers.html import html_sections

SUFFIXES = frozenset(
    """.asm .bash .bat .bib .c .cc .cfg .clj .cmake .conf .cpp .cs .css .cxx .dart .diff .erl .ex
    .exs .f90 .go .gradle .graphql .groovy .h .hh .hpp .hs .ini .java .jl .js .jsx .kt .kts .less
    .lisp .log .lua .m .mjs .mm .pas .patch .php .pl .properties .proto .ps1 .py .pyi .r .rb .rs
    .scala .scss .sh .sql .srt .swift .tcl .tex .tf .ts .tsx .vb .vtt .vue .zig""".split()  # noqa: SIM905
)
TAB = 4
_DEFINITION = re.compile(
    r"^(?P<indent>[ \t]*)"
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|open"
    r"|sealed|override|virtual|partial|pub(?:\([a-z]+\))?|unsafe|data|inline|create"
    r"|or replace)\s+)*"
    r"(?:class|def|function|func|fun|fn|interface|struct|enum|trait|impl|module|namespace|record"
    r"|object|sub|proc|procedure|table|view|type|message|service|resource)\b[*!]?\s+"
    r"(?P<name>[\"`']?[A-Za-z_]\w*(?:(?:\.|::|-)\w+)*)",
    re.MULTILINE | re.IGNORECASE,
)
_INI_SECTION = re.compile(r"^(?P<indent>)\[(?P<name>[^\]\n]+)\]\s*$", re.MULTILINE)
_LATEX_SECTION = re.compile(
    r"^(?P<indent>)\\(?P<level>part|chapter|(?:sub){0,2}section)\*?\{(?P<name>[^}\n]+)\}",
    re.MULTILINE,
)
_LATEX_LEVELS = ("part", "chapter", "section", "subsection", "subsubsection")
_INI_SUFFIXES = {".ini", ".cfg", ".conf", ".properties"}
_PLAIN_SUFFIXES = {".log", ".srt", ".vtt", ".diff", ".patch", ".bib"}


def read_code(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read code: a section from each definition to the next, under the names around it."""
    text = decode(path.read_bytes()).replace("\r\n", "\n")
    suffix = path.suffix.lower()
    pattern = _DEFINITION
    if suffix in _INI_SUFFIXES:
        pattern = _INI_SECTION
    elif suffix == ".tex":
        pattern = _LATEX_SECTION
    elif suffix in _PLAIN_SUFFIXES:
        return [Section(text)]
    headings = Headings()
    path_of_names: tuple[str, ...] = ()
    sections: list[Section] = []
    start = 0
    for match in pattern.finditer(text):
        # What stands right above, such as a comment or a decorator, belongs to the definition.
        cut = _start_of_definition(text, match.start())
        sections.append(Section(text=dedent(text[start:cut]), headings=path_of_names))
        path_of_names = headings.enter(_level(match), match["name"].strip("\"'`"))
        start = cut
    sections.append(Section(text=dedent(text[start:]), headings=path_of_names))
    return sections


def _level(match: re.Match[str]) -> int:
    if "level" in match.groupdict():
        return _LATEX_LEVELS.index(match["level"]) + 1
    return len(match["indent"].expandtabs(TAB)) + 1


def _start_of_definition(text: str, start: int) -> int:
    """Return where the lines begin that stand without a blank one above a definition."""
    above = text.rfind("\n\n", 0, start)
    block = text[above + 2 : start] if above >= 0 else text[:start]
    only_remarks = all(
        line.lstrip().startswith(("#", "//", "/*", "*", "--", "@", ";", "%", '"""'))
        for line in block.splitlines()
        if line.strip()
    )
    return start - len(block) if only_remarks else start


def read_notebook(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read a Jupyter notebook: its texts, its code, and what the code has printed."""
    from markdown_it import MarkdownIt

    notebook = json.loads(decode(path.read_bytes()))
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise CorruptFile("is no notebook: it has no cells. Save it again in Jupyter.")
    parts: list[str] = []
    for cell in cells:
        source = _joined(cell.get("source"))
        if cell.get("cell_type") == "markdown":
            parts.append(source)
        elif source:
            parts.append(_fenced(source))
        for output in cell.get("outputs", ()):
            printed = _joined(output.get("text") or output.get("data", {}).get("text/plain"))
            if printed.strip():
                parts.append(_fenced(printed))
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return html_sections(markdown.render("\n\n".join(parts)))


def _joined(lines: object) -> str:
    if isinstance(lines, list):
        return "".join(str(line) for line in lines)
    return str(lines or "")


def _fenced(text: str) -> str:
    return f"~~~~~~\n{text}\n~~~~~~"
