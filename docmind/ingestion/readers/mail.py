"""E-mail (EML and Outlook's MSG) → text."""

from __future__ import annotations

import email.policy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docmind.ingestion.parsed import Progress, Section
from docmind.ingestion.readers.html import html_sections
from docmind.ingestion.readers.text import decode


def read_eml(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read a message: its head, its text (from HTML only if there is no plain one), its attachments' names."""
    with path.open("rb") as file:
        message = email.message_from_binary_file(file, policy=email.policy.default)
    body: Any = message.get_body(("plain", "html"))
    text = _text(body) if body else ""
    html = body is not None and body.get_content_subtype() == "html"
    head = {name: str(message[name] or "") for name in ("Subject", "From", "To", "Cc", "Date")}
    names = [part.get_filename() or "unnamed" for part in message.iter_attachments()]
    return _message(head, "" if html else text, text if html else "", names)


def _text(body: Any) -> str:
    """Return what a part says; where its encoding is not named, unknown or wrong, the likeliest is taken."""
    data = body.get_payload(decode=True)
    try:
        return str(data, body.get_content_charset(""))
    except (LookupError, UnicodeDecodeError):
        return decode(data)


def read_msg(path: Path, progress: Progress) -> list[Section]:  # noqa: ARG001
    """Read an Outlook message, as `read_eml` does."""
    from oxmsg import Message

    message = Message.load(str(path))
    to = ", ".join(f"{r.name} <{r.email_address}>" for r in message.recipients)
    sent = message.sent_date.isoformat(" ") if message.sent_date else ""
    head = {"Subject": message.subject or "", "From": message.sender or "", "To": to, "Date": sent}
    names = [a.file_name or "unnamed" for a in message.attachments]
    return _message(head, message.body or "", message.html_body or "", names)


def _message(
    head: Mapping[str, str], text: str, html: str, attachments: Sequence[str]
) -> list[Section]:
    lines = [f"{name}: {value}" for name, value in head.items() if value]
    lines += [f"Attachments: {', '.join(attachments)}"] if attachments else []
    title = head["Subject"]
    body = [Section(text, heading=title)] if text.strip() else html_sections(html, title)
    return [Section("\n".join(lines), heading=title), *body]
