"""Sections → chunks: by sentences with the embedding model's own tokenizer, tables by rows with their header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, TextNode, TransformComponent

from docmind.ingestion.parsed import GAP, HEADING_GAP, Box
from docmind.passages import passage_id

TITLE, HEADING = "file_name", "heading"
"""Metadata that is embedded with the passage; the rest only travels with it."""
LONG = 20_000
"""Characters from which a piece is cut further before its tokens are counted: no chunk is that long."""

PARAGRAPH = re.compile(r"\n\n+")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n+(?=[^\n])")
LINE = re.compile(r"\n")
WORD = re.compile(r"\s+")

Span = tuple[int, int, int]
"""Start and end in a text, and the tokens between them."""


class StructureSplitter(TransformComponent):  # type: ignore[misc]
    """Turns one document's section nodes into chunk nodes with deterministic ids, spans and positions.

    It packs by itself: llama-index's SentenceSplitter forgets where a passage stood, and looking for it goes wrong
    where a text repeats itself.
    """

    chunk_tokens: int
    chunk_overlap: int
    _encode: Any = PrivateAttr()

    def __init__(self, tokenizer: Any, chunk_tokens: int, chunk_overlap: int) -> None:
        super().__init__(
            chunk_tokens=chunk_tokens, chunk_overlap=min(chunk_overlap, chunk_tokens // 3)
        )
        self._encode = lambda text: tokenizer.encode(text, add_special_tokens=False)

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Return the chunks; `kwargs["progress"]` is called with (characters done, characters)."""
        progress: Callable[[int, int], None] = kwargs.get("progress", lambda _done, _total: None)
        chunks: list[BaseNode] = []
        nodes = self._joined(nodes)
        done, total = 0, sum(len(n.get_content()) for n in nodes)
        for node in nodes:
            for text, start, end in self._parts(node, done, lambda at: progress(at, total)):
                chunks.append(_chunk(node, text, start, end, len(chunks)))
            done += len(node.get_content())
            progress(done, total)
        return chunks

    def _joined(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Join short neighbours of a page up to half a chunk: a heading with one line under it says little alone."""
        joined: list[BaseNode] = []
        size = 0
        for node in nodes:
            tokens = self._count(node.get_content()[: 8 * self.chunk_tokens])
            last = joined[-1].metadata if joined else {}
            alike = (
                joined
                and last["page"] == node.metadata["page"]
                and not (last["table"] or node.metadata["table"])
            )
            if alike and size + tokens <= self.chunk_tokens // 2:
                heading = shared_heading(last["heading"], node.metadata["heading"])
                text = f"{joined[-1].get_content()}{GAP}{node.get_content()}"
                boxes = (
                    last["boxes"]
                    and node.metadata["boxes"]
                    and (*last["boxes"], None, *node.metadata["boxes"])
                )
                joined[-1] = TextNode(
                    text=text, metadata={**last, "heading": heading, "boxes": boxes}
                )
                size += tokens
            else:
                joined.append(node)
                size = tokens
        return joined

    def _parts(
        self, node: BaseNode, before: int, at: Callable[[int], None]
    ) -> Iterator[tuple[str, int, int]]:
        """Yield text and span (in the document) of each chunk of a section; `at` hears what is read with `before`."""
        text = node.get_content()
        embedded_before = "\n".join(
            str(node.metadata[k]) for k in (TITLE, HEADING) if node.metadata[k]
        )
        room = max(self.chunk_tokens // 2, self.chunk_tokens - self._count(embedded_before))
        header, overlap = "", self.chunk_overlap
        rules = [PARAGRAPH, SENTENCE, WORD]
        if node.metadata["table"]:
            rules, overlap = [LINE, WORD], 0
            found = re.match(r".*\n.*\n(?=.)", text)
            # one as wide as a chunk would help no one
            header = found[0] if found and self._count(found[0]) <= room // 2 else ""
        room -= self._count(header)
        spans: list[Span] = []
        for span in self._spans(text[len(header) :], room, rules):
            spans.append(span)
            at(before + span[1])
        for start, end in pack(spans, room, overlap):
            part = text[len(header) + start : len(header) + end]
            if body := part.strip():
                begin = (
                    node.metadata["start"] + len(header) + start + len(part) - len(part.lstrip())
                )
                yield header + body, begin, begin + len(body)

    def _spans(
        self, text: str, room: int, rules: Sequence[re.Pattern[str]], at: int = 0
    ) -> Iterator[Span]:
        """Cut by the first rule, what is longer than `room` tokens by the next one, at last between tokens."""
        for piece in cut(text, rules[0]):
            if rules[1:] and (len(piece) > LONG or self._count(piece) > room):
                yield from self._spans(piece, room, rules[1:], at)
            else:
                starts = [start for start, _ in self._encode(piece).offsets]
                for first, last in pairwise([0, *starts[room::room], len(piece)]):
                    yield at + first, at + last, min(room, len(starts))
            at += len(piece)

    def _count(self, text: str) -> int:
        return len(self._encode(text).ids)


def _chunk(section: BaseNode, text: str, start: int, end: int, position: int) -> TextNode:
    boxes = section.metadata["boxes"]
    if boxes:
        lines = [
            section.get_content().count("\n", 0, at - section.metadata["start"])
            for at in (start, end)
        ]
        boxes = merged(boxes[lines[0] : lines[1] + 1])
    metadata = {
        **section.metadata,
        "start": start,
        "end": end,
        "position": position,
        "boxes": boxes,
    }
    return TextNode(
        id_=passage_id(metadata["document_id"], position),
        text=text,
        metadata=metadata,
        excluded_embed_metadata_keys=[
            k for k in metadata if k not in {TITLE, HEADING} or not metadata[k]
        ],
        excluded_llm_metadata_keys=list(metadata),
        metadata_template="{value}",
        text_template="{metadata_str}\n\n{content}",
    )


def merged(boxes: Sequence[Box | None]) -> list[list[float]]:
    """Join the boxes of lines that follow close below each other; what they stand for is one paragraph."""
    blocks: list[list[float]] = []
    for left, top, right, bottom in filter(None, boxes):
        last = blocks[-1] if blocks else [0.0, 0.0, 0.0, -1.0]
        near = -(bottom - top) < top - last[3] < bottom - top
        if near and left < last[2] and right > last[0]:
            blocks[-1] = [
                min(left, last[0]),
                min(top, last[1]),
                max(right, last[2]),
                max(bottom, last[3]),
            ]
        else:
            blocks.append([left, top, right, bottom])
    return blocks


def shared_heading(first: str, second: str) -> str:
    """Return the part of two heading paths that is the same."""
    pairs = zip(first.split(HEADING_GAP), second.split(HEADING_GAP), strict=False)
    return HEADING_GAP.join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def cut(text: str, rule: re.Pattern[str]) -> list[str]:
    """Cut after each match of the rule; joined again the pieces are the text."""
    cuts = [0, *(m.end() for m in rule.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]


def pack(spans: Sequence[Span], room: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring spans up to `room` tokens; the next begins with up to `overlap` tokens of the one before."""
    first = last = 0
    while last < len(spans):
        used, last = 0, first
        while last < len(spans) and (last == first or used + spans[last][2] <= room):
            used += spans[last][2]
            last += 1
        yield spans[first][0], spans[last - 1][1]
        if last < len(spans):
            free = min(overlap, room - spans[last][2])
            before, first = first, last
            while first - 1 > before and spans[first - 1][2] <= free:
                first -= 1
                free -= spans[first][2]
