"""Collections: the workspaces that documents live in, each document in one; and documents' tags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select

from docmind.errors import IngestError
from docmind.question_scope import EVERY_DOCUMENT, PageRange, QuestionScope, SearchedDocuments
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.documents import FIRST_COLLECTION, DocumentStore

LONGEST_NAME = 60

_TABLE = schema.collections


@dataclass(frozen=True)
class Collection:
    """A named set of documents."""

    id: int
    name: str


class CollectionStore:
    """The collections' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database, documents: DocumentStore) -> None:
        self._database = database
        self._documents = documents

    def all(self) -> list[Collection]:
        """Return all collections: the first one, then by name."""
        is_another = _TABLE.c.id != FIRST_COLLECTION
        in_order = select(_TABLE).order_by(is_another, func.lower(_TABLE.c.name))
        with self._database.read() as connection:
            rows = connection.execute(in_order).all()
        return [Collection(id=row.id, name=row.name) for row in rows]

    def create(self, name: str) -> Collection:
        """Add a collection; IngestError if the name is empty or taken."""
        free_name = self._free_name(name)
        with self._database.write() as connection:
            new = _TABLE.insert().values(name=free_name).returning(_TABLE.c.id)
            number = connection.execute(new).scalar_one()
        return Collection(id=number, name=free_name)

    def named(self, name: str, *, make: bool = False) -> Collection:
        """Return the collection of this name; if there is none, make it or raise an IngestError."""
        known = self.all()
        for collection in known:
            if collection.name.casefold() == name.strip().casefold():
                return collection
        if make:
            return self.create(name)
        names = ", ".join(collection.name for collection in known)
        raise IngestError(f"There is no collection called '{name}'. There are: {names}.")

    def rename(self, collection: int, name: str) -> None:
        """Give a collection another name; IngestError if it is empty or another one has it."""
        free_name = self._free_name(name, renamed=collection)
        with self._database.write() as connection:
            connection.execute(
                _TABLE.update().where(_TABLE.c.id == collection).values(name=free_name)
            )

    def delete(self, collection: int) -> None:
        """Remove a collection other than the first; its documents move there."""
        if collection == FIRST_COLLECTION:
            return
        documents = schema.documents
        with self._database.write() as connection:
            connection.execute(
                documents.update()
                .where(documents.c.collection == collection)
                .values(collection=FIRST_COLLECTION)
            )
            connection.execute(_TABLE.delete().where(_TABLE.c.id == collection))

    def move(self, document_id: str, collection: int) -> None:
        """Put a document with all that it holds into another collection, whatever its state.

        Nothing happens if the collection is gone.
        """
        if collection not in self._ids():
            return
        self._documents.set_collection(document_id, collection)
        for attached in self._documents.attached_to(document_id):
            self.move(attached.id, collection)

    def tag(self, document_id: str, tags: Iterable[str]) -> None:
        """Give a document these tags instead of those it has."""
        cleaned = {_clean_tag(tag) for tag in tags}
        cleaned.discard("")
        # The second key makes the order of "Tax" and "tax" certain.
        in_order = sorted(cleaned, key=lambda tag: (tag.casefold(), tag))
        self._documents.set_tags(document_id, in_order)

    def searched(self, scope: QuestionScope, *, shared: bool = False) -> SearchedDocuments:
        """Return the ready documents that a scope comes to, and their pages.

        All that is chosen is searched together: a document that stands alone with some of its
        pages and is in a chosen collection as well is searched as a whole. A chosen document that
        is gone finds nothing; a collection that is gone does not count.

        Args:
            scope: what is chosen.
            shared: the store may hold others' documents. Then ours are named even if nothing is
                chosen.
        """
        collections = self._ids().intersection(scope.collections)
        narrows = bool(collections or scope.tags or scope.documents)
        if not narrows and not shared:
            return EVERY_DOCUMENT
        named: dict[str, list[PageRange | None]] = {}
        for chosen in scope.documents:
            named.setdefault(chosen.id, []).append(chosen.pages)
        ids: list[str] = []
        pages: dict[str, list[PageRange]] = {}
        for document in self._documents.all():
            if document.state != "ready":
                continue
            has_tag = not set(scope.tags).isdisjoint(document.tags)
            is_whole = document.collection in collections or has_tag or not narrows
            if is_whole or document.id in named:
                ids.append(document.id)
            ranges = [chosen for chosen in named.get(document.id, []) if chosen is not None]
            if not is_whole and ranges and None not in named[document.id]:
                pages[document.id] = ranges
        return SearchedDocuments(ids=ids, pages=pages)

    def _ids(self) -> set[int]:
        return {collection.id for collection in self.all()}

    def _free_name(self, name: str, renamed: int | None = None) -> str:
        """Return the name without needless blanks; IngestError if it is empty or taken."""
        name = " ".join(name.split())[:LONGEST_NAME]
        if not name:
            raise IngestError("Give the collection a name.")
        for collection in self.all():
            if collection.id != renamed and collection.name.casefold() == name.casefold():
                raise IngestError(f"There is a collection called '{name}' already.")
        return name


def _clean_tag(tag: str) -> str:
    return " ".join(tag.replace(",", " ").split())[:LONGEST_NAME]
