"""The dialogs of all pages: each is an object that knows what it is about and draws itself.

One is open at a time, and stays open over reruns until it is answered or dismissed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, NoReturn

import streamlit as st

from docmind import wording
from docmind.errors import DocMindError
from docmind.transcripts.export import (
    ExportFormat,
    export_all,
    export_conversation,
    file_name,
)
from docmind.ui.markdown import plain
from docmind.ui.tab import Dialog, shown_conversation, this_tab
from docmind.ui.version_comparison import draw_comparison

if TYPE_CHECKING:
    from docmind.app import App
    from docmind.storage.collections import Collection
    from docmind.storage.conversations import Conversation
    from docmind.storage.documents import Document

KEYS = {
    "`Enter`": "Ask",
    "`Shift` `Enter`": "A new line in the question",
    "`@`": "Choose a document for the question",
    "`#`": "Choose a collection or tag for it",
    "`Ctrl` `Shift` `O`": "New conversation",
    "`Esc`": "Close what is open, else stop the answer",
    "`?`": "This list",
}
"""Every key that the pages listen to beside those of the browser."""
_FORMAT_NAMES = {
    ExportFormat.MARKDOWN: "Markdown",
    ExportFormat.WEB_PAGE: "Web page",
    ExportFormat.WORD: "Word",
    ExportFormat.JSON: "JSON",
}
_FORMAT_CAPTIONS = {
    ExportFormat.MARKDOWN: "For notes and other programs",
    ExportFormat.WEB_PAGE: "One HTML file that opens everywhere",
    ExportFormat.WORD: "To go on writing in",
    ExportFormat.JSON: "All data: every verdict, step and figure",
}


def ask(dialog: Dialog) -> NoReturn:
    """Open a dialog in the next run of the whole page.

    One that is opened in a fragment would close with the fragment's next run.
    """
    this_tab().open_dialog(dialog)
    st.rerun()


def draw(app: App) -> None:
    """Draw the dialog that is open, if any."""
    dialog = this_tab().dialog
    if dialog is not None:
        dialog.draw(app)


@dataclass(frozen=True)
class CopyByHand:
    """Shows a text that the browser did not let the page copy."""

    text: str

    def draw(self, _app: App) -> None:
        """Draw it."""

        def body() -> None:
            st.markdown("The browser did not allow it. Select the text and copy it yourself.")
            st.code(self.text, language=None, wrap_lines=True, height=320)

        _open("Copy", body, width="medium")


@dataclass(frozen=True)
class Keys:
    """Shows which keys do what."""

    def draw(self, _app: App) -> None:
        """Draw it."""

        def body() -> None:
            rows = [f"| {key} | {does} |" for key, does in KEYS.items()]
            st.markdown("\n".join(["| Key | What it does |", "| --- | --- |", *rows]))

        _open("Keys", body)


@dataclass(frozen=True)
class CompareVersions:
    """Shows what a version of an answer states otherwise than the one before it.

    The first one is compared with the second.
    """

    message_id: int

    def draw(self, app: App) -> None:
        """Draw it, unless the conversation or one of the versions is gone."""
        conversation_id = shown_conversation(app)
        if conversation_id is None:
            return
        shown = app.conversations.version(conversation_id, self.message_id)
        if shown is None or len(shown.versions) < 2:
            return
        later = max(shown.versions.index(shown.id), 1)
        before = app.conversations.version(conversation_id, shown.versions[later - 1])
        after = app.conversations.version(conversation_id, shown.versions[later])
        if before is None or after is None:
            return
        names = (f"version {later}", f"version {later + 1}")

        def body() -> None:
            draw_comparison(before, after, names)

        _open(f"Version {later} and version {later + 1}", body, width="medium")


@dataclass(frozen=True)
class RenameConversation:
    """Asks for another title."""

    conversation_id: str

    def draw(self, app: App) -> None:
        """Draw it, unless the conversation is gone."""
        conversation = app.conversations.get(self.conversation_id)
        if conversation is None:
            return

        def rename(title: str) -> None:
            app.conversations.rename(self.conversation_id, title)

        def body() -> None:
            _draw_name_form(conversation.title, rename)

        _open("Rename conversation", body)


@dataclass(frozen=True)
class ExportConversation:
    """Offers the conversation, or all of them, as a file."""

    conversation_id: str

    def draw(self, app: App) -> None:
        """Draw it, unless the conversation is gone."""
        conversation = app.conversations.get(self.conversation_id)
        if conversation is None:
            return

        def body() -> None:
            st.markdown("Questions, answers and the passages they cite.")
            kind = st.radio(
                "Format",
                list(ExportFormat),
                format_func=_FORMAT_NAMES.__getitem__,
                captions=list(_FORMAT_CAPTIONS.values()),
            )
            kind = kind or ExportFormat.MARKDOWN
            count = len(app.conversations.list())
            is_all = False
            if count > 1:
                is_all = st.checkbox(f"All {count} conversations, in one ZIP archive")
            name = file_name(conversation, kind)
            mime = kind.mime
            if is_all:
                name = f"conversations-{kind.value}.zip"
                mime = "application/zip"
            saved = st.download_button(
                "Save",
                # Made when it is asked for: it may be long.
                data=partial(_exported, app, conversation, kind, is_all=is_all),
                file_name=name,
                mime=mime,
                type="primary",
                icon=":material/download:",
            )
            if saved:
                _close()

        _open("Export", body)


@dataclass(frozen=True)
class DeleteDocuments:
    """Asks before documents go."""

    document_ids: tuple[str, ...]

    def draw(self, app: App) -> None:
        """Draw it for those that are still there."""
        documents = _present_documents(app, self.document_ids)
        if not documents:
            return

        def delete() -> None:
            for document in documents:
                app.documents.delete(document.id)

        def body() -> None:
            attached = _attached(app, documents)
            also = f" and {wording.count(len(attached), 'file')} in them" if attached else ""
            _draw_confirmation(
                f"{_names(documents)}{also} will be removed from this machine, with all passages "
                "and vectors. Answers keep the passages they cite.",
                delete,
            )

        _open(f"Delete {wording.count(len(documents), 'document')}", body)


@dataclass(frozen=True)
class EditDocuments:
    """Asks for the collection and the tags of documents."""

    document_ids: tuple[str, ...]

    def draw(self, app: App) -> None:
        """Draw it for those that are still there."""
        documents = _present_documents(app, self.document_ids)
        if not documents:
            return

        def body() -> None:
            st.markdown(_names(documents))
            with st.form("document", border=False):
                collection = _draw_collection_choice(app.collections.all(), documents)
                shared_tags = _shared_tags(documents)
                tags = _draw_tags_field(app, documents, shared_tags)
                saved = st.form_submit_button("Save", type="primary")

            def save() -> None:
                for document in documents:
                    own_tags = [tag for tag in document.tags if tag not in shared_tags]
                    app.collections.tag(document.id, own_tags + tags)
                    if collection is not None:
                        app.collections.move(document.id, collection)

            if saved:
                _do_and_close(save)

        _open("Collection and tags", body)


@dataclass(frozen=True)
class NewCollection:
    """Asks for the name of a new collection."""

    def draw(self, app: App) -> None:
        """Draw it."""

        def create(name: str) -> None:
            this_tab().new_collection = app.collections.create(name).id

        def body() -> None:
            _draw_name_form("", create)

        _open("New collection", body)


@dataclass(frozen=True)
class RenameCollection:
    """Asks for another name."""

    collection_id: int

    def draw(self, app: App) -> None:
        """Draw it, unless the collection is gone."""
        collection = _find_collection(app, self.collection_id)
        if collection is None:
            return

        def rename(name: str) -> None:
            app.collections.rename(self.collection_id, name)

        def body() -> None:
            _draw_name_form(collection.name, rename)

        _open("Rename collection", body)


@dataclass(frozen=True)
class DeleteCollection:
    """Asks before a collection goes; its documents stay."""

    collection_id: int

    def draw(self, app: App) -> None:
        """Draw it, unless the collection is gone."""
        collection = _find_collection(app, self.collection_id)
        if collection is None:
            return
        name = plain(collection.name)
        first_name = plain(app.collections.all()[0].name)

        def delete() -> None:
            app.collections.delete(self.collection_id)

        def body() -> None:
            _draw_confirmation(f"**{name}** goes; its documents move to **{first_name}**.", delete)

        _open("Delete collection", body)


# Parts that several dialogs have.


def _exported(app: App, conversation: Conversation, kind: ExportFormat, *, is_all: bool) -> bytes:
    conversations = app.conversations
    if not is_all:
        return export_conversation(conversation, conversations.messages(conversation.id), kind)
    found = []
    for each in conversations.list():
        found.append((each, conversations.messages(each.id)))
    return export_all(found, kind)


def _open(
    title: str, body: Callable[[], None], width: Literal["small", "medium"] = "small"
) -> None:
    draw_dialog = st.dialog(title, width=width, on_dismiss=this_tab().close_dialog)(body)
    draw_dialog()


def _close() -> NoReturn:
    this_tab().close_dialog()
    st.rerun()


def _do_and_close(act: Callable[[], None]) -> None:
    """Do what was asked for and close the dialog; what can't be done is said in it."""
    try:
        act()
    except DocMindError as exc:
        st.error(plain(str(exc)), icon=":material/error:")
        return
    _close()


def _draw_confirmation(text: str, delete: Callable[[], None]) -> None:
    st.markdown(text)
    with st.container(horizontal=True, horizontal_alignment="right"):
        is_kept = st.button("Keep it", key="delete-no")
        is_deleted = st.button("Delete", key="delete-yes", type="primary", icon=":material/delete:")
    if is_deleted:
        _do_and_close(delete)
    elif is_kept:
        _close()


def _draw_name_form(name: str, save: Callable[[str], None]) -> None:
    with st.form("name", border=False):
        entered = st.text_input("Name", name, max_chars=120)
        if st.form_submit_button("Save", type="primary"):
            _do_and_close(lambda: save(entered))


def _present_documents(app: App, document_ids: Sequence[str]) -> list[Document]:
    return [document for document in app.documents.documents() if document.id in document_ids]


def _attached(app: App, documents: Sequence[Document]) -> set[str]:
    """Return the ids of what mails and archives hold, at any depth, without the documents given."""
    ids = {document.id for document in documents}
    found: set[str] = set()
    others = app.documents.documents()
    grows = True
    while grows:
        grows = False
        for document in others:
            is_held = not (ids | found).isdisjoint(document.parents)
            if is_held and document.id not in ids | found:
                found.add(document.id)
                grows = True
    return found


def _find_collection(app: App, collection_id: int) -> Collection | None:
    for collection in app.collections.all():
        if collection.id == collection_id:
            return collection
    return None


def _names(documents: Sequence[Document]) -> str:
    """Return the documents' names, at most three of them."""
    names = ", ".join(f"**{plain(document.name)}**" for document in documents[:3])
    if len(documents) > 3:
        return f"{names} and {len(documents) - 3} more"
    return names


def _draw_collection_choice(
    collections: Sequence[Collection], documents: Sequence[Document]
) -> int | None:
    """Draw the select box; return the chosen collection's id, or None to leave them where they are.

    Nothing is chosen at first where the documents are in several.
    """
    names = {collection.id: collection.name for collection in collections}
    ids = list(names)
    current = {document.collection for document in documents}
    index = ids.index(documents[0].collection) if len(current) == 1 else None
    # The names are not made plain: a select box draws no Markdown.
    return st.selectbox(
        "Collection",
        ids,
        index=index,
        format_func=names.__getitem__,
        placeholder="As they are",
    )


def _draw_tags_field(app: App, documents: Sequence[Document], shared_tags: list[str]) -> list[str]:
    known_tags: set[str] = set()
    for document in app.documents.documents():
        known_tags.update(document.tags)
    label = "Tags" if len(documents) == 1 else "Tags of all of them"
    return st.multiselect(
        label,
        sorted(known_tags),
        default=shared_tags,
        accept_new_options=True,
        placeholder="Type to add a tag",
    )


def _shared_tags(documents: Sequence[Document]) -> list[str]:
    """Return the tags that all of the documents have."""
    shared = []
    for tag in documents[0].tags:
        if all(tag in document.tags for document in documents):
            shared.append(tag)
    return shared
