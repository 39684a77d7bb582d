"""Outlook's messages (MSG) → text."""

from __future__ import annotations

import email.header
import email.parser
import email.policy
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from docmind.ingestion.parsed import PartlyRead, Progress, Section
from docmind.ingestion.readers.encodings import decode_as, find_encoding
from docmind.ingestion.readers.html import html_sections
from docmind.ingestion.readers.mail import (
    MOST_NESTED,
    Attachment,
    Mail,
    attachment_name,
    fullest,
    read_mails,
)

if TYPE_CHECKING:
    from oxmsg.storage import Storage

HEADER_BYTES_OF_FILE = 32
HEADER_BYTES_OF_EMBEDDED = 24
HEADER_BYTES_OF_PART = 8
"""What stands before the properties of a message, of one in it, of a recipient or attachment
([MS-OXMSG], section 2.4.1)."""
_ENTRY = struct.Struct("<HHI8s")
"""A property of fixed length: its kind, number, flags and value."""
_FIRST_DAY = datetime(1601, 1, 1, tzinfo=UTC)
_TICKS_PER_SECOND = 10_000_000
_UNICODE = "001F"
_EIGHT_BIT = "001E"
_BINARY = "0102"
_STORAGE = "000D"
_RECIPIENT_KINDS = {1: "To", 2: "Cc", 3: "Bcc"}


def read_msg(path: Path, progress: Progress) -> PartlyRead:  # noqa: ARG001
    """Read an Outlook message: main headers, body, forwarded mails, attachments."""
    from olefile import OleFileIO
    from oxmsg.storage import Storage

    with OleFileIO(str(path)) as file:
        storage = Storage.from_ole(file)
    return read_storage(storage)


def read_storage(storage: Storage) -> PartlyRead:
    """Read a message; the storage is a whole file's."""
    return read_mails([_read_mail(_Folder(storage, HEADER_BYTES_OF_FILE), depth=0)])


class _Folder:
    """A message, recipient or attachment: values by the number of their property."""

    def __init__(self, storage: Storage, header_bytes: int, encoding: str = "") -> None:
        self.storage = storage
        self._streams: dict[str, bytes] = {}
        for stream in storage.streams:
            self._streams[stream.name.upper()] = stream.bytes_
        self._fixed_values: dict[int, bytes] = {}
        table = self._streams.get("__PROPERTIES_VERSION1.0", b"")[header_bytes:]
        whole_entries = len(table) // _ENTRY.size * _ENTRY.size
        for _kind, number, _flags, value in _ENTRY.iter_unpack(table[:whole_entries]):
            self._fixed_values[number] = value
        self.encoding = encoding or self._find_encoding()
        """Of text that is not Unicode."""

    def text(self, number: int) -> str:
        """Return a text, "" if there is none."""
        unicode = self._streams.get(_stream_name(number, _UNICODE))
        if unicode is not None:
            return unicode.decode("utf-16-le", "replace").rstrip("\0")
        data = self._streams.get(_stream_name(number, _EIGHT_BIT), b"")
        return decode_as(data, self.encoding).rstrip("\0")

    def data(self, number: int) -> bytes:
        """Return bytes, b"" if there are none."""
        return self._streams.get(_stream_name(number, _BINARY), b"")

    def number(self, number: int) -> int:
        """Return a number, 0 if there is none."""
        return int.from_bytes(self._fixed_values.get(number, b"")[:4], "little")

    def date(self, number: int) -> str:
        """Return a date and time, "" if there is none."""
        ticks = int.from_bytes(self._fixed_values.get(number, b""), "little")
        if ticks == 0:
            return ""
        try:
            return (_FIRST_DAY + timedelta(seconds=ticks // _TICKS_PER_SECOND)).isoformat(" ")
        except OverflowError:
            return ""

    def inner(self, number: int) -> Storage | None:
        """Return what is stored as a folder of its own, a message in an attachment."""
        for storage in self.storage.storages:
            if storage.name.upper() == _stream_name(number, _STORAGE):
                return storage
        return None

    def _find_encoding(self) -> str:
        """Return the code page that the message names, else the one that its texts speak for."""
        from oxmsg.domain import constants

        for property_id in (constants.PID_MESSAGE_CODEPAGE, constants.PID_INTERNET_CODEPAGE):
            code_page = self.number(property_id)
            if code_page:
                return _code_page_name(code_page)
        texts: list[bytes] = []
        for name, data in self._streams.items():
            if name.endswith(_EIGHT_BIT):
                texts.append(data)
        return find_encoding(b"\n".join(texts))


def _code_page_name(number: int) -> str:
    """Return Python's name for a code page of Windows; "" if it is unknown."""
    from oxmsg.domain.encodings import encoding_from_codepage

    try:
        return str(encoding_from_codepage(number))
    except (KeyError, ValueError):
        return ""


def _stream_name(number: int, kind: str) -> str:
    return f"__SUBSTG1.0_{number:04X}{kind}"


def _read_mail(folder: _Folder, depth: int) -> Mail:
    from oxmsg.domain import constants

    recipients: dict[str, list[str]] = {"To": [], "Cc": [], "Bcc": []}
    for person in _parts(folder, "__RECIP_VERSION1.0_#"):
        kind = _RECIPIENT_KINDS.get(person.number(constants.PID_RECIPIENT_TYPE), "To")
        name = person.text(constants.PID_DISPLAY_NAME)
        address = person.text(constants.PID_SMTP_ADDRESS) or person.text(
            constants.PID_EMAIL_ADDRESS
        )
        recipients[kind].append(f"{name} <{address}>")
    mail = Mail(subject=folder.text(constants.PID_SUBJECT))
    mail.headers = {
        "Subject": mail.subject,
        "From": _sender(folder),
        "To": ", ".join(recipients["To"]),
        "Cc": ", ".join(recipients["Cc"]),
        "Date": folder.date(constants.PID_CLIENT_SUBMIT_TIME)
        or folder.date(constants.PID_MESSAGE_DELIVERY_TIME),
    }
    mail.body = _body(folder)
    for part in _parts(folder, "__ATTACH_VERSION1.0_#"):
        message = part.inner(constants.PID_ATTACH_DATA_BINARY)
        if message is None:
            mail.attachments.append(_attachment(part))
        elif depth < MOST_NESTED:
            inner = _Folder(message, HEADER_BYTES_OF_EMBEDDED)
            mail.forwarded.append(_read_mail(inner, depth + 1))
    return mail


def _parts(folder: _Folder, name: str) -> Iterator[_Folder]:
    """Yield a message's recipients or attachments, whose names begin so."""
    for storage in folder.storage.storages:
        if storage.name.upper().startswith(name):
            yield _Folder(storage, HEADER_BYTES_OF_PART, folder.encoding)


def _sender(folder: _Folder) -> str:
    """Return who sent a message, as its header says or as Outlook noted it."""
    from oxmsg.domain import constants

    head = folder.text(constants.PID_TRANSPORT_MESSAGE_HEADERS)
    parser = email.parser.HeaderParser(policy=email.policy.compat32)
    sender = parser.parsestr(head).get("From")
    if sender:
        return str(email.header.make_header(email.header.decode_header(sender)))
    name = folder.text(constants.PID_SENDER_NAME).strip()
    address = folder.text(constants.PID_SENDER_SMTP_ADDRESS)
    address = address or folder.text(constants.PID_SENDER_EMAIL_ADDRESS)
    if not address:
        return name or folder.text(constants.PID_SENT_REPRESENTING_NAME)
    if not name:
        return f"<{address}>"
    return f'"{name}" <{address}>'


def _body(folder: _Folder) -> list[Section]:
    """Return a message's text: the plain one unless the web page says more."""
    from oxmsg.domain import constants

    plain = Mail(body=[Section(text=folder.text(constants.PID_BODY))])
    page = folder.data(constants.PID_HTML)
    if page:
        code_page = folder.number(constants.PID_INTERNET_CODEPAGE)
        text = decode_as(page, _code_page_name(code_page)) if code_page else page
        html = Mail(body=html_sections(text))
    else:
        html = Mail(body=html_sections(folder.text(constants.PID_BODY_HTML)))
    return fullest([plain, html]).body


def _attachment(part: _Folder) -> Attachment:
    from oxmsg.domain import constants

    name = ""
    for number in (
        constants.PID_ATTACH_LONG_FILENAME,
        constants.PID_ATTACH_FILENAME,
        constants.PID_DISPLAY_NAME,
    ):
        name = name or part.text(number)
    content_type = part.text(constants.PID_ATTACH_MIME_TAG)
    return Attachment(
        name=attachment_name(name, content_type),
        data=part.data(constants.PID_ATTACH_DATA_BINARY),
        is_decoration=bool(part.text(constants.PID_ATTACH_CONTENT_ID)) and "image" in content_type,
    )
