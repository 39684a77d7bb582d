"""Which number a passage has in a turn, and in the prompt of each agent's run."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence

from docmind.passages import NumberedPassage, Passage
from docmind.verification.sentences import MARK, expand

UNKNOWN = 0
"""Stands in a mark for a passage that the run never saw."""
_PASSAGE_HEAD = re.compile(r"^\[(\d+)\] \(", re.MULTILINE)
"""How a passage begins in a prompt, see `tools.render_for_model`."""


class PassageNumbers:
    """Numbers the passages of a turn: one passage has one number, whichever agents found it.

    Each agent's run reads them under numbers of its own, from 1: given [7], [9] and [12], the 1.5B
    still cited [1]. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_turn: dict[str, NumberedPassage] = {}
        """The turn's passages by their ids, in the order of their numbers."""
        self._of_run: dict[str, dict[str, Passage]] = {}
        """What each run has read, by the run's and the passages' ids, in order of its numbers."""

    def add(self, passages: Iterable[Passage]) -> list[NumberedPassage]:
        """Return the passages under the turn's numbers; known ones keep theirs."""
        with self._lock:
            return [self._number(passage) for passage in passages]

    def all(self) -> tuple[NumberedPassage, ...]:
        """Return every passage of the turn, by number."""
        with self._lock:
            return tuple(self._of_turn.values())

    def read_by(self, run_id: str, passages: Sequence[Passage]) -> list[NumberedPassage]:
        """Note that a run reads these passages; return them under the run's numbers."""
        with self._lock:
            known = self._of_run.setdefault(run_id, {})
            for passage in passages:
                known.setdefault(passage.id, passage)
            numbers = {passage_id: number for number, passage_id in enumerate(known, start=1)}
            return [NumberedPassage(number=numbers[p.id], passage=p) for p in passages]

    def known_to(self, run_id: str) -> list[NumberedPassage]:
        """Return all that a run has read, under the run's numbers."""
        with self._lock:
            known = self._of_run.get(run_id, {}).values()
            return [NumberedPassage(number=n, passage=p) for n, p in enumerate(known, start=1)]

    def translate_marks(self, run_id: str, text: str) -> str:
        """Return a run's text with the turn's numbers in its marks `[n]`.

        A number that the run never saw becomes `UNKNOWN`. A passage that an earlier turn found
        becomes one of this turn's when it is cited.
        """
        with self._lock:
            known = list(self._of_run.get(run_id, {}).values())

            def translated(mark: re.Match[str]) -> str:
                numbers: dict[int, None] = {}  # an ordered set
                for number in expand(mark[1]):
                    if 0 < number <= len(known):
                        numbers[self._number(known[number - 1]).number] = None
                    else:
                        numbers[UNKNOWN] = None
                return f"[{', '.join(str(number) for number in numbers)}]"

            return MARK.sub(translated, text)

    def renumber(self, run_id: str, rendered: str) -> str:
        """Return passages as a run read them, under the turn's numbers.

        Those that only an earlier turn found get `UNKNOWN`.
        """
        with self._lock:
            numbers: dict[int, int] = {}  # the run's → the turn's
            for number, passage_id in enumerate(self._of_run.get(run_id, {}), start=1):
                of_turn = self._of_turn.get(passage_id)
                numbers[number] = UNKNOWN if of_turn is None else of_turn.number

        def renumbered(head: re.Match[str]) -> str:
            of_run = int(head[1])
            if of_run not in numbers:
                return head[0]
            return f"[{numbers[of_run]}] ("

        return _PASSAGE_HEAD.sub(renumbered, rendered)

    def _number(self, passage: Passage) -> NumberedPassage:
        known = self._of_turn.get(passage.id)
        if known is None:
            known = NumberedPassage(number=len(self._of_turn) + 1, passage=passage)
            self._of_turn[passage.id] = known
        return known
