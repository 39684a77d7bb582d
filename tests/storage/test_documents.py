import pytest

from docmind.storage.documents import Failure, IngestionProgress


@pytest.fixture
def add(documents):
    def add(document_id, name="report.txt"):
        return documents.add(document_id, name=name, size=7, suffix=".txt")

    return add


def test_a_document_goes_from_queued_to_ready(documents, add):
    added = add("a")
    assert (added.state, added.progress, added.failure) == ("queued", None, None)
    assert documents.next_queued() == added

    reading = IngestionProgress(stage="parse", done=2, total=9)
    documents.note_progress("a", reading)
    assert documents.get("a").state == "parsing"
    assert documents.get("a").progress == reading
    assert documents.next_queued() is None

    documents.note_progress("a", IngestionProgress(stage="split", done=0, total=0))
    assert documents.get("a").state == "embedding"

    documents.finish("a", pages=3, passages=12, seconds=1.5)
    ready = documents.get("a")
    assert (ready.state, ready.progress) == ("ready", None)
    assert (ready.pages, ready.passages, ready.seconds) == (3, 12, 1.5)
    assert ready.unread == ()


def test_what_was_not_read_is_remembered_until_the_document_is_read_again(documents, add):
    add("a")
    unread = ("3 embedded videos were not read", "the sheet 'Stock' is damaged")
    documents.finish("a", pages=3, passages=12, seconds=1.5, unread=unread)
    assert documents.get("a").unread == unread
    documents.finish("a", pages=3, passages=12, seconds=1.5)
    assert documents.get("a").unread == ()


@pytest.mark.parametrize("failure", list(Failure))
def test_a_failure_says_why_until_the_document_is_queued_again(documents, add, failure):
    add("a")
    documents.note_progress("a", IngestionProgress(stage="embed", done=1, total=2))
    documents.fail("a", failure, "It is damaged. Save it again.")
    failed = documents.get("a")
    assert (failed.state, failed.failure) == ("failed", failure)
    assert failed.reason == "It is damaged. Save it again."
    assert failed.progress is None

    documents.queue("a")
    again = documents.get("a")
    assert (again.state, again.failure, again.reason) == ("queued", None, "")


def test_what_was_being_read_is_queued_again_and_nothing_else(documents, add):
    for document_id in ("parsing", "embedding", "ready", "failed"):
        add(document_id, f"{document_id}.txt")
    documents.note_progress("parsing", IngestionProgress(stage="parse", done=0, total=0))
    documents.note_progress("embedding", IngestionProgress(stage="store", done=5, total=5))
    documents.finish("ready", pages=0, passages=1, seconds=0.1)
    documents.fail("failed", Failure.CANCELLED, "You cancelled it.")
    documents.requeue_interrupted()
    assert documents.get("parsing").state == documents.get("embedding").state == "queued"
    assert documents.get("embedding").progress is None
    assert documents.get("ready").state == "ready"
    assert documents.get("failed").state == "failed"


def test_names_are_shown_once(documents, add):
    assert add("a").name == "report.txt"
    assert add("b").name == "report (2).txt"
    assert add("c").name == "report (3).txt"
    assert add("a").name == "report.txt"
    documents.delete("a")
    assert add("d").name == "report.txt"


def test_a_known_document_is_queued_under_its_new_name_and_keeps_its_tags(documents, add):
    add("a")
    documents.set_tags("a", ["tax"])
    documents.fail("a", Failure.UNREADABLE, "It is damaged.")
    again = add("a", "other.txt")
    assert (again.state, again.failure, again.name) == ("queued", None, "other.txt")
    assert again.tags == ("tax",)


def test_the_newest_comes_first_and_the_oldest_is_read_first(documents, add):
    for number in range(5):
        add(str(number))
    assert [document.id for document in documents.all()] == ["4", "3", "2", "1", "0"]
    assert documents.next_queued().id == "0"


def test_a_note_is_read_before_a_scan_that_came_with_it_but_the_scan_does_not_wait_for_ever(
    documents, monkeypatch
):
    def add_at(document_id, clock, size):
        moment = f"2026-01-01T{clock}.000+00:00"
        monkeypatch.setattr("docmind.storage.documents.now", lambda: moment)
        documents.add(document_id, name=f"{document_id}.pdf", size=size, suffix=".pdf")

    add_at("scan", "10:00:00", 50_000_000)
    add_at("note", "10:00:01", 5_000)
    add_at("late note", "10:30:00", 5_000)
    order = []
    while (document := documents.next_queued()) is not None:
        order.append(document.id)
        documents.finish(document.id, pages=1, passages=1, seconds=0)
    assert order == ["note", "scan", "late note"]


def test_a_document_that_is_gone_stays_gone(documents):
    documents.note_progress("gone", IngestionProgress(stage="parse", done=1, total=2))
    documents.fail("gone", Failure.UNREADABLE, "It is damaged.")
    documents.finish("gone", pages=1, passages=1, seconds=1.0)
    documents.delete("gone")
    assert documents.get("gone") is None
    assert documents.all() == []
