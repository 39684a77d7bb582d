"""One conversation, or all of them, as a file in one of several formats."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from io import BytesIO
from typing import Any

from docmind.storage.conversations import Conversation
from docmind.storage.messages import StoredMessage
from docmind.transcripts.markdown import transcript
from docmind.transcripts.web_page import web_page
from docmind.transcripts.word import word_file

UNTITLED = "New conversation"


class ExportFormat(StrEnum):
    """What a conversation can be exported as; the value is the file's ending."""

    MARKDOWN = "md"
    WEB_PAGE = "html"
    WORD = "docx"
    JSON = "json"

    @property
    def mime(self) -> str:
        """The MIME type of such a file."""
        return _MIME[self]


_MIME = {
    ExportFormat.MARKDOWN: "text/markdown",
    ExportFormat.WEB_PAGE: "text/html",
    ExportFormat.WORD: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ExportFormat.JSON: "application/json",
}


def export_conversation(
    conversation: Conversation, messages: Sequence[StoredMessage], kind: ExportFormat
) -> bytes:
    """Return the versions that are shown, as a file. JSON has every verdict, step and figure."""
    title = conversation.title or UNTITLED
    if kind is ExportFormat.JSON:
        return _json(_as_data(conversation, messages))
    text = transcript(title, messages)
    match kind:
        case ExportFormat.WEB_PAGE:
            return web_page(title, text).encode()
        case ExportFormat.WORD:
            return word_file(title, text)
        case _:
            return text.encode()


def export_all(
    conversations: Sequence[tuple[Conversation, Sequence[StoredMessage]]], kind: ExportFormat
) -> bytes:
    """Return a ZIP archive with a file a conversation, in the order given."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as files:
        for number, (conversation, messages) in enumerate(conversations, start=1):
            # The number: titles may be alike.
            name = f"{number:03}-{file_name(conversation, kind)}"
            files.writestr(name, export_conversation(conversation, messages, kind))
    return archive.getvalue()


def file_name(conversation: Conversation, kind: ExportFormat) -> str:
    """Return a name for the file of a conversation."""
    words = "-".join(re.findall(r"\w+", conversation.title)).lower()[:60]
    return f"{words or 'conversation'}.{kind.value}"


def _as_data(conversation: Conversation, messages: Sequence[StoredMessage]) -> dict[str, Any]:
    data = asdict(conversation)
    data["messages"] = [asdict(message) for message in messages]
    return data


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=2).encode()
