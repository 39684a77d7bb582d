"""Mails → text: what all formats of mail have in common.

A mail is read as its main headers, its body, the mails that it forwards and its attachments, each
under the subject of the mail that holds it. (Attachments become documents of their own in a later
step.)
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from docmind.errors import IngestError
from docmind.ingestion.parsed import ParsedDocument, Section

ReadFile = Callable[[Path, str], ParsedDocument]
"""Returns the text of a file that has this name, or raises an IngestError."""

UNNAMED = "unnamed"
"""An attachment whose message does not name it."""
MOST_NESTED = 20
"""Mails within mails deeper than that are not read."""
SAME_TEXT = 0.5
"""Fraction of another version's words from which a text counts as that version in full. A text that
only says "your program can't show this mail" has next to none of them."""

_SUFFIX = re.compile(r"\.[a-z]{1,10}")
_WORD = re.compile(r"\w+")


@dataclass
class Attachment:
    """A file in a mail."""

    name: str
    data: bytes
    is_decoration: bool = False
    """It is a picture in the body: a logo, an icon."""


@dataclass
class Mail:
    """What is read of a mail."""

    subject: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    """Those that are read, by name; empty ones are left out of the text."""
    body: list[Section] = field(default_factory=list)
    """With the headings within the body."""
    forwarded: list[Mail] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)

    def add_text(self, text: str) -> None:
        """Go on with this text, unless the body has just that already."""
        if all(section.text != text for section in self.body):
            self.body.append(Section(text=text))


def mail_sections(mail: Mail, read_file: ReadFile, above: tuple[str, ...] = ()) -> list[Section]:
    """Return a mail's sections: its headers, body, forwarded mails, attachments.

    Args:
        mail: the mail.
        read_file: reads an attachment.
        above: subjects of the mails that hold it, outermost first.
    """
    headings = (*above, mail.subject)
    lines = [f"{name}: {value}" for name, value in mail.headers.items() if value]
    names = [attachment.name for attachment in mail.attachments]
    if names:
        lines.append(f"Attachments: {', '.join(names)}")
    sections = [Section(text="\n".join(lines), headings=headings)]
    sections += [_under(section, headings) for section in mail.body]
    for forwarded in mail.forwarded:
        sections += mail_sections(forwarded, read_file, headings)
    for attachment in mail.attachments:
        sections += _attachment_sections(attachment, read_file, headings)
    return sections


def _under(section: Section, headings: Sequence[str]) -> Section:
    return replace(section, headings=(*headings, *section.headings))


def _attachment_sections(
    attachment: Attachment, read_file: ReadFile, headings: Sequence[str]
) -> list[Section]:
    """Return the text of a file as far as there is a reader for it; [] if it can't be read."""
    suffix = Path(attachment.name).suffix.lower()
    if attachment.is_decoration or not _SUFFIX.fullmatch(suffix):
        return []
    with TemporaryDirectory() as folder:
        path = Path(folder, f"attachment{suffix}")
        path.write_bytes(attachment.data)
        try:
            document = read_file(path, attachment.name)
        except IngestError:
            return []
    sections: list[Section] = []
    for section in document.sections:
        # Its pages and the places on them are no pages of the mail.
        without_place = replace(section, page=None, boxes=())
        sections.append(_under(without_place, (*headings, attachment.name)))
    return sections


def attachment_name(name: str | None, content_type: str) -> str:
    """Return a file's name, with the usual ending of its type if it has none."""
    name = name or UNNAMED
    if Path(name).suffix:
        return name
    return name + (mimetypes.guess_extension(content_type) or "")


def fullest(versions: Sequence[Mail]) -> Mail:
    """Return the version of a body that is read: the first that says what the longest one says.

    Args:
        versions: of the same text, the plainest first; at least one.
    """
    words = [_words(version) for version in versions]
    longest = max(words, key=len)
    for version, own_words in zip(versions, words, strict=True):
        if len(own_words & longest) >= SAME_TEXT * len(longest):
            return version
    return versions[0]


def _words(mail: Mail) -> set[str]:
    words: set[str] = set()
    for section in mail.body:
        words.update(_WORD.findall(section.text.lower()))
    return words
