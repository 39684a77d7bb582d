"""A file that failed, and what is done about it."""

from docmind.errors import StoreError
from tests.samples import write_pdf


def test_a_file_under_its_right_ending_is_read_by_it(service, settings, tmp_path):
    pdf = write_pdf(tmp_path / "a.pdf")
    wrong = service.add(pdf, "a.docx").document
    assert service.wait(60)
    assert "not what its ending says" in service.get(wrong.id).reason
    again = service.add(pdf, "a.pdf")
    assert not again.known
    assert service.wait(60)
    (document,) = service.documents()
    assert (document.name, document.suffix, document.state) == ("a.pdf", ".pdf", "ready")
    assert {path.suffix for path in settings.files_dir.iterdir()} == {".pdf", ".json"}


def test_what_cannot_be_tidied_costs_no_document(service, store, monkeypatch):
    def broken():
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store, "optimize", broken)
    added = service.add_bytes(b"Some words.", "a.txt").document
    assert service.wait(60)
    assert service.get(added.id).state == "ready"
    assert store.count(added.id) == 1


def test_a_text_that_cannot_be_written_says_so_and_can_be_tried_again(service, settings):
    added = service.add_bytes(b"Some words.", "a.txt").document
    obstacle = settings.files_dir / f"{added.id}.json.part"
    obstacle.mkdir()
    assert service.wait(60)
    assert "Free disk space, then retry" in service.get(added.id).reason
    obstacle.rmdir()
    service.retry(added.id)
    assert service.wait(60)
    assert service.get(added.id).state == "ready"


def test_what_another_tab_has_deleted_is_not_tried_again(service):
    added = service.add_bytes(b"Some words.", "a.txt").document
    service.delete(added.id)
    service.retry(added.id)
    service.cancel(added.id)
    assert service.documents() == []
