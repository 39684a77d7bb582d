import pytest

from docmind.errors import IngestError
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from docmind.storage.collections import CollectionStore
from docmind.storage.database import Database
from docmind.storage.documents import FIRST_COLLECTION


@pytest.fixture
def added(documents):
    """Add ready documents."""

    def add(*ids):
        for key in ids:
            documents.add(key, name=f"{key}.txt", size=1, suffix=".txt")
            documents.finish(key, pages=0, passages=1, seconds=0.1)

    return add


def names(collections):
    return [c.name for c in collections.all()]


def test_collections_are_made_renamed_and_kept(tmp_path, documents, collections):
    made = collections.create("  Rental   contracts ")
    assert made.name == "Rental contracts"
    collections.create("Audits")
    collections.rename(made.id, "Contracts")
    collections.rename(FIRST_COLLECTION, "Everything else")
    again = Database(tmp_path / "docmind.sqlite3")
    assert names(CollectionStore(again, documents)) == ["Everything else", "Audits", "Contracts"]
    again.close()


def test_a_name_is_there_once_and_not_empty(collections):
    made = collections.create("Contracts")
    for name in ("contracts", " Contracts", "", "  "):
        with pytest.raises(IngestError, match=r"already|a name"):
            collections.create(name)
    with pytest.raises(IngestError, match="already"):
        collections.rename(FIRST_COLLECTION, "Contracts")
    collections.rename(made.id, "CONTRACTS")
    assert names(collections) == ["General", "CONTRACTS"]


def test_a_collection_is_found_by_its_name(collections):
    made = collections.named("Contracts", make=True)
    assert collections.named(" contracts", make=True) == made == collections.named("CONTRACTS")
    with pytest.raises(IngestError, match=r"'Leases'\. There are: General, Contracts"):
        collections.named("Leases")


def test_documents_move_and_are_searched_by_collection(documents, collections, added):
    added("a", "b", "c")
    contracts = collections.create("Contracts")
    audits = collections.create("Audits")
    collections.move("b", contracts.id)
    documents.add("new", name="new.txt", size=1, suffix=".txt")
    collections.move("new", contracts.id)  # still queued
    collections.move("c", 999)  # deleted in another tab meanwhile
    assert documents.get("c").collection == FIRST_COLLECTION

    def searched(*chosen, shared=False):
        return collections.searched(QuestionScope(collections=chosen), shared=shared).ids

    assert searched() is None
    assert searched(999) is None
    assert searched(contracts.id) == ["b"]
    assert searched(audits.id) == []
    assert sorted(searched(FIRST_COLLECTION, contracts.id)) == ["a", "b", "c"]
    assert sorted(searched(shared=True)) == ["a", "b", "c"]


def test_documents_pages_and_tags_are_searched_together(collections, added):
    added("a", "b", "c")
    collections.tag("c", ["tax"])
    first = ChosenDocument(id="a", name="a.txt", pages=PageRange(first=2, last=3))
    second = ChosenDocument(id="a", name="a.txt", pages=PageRange(first=7, last=7))
    gone = ChosenDocument(id="gone", name="gone.txt")
    scope = QuestionScope(documents=(first, second, gone), tags=("tax",))
    found = collections.searched(scope)
    assert sorted(found.ids) == ["a", "c"]
    assert [found.has_page("a", page) for page in (1, 2, 3, 4, 7, None)] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    assert found.has_page("c", 1)
    assert found.has_page("c", None)
    assert not found.has_page("b", 1)
    # What is gone finds nothing, not everything.
    assert collections.searched(QuestionScope(documents=(gone,))).ids == []
    # A document that is chosen as a whole as well is searched as a whole.
    whole = QuestionScope(documents=(first,), collections=(FIRST_COLLECTION,))
    assert collections.searched(whole).pages == {}


def test_a_deleted_collection_leaves_its_documents(documents, collections, added):
    added("a")
    made = collections.create("Contracts")
    collections.move("a", made.id)
    collections.delete(made.id)
    collections.delete(FIRST_COLLECTION)
    assert names(collections) == ["General"]
    assert documents.get("a").collection == FIRST_COLLECTION
    assert (
        collections.create("Audits").id != made.id
    )  # a conversation may still name the deleted one


def test_tags_are_clean_and_in_order(documents, collections, added):
    added("a")
    collections.tag("a", ["urgent", " tax, 2024 ", "", "Urgent", "urgent"])
    assert documents.get("a").tags == ("tax 2024", "Urgent", "urgent")
    collections.tag("a", [])
    assert documents.get("a").tags == ()
