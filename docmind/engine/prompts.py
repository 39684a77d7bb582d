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
        clean = dict(message)
        clean["content"] = CONTROL.sub("<\u200b\\1>", _text(message.get("content")))
        if calls := message.get("tool_calls"):
            clean["tool_calls"] = [_call(c, arguments_as_text) for c in calls]
        else:
            clean.pop("tool_calls", None)
        result.append(clean)
    return result


def _text(content: Any) -> str:
    """Return plain text of a content that may be None, a string or a list of parts."""
    if isinstance(content, list):
        return "".join(p if isinstance(p, str) else str(p.get("text", "")) for p in content)
    return "" if content is None else str(content)


def _call(call: dict[str, Any], as_text: bool) -> dict[str, Any]:
    function = dict(call["function"])
    arguments = function.get("arguments") or {}
    if as_text and not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    elif not as_text and isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            arguments = {"text": arguments}  # what a model wrote and could not be read: shown to it as it was
    return {**call, "function": {**function, "arguments": arguments}}


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
