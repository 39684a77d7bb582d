import pytest

from docmind.errors import IngestError
from docmind.storage.collections import FIRST, Collections
from docmind.storage.documents import Registry


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path / "docmind.sqlite3")
    yield registry
    registry.close()


@pytest.fixture
def collections(registry):
    return Collections(registry)


@pytest.fixture
def added(registry):
    """Add ready documents."""

    def add(*ids):
        for key in ids:
            registry.add(key, f"{key}.txt", 1, ".txt")
            registry.update(key, state="ready")

    return add


def names(collections):
    return [c.name for c in collections.all()]


def test_collections_are_made_renamed_and_kept(tmp_path, registry, collections):
    made = collections.create("  Rental   contracts ")
    assert made.name == "Rental contracts"
    collections.create("Audits")
    collections.rename(made.id, "Contracts")
    collections.rename(FIRST, "Everything else")
    again = Registry(tmp_path / "docmind.sqlite3")
    assert names(Collections(again)) == ["Everything else", "Audits", "Contracts"]
    again.close()


def test_a_name_is_there_once_and_not_empty(collections):
    made = collections.create("Contracts")
    for name in ("contracts", " Contracts", "", "  "):
        with pytest.raises(IngestError, match=r"already|a name"):
            collections.create(name)
    with pytest.raises(IngestError, match="already"):
        collections.rename(FIRST, "Contracts")
    collections.rename(made.id, "CONTRACTS")
    assert names(collections) == ["General", "CONTRACTS"]


def test_a_collection_is_found_by_its_name(collections):
    made = collections.named("Contracts", make=True)
    assert collections.named(" contracts", make=True) == made == collections.named("CONTRACTS")
    with pytest.raises(IngestError, match=r"'Leases'\. There are: General, Contracts"):
        collections.named("Leases")


def test_documents_move_and_are_searched_by_collection(registry, collections, added):
    added("a", "b", "c")
    contracts, audits = collections.create("Contracts"), collections.create("Audits")
    collections.move("b", contracts.id)
    registry.add("new", "new.txt", 1, ".txt")
    collections.move("new", contracts.id)  # still queued
    collections.move("c", 999)  # deleted in another tab meanwhile
    assert registry.get("c").collection == FIRST
    assert collections.searched([]) is None
    assert collections.searched([999]) is None
    assert collections.searched([contracts.id]) == ["b"]
    assert collections.searched([audits.id]) == []
    assert sorted(collections.searched([FIRST, contracts.id])) == ["a", "b", "c"]
    assert sorted(collections.searched([], shared=True)) == ["a", "b", "c"]


def test_a_deleted_collection_leaves_its_documents(registry, collections, added):
    added("a")
    made = collections.create("Contracts")
    collections.move("a", made.id)
    collections.delete(made.id)
    collections.delete(FIRST)
    assert names(collections) == ["General"]
    assert registry.get("a").collection == FIRST
    assert (
        collections.create("Audits").id != made.id
    )  # a conversation may still name the deleted one


def test_tags_are_clean_and_in_order(registry, collections, added):
    added("a")
    collections.tag("a", ["urgent", " tax, 2024 ", "", "Urgent", "urgent"])
    assert registry.get("a").tag_list == ["tax 2024", "Urgent", "urgent"]
    collections.tag("a", [])
    assert registry.get("a").tag_list == []
