"""Chat messages → the token ids that the model reads. One function counts and renders, so counts are exact."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docmind.engine.interface import Message, Tool

CONTROL = re.compile(r"<(\|[\w ]{1,40}\|)>")
"""Control tokens of the chat formats, such as `<|im_end|>`: in a document's text they would end the message."""


def normalise(messages: Sequence[Message], *, arguments_as_text: bool = False) -> list[Message]:
    """Return the messages as templates and servers want them.

    Content is text, control tokens in it are defused, and tool-call arguments are objects (JSON text for a server).
    """
    result: list[Message] = []
    for message in messages:
        clean = {k: v for k, v in message.items() if k != "tool_calls"}
        clean["content"] = CONTROL.sub("<\u200b\\1>", _text(message.get("content")))
        if calls := message.get("tool_calls"):
            clean["tool_calls"] = [
                {**c, "function": _function(c["function"], arguments_as_text)} for c in calls
            ]
        result.append(clean)
    return result


def _text(content: Any) -> str:
    """Return plain text of a content that may be None, a string or a list of parts."""
    if isinstance(content, list):
        return "".join(p if isinstance(p, str) else str(p.get("text", "")) for p in content)
    return str(content or "")


def _function(function: dict[str, Any], as_text: bool) -> dict[str, Any]:
    """Return a call's function with its arguments as text or as an object."""
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            arguments = {
                "text": arguments
            }  # what a model wrote and could not be read: shown to it as it was
    return {
        **function,
        "arguments": json.dumps(arguments, ensure_ascii=False) if as_text else arguments,
    }


class PromptRenderer:
    """The model's own tokenizer and chat template. Thread-safe.

    Raises:
        OSError, ValueError: the directory holds no usable tokenizer.
    """

    def __init__(self, model: Path | str) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(str(model))
        self._tokenizer.model_max_length = 10**9  # we count to know the length: no warning about it
        self._lock = threading.Lock()
        self.vocabulary = len(self._tokenizer)
        """Number of tokens that it knows."""

    def ids(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """Return the prompt's token ids, ending where the assistant's answer begins."""
        with self._lock:  # fast tokenizers are not safe to share without one
            ids = self._tokenizer.apply_chat_template(
                normalise(messages),
                tools=list(tools) or None,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=False,
            )
        return list(ids)
