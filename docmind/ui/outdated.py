"""Answers whose documents are not what they were: says so, and offers to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from docmind.ui.asking import ask_waiting
from docmind.ui.markdown import plain
from docmind.ui.tab import WaitingQuestion

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.question_scope import ChosenDocument, QuestionScope
    from docmind.storage.documents import Document
    from docmind.storage.messages import StoredMessage


@dataclass(frozen=True)
class Outdated:
    """A document that an answer cites and that is not there any more as it was."""

    name: str
    replaced_by: Document | None
    """What has its name now: a document's id is that of its content."""

    @property
    def words(self) -> str:
        """What became of it, as Markdown."""
        name = f"**{plain(self.name)}**"
        if self.replaced_by is None:
            return f"{name} was deleted since."
        return f"{name} has changed since."


def outdated_documents(
    message: StoredMessage, documents: Mapping[str, Document]
) -> dict[str, Outdated]:
    """Return the cited documents that changed or were deleted since the answer, by their old id.

    Args:
        message: the answer.
        documents: those of today, by id.
    """
    cited_numbers = {citation.number for citation in message.citations}
    found: dict[str, Outdated] = {}
    for source in message.sources:
        passage = source.passage
        if source.number in cited_numbers and passage.document_id not in documents:
            # Rare: most answers' documents are still there, and there may be thousands.
            by_name = {document.name: document for document in documents.values()}
            found[passage.document_id] = Outdated(
                name=passage.file_name, replaced_by=by_name.get(passage.file_name)
            )
    return found


def draw_outdated(
    app: App,
    question: StoredMessage,
    message: StoredMessage,
    documents: Mapping[str, Document],
    *,
    is_busy: bool,
) -> None:
    """Say below an answer which of its documents changed or were deleted; offer to ask again."""
    outdated = outdated_documents(message, documents)
    if not outdated:
        return
    with st.container(
        key=f"outdated-{message.id}", horizontal=True, vertical_alignment="center", gap="small"
    ):
        words = " ".join(each.words for each in outdated.values())
        st.markdown(f":material/history: {words}", width="content")
        again = WaitingQuestion(
            text=question.text,
            version_of=question.id,
            scope=_scope_of_today(question.scope, outdated),
        )
        st.button(
            "Ask again",
            key=f"ask-outdated-{message.id}",
            icon=":material/refresh:",
            type="tertiary",
            help="The answer of today stands beside this one as another version",
            disabled=is_busy,
            on_click=ask_waiting,
            args=(app, again),
        )


def _scope_of_today(scope: QuestionScope, outdated: dict[str, Outdated]) -> QuestionScope:
    """Return a question's scope with each changed document as it is now."""
    chosen: list[ChosenDocument] = []
    for document in scope.documents:
        document_id = document.id
        change = outdated.get(document_id)
        if change is not None and change.replaced_by is not None:
            document_id = change.replaced_by.id
        chosen.append(replace(document, id=document_id))
    return replace(scope, documents=tuple(chosen))
