"""What two versions of an answer state, and what the check found of each statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import streamlit as st

from docmind import wording
from docmind.events import Statement, Verdict
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.storage.messages import StoredMessage


@dataclass(frozen=True)
class StatementChange:
    """A statement of two versions: in one of them only, or in both."""

    before: Statement | None
    after: Statement | None

    @property
    def is_same(self) -> bool:
        """Whether both versions have it with the same verdict."""
        if self.before is None or self.after is None:
            return False
        return self.before.verdict is self.after.verdict


def compare(before: Sequence[Statement], after: Sequence[Statement]) -> list[StatementChange]:
    """Return what became of each statement, in the order of the answers.

    What states nothing, such as a heading, is left out.
    """
    old = _stated(before)
    new = _stated(after)
    matcher = SequenceMatcher(
        a=[_key(statement) for statement in old],
        b=[_key(statement) for statement in new],
        autojunk=False,
    )
    changes: list[StatementChange] = []
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            for one, other in zip(old[old_from:old_to], new[new_from:new_to], strict=True):
                changes.append(StatementChange(before=one, after=other))
            continue
        for statement in old[old_from:old_to]:
            changes.append(StatementChange(before=statement, after=None))
        for statement in new[new_from:new_to]:
            changes.append(StatementChange(before=None, after=statement))
    return changes


def draw_comparison(before: StoredMessage, after: StoredMessage, names: tuple[str, str]) -> None:
    """Draw what the later version dropped, added, or is judged otherwise in.

    Args:
        before: The earlier version.
        after: The later one.
        names: What the two are called.
    """
    changes = compare(before.statements, after.statements)
    if not changes:
        st.markdown("Nothing in these versions was checked, so there is nothing to compare.")
        return
    same = [change for change in changes if change.is_same]
    st.caption(f"{wording.count(len(same), 'statement')} the same in both")
    for change in changes:
        if not change.is_same:
            _draw_change(change, names)


def _draw_change(change: StatementChange, names: tuple[str, str]) -> None:
    if change.after is None and change.before is not None:
        _draw_line(f":red[**Only in {names[0]}**]", change.before)
    elif change.before is None and change.after is not None:
        _draw_line(f":green[**Only in {names[1]}**]", change.after)
    elif change.before is not None and change.after is not None:
        was = change.before.verdict.value
        _draw_line(f":orange[**Was: {was}**]", change.after)


def _draw_line(label: str, statement: Statement) -> None:
    text = plain(statement.text)
    st.markdown(f"{label}  \n{text}  \n:gray[{statement.verdict.value}]")


def _stated(statements: Sequence[Statement]) -> list[Statement]:
    return [found for found in statements if found.verdict is not Verdict.NO_STATEMENT]


def _key(statement: Statement) -> str:
    """Return the statement without what does not make it another one."""
    words = statement.text.casefold().split()
    return " ".join(words).rstrip(".!?")
