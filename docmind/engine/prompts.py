"""Chat messages → the token ids that the model reads.

One function counts and renders, so counts are exact.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Sequence
from pathlib import Path

from docmind.engine.interface import Message, Tool

CONTROL_TOKEN = re.compile(r"<(\|[\w ]{1,40}\|)>")
"""Control tokens of chat formats (`<|im_end|>`): in a document's text they would end a message."""
ZERO_WIDTH_SPACE = "\u200b"
LONGEST_PROMPT = 10**9
"""Tokens. DocMind counts to know a prompt's length; the tokenizer need not warn of it."""


def normalise(messages: Sequence[Message], *, arguments_as_text: bool = False) -> list[Message]:
    """Return the messages as templates and servers want them.

    Content is text, control tokens in it are defused, and tool-call arguments are objects.

    Args:
        messages: as OpenAI's chat API writes them.
        arguments_as_text: arguments as JSON text, as servers want them.
    """
    result: list[Message] = []
    for message in messages:
        clean = dict(message)
        clean["content"] = _defuse(_content_text(message.get("content")))
        calls = clean.pop("tool_calls", None)
        if calls:
            clean["tool_calls"] = [_normalise_call(call, arguments_as_text) for call in calls]
        result.append(clean)
    return result


def _defuse(text: str) -> str:
    """Break control tokens with a space that nobody sees."""
    return CONTROL_TOKEN.sub(rf"<{ZERO_WIDTH_SPACE}\1>", text)


def _content_text(content: object) -> str:
    """Return plain text of a content that may be None, a string or a list of parts."""
    if not isinstance(content, list):
        return str(content or "")
    text = ""
    for part in content:
        if isinstance(part, str):
            text += part
        else:
            text += str(part.get("text", ""))
    return text


def _normalise_call(call: Message, arguments_as_text: bool) -> Message:
    """Return a tool call with its arguments as text or as an object."""
    function = call["function"]
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            # What a model wrote and nobody could read: shown to it as it was.
            arguments = {"text": arguments}
    if arguments_as_text:
        arguments = json.dumps(arguments, ensure_ascii=False)
    return {**call, "function": {**function, "arguments": arguments}}


class PromptRenderer:
    """The model's own tokenizer and chat template. Thread-safe.

    Raises:
        OSError, ValueError: the directory holds no usable tokenizer.
    """

    def __init__(self, model: Path | str) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(str(model))
        self._tokenizer.model_max_length = LONGEST_PROMPT
        self._lock = threading.Lock()  # fast tokenizers are not safe to share without one
        self.vocabulary = len(self._tokenizer)
        """Number of tokens that it knows."""

    def token_ids(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> list[int]:
        """Return the prompt's token ids, ending where the assistant's answer begins."""
        with self._lock:
            ids = self._tokenizer.apply_chat_template(
                normalise(messages),
                tools=list(tools) or None,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=False,
            )
        return list(ids)

    def token_id(self, text: str) -> int | None:
        """Return the token that a text is; None if it is several."""
        with self._lock:
            ids = self._tokenizer.encode(text, add_special_tokens=False)
        if len(ids) != 1:
            return None
        return int(ids[0])
