"""What a question is asked of: the row above the input, and the marks on questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from docmind.agents.mentions import pages_of
from docmind.errors import DocMindError
from docmind.question_scope import ChosenDocument, QuestionScope
from docmind.ui.markdown import plain
from docmind.ui.tab import shown_conversation, this_tab

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.documents import Document

T = TypeVar("T")

MOST_CHIPS = 3
"""What is chosen beyond that is counted: the row has one line."""


def current_scope(app: App, conversation_id: str | None) -> QuestionScope:
    """Return what a conversation's next question is asked of.

    Args:
        app: The app.
        conversation_id: None is this tab's next conversation.
    """
    scope = this_tab().scope
    if conversation_id is not None:
        conversation = app.conversations.get(conversation_id)
        if conversation is not None:
            scope = conversation.scope
    known = {collection.id for collection in app.collections.all()}
    still_there = [number for number in scope.collections if number in known]
    return replace(scope, collections=tuple(still_there))


def choose_scope(app: App, conversation_id: str | None, scope: QuestionScope) -> None:
    """Ask a conversation's next questions of this."""
    if conversation_id is None:
        this_tab().scope = scope
    else:
        app.conversations.search_in(conversation_id, scope)


def labels(app: App, scope: QuestionScope) -> list[str]:
    """Return what is chosen, each as one names it."""
    return [label for label, _ in _choices(app, scope)]


def draw_scope_row(app: App, conversation_id: str | None) -> None:
    """Draw what is searched, each part with a button that takes it out, and the picker."""
    if not app.documents.documents():
        return
    scope = current_scope(app, conversation_id)
    choices = _choices(app, scope)
    st.button(
        "Only in" if choices else "All documents",
        icon=":material/filter_alt:" if choices else ":material/folder_open:",
        type="tertiary",
        key="choose-scope",
        help="Choose what is searched",
        on_click=this_tab().open_dialog,
        args=(ScopePicker(),),
    )
    with st.container(key="scope-chips", horizontal=True, gap="small", wrap=False):
        for number, (label, without) in enumerate(choices[:MOST_CHIPS]):
            st.button(
                plain(label),
                key=f"unscope-{number}",
                icon=":material/close:",
                help=f"Take {plain(label)} out",
                on_click=choose_scope,
                args=(app, conversation_id, without),
            )
        more = len(choices) - MOST_CHIPS
        if more > 0:
            st.caption(f"and {more} more", width="content")


@dataclass(frozen=True)
class ScopePicker:
    """Asks what the shown conversation's next questions are asked of."""

    def draw(self, app: App) -> None:
        """Draw it; what is chosen holds at once."""
        conversation_id = shown_conversation(app)

        def body() -> None:
            _draw_picker(app, conversation_id)
            if st.button("Done", type="primary"):
                this_tab().close_dialog()
                st.rerun()

        draw_dialog = st.dialog("What to search", on_dismiss=this_tab().close_dialog)(body)
        draw_dialog()


def _choices(app: App, scope: QuestionScope) -> list[tuple[str, QuestionScope]]:
    """Return each thing that is chosen: its label, and what is left without it."""
    choices: list[tuple[str, QuestionScope]] = []
    for document in scope.documents:
        without = replace(scope, documents=_without(scope.documents, document))
        choices.append((document.label, without))
    names = {collection.id: collection.name for collection in app.collections.all()}
    for number in scope.collections:
        without = replace(scope, collections=_without(scope.collections, number))
        choices.append((names.get(number, "a deleted collection"), without))
    for tag in scope.tags:
        choices.append((f"#{tag}", replace(scope, tags=_without(scope.tags, tag))))
    return choices


def _without(chosen: Sequence[T], one: T) -> tuple[T, ...]:
    return tuple(other for other in chosen if other != one)


def _draw_picker(app: App, conversation_id: str | None) -> None:
    scope = current_scope(app, conversation_id)
    documents = {document.id: document for document in app.documents.documents()}
    names = {collection.id: collection.name for collection in app.collections.all()}
    tags: set[str] = set()
    for document in documents.values():
        tags.update(document.tags)
    pages_before = {chosen.id: chosen.pages for chosen in scope.documents}
    key = f"pick-{conversation_id}"
    # What was chosen elsewhere, by a typed @name or a chip's button, is chosen here as well.
    chosen_ids = [chosen.id for chosen in scope.documents if chosen.id in documents]
    st.session_state[f"{key}-documents"] = chosen_ids
    st.session_state[f"{key}-collections"] = list(scope.collections)
    st.session_state[f"{key}-tags"] = [tag for tag in scope.tags if tag in tags]

    def choose() -> None:
        chosen: list[ChosenDocument] = []
        for document_id in st.session_state[f"{key}-documents"]:
            name = documents[document_id].name
            pages = pages_before.get(document_id)
            chosen.append(ChosenDocument(id=document_id, name=name, pages=pages))
        picked = QuestionScope(
            documents=tuple(chosen),
            collections=tuple(st.session_state.get(f"{key}-collections", ())),
            tags=tuple(st.session_state.get(f"{key}-tags", ())),
        )
        choose_scope(app, conversation_id, picked)

    st.multiselect(
        "Documents",
        list(documents),
        format_func=lambda document_id: documents[document_id].name,
        key=f"{key}-documents",
        on_change=choose,
        placeholder="All",
    )
    for chosen in scope.documents:
        known = documents.get(chosen.id)
        if known is not None and known.pages > 1:
            _draw_pages(app, conversation_id, scope=scope, chosen=chosen, document=known)
    if len(names) > 1:
        st.pills(
            "Collections",
            names,
            selection_mode="multi",
            format_func=lambda number: plain(names[number]),
            key=f"{key}-collections",
            on_change=choose,
        )
    if tags:
        st.pills(
            "Tags",
            sorted(tags),
            selection_mode="multi",
            format_func=plain,
            key=f"{key}-tags",
            on_change=choose,
        )
    st.caption(
        "All that is chosen is searched together; nothing chosen: all documents. In a question, "
        "type @ for a document, with pages if you like (@report.pdf p. 10-20), and # for a "
        "collection or tag."
    )


def _draw_pages(
    app: App,
    conversation_id: str | None,
    *,
    scope: QuestionScope,
    chosen: ChosenDocument,
    document: Document,
) -> None:
    key = f"pages-{conversation_id}-{chosen.id}-{chosen.pages}"
    shown = ""
    if chosen.pages is not None:
        shown = str(chosen.pages).removeprefix("p. ")

    def choose() -> None:
        try:
            pages = pages_of(document, str(st.session_state[key]))
        except DocMindError as exc:
            st.toast(plain(str(exc)), icon=":material/error:", duration="long")
            return
        changed: list[ChosenDocument] = []
        for other in scope.documents:
            changed.append(replace(other, pages=pages) if other == chosen else other)
        choose_scope(app, conversation_id, replace(scope, documents=tuple(changed)))

    st.text_input(
        f"Pages of {plain(chosen.name)}",
        shown,
        key=key,
        placeholder=f"All {document.pages}, or for example 10-20",
        on_change=choose,
    )
