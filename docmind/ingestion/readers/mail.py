"""Mails → text: what all formats of mail have in common.

A mail is read as its main headers, its body, what is written in its pictures, and the mails that it
forwards, each under the subject of the mail that holds it. Attachments are handed on: they become
documents of their own.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from docmind.ingestion.parsed import AttachedFile, PartlyRead, Section
from docmind.ingestion.readers.ooxml import Unread
from docmind.ingestion.readers.pictures import text_in_picture

UNNAMED = "unnamed"
"""An attachment whose message does not name it."""
MOST_NESTED = 20
"""Mails within mails deeper than that are not read."""
SAME_TEXT = 0.5
"""Fraction of another version's words from which a text counts as that version in full. A text that
only says "your program can't show this mail" has next to none of them."""

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


def read_mails(mails: Sequence[Mail]) -> PartlyRead:
    """Return what one or more mails say, and their attachments."""
    unread = Unread()
    reader = _MailReader(unread)
    sections: list[Section] = []
    for mail in mails:
        sections += reader.sections(mail)
    return PartlyRead(sections, unread=unread.sentences(), attached=_attached(mails))


def _attached(mails: Sequence[Mail]) -> Iterator[AttachedFile]:
    """Yield the attachments of mails and of those that they forward."""
    for mail in mails:
        for attachment in mail.attachments:
            if not attachment.is_decoration:
                # A slash would be a folder's.
                yield AttachedFile(name=attachment.name.replace("/", "_"), data=attachment.data)
        yield from _attached(mail.forwarded)


class _MailReader:
    """Puts mails into sections, each picture in them once."""

    def __init__(self, unread: Unread) -> None:
        self._unread = unread
        self._seen_pictures: set[bytes] = set()

    def sections(self, mail: Mail, above: tuple[str, ...] = ()) -> list[Section]:
        """Return a mail's sections: its headers, body, pictures, forwarded mails.

        Args:
            mail: the mail.
            above: subjects of the mails that hold it, outermost first.
        """
        headings = (*above, mail.subject)
        sections = [Section(text=_head(mail), headings=headings)]
        for section in mail.body:
            sections.append(replace(section, headings=(*headings, *section.headings)))
        for attachment in mail.attachments:
            if attachment.is_decoration:
                sections.append(Section(text=self._picture_text(attachment), headings=headings))
        for forwarded in mail.forwarded:
            sections += self.sections(forwarded, headings)
        return sections

    def _picture_text(self, picture: Attachment) -> str:
        """Return what is written in a picture; "" the second time: a logo is in every mail."""
        if picture.data in self._seen_pictures:
            return ""
        self._seen_pictures.add(picture.data)
        text = text_in_picture(picture.data)
        if text is None:
            self._unread.count("picture", "pictures")
            return ""
        return f"In the picture {picture.name}:\n{text}" if text else ""


def _head(mail: Mail) -> str:
    lines = [f"{name}: {value}" for name, value in mail.headers.items() if value]
    names: list[str] = []
    for attachment in mail.attachments:
        if not attachment.is_decoration:
            names.append(attachment.name)
    if names:
        lines.append(f"Attachments: {', '.join(names)}")
    return "\n".join(lines)


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
