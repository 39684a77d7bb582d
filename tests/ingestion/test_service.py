import signal
import sqlite3
import subprocess
import sys
import threading
import time
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import event

from docmind.errors import EmptyFile, FileTooLarge, IngestError, StoreError, UnsupportedFile
from docmind.ingestion.service import IngestionService
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.opening import open_store
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore, Failure, IngestionProgress
from docmind.storage.settings import load_settings
from tests.samples import PAGES, locked_pdf, table_page, write_pdf


@pytest.fixture
def retriever(store, embedder, settings):
    return Retriever(store, embedder, settings)


def long_text(sentences: int, word: str = "harbour") -> bytes:
    return "\n\n".join(
        f"Paragraph {i} tells of the {word} and of ship number {i * 7}." for i in range(sentences)
    ).encode()


def stage_of(document):
    return document.progress and document.progress.stage


def pages_of(document):
    return document.progress and document.progress.total


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


def test_every_file_type_becomes_searchable(service, samples, retriever):
    for path in samples.values():
        assert not service.add(path).known
    assert service.wait(300)
    assert {d.state for d in service.documents()} == {"ready"}
    for question, name, page in (
        ("How heavy is the mirror of the telescope?", "observatory.pdf", 2),
        ("Who books trains?", "handbook.docx", None),
        ("Which suppliers are late?", "plan.pptx", 2),
        ("revenue of region North", "figures.xlsx", 1),
        ("Where does Jürgen live?", "people.csv", None),
        ("How many bees are in a hive?", "bees.html", None),
        ("default depth option", "setup.md", None),
        ("Wann wurde die Brücke in Zürich gebaut?", "zürich.txt", None),
        ("When do spring tides come?", "tides.epub", None),
        ("How many ships does the lighthouse keeper count?", "lighthouse.png", 1),
        ("Is the crane repaired?", "pier.eml", None),
        ("What did the winch cost?", "pier.eml / invoice.txt", None),
        ("When do the ferries leave?", "ferries.rst", None),
    ):
        hit = retriever.search(question, 3)[0]
        assert (hit.passage.file_name, hit.passage.page) == (name, page), question
    pdf = next(d for d in service.documents() if d.suffix == ".pdf")
    assert (pdf.pages, pdf.passages) == (3, 3)
    assert pdf.seconds > 0
    assert service.text(pdf.id, 2, 2).startswith("Its main telescope")
    assert service.file_path(pdf.id).read_bytes() == samples[".pdf"].read_bytes()


def test_passages_know_their_place_on_the_page_and_whether_they_are_tables(
    service, tmp_path, retriever
):
    rows = [("Port", "Depth"), *((f"Port {i}", f"{i} m") for i in range(30))]
    document = service.add(write_pdf(tmp_path / "ports.pdf", (table_page(rows),), note="")).document
    assert service.wait(60)
    chunks = retriever.passages(document.id)
    tables = [c for c in chunks if c.table]
    assert len(tables) > 1
    assert [c.text for c in chunks if not c.table] == ["Before the table.", "After the table."]
    for chunk in tables:
        assert chunk.text.startswith("| Port | Depth |\n| --- | --- |\n")
        ((left, top, right, bottom),) = chunk.boxes  # rows that follow each other are one block
        shown = chunk.text.count("\n") - 1  # without the header
        assert bottom - top == pytest.approx(shown * 20 / 842, abs=0.01)
        assert (left, right) == pytest.approx((60 / 595, 300 / 595), abs=0.01)


def test_a_locked_file_is_opened_with_its_password_which_is_not_kept(service, settings, tmp_path):
    document = service.add(locked_pdf(tmp_path / "secret.pdf")).document
    assert service.wait(60)
    for password in (None, "simsim"):
        service.retry(document.id, password)
        assert service.wait(60)
        failed = service.get(document.id)
        assert (failed.state, failed.failure) == ("failed", Failure.PASSWORD_WANTED)
        assert "password" in failed.reason
    service.retry(document.id, "sesame")
    assert service.wait(60)
    assert service.get(document.id).state == "ready"
    assert "Ada Lindqvist" in service.text(document.id)
    assert not any(
        b"sesame" in path.read_bytes() for path in settings.data_dir.rglob("*") if path.is_file()
    )
    assert service.add(tmp_path / "secret.pdf").known


def test_spans_point_into_the_extracted_text(service, retriever):
    added = service.add_bytes(long_text(200), "long.txt").document
    assert service.wait(120)
    text = service.text(added.id)
    chunks = retriever.passages(added.id)
    assert len(chunks) > 5
    assert [c.position for c in chunks] == list(range(len(chunks)))
    assert all(text[c.start : c.end] == c.text for c in chunks)


def test_the_same_content_again_is_known_and_costs_nothing(service, samples, embedder, monkeypatch):
    first = service.add(samples[".pdf"]).document
    assert service.wait(60)
    monkeypatch.setattr(
        type(embedder), "model", property(lambda _: pytest.fail("it was embedded again"))
    )
    again = service.add(samples[".pdf"], "other name.pdf")
    assert again.known
    assert again.document.id == first.id
    assert service.wait(10)
    assert len(service.documents()) == 1


def test_the_same_name_with_other_content_is_told_apart(service, retriever):
    service.add_bytes(b"Ants live in colonies.", "report.txt")
    second = service.add_bytes(b"Whales live in the sea.", "report.txt").document
    assert second.name == "report (2).txt"
    assert service.wait(60)
    assert retriever.search("whales", 1)[0].passage.file_name == "report (2).txt"


def test_unicode_and_hostile_names(service):
    assert service.add_bytes(b"one", "Résumé 会议 😀.txt").document.name == "Résumé 会议 😀.txt"
    assert service.add_bytes(b"two", "../../etc/pass\u202ewd\n.txt").document.name == "passwd.txt"
    assert len(service.add_bytes(b"three", "x" * 500 + ".txt").document.name) <= 200


def test_bad_uploads_are_refused_before_copying(service, settings, tmp_path):
    with pytest.raises(UnsupportedFile, match="Supported are PDF"):
        service.add_bytes(b"x", "movie.mp4")
    with pytest.raises(EmptyFile, match="0 bytes"):
        service.add_bytes(BytesIO(), "nothing.pdf")
    service._files._limit_mb = 0.001
    with pytest.raises(FileTooLarge, match="DOCMIND_INGESTION__MAX_FILE_MB"):
        service.add_bytes(b"x" * 2000, "big.txt")
    with pytest.raises(IngestError, match="can't be copied"):
        service.add(tmp_path / "gone.txt")
    assert not settings.files_dir.exists() or not list(settings.files_dir.iterdir())
    assert service.documents() == []


def test_a_broken_file_fails_alone_with_its_reason_and_can_be_retried(service, samples):
    good = service.add(samples[".md"]).document
    bad = service.add_bytes(b"PK\x03\x04 not really", "broken.docx").document
    other = service.add(samples[".txt"]).document
    assert service.wait(60)
    assert service.get(good.id).state == service.get(other.id).state == "ready"
    failed = service.get(bad.id)
    assert failed.state == "failed"
    assert "broken.docx" in failed.reason
    assert "save it again" in failed.reason
    with pytest.raises(IngestError, match="broken"):
        service.text(bad.id)
    service.file_path(bad.id).write_bytes(samples[".docx"].read_bytes())
    service.retry(bad.id)
    assert service.wait(60)
    assert service.get(bad.id).state == "ready"


def test_an_unexpected_exception_does_not_stop_the_worker(service, samples, monkeypatch):
    real = service._pipeline.run

    def run(document_id, file_name, *rest):
        if file_name == "setup.md":
            raise ZeroDivisionError("oops")
        return real(document_id, file_name, *rest)

    monkeypatch.setattr(service._pipeline, "run", run)
    bad = service.add(samples[".md"]).document
    good = service.add(samples[".txt"]).document
    assert service.wait(60)
    assert "ZeroDivisionError: oops" in service.get(bad.id).reason
    assert service.get(good.id).state == "ready"


def test_delete_leaves_nothing(service, samples, settings, store):
    added = service.add(samples[".pdf"]).document
    kept = service.add(samples[".md"]).document
    assert service.wait(60)
    service.delete(added.id)
    assert service.get(added.id) is None
    assert store.count(added.id) == 0
    assert store.count(kept.id) > 0
    assert not list(settings.files_dir.glob(f"{added.id}*"))
    service.delete(added.id)
    with pytest.raises(IngestError, match="not there any more"):
        service.text(added.id)


def test_delete_while_it_is_ingested(service, settings, store):
    added = service.add_bytes(long_text(1500), "long.txt").document
    service.start()
    until(lambda: store.count(added.id) > 0)
    service.delete(added.id)
    assert service.wait(60)
    assert store.count() == 0
    assert not list(settings.files_dir.iterdir())
    again = service.add_bytes(long_text(5), "short.txt").document
    assert service.wait(60)
    assert service.get(again.id).state == "ready"


def test_deleted_and_added_again_at_once(service, store):
    data = long_text(600)
    added = service.add_bytes(data, "long.txt").document
    service.start()
    until(lambda: store.count(added.id) > 0)
    service.delete(added.id)
    service.add_bytes(data, "long.txt")
    assert service.wait(120)
    document = service.get(added.id)
    assert document.state == "ready"
    assert store.count(added.id) == document.passages


def test_progress_moves_through_the_stages(service, documents, monkeypatch):
    seen = []
    real = documents.note_progress

    def note_progress(document_id, progress):
        seen.append(progress)
        real(document_id, progress)

    monkeypatch.setattr(documents, "note_progress", note_progress)
    service.add_bytes(long_text(600), "long.txt")
    assert service.wait(120)
    stages = list(dict.fromkeys(progress.stage for progress in seen))
    assert stages == ["parse", "split", "embed", "store"]
    assert len({progress.done for progress in seen if progress.stage == "embed"}) >= 2


def test_an_interrupted_ingestion_goes_on_at_the_next_start(
    service, settings, documents, store, embedder
):
    added = service.add_bytes(long_text(1500), "long.txt").document
    service.start()
    until(lambda: store.count(added.id) > 0)
    service.close()
    assert documents.get(added.id).state == "queued"
    documents.note_progress(  # as a kill leaves it
        added.id, IngestionProgress(stage="embed", done=1, total=9)
    )
    second = IngestionService(
        settings=settings, documents=documents, store=store, embedder=embedder
    )
    assert second.wait(200)
    document = documents.get(added.id)
    assert document.state == "ready"
    assert store.count(added.id) == document.passages
    second.close()


KILLED = """
import sys, time
from pathlib import Path
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore
from docmind.ingestion.service import IngestionService
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.store.opening import open_store
from docmind.storage.settings import load_settings
from tests.ingestion.test_service import long_text
settings = load_settings(data_dir=Path(sys.argv[1]))
embedder = Embedder(Path(sys.argv[2]))
store = open_store(settings, embedder.dims)
documents = DocumentStore(Database(settings.database))
service = IngestionService(
    settings=settings, documents=documents, store=store, embedder=embedder
)
service.add_bytes(b"A short text about herons.", "short.txt")
document = service.add_bytes(long_text(1500), "long.txt").document
service.start()
while not 0 < store.count(document.id):
    time.sleep(0.01)
print(document.id, flush=True)
time.sleep(60)
"""


def test_a_killed_process_loses_nothing(tmp_path, minilm, embedder):
    folder = tmp_path / "killed"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder), str(minilm)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        document_id = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    settings = load_settings(data_dir=folder)
    store = open_store(settings, embedder.dims)
    database = Database(settings.database)
    documents = DocumentStore(database)
    assert documents.get(document_id).state == "embedding"
    service = IngestionService(
        settings=settings, documents=documents, store=store, embedder=embedder
    )
    assert service.wait(200)
    assert {d.state for d in service.documents()} == {"ready"}
    assert store.count() == sum(d.passages for d in service.documents())
    service.close()
    store.close()


def test_a_lost_store_is_filled_again(service, settings, documents, store, embedder, samples):
    added = service.add(samples[".pdf"]).document
    assert service.wait(60)
    service.close()
    store.delete(added.id)
    second = IngestionService(
        settings=settings, documents=documents, store=store, embedder=embedder
    )
    assert second.wait(60)
    assert store.count(added.id) == 3
    second.close()


def test_documents_read_before_tables_were_kept_are_read_again_once(
    settings, documents, store, embedder
):
    def started():
        service = IngestionService(
            settings=settings, documents=documents, store=store, embedder=embedder
        )
        assert service.wait(60)
        return service

    service = started()
    sheet = service.add_bytes(b"Item,Cost\nTea,5\nRice,7\n", "costs.csv").document
    note = service.add_bytes(b"The harbour opens at six.", "note.txt").document
    assert service.wait(60)
    assert [row.values[0] for row in service.tables(sheet.id)[0].table.rows] == ["Tea", "Rice"]
    service.close()
    for file in settings.files_dir.glob("*.tables-*.json"):
        file.unlink()

    service = started()
    assert len(service.tables(sheet.id)) == 1
    assert service.tables(note.id) == []
    read_again = [documents.get(sheet.id).seconds, documents.get(note.id).seconds]
    service.close()
    service = started()
    assert [documents.get(sheet.id).seconds, documents.get(note.id).seconds] == read_again
    service.delete(sheet.id)
    assert not list(settings.files_dir.glob(f"{sheet.id}*"))
    service.close()


def test_a_store_that_fails_is_a_reason(service, samples, store, monkeypatch):
    def broken(_chunks):
        raise StoreError("The disk is full. Free some space.")

    monkeypatch.setattr(store, "upsert", broken)
    added = service.add(samples[".md"]).document
    assert service.wait(60)
    assert service.get(added.id).reason == "The disk is full. Free some space."


def fail_updates(database, failures):
    """Let the next `failures` updates find the disk full."""
    left = [failures]

    @event.listens_for(database.engine, "do_execute")
    def execute(_cursor, statement, _parameters, _context):
        if statement.startswith("UPDATE") and left[0]:
            left[0] -= 1
            raise sqlite3.OperationalError("database or disk is full")


def test_a_full_disk_does_not_end_the_ingestion(service, database, samples, monkeypatch):
    monkeypatch.setattr("docmind.ingestion.service.RETRY_S", 0.05)
    service.start()
    fail_updates(database, 3)  # the first progress, and the failure twice
    added = service.add(samples[".md"]).document
    until(lambda: service.get(added.id).state == "failed")
    assert "disk is full). Free disk space" in service.get(added.id).reason
    service.retry(added.id)
    other = service.add(samples[".txt"]).document
    assert service.wait(60)
    assert service.get(added.id).state == service.get(other.id).state == "ready"


def test_closing_after_the_last_chunk_keeps_the_document(
    service, documents, store, samples, monkeypatch
):
    tidying = threading.Event()

    def optimize():
        tidying.set()
        until(service._stop.is_set)

    monkeypatch.setattr(store, "optimize", optimize)
    added = service.add(samples[".md"]).document
    service.start()
    assert tidying.wait(60)
    service.close()
    assert documents.get(added.id).state == "ready"
    assert store.count(added.id) == documents.get(added.id).passages > 0


def test_search_goes_on_while_files_are_ingested(service, samples, retriever):
    service.add(samples[".pdf"])
    assert service.wait(60)
    service.add_bytes(long_text(1500), "long.txt")
    until(lambda: stage_of(service.documents()[0]) == "embed")
    for _ in range(10):
        assert (
            retriever.search("How heavy is the mirror?", 3)[0].passage.file_name
            == "observatory.pdf"
        )


def test_many_tabs_add_at_once(service, tmp_path):
    def add(i):
        service.add(write_pdf(tmp_path / f"{i}.pdf", (*PAGES, f"Copy {i % 5}.")), f"file{i}.pdf")

    threads = [threading.Thread(target=add, args=(i,)) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert service.wait(120)
    assert len(service.documents()) == 5
    assert {d.state for d in service.documents()} == {"ready"}


def test_the_database_shares_its_file_with_others(service, settings, samples):
    with sqlite3.connect(settings.database) as other:
        other.execute("CREATE TABLE scribbles (text TEXT)")
        other.execute("INSERT INTO scribbles VALUES ('x')")
    service.add(samples[".md"])
    assert service.wait(60)


def test_cancelled_at_once_at_any_stage_and_read_again_when_asked(service, store):
    names = ("first.txt", "second.txt", "third.txt")
    first, second, third = (
        service.add_bytes(long_text(n), name).document
        for n, name in zip((1500, 5, 6), names, strict=True)
    )
    service.cancel(second.id)  # while it waits
    service.start()
    until(lambda: store.count(first.id) > 0)
    service.cancel(first.id)  # while it is embedded
    assert service.get(first.id).failure == Failure.CANCELLED
    assert service.wait(60)
    assert [service.get(d.id).state for d in (first, second, third)] == [
        "failed",
        "failed",
        "ready",
    ]
    assert store.count() == store.count(third.id) > 0
    service.retry(second.id)
    assert service.wait(60)
    assert service.get(second.id).state == "ready"


def test_a_long_scan_tells_its_page_and_can_be_cancelled_within_it(service, settings, tmp_path):
    from PIL import Image

    sheet = Image.effect_noise((2400, 3300), 80).convert(
        "L"
    )  # noise keeps the search for lines busy
    sheet.save(tmp_path / "scan.tiff", save_all=True, append_images=[sheet] * 5)
    scan = service.add(tmp_path / "scan.tiff").document
    note = service.add_bytes(long_text(3), "note.txt").document
    service.start()
    until(lambda: pages_of(service.get(scan.id)) == 6)
    service.cancel(scan.id)
    until(lambda: service.get(note.id).state == "ready")
    assert service.get(scan.id).failure == Failure.CANCELLED
