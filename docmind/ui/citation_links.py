"""The marks `[n]` in an answer as links to the passages that they cite."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from docmind import wording
from docmind.events import Citation
from docmind.passages import NumberedPassage


def citations_by_position(
    drawn_numbers: Sequence[int], citations: Sequence[Citation]
) -> dict[int, Citation]:
    """Return which citation stands at which position.

    Where that is not clear, it is the best citation of the same number.

    Args:
        drawn_numbers: the numbers of the answer's marks in order; see `markdown.markers`.
        citations: as the check of the answer found them, in order.
    """
    if [citation.number for citation in citations] == list(drawn_numbers):
        return dict(enumerate(citations))
    best = wording.best_citations(citations)
    found = {}
    for position, number in enumerate(drawn_numbers):
        if number in best:
            found[position] = best[number]
    return found


def link_maker(
    sources: Mapping[int, NumberedPassage], checked: Mapping[int, Citation], message: str
) -> Callable[[int, int], str]:
    """Return the function that draws `[n]` as a link, which page.js opens.

    Unknown numbers stay text.

    Args:
        sources: by number.
        checked: by the mark's position; see `citations_by_position`.
        message: the message's index on the page, or `live`.
    """

    def draw_mark(number: int, position: int) -> str:
        source = sources.get(number)
        if source is None:
            return f"\\[{number}\\]"
        citation = checked.get(position)
        title = _link_title(source, citation)
        if citation is not None and not citation.supported:
            return f'[{number} unverified](#unverified-{message}-{number} "{title}")'
        return f'[{number}](#cite-{message}-{number} "{title}")'

    return draw_mark


def _link_title(source: NumberedPassage, citation: Citation | None) -> str:
    title = wording.place(source)
    if citation is not None and wording.verdict(citation):
        title += f": {wording.verdict(citation)}"
    one_line = title.replace("\n", " ")
    return re.sub(r'(["\\])', r"\\\1", one_line)
