"""Mailboxes (MBOX) → text: every mail in them, one after another."""

from __future__ import annotations

import mailbox
from pathlib import Path

from docmind.ingestion.parsed import PartlyRead, Progress
from docmind.ingestion.readers.eml import parse_mail
from docmind.ingestion.readers.mail import Mail, read_mails


def read_mbox(path: Path, progress: Progress) -> PartlyRead:
    """Read a mailbox: each mail under its subject."""
    mails: list[Mail] = []
    box = mailbox.mbox(path, create=False)
    try:
        keys = box.keys()
        for done, key in enumerate(keys):
            progress(done, len(keys))
            mail = parse_mail(box.get_bytes(key))
            if mail is not None:
                mails.append(mail)
    finally:
        box.close()
    return read_mails(mails)
