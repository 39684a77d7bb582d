from itertools import pairwise

import pytest
from llama_index.core.schema import MetadataMode

from docmind.ingestion.parsed import Box, ParsedDocument, Section, markdown_table
from docmind.ingestion.splitter import (
    SENTENCE,
    Span,
    StructureSplitter,
    common_headings,
    cut,
    merge_boxes,
    pack,
    section_nodes,
)
from docmind.passages import passage_id

CHUNK_TOKENS = 60
WITH_MARKS = CHUNK_TOKENS + 2
"""The tokens of a passage with the model's own [CLS] and [SEP]."""


@pytest.fixture
def split(embedder):
    """Split a document of these sections; return its passages and its text."""
    splitter = StructureSplitter(embedder.tokenizer, chunk_tokens=CHUNK_TOKENS, chunk_overlap=10)

    def run(*sections):
        document = ParsedDocument(sections)
        nodes = section_nodes("doc", "file.txt", document)
        return splitter(nodes), document.text

    return run


@pytest.fixture
def tokens(embedder):
    """Count the tokens that are embedded of a passage."""

    def count(node):
        embedded = node.get_content(metadata_mode=MetadataMode.EMBED)
        return len(embedder.tokenizer.encode(embedded).ids)

    return count


def span_of(node):
    return slice(node.metadata["start"], node.metadata["end"])


def test_no_chunk_is_longer_than_asked_for(split, tokens):
    text = "\n\n".join(
        f"This is sentence {i} of a paragraph; it has some words, and commas. And more."
        for i in range(60)
    )
    nodes, whole = split(Section(text=text, page=3, headings=("Part", "Chapter")))
    assert len(nodes) > 10
    assert max(tokens(node) for node in nodes) <= WITH_MARKS
    assert [node.node_id for node in nodes] == [passage_id("doc", i) for i in range(len(nodes))]
    for node in nodes:
        assert whole[span_of(node)] == node.get_content()
        assert node.metadata["page"] == 3
        assert node.metadata["heading"] == "Part > Chapter"
    embedded = nodes[0].get_content(metadata_mode=MetadataMode.EMBED)
    assert embedded.startswith("file.txt\nPart > Chapter\n\nThis is")


def test_neighbours_overlap(split):
    text = " ".join(f"Short one {i}." for i in range(100))
    nodes, _ = split(Section(text))
    for first, second in pairwise(nodes):
        assert second.metadata["start"] < first.metadata["end"]


def test_nothing_is_lost(split):
    sentences = "Ünïcode läuft. 北京是中国的首都。上海很大\uff01真的\uff1f " * 30
    word_longer_than_a_chunk = "x" * 3000
    nodes, whole = split(Section(f"{sentences}\n\n\n\n{word_longer_than_a_chunk}\nend."))
    covered = set()
    for node in nodes:
        covered.update(range(node.metadata["start"], node.metadata["end"]))
    lost = {char for i, char in enumerate(whole) if i not in covered}
    assert lost <= set(" \n")


def test_table_rows_are_kept_whole_with_their_header(split, tokens):
    towns = [[f"Town {i}", i * 10, "per day"] for i in range(40)]
    rows = [["City", "Allowance", "Note"], *towns]
    nodes, whole = split(Section(text=markdown_table(rows), table=True))
    assert len(nodes) > 3
    for node in nodes:
        first, second, *body = node.get_content().split("\n")
        assert first == "| City | Allowance | Note |"
        assert second == "| --- | --- | --- |"
        assert all(row.count("|") == 4 for row in body)
        assert tokens(node) <= WITH_MARKS
        assert "\n".join(body) in whole[span_of(node)] + "\n" or node is nodes[0]
    assert sum(node.get_content().count("Town") for node in nodes) == 40


def test_each_part_of_a_table_has_its_title_its_unit_and_all_rows_of_its_header(embedder):
    towns = [[f"Town {i}", i * 10, i] for i in range(40)]
    rows = [["", "Paid", "Paid"], ["City", "2023", "2022"], *towns]
    caption = "Allowances\n(in thousands)"
    table = Section(text=markdown_table(rows), table=True, caption=caption, header_rows=2)
    document = ParsedDocument((table,))
    splitter = StructureSplitter(embedder.tokenizer, chunk_tokens=120, chunk_overlap=10)
    nodes = splitter(section_nodes("doc", "file.txt", document))
    assert len(nodes) > 3
    for node in nodes:
        header = "|  | Paid | Paid |\n| --- | --- | --- |\n| City | 2023 | 2022 |\n"
        assert node.get_content().startswith(f"{caption}\n\n{header}")
        assert len(embedder.tokenizer.encode(node.get_content()).ids) <= 120
        assert document.text[span_of(node)] in node.get_content()


def test_a_row_that_fits_is_not_broken_for_what_is_repeated_above_it(split):
    long = "word " * 38
    rows = [["City of the kingdom", "Note on it"], ["A", "b"], ["Long", long], ["C", "d"]]
    table = Section(text=markdown_table(rows), table=True, caption="A title of some words")
    nodes, _ = split(table)
    assert sum(long.strip() in node.get_content() for node in nodes) == 1


def test_a_table_of_one_line_or_a_giant_row(split, tokens):
    nodes, _ = split(
        Section(text="| a | b |\n| --- | --- |", table=True),
        Section(text="| x | y |", page=2, table=True),
    )
    assert [node.metadata["page"] for node in nodes] == [None, 2]
    giant = markdown_table([["k", "v"], ["long", "word " * 300]])
    nodes, _ = split(Section(text=giant, table=True))
    assert max(tokens(node) for node in nodes) <= 64
    assert sum(node.get_content().count("word") for node in nodes) >= 300


def test_short_neighbours_of_a_page_are_joined(split):
    nodes, whole = split(
        Section(text="# A\n\nOne.", headings=("A",)),
        Section(text="## B\n\nTwo.", headings=("A", "B")),
        Section(text="## C\n\nThree.", headings=("A", "C")),
    )
    (node,) = nodes
    assert node.get_content() == whole
    assert node.metadata["heading"] == "A"
    nodes, _ = split(Section(text="One.", page=1), Section(text="Two.", page=2))
    assert [node.metadata["page"] for node in nodes] == [1, 2]


def test_a_long_text_without_paragraphs_is_cut(split, tokens):
    text = f"{'word ' * 9000}{'会' * 5000} {'y' * 50_000}"
    nodes, whole = split(Section(text))
    assert max(tokens(node) for node in nodes) <= WITH_MARKS
    ends = [node.metadata["end"] for node in nodes]
    assert ends == sorted(ends)
    assert ends[-1] == len(whole)
    for node in nodes:
        assert whole[span_of(node)] == node.get_content()


def test_a_header_as_wide_as_a_chunk_is_a_row_like_others(split):
    header = [f"column {i}" for i in range(40)]
    nodes, _ = split(Section(text=markdown_table([header, ["x"] * 40]), table=True))
    assert sum(node.get_content().count("column 7 ") for node in nodes) == 1
    assert any("| x |" in node.get_content() for node in nodes)


def test_the_places_of_lines_become_blocks():
    first = Box(left=0.1, top=0.1, right=0.5, bottom=0.12)
    close_below = Box(left=0.1, top=0.13, right=0.6, bottom=0.15)
    far_below = Box(left=0.1, top=0.5, right=0.3, bottom=0.52)
    beside = Box(left=0.6, top=0.53, right=0.9, bottom=0.55)
    assert merge_boxes([first, close_below, None, far_below, beside]) == [
        Box(left=0.1, top=0.1, right=0.6, bottom=0.15),
        far_below,
        beside,
    ]


def test_a_chunk_knows_where_its_own_lines_stand(split):
    lines = [f"Line number {i} of the page says little." for i in range(30)]
    boxes = tuple(Box(left=0.1, top=i / 30, right=0.9, bottom=(i + 0.9) / 30) for i in range(30))
    nodes, whole = split(Section(text="\n".join(lines), page=1, boxes=boxes))
    assert len(nodes) > 3
    for node in nodes:
        (box,) = node.metadata["boxes"]
        first = whole.count("\n", 0, node.metadata["start"])
        last = whole.count("\n", 0, node.metadata["end"])
        assert box.top == pytest.approx(first / 30)
        assert box.bottom == pytest.approx((last + 0.9) / 30)
    nodes, _ = split(
        Section(text="One.", page=1, headings=("A",), boxes=boxes[:1]),
        Section(text="Two.", page=1, headings=("B",), boxes=boxes[5:6]),
    )
    assert nodes[0].metadata["boxes"] == [boxes[0], boxes[5]]


def test_headings_that_two_sections_share():
    assert common_headings(("A", "B", "C"), ("A", "B", "D")) == ("A", "B")
    assert common_headings(("A",), ("B",)) == ()
    assert common_headings((), ("B",)) == ()


def test_a_text_is_cut_after_its_sentences():
    text = "One. Two!\nThree? 四。五。 3.5 e.g. six"
    assert "".join(cut(text, SENTENCE)) == text
    assert cut("四。五。", SENTENCE) == ["四。", "五。"]


def test_groups_overlap_where_there_is_room():
    spans = [Span(start=10 * i, end=10 * i + 10, tokens=5) for i in range(5)]
    assert list(pack(spans, room=15, overlap=5)) == [(0, 30), (20, 50)]
    assert list(pack(spans, room=10, overlap=0)) == [(0, 20), (20, 40), (40, 50)]


@pytest.mark.parametrize(
    "word",
    [
        pytest.param("สัญญามีกำหนดสิบสองเดือนผู้เช่าจ่ายค่าเช่าทุกเดือน" * 100, id="Thai"),
        pytest.param("aGVsbG8gd29ybGQgMTIz/+" * 300, id="base64"),
        pytest.param("function(){var a=1;return{b:a}};" * 200, id="minified"),
        pytest.param("🜁🜂🜃🜄" * 1000, id="symbols"),
    ],
)
def test_no_passage_is_much_longer_than_others_because_its_words_are_unknown(split, tokens, word):
    nodes, whole = split(Section(f"Before it. {word} After it."))
    assert max(tokens(node) for node in nodes) <= WITH_MARKS
    assert max(len(node.get_content()) for node in nodes) <= CHUNK_TOKENS * 8
    ends = [0, *(node.metadata["end"] for node in nodes)]
    for node, end in zip(nodes, ends, strict=False):
        assert not whole[end : node.metadata["start"]].strip()
