from itertools import pairwise

import pytest
from llama_index.core.schema import MetadataMode

from docmind.ingestion.parsed import ParsedDocument, Section, markdown_table
from docmind.ingestion.pipeline import _sections
from docmind.ingestion.splitter import SENTENCE, StructureSplitter, cut, merged, shared_heading
from docmind.passages import passage_id


@pytest.fixture
def split(embedder):
    splitter = StructureSplitter(embedder.tokenizer, 60, 10)

    def run(*sections):
        document = ParsedDocument(sections)
        return splitter(_sections("doc", "file.txt", document)), document.text

    return run


def tokens(embedder, node):
    return len(embedder.tokenizer.encode(node.get_content(metadata_mode=MetadataMode.EMBED)).ids)


def test_no_chunk_is_longer_than_asked_for(split, embedder):
    text = "\n\n".join(
        f"This is sentence {i} of a paragraph; it has some words, and commas. And more."
        for i in range(60)
    )
    nodes, whole = split(Section(text, 3, "Part > Chapter"))
    assert len(nodes) > 10
    assert max(tokens(embedder, n) for n in nodes) <= 60 + 2  # [CLS] and [SEP]
    assert [n.node_id for n in nodes] == [passage_id("doc", i) for i in range(len(nodes))]
    for n in nodes:
        assert whole[n.metadata["start"] : n.metadata["end"]] == n.get_content()
        assert (n.metadata["page"], n.metadata["heading"]) == (3, "Part > Chapter")
    assert (
        nodes[0]
        .get_content(metadata_mode=MetadataMode.EMBED)
        .startswith("file.txt\nPart > Chapter\n\nThis is")
    )


def test_neighbours_overlap(split):
    text = " ".join(f"Short one {i}." for i in range(100))
    nodes, _ = split(Section(text))
    assert all(b.metadata["start"] < a.metadata["end"] for a, b in pairwise(nodes))


def test_nothing_is_lost(split):
    text = (
        "Ünïcode läuft. 北京是中国的首都。上海很大\uff01真的\uff1f " * 30
        + "\n\n\n\n"
        + "x" * 3000
        + "\n"
        + "end."
    )
    nodes, whole = split(Section(text))
    covered = set()
    for n in nodes:
        covered.update(range(n.metadata["start"], n.metadata["end"]))
    assert {c for i, c in enumerate(whole) if i not in covered} <= set(" \n")


def test_table_rows_are_kept_whole_with_their_header(split, embedder):
    rows = [["City", "Allowance", "Note"], *([f"Town {i}", i * 10, "per day"] for i in range(40))]
    nodes, whole = split(Section(markdown_table(rows), table=True))
    assert len(nodes) > 3
    for n in nodes:
        first, second, *body = n.get_content().split("\n")
        assert (first, second) == ("| City | Allowance | Note |", "| --- | --- | --- |")
        assert (
            "\n".join(body) in whole[n.metadata["start"] : n.metadata["end"]] + "\n"
            or n is nodes[0]
        )
        assert all(row.count("|") == 4 for row in body)
        assert tokens(embedder, n) <= 62
    assert sum(n.get_content().count("Town") for n in nodes) == 40


def test_a_table_of_one_line_or_a_giant_row(split, embedder):
    nodes, _ = split(
        Section("| a | b |\n| --- | --- |", table=True), Section("| x | y |", 2, table=True)
    )
    assert [n.metadata["page"] for n in nodes] == [None, 2]
    nodes, _ = split(Section(markdown_table([["k", "v"], ["long", "word " * 300]]), table=True))
    assert max(tokens(embedder, n) for n in nodes) <= 64
    assert sum(n.get_content().count("word") for n in nodes) >= 300


def test_short_neighbours_of_a_page_are_joined(split):
    nodes, whole = split(
        Section("# A\n\nOne.", None, "A"),
        Section("## B\n\nTwo.", None, "A > B"),
        Section("## C\n\nThree.", None, "A > C"),
    )
    (node,) = nodes
    assert node.get_content() == whole
    assert node.metadata["heading"] == "A"
    nodes, _ = split(Section("One.", 1), Section("Two.", 2))
    assert [n.metadata["page"] for n in nodes] == [1, 2]


def test_a_long_text_without_paragraphs_is_cut(split, embedder):
    text = f"{'word ' * 9000}{'会' * 5000} {'y' * 50_000}"
    nodes, whole = split(Section(text))
    assert max(tokens(embedder, n) for n in nodes) <= 62
    ends = [n.metadata["end"] for n in nodes]
    assert ends == sorted(ends)
    assert ends[-1] == len(whole)
    assert all(whole[n.metadata["start"] : n.metadata["end"]] == n.get_content() for n in nodes)


def test_a_header_as_wide_as_a_chunk_is_a_row_like_others(split):
    nodes, _ = split(
        Section(markdown_table([[f"column {i}" for i in range(40)], ["x"] * 40]), table=True)
    )
    assert sum(n.get_content().count("column 7 ") for n in nodes) == 1
    assert any("| x |" in n.get_content() for n in nodes)


def test_the_places_of_lines_become_blocks():
    lines = [
        (0.1, 0.1, 0.5, 0.12),
        (0.1, 0.13, 0.6, 0.15),
        None,
        (0.1, 0.5, 0.3, 0.52),
        (0.6, 0.53, 0.9, 0.55),
    ]
    assert merged(lines) == [[0.1, 0.1, 0.6, 0.15], [0.1, 0.5, 0.3, 0.52], [0.6, 0.53, 0.9, 0.55]]


def test_a_chunk_knows_where_its_own_lines_stand(split):
    lines = [f"Line number {i} of the page says little." for i in range(30)]
    boxes = tuple((0.1, i / 30, 0.9, (i + 0.9) / 30) for i in range(30))
    nodes, whole = split(Section("\n".join(lines), 1, boxes=boxes))
    assert len(nodes) > 3
    for node in nodes:
        ((_left, top, _right, bottom),) = node.metadata["boxes"]
        first = whole.count("\n", 0, node.metadata["start"])
        last = whole.count("\n", 0, node.metadata["end"])
        assert (top, bottom) == pytest.approx((first / 30, (last + 0.9) / 30))
    nodes, _ = split(
        Section("One.", 1, "A", boxes=boxes[:1]), Section("Two.", 1, "B", boxes=boxes[5:6])
    )
    assert nodes[0].metadata["boxes"] == [list(boxes[0]), list(boxes[5])]


def test_helpers():
    assert shared_heading("A > B > C", "A > B > D") == "A > B"
    assert shared_heading("A", "B") == shared_heading("", "B") == ""
    text = "One. Two!\nThree? 四。五。 3.5 e.g. six"
    assert "".join(cut(text, SENTENCE)) == text
    assert cut("四。五。", SENTENCE) == ["四。", "五。"]
