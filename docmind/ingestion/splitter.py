"""Sections → chunks: by sentences with the embedding model's own tokenizer, tables by rows with their header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise, takewhile
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import BaseNode, TextNode, TransformComponent

from docmind.ingestion.parsed import GAP, HEADING_GAP
from docmind.retrieval.store import chunk_id

TITLE, HEADING = "file_name", "heading"
"""Metadata that is embedded with the passage; the rest only travels with it."""
PIECE = 20_000
"""Characters looked at together: the splitter's first step counts the tokens of all it is given."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n+(?=[^\n])")


class StructureSplitter(TransformComponent):  # type: ignore[misc]
    """Turns one document's section nodes into chunk nodes with deterministic ids, spans and positions."""

    chunk_tokens: int
    chunk_overlap: int
    _encode: Any = PrivateAttr()
    _splitter: SentenceSplitter = PrivateAttr()

    def __init__(self, tokenizer: Any, chunk_tokens: int, chunk_overlap: int) -> None:
        super().__init__(chunk_tokens=chunk_tokens, chunk_overlap=min(chunk_overlap, chunk_tokens // 3))
        self._encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
        self._splitter = SentenceSplitter(
            chunk_size=chunk_tokens,
            chunk_overlap=self.chunk_overlap,
            tokenizer=self._encode,  # else llama-index fetches tiktoken's files
            paragraph_separator="\n\n",
            chunking_tokenizer_fn=sentences,
        )

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Return the chunks; `kwargs["progress"]` is called with (sections done, sections)."""
        progress: Callable[[int, int], None] = kwargs.get("progress", lambda _done, _total: None)
        chunks: list[BaseNode] = []
        nodes = self._joined(nodes)
        for done, node in enumerate(nodes, 1):
            for text, start, end in self._parts(node):
                chunks.append(self._chunk(node, text, start, end, len(chunks)))
            progress(done, len(nodes))
        return chunks

    def _joined(self, nodes: Sequence[BaseNode]) -> list[BaseNode]:
        """Join short neighbours of a page up to half a chunk: a heading with one line under it says little alone."""
        joined: list[BaseNode] = []
        size = 0
        for node in nodes:
            tokens = len(self._encode(node.get_content()[: 8 * self.chunk_tokens]))
            last = joined[-1].metadata if joined else {}
            alike = joined and last["page"] == node.metadata["page"] and not (last["table"] or node.metadata["table"])
            if alike and size + tokens <= self.chunk_tokens // 2:
                heading = shared_heading(last["heading"], node.metadata["heading"])
                text = f"{joined[-1].get_content()}{GAP}{node.get_content()}"
                joined[-1] = TextNode(text=text, metadata={**last, "heading": heading})
                size += tokens
            else:
                joined.append(node)
                size = tokens
        return joined

    def _parts(self, node: BaseNode) -> Iterator[tuple[str, int, int]]:
        """Yield text and span (in the document) of each chunk of a section."""
        offset = int(node.metadata["start"])
        text = node.get_content()
        room = max(self.chunk_tokens // 2, self.chunk_tokens - len(self._encode(embedded_prefix(node.metadata))))
        if node.metadata["table"]:
            yield from ((t, offset + s, offset + e) for t, s, e in self._rows(text, room))
            return
        at = 0
        for piece in pieces(text):
            yield from ((t, offset + at + s, offset + at + e) for t, s, e in self._passages(piece, room))
            at += len(piece)

    def _passages(self, text: str, room: int) -> Iterator[tuple[str, int, int]]:
        """Pack sentences (or what `_split` makes of too long ones) up to `room` tokens; neighbours overlap.

        Our own packing, because llama-index's forgets where a passage stood, and looking for it goes wrong where
        a text repeats itself.
        """
        splits = self._splitter._split(text, room)
        ends = list(accumulate(len(s.text) for s in splits))
        size = [s.token_size for s in splits]
        first, last = 0, 0
        while last < len(splits):
            used, last = 0, first
            while last < len(splits) and (last == first or used + size[last] <= room):
                used += size[last]
                last += 1
            start = ends[first] - len(splits[first].text)
            part = text[start : ends[last - 1]]
            if stripped := part.strip():
                start += len(part) - len(part.lstrip())
                yield stripped, start, start + len(stripped)
            kept, before, first = 0, first, last
            while last < len(splits) and first - 1 > before and kept + size[first - 1] <= self.chunk_overlap:
                if kept + size[first - 1] + size[last] > room:
                    break
                first -= 1
                kept += size[first]

    def _rows(self, text: str, room: int) -> Iterator[tuple[str, int, int]]:
        head, rule, *rows = [*text.split("\n"), ""][: text.count("\n") + 1] + ([""] if "\n" not in text else [])
        header = f"{head}\n{rule}"
        if len(self._encode(header)) > room // 2:
            header = ""  # a header as wide as a chunk helps no one
        left = room - len(self._encode(header))
        start = len(head) + 1 + len(rule)
        block: list[str] = []
        used, first = 0, start + 1
        at = first
        for row in rows:
            size = len(self._encode(row))
            if block and used + size > left:
                yield "\n".join(filter(None, [header, *block])), first, at - 1
                block, used, first = [], 0, at
            if size > left:  # one row longer than a chunk: it is split like text
                for part, s, e in self._passages(row, left):
                    yield f"{header}\n{part}".strip(), at + s, at + e
                first = at + len(row) + 1
            else:
                block.append(row)
                used += size
            at += len(row) + 1
        if block:
            yield "\n".join(filter(None, [header, *block])), first, at - 1
        elif not rows:
            yield text, 0, len(text)

    def _chunk(self, node: BaseNode, text: str, start: int, end: int, position: int) -> TextNode:
        metadata = {**node.metadata, "start": start, "end": end, "position": position}
        hidden = [k for k in metadata if k not in {TITLE, HEADING} or not metadata[k]]
        return TextNode(
            id_=chunk_id(metadata["document_id"], position),
            text=text,
            metadata=metadata,
            excluded_embed_metadata_keys=hidden,
            excluded_llm_metadata_keys=list(metadata),
            metadata_template="{value}",
            text_template="{metadata_str}\n\n{content}",
            start_char_idx=start,
            end_char_idx=end,
        )


def embedded_prefix(metadata: dict[str, Any]) -> str:
    """Return what is embedded before the passage: file name and heading."""
    return "\n".join(str(metadata[k]) for k in (TITLE, HEADING) if metadata[k])


def shared_heading(first: str, second: str) -> str:
    """Return the part of two heading paths that is the same."""
    pairs = zip(first.split(HEADING_GAP), second.split(HEADING_GAP), strict=False)
    return HEADING_GAP.join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def sentences(text: str) -> list[str]:
    """Cut after sentences and lines, also Chinese and Japanese ones; joined again they are the text."""
    cuts = [0, *(m.end() for m in _SENTENCE.finditer(text)), len(text)]
    return [text[a:b] for a, b in pairwise(cuts) if a < b]


def pieces(text: str) -> Iterator[str]:
    """Cut a long text into pieces of about PIECE characters, at paragraphs, lines or blanks."""
    while len(text) > PIECE:
        cut = next(
            (at + len(mark) for mark in ("\n\n", "\n", " ") if (at := text.rfind(mark, PIECE // 2, PIECE)) > 0), PIECE
        )
        yield text[:cut]
        text = text[cut:]
    if text.strip():
        yield text
