"""E-mail (EML and Outlook's MSG) → text."""

from __future__ import annotations

import email.policy
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from pathlib import Path
from typing import cast

from docmind.ingestion.parsed import Progress, Section
from docmind.ingestion.readers.encodings import decode
from docmind.ingestion.readers.html import html_sections

UNNAMED = "unnamed"
"""An attachment whose message does not name it."""


@dataclass(frozen=True)
class _Mail:
    """What is read of a message."""

    subject: str
    headers: dict[str, str]
    """Those that are read, by name; empty ones are left out of the text."""
    text: str
    html: str
    """Its text as HTML, which is read where `text` is empty."""
    attachments: list[str]
    """Their file names."""


def read_eml(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read a message: its main headers, its text, the names of its attachments.

    The text is taken from HTML only if there is no plain one.
    """
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    headers: dict[str, str] = {}
    for name in ("Subject", "From", "To", "Cc", "Date"):
        headers[name] = str(message[name] or "")
    text = ""
    html = ""
    body = message.get_body(("plain", "html"))
    # The parser takes any file for a message. One without a single header is none: with an empty
    # text it is reported as a file in which nothing could be read.
    if body is not None and message.keys():
        if body.get_content_subtype() == "html":
            html = _part_text(body)
        else:
            text = _part_text(body)
    mail = _Mail(
        subject=headers["Subject"],
        headers=headers,
        text=text,
        html=html,
        attachments=_attachment_names(message),
    )
    return _mail_sections(mail)


def _part_text(part: MIMEPart) -> str:
    """Return what a part says.

    Where its encoding is not named, unknown or wrong, the likeliest is taken.
    """
    data = cast("bytes", part.get_payload(decode=True))
    try:
        return str(data, part.get_content_charset(""))
    except (LookupError, UnicodeDecodeError):
        return decode(data)


def _attachment_names(message: EmailMessage) -> list[str]:
    return [part.get_filename() or UNNAMED for part in message.iter_attachments()]


def read_msg(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read an Outlook message, as `read_eml` does."""
    from oxmsg import Message

    message = Message.load(str(path))
    recipients = [f"{person.name} <{person.email_address}>" for person in message.recipients]
    sent = ""
    if message.sent_date:
        sent = message.sent_date.isoformat(" ")
    subject = message.subject or ""
    mail = _Mail(
        subject=subject,
        headers={
            "Subject": subject,
            "From": message.sender or "",
            "To": ", ".join(recipients),
            "Date": sent,
        },
        text=message.body or "",
        html=message.html_body or "",
        attachments=[file.file_name or UNNAMED for file in message.attachments],
    )
    return _mail_sections(mail)


def _mail_sections(mail: _Mail) -> list[Section]:
    """Return a section with the message's headers, and those of its text under its subject."""
    lines = [f"{name}: {value}" for name, value in mail.headers.items() if value]
    if mail.attachments:
        lines.append(f"Attachments: {', '.join(mail.attachments)}")
    headings = (mail.subject,)
    header_section = Section(text="\n".join(lines), headings=headings)
    if mail.text.strip():
        return [header_section, Section(text=mail.text, headings=headings)]
    return [header_section, *html_sections(mail.html, mail.subject)]
