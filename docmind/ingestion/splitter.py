"""Sections → passages.

Text is cut by sentences, with the embedding model's own tokenizer; tables are cut by rows, each
part with the table's header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.schema import BaseNode, TextNode, TransformComponent

from docmind.ingestion.parsed import (
    SECTION_SEPARATOR,
    Box,
    ParsedDocument,
    Progress,
    Section,
    no_progress,
)
from docmind.passages import passage_id

if TYPE_CHECKING:
    from tokenizers import Tokenizer

EMBEDDED_METADATA = ("file_name", "heading")
"""What is embedded with a passage's text; the rest of its metadata only travels with it."""
HEADING_CHARS = 300
"""So much of the headings above a passage is embedded and stored."""
LONG_CHARS = 20_000
"""From here on a piece is cut further before its tokens are counted: no passage is that long."""
COUNTED_CHARS_PER_TOKEN = 8
"""To see whether a section is short, so many of its characters for each token of a passage are
counted: a long one is not tokenized whole for that."""
UNKNOWN_TOKENS = ("[UNK]", "<unk>")
"""What stands for a word that a tokenizer does not know: BERT's and SentencePiece's."""
CHARS_PER_UNKNOWN_TOKEN = 4
"""A word that the tokenizer does not know is one token, however long it is (a line of Thai, base64,
minified code). So that no passage grows by that, it counts as one for so many characters, as they
are in a token of known text."""

Rule = re.Pattern[str]
"""A text may be cut after each of its matches."""
PARAGRAPH: Rule = re.compile(r"\n\n+")
SENTENCE: Rule = re.compile(
    r"(?<=[.!?])\s+(?=\S)|(?<=[\u3002\uff01\uff1f])|\n+(?=[^\n])"  # also full-width marks
)
LINE: Rule = re.compile(r"\n")
WORD: Rule = re.compile(r"\s+")


class Span(NamedTuple):
    """A stretch of a text: [start, end), and the tokens in it."""

    start: int
    end: int
    tokens: int


@dataclass(frozen=True)
class _PlacedSection:
    """A section and where it begins in the document's text."""

    start: int
    section: Section


@dataclass(frozen=True)
class _Cutting:
    """How a section is cut."""

    header: str
    """Stands at its beginning and is repeated above each part; "" where there is none."""
    caption: str
    """Stands above the header of each part, but not in the section; "" where there is none."""
    room: int
    """Tokens that a part may have beside the header and what is embedded with it."""
    overlap: int
    """Tokens up to which a part begins with the end of the one before."""
    rules: tuple[Rule, ...]
    """Where to cut: first by the first one, what is still too long by the next."""


@dataclass(frozen=True)
class _Part:
    """A passage of a section."""

    text: str
    """With caption and header."""
    start: int
    """Where it begins in the section, without the header."""
    end: int


def section_nodes(document_id: str, file_name: str, document: ParsedDocument) -> list[BaseNode]:
    """Return a document's sections as llama-index's nodes, which `StructureSplitter` takes."""
    nodes: list[BaseNode] = []
    for start, section in document.spans():
        metadata = {
            "document_id": document_id,
            "file_name": file_name,
            "start": start,
            "section": section,
        }
        nodes.append(TextNode(text=section.text, metadata=metadata))
    return nodes


class StructureSplitter(TransformComponent):  # type: ignore[misc]
    """Turns one document's section nodes into passage nodes with deterministic ids and places.

    It packs by itself: llama-index's SentenceSplitter forgets where a passage stood, and looking
    for it goes wrong where a text repeats itself.
    """

    chunk_tokens: int
    chunk_overlap: int
    _tokenizer: Tokenizer = PrivateAttr()
    _unknown_id: int | None = PrivateAttr(default=None)

    def __init__(self, tokenizer: Tokenizer, chunk_tokens: int, chunk_overlap: int) -> None:
        super().__init__(
            chunk_tokens=chunk_tokens,
            chunk_overlap=min(chunk_overlap, chunk_tokens // 3),
        )
        self._tokenizer = tokenizer
        for unknown in UNKNOWN_TOKENS:
            token_id = tokenizer.token_to_id(unknown)
            if token_id is not None:
                self._unknown_id = token_id

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[BaseNode]:
        """Return the passages; `kwargs["progress"]` is called with (characters done, in all)."""
        progress: Progress = kwargs.get("progress", no_progress)
        passages: list[BaseNode] = []
        if not nodes:
            return passages
        document_id = nodes[0].metadata["document_id"]
        file_name = nodes[0].metadata["file_name"]
        placed_sections = self._join_short_neighbours(nodes)
        done = 0
        total = sum(len(placed.section.text) for placed in placed_sections)
        for placed in placed_sections:
            cutting = self._cutting(file_name, placed.section)
            body = placed.section.text[len(cutting.header) :]
            spans: list[Span] = []
            for span in self._spans(body, room=cutting.room, rules=cutting.rules):
                spans.append(span)
                progress(done + span.end, total)
            for part in _parts(body, spans, cutting):
                passage = _passage_node(
                    document_id=document_id,
                    file_name=file_name,
                    position=len(passages),
                    placed=placed,
                    part=part,
                )
                passages.append(passage)
            done += len(placed.section.text)
            progress(done, total)
        return passages

    def _join_short_neighbours(self, nodes: Sequence[BaseNode]) -> list[_PlacedSection]:
        """Return the sections, short neighbours on a page joined up to half a passage.

        A heading with one line under it says little alone.
        """
        joined: list[_PlacedSection] = []
        joined_tokens = 0
        for node in nodes:
            section: Section = node.metadata["section"]
            tokens = self._count(section.text[: COUNTED_CHARS_PER_TOKEN * self.chunk_tokens])
            fits = joined_tokens + tokens <= self.chunk_tokens // 2
            if joined and fits and _may_be_joined(joined[-1].section, section):
                previous = joined[-1]
                joined[-1] = replace(previous, section=_join(previous.section, section))
                joined_tokens += tokens
            else:
                joined.append(_PlacedSection(start=node.metadata["start"], section=section))
                joined_tokens = tokens
        return joined

    def _cutting(self, file_name: str, section: Section) -> _Cutting:
        """Return how a section is cut so that no passage has more than `chunk_tokens`."""
        embedded_above = [line for line in (file_name, _stored_heading(section)) if line]
        tokens_above = self._count("\n".join(embedded_above))
        # However long the headings are, half of a passage is its text.
        room = max(self.chunk_tokens // 2, self.chunk_tokens - tokens_above)
        if not section.table:
            return _Cutting(
                header="",
                caption="",
                room=room,
                overlap=self.chunk_overlap,
                rules=(PARAGRAPH, SENTENCE, WORD),
            )
        caption = ""
        if section.caption:
            caption = section.caption + SECTION_SEPARATOR
        header = _table_header(section)
        caption_tokens = self._count(caption)
        header_tokens = self._count(header)
        # What is repeated above each part must leave place for rows, and for the longest one.
        most = min(room // 2, room - self._longest_row(section.text[len(header) :], room))
        if header_tokens + caption_tokens > most:
            caption = ""
            caption_tokens = 0
        if header_tokens > most:
            header = ""
            header_tokens = 0
        return _Cutting(
            header=header,
            caption=caption,
            room=room - header_tokens - caption_tokens,
            overlap=0,
            rules=(LINE, WORD),
        )

    def _longest_row(self, rows: str, room: int) -> int:
        """Return the tokens of the longest of these rows that fits into a passage at all."""
        longest = 0
        for row in rows.splitlines():
            # a token is a character at least
            if len(row) > max(longest, room // 2):
                tokens = self._count(row)
                if tokens <= room:
                    longest = max(longest, tokens)
        return longest

    def _spans(
        self, text: str, *, room: int, rules: Sequence[Rule], offset: int = 0
    ) -> Iterator[Span]:
        """Cut a text into spans of up to `room` tokens, one after the other.

        It is cut by the first rule, what is longer by the next one, and at last between tokens.
        `offset` is added to every place.
        """
        rule, *finer_rules = rules
        for piece in cut(text, rule):
            if finer_rules and self._is_longer(piece, room):
                yield from self._spans(piece, room=room, rules=finer_rules, offset=offset)
            else:
                yield from self._spans_between_tokens(piece, room, offset)
            offset += len(piece)

    def _is_longer(self, text: str, room: int) -> bool:
        return len(text) > LONG_CHARS or self._count(text) > room

    def _spans_between_tokens(self, text: str, room: int, offset: int) -> Iterator[Span]:
        """Cut after every `room` tokens."""
        token_starts = self._token_starts(text)
        cuts = [0, *token_starts[room::room], len(text)]
        for start, end in pairwise(cuts):
            yield Span(
                start=offset + start,
                end=offset + end,
                tokens=min(room, len(token_starts)),
            )

    def _token_starts(self, text: str) -> list[int]:
        """Return where each token begins; those of unknown words are stretches of equal length."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if self._unknown_id not in encoding.ids:
            return [start for start, _end in encoding.offsets]
        starts: list[int] = []
        for token_id, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            if token_id == self._unknown_id:
                starts += range(start, end, CHARS_PER_UNKNOWN_TOKEN)
            else:
                starts.append(start)
        return starts

    def _count(self, text: str) -> int:
        return len(self._token_starts(text))


def _table_header(section: Section) -> str:
    """Return the lines above the first row of a table that has rows, else ""."""
    lines = section.text.splitlines(keepends=True)
    # the rule stands below the first line
    count = section.header_rows + 1
    if len(lines) <= count:
        return ""
    return "".join(lines[:count])


def _stored_heading(section: Section) -> str:
    return section.heading[:HEADING_CHARS]


def _may_be_joined(first: Section, second: Section) -> bool:
    return first.page == second.page and not first.table and not second.table


def _join(first: Section, second: Section) -> Section:
    """Return two neighbours as one section, under the headings that both have."""
    boxes: tuple[Box | None, ...] = ()
    if first.boxes and second.boxes:
        # None is for the empty line between them
        boxes = (*first.boxes, None, *second.boxes)
    return replace(
        first,
        text=first.text + SECTION_SEPARATOR + second.text,
        headings=common_headings(first.headings, second.headings),
        boxes=boxes,
    )


def _parts(body: str, spans: Sequence[Span], cutting: _Cutting) -> Iterator[_Part]:
    """Yield the passages of a section, without blanks at either end.

    Args:
        body: the section's text below its header.
        spans: its spans, all of them.
    """
    for start, end in pack(spans, cutting.room, cutting.overlap):
        with_blanks = body[start:end]
        text = with_blanks.strip()
        if text:
            leading_blanks = len(with_blanks) - len(with_blanks.lstrip())
            start_in_section = len(cutting.header) + start + leading_blanks
            yield _Part(
                text=cutting.caption + cutting.header + text,
                start=start_in_section,
                end=start_in_section + len(text),
            )


def _passage_node(
    *, document_id: str, file_name: str, position: int, placed: _PlacedSection, part: _Part
) -> TextNode:
    """Return a passage as llama-index's node, with all that is stored of it as metadata."""
    section = placed.section
    boxes: list[Box] = []
    if section.boxes:
        first_line = section.text.count("\n", 0, part.start)
        last_line = section.text.count("\n", 0, part.end)
        boxes = merge_boxes(section.boxes[first_line : last_line + 1])
    metadata = {
        "document_id": document_id,
        "file_name": file_name,
        "page": section.page,
        "page_label": section.page_label,
        "heading": _stored_heading(section),
        "table": section.table,
        "start": placed.start + part.start,
        "end": placed.start + part.end,
        "position": position,
        "boxes": boxes,
    }
    embedded = [key for key in EMBEDDED_METADATA if metadata[key]]
    return TextNode(
        id_=passage_id(document_id, position),
        text=part.text,
        metadata=metadata,
        excluded_embed_metadata_keys=[key for key in metadata if key not in embedded],
        excluded_llm_metadata_keys=list(metadata),
        metadata_template="{value}",
        text_template="{metadata_str}\n\n{content}",
    )


def merge_boxes(boxes: Sequence[Box | None]) -> list[Box]:
    """Return the boxes of lines, those that follow close below each other as one.

    What such a one stands for is a paragraph.
    """
    blocks: list[Box] = []
    for box in boxes:
        if box is None:
            continue
        if blocks and _continues(blocks[-1], box):
            block = blocks[-1]
            blocks[-1] = Box(
                left=min(box.left, block.left),
                top=min(box.top, block.top),
                right=max(box.right, block.right),
                bottom=max(box.bottom, block.bottom),
            )
        else:
            blocks.append(box)
    return blocks


def _continues(block: Box, line: Box) -> bool:
    """Tell whether a line stands below a block, no farther from its end than the line is high."""
    line_height = line.bottom - line.top
    is_near = abs(line.top - block.bottom) < line_height
    overlaps_sideways = line.left < block.right and line.right > block.left
    return is_near and overlaps_sideways


def common_headings(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    """Return the headings with which both begin."""
    common: list[str] = []
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        common.append(one)
    return tuple(common)


def cut(text: str, rule: Rule) -> list[str]:
    """Cut after each match of the rule; joined again the pieces are the text."""
    match_ends = [match.end() for match in rule.finditer(text)]
    cuts = [0, *match_ends, len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def pack(spans: Sequence[Span], room: int, overlap: int) -> Iterator[tuple[int, int]]:
    """Join neighbouring spans up to `room` tokens and yield start and end of each group.

    A group begins with the last spans of the one before, up to `overlap` tokens, and has at least
    one span of its own.
    """
    first = 0
    end = 0
    while end < len(spans):
        end = _end_of_group(spans, first, room)
        yield spans[first].start, spans[end - 1].end
        if end < len(spans):
            free = min(overlap, room - spans[end].tokens)
            first = _start_of_overlap(spans, earliest=first + 1, end=end, room=free)


def _end_of_group(spans: Sequence[Span], first: int, room: int) -> int:
    """Return the index after the last span that fits; the first one is taken however long it is."""
    used = spans[first].tokens
    end = first + 1
    while end < len(spans) and used + spans[end].tokens <= room:
        used += spans[end].tokens
        end += 1
    return end


def _start_of_overlap(spans: Sequence[Span], *, earliest: int, end: int, room: int) -> int:
    """Return where the last spans before `end` begin that fit into `room` tokens together."""
    start = end
    while start > earliest and spans[start - 1].tokens <= room:
        start -= 1
        room -= spans[start].tokens
    return start
