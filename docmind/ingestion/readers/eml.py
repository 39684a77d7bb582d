"""E-mail as it is sent (EML, RFC 5322 and MIME) → text."""

from __future__ import annotations

import base64
import email.policy
import re
from email.message import EmailMessage, Message
from pathlib import Path
from typing import cast

from docmind.ingestion.parsed import PartlyRead, Progress, Section
from docmind.ingestion.readers.encodings import decode, decode_as
from docmind.ingestion.readers.html import html_sections
from docmind.ingestion.readers.invitation import invitation_text
from docmind.ingestion.readers.mail import (
    MOST_NESTED,
    Attachment,
    Mail,
    attachment_name,
    fullest,
    read_mails,
)

HEADERS = ("Subject", "From", "Reply-To", "To", "Cc", "Date")
"""Those that are read."""
_CALENDARS = {"text/calendar", "application/ics"}
_MAILS = {"message/rfc822", "message/global"}
_SURROGATE = re.compile("[\udc80-\udcff]")
"""What Python makes of a byte in a header that should be ASCII."""


def read_eml(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read a message: main headers, body, forwarded mails, attachments."""
    mail = parse_mail(path.read_bytes())
    return read_mails([] if mail is None else [mail])


def parse_mail(data: bytes) -> Mail | None:
    """Return a message; None if it has not a single header: the parser takes any file for one."""
    message = _parse(data)
    return _read_mail(message, depth=0) if message.keys() else None


def _parse(data: bytes) -> EmailMessage:
    if data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        data = decode(data).encode("utf-8")
    # Before the first header line nothing may stand.
    return email.message_from_bytes(data.lstrip(), policy=email.policy.default)


def _read_mail(message: EmailMessage, depth: int) -> Mail:
    mail = Mail(headers={name: _header(message, name) for name in HEADERS})
    mail.subject = mail.headers["Subject"]
    _add_part(mail, message, depth)
    return mail


def _header(message: EmailMessage, name: str) -> str:
    """Return a header's values as text, also if they have letters that a header may not have."""
    values: list[str] = []
    for header_name, raw_value in message.raw_items():
        if header_name.lower() != name.lower():
            continue
        value = str(raw_value)
        if _SURROGATE.search(value):
            value = decode(value.encode("ascii", "surrogateescape"))
        try:
            value = str(message.policy.header_fetch_parse(name, value))
        except (IndexError, ValueError, AttributeError, TypeError):
            value = " ".join(value.split())  # Python's parser fails on some; they stay as they are
        values.append(value)
    return ", ".join(values)


def _add_part(mail: Mail, part: EmailMessage, depth: int, *, in_related: bool = False) -> None:
    """Add what a part of a message says, and the parts in it.

    Args:
        mail: is added to.
        part: the message, or a part of it.
        depth: how many mails this one is within.
        in_related: the part stands beside a web page that shows it.
    """
    content_type = part.get_content_type()
    parts = _parts_of(part)
    if content_type in _MAILS:
        if depth < MOST_NESTED:
            mail.forwarded.append(_read_mail(_inner_message(part), depth + 1))
    elif content_type == "multipart/alternative" and parts:
        _add_alternatives(mail, parts, depth)
    elif part.get_content_maintype() == "message":
        # A report on a delivery, say: groups of header lines.
        for group in parts:
            lines = [f"{name}: {value}" for name, value in group.items()]
            mail.add_text("\n".join(lines))
            if not group.is_multipart():
                mail.add_text(_part_text(group))
    elif parts:
        for inner in parts:
            _add_part(mail, inner, depth, in_related=content_type == "multipart/related")
    else:
        _add_leaf(mail, part, in_related=in_related)


def _add_leaf(mail: Mail, part: EmailMessage, *, in_related: bool) -> None:
    """Add a part without parts: text of the body, an invitation or a file."""
    content_type = part.get_content_type()
    if content_type in _CALENDARS:
        mail.add_text(invitation_text(_part_text(part)))
    elif part.is_attachment() or _file_name(part) or not _is_text(part):
        attachment = Attachment(
            name=attachment_name(_file_name(part), content_type),
            data=_data(part),
            is_decoration=in_related and part.get_content_maintype() == "image",
        )
        mail.attachments.append(attachment)
    elif content_type == "text/html":
        mail.body += _html_body(part)
    else:
        mail.add_text(_part_text(part))


def _parts_of(part: EmailMessage) -> list[EmailMessage]:
    if not part.is_multipart():
        return []
    return cast("list[EmailMessage]", part.get_payload())


def _inner_message(part: EmailMessage) -> EmailMessage:
    """Return the message that a part holds; some programs encode it, though none should."""
    parts = _parts_of(part)
    if not parts:
        return _parse(_data(part))
    (message, *_others) = parts
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    text = message.get_payload()
    if encoding == "base64" and not message.keys() and isinstance(text, str):
        return _parse(base64.b64decode(text))
    return message


def _add_alternatives(mail: Mail, parts: list[EmailMessage], depth: int) -> None:
    """Add one of several versions of a text, and whatever else stands among them."""
    versions: list[Mail] = []
    for part in parts:
        version = Mail()
        _add_part(version, part, depth)
        is_invitation = part.get_content_type() in _CALENDARS
        if version.body and not is_invitation:
            versions.append(version)
        else:
            mail.body += version.body
        mail.forwarded += version.forwarded
        mail.attachments += version.attachments
    if versions:
        mail.body[:0] = fullest(versions).body


def _is_text(part: EmailMessage) -> bool:
    """Tell whether a part without parts is text to read; a broken multipart is, too."""
    return part.get_content_maintype() in {"text", "multipart"}


def _file_name(part: EmailMessage) -> str | None:
    try:
        return part.get_filename()
    except (IndexError, ValueError, AttributeError, TypeError):  # Python's parser fails on some
        return None


def _data(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _charset(part: EmailMessage) -> str:
    return part.get_content_charset("") or ""


def _part_text(part: EmailMessage) -> str:
    """Return a part's text. Where its encoding is not named or wrong, the likeliest is taken."""
    charset = _charset(part)
    if charset:
        return decode_as(_data(part), charset)
    return decode(_data(part))


def _html_body(part: EmailMessage) -> list[Section]:
    """Return the sections of a part that is a web page, which may name its own encoding."""
    if _charset(part):
        sections = html_sections(_part_text(part))
    else:
        sections = html_sections(_data(part))
    return [section for section in sections if section.text.strip()]
