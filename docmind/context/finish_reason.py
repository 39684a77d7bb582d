"""Why the engine ended a text that the model had not ended."""

from __future__ import annotations

from langchain_core.messages import BaseMessage

_CUT_OFF = {
    "length": "was cut at the longest answer allowed (max_answer_tokens)",
    "repetition": "was ended because it repeated itself",
}
"""Finish reasons that are not the model's own, in words for the user."""
ELLIPSIS = " […]"
"""Stands after a text that was cut off, where a model or the user reads it."""


def cut_off_reason(message: BaseMessage) -> str:
    """Return in words for the user why a message was cut off; empty if the model ended it."""
    return _CUT_OFF.get(message.response_metadata.get("finish_reason", ""), "")
