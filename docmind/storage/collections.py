"""Collections: the workspaces that documents live in, each document in one; and documents' tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from docmind.errors import IngestError
from docmind.storage.documents import Registry

FIRST = 1
"""The collection that is always there; what has no other place lives in it."""


@dataclass(frozen=True)
class Collection:
    """A named set of documents."""

    id: int
    name: str


class Collections:
    """The collections' table; thread-safe. StoreError if the database can't be used."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def all(self) -> list[Collection]:
        """Return all collections: the first one, then by name."""
        rows = self._registry.execute(
            "SELECT id, name FROM collections ORDER BY id != ?, name COLLATE NOCASE", FIRST
        )
        return [Collection(*row) for row in rows]

    def create(self, name: str) -> Collection:
        """Add a collection; IngestError if the name is empty or taken."""
        sql = "INSERT INTO collections (name) VALUES (?) RETURNING id, name"
        return Collection(*self._registry.execute(sql, self._free(name))[0])

    def named(self, name: str, *, make: bool = False) -> Collection:
        """Return the collection of this name; if there is none, make it or raise an IngestError."""
        there = self.all()
        if found := next((c for c in there if c.name.casefold() == name.strip().casefold()), None):
            return found
        if make:
            return self.create(name)
        names = ", ".join(c.name for c in there)
        raise IngestError(f"There is no collection called '{name}'. There are: {names}.")

    def rename(self, collection: int, name: str) -> None:
        """Give a collection another name; IngestError if it is empty or another one has it."""
        self._registry.execute(
            "UPDATE collections SET name = ? WHERE id = ?", self._free(name, collection), collection
        )

    def delete(self, collection: int) -> None:
        """Remove a collection other than the first; its documents move there."""
        self._registry.execute(
            "UPDATE documents SET collection = ? WHERE collection = ?", FIRST, collection
        )
        self._registry.execute(
            "DELETE FROM collections WHERE id = ? AND id != ?", collection, FIRST
        )

    def move(self, document_id: str, collection: int) -> None:
        """Put a document into another collection (if that is still there), whatever the document's state."""
        if any(c.id == collection for c in self.all()):
            self._registry.update(document_id, collection=collection)

    def tag(self, document_id: str, tags: Iterable[str]) -> None:
        """Give a document these tags instead of those it has."""
        clean = sorted(
            {" ".join(tag.replace(",", " ").split())[:60] for tag in tags} - {""},
            key=lambda tag: (tag.casefold(), tag),
        )
        self._registry.update(document_id, tags=",".join(clean))

    def searched(self, chosen: Sequence[int], *, shared: bool = False) -> list[str] | None:
        """Return the ready documents of the chosen collections; None where none is chosen: all, whichever come.

        Args:
            chosen: ids of collections; those that are gone do not count.
            shared: the store may hold others' documents: then these here are named even if no collection is chosen.
        """
        known = {c.id for c in self.all()} & set(chosen)
        if not (known or shared):
            return None
        return [
            d.id
            for d in self._registry.all()
            if d.state == "ready" and (not known or d.collection in known)
        ]

    def _free(self, name: str, own: int = 0) -> str:
        name = " ".join(name.split())[:60]
        if not name:
            raise IngestError("Give the collection a name.")
        if any(c.name.casefold() == name.casefold() and c.id != own for c in self.all()):
            raise IngestError(f"There is a collection called '{name}' already.")
        return name
