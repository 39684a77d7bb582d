"""An answer without Markdown, for mail and other places that show it letter by letter."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_PARSER = MarkdownIt("commonmark").enable("table")


def plain_text(markdown: str) -> str:
    """Return what a reader of the rendered Markdown sees, as plain lines.

    List items keep their signs, and a table's cells are separated by tabs.
    """
    root = SyntaxTreeNode(_PARSER.parse(markdown))
    blocks = [_block(node) for node in root.children]
    return "\n\n".join(blocks) + "\n"


def _block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "table":
            rows = [_row(row) for row in node.walk() if row.type == "tr"]
            return "\n".join(rows)
        case "fence" | "code_block" | "html_block":
            return node.content.rstrip("\n")
        case "inline":
            return _inline(node)
        case "hr":
            return "---"
    return "\n\n".join(_block(child) for child in node.children)


def _list(node: SyntaxTreeNode) -> str:
    lines: list[str] = []
    number = int(node.attrs.get("start", 1))
    for item in node.children:
        sign = "- "
        if node.type == "ordered_list":
            sign = f"{number}. "
            number += 1
        blocks = [_block(child) for child in item.children]
        text = "\n".join(blocks)
        # What belongs to an item stands below its first word.
        indented = text.replace("\n", "\n" + " " * len(sign))
        lines.append(sign + indented)
    return "\n".join(lines)


def _row(row: SyntaxTreeNode) -> str:
    return "\t".join(_block(cell) for cell in row.children)


def _inline(node: SyntaxTreeNode) -> str:
    pieces: list[str] = []
    for child in node.walk():
        if child.type in {"softbreak", "hardbreak"}:
            pieces.append("\n")
        elif child.type in {"text", "code_inline", "html_inline"}:
            pieces.append(child.content)
    return "".join(pieces)
