"""What a mail or an archive holds: documents of their own, which come and go with it."""

import io
import zipfile
from email.message import EmailMessage

import pytest

from docmind.ingestion import attachments
from docmind.retrieval.search import Retriever
from docmind.storage.collections import CollectionStore

NOTE = b"The pump of pier seven costs 4,200 euros."


def mail(*files, subject="Offer"):
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content("See the attachment.")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


def archive(*files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for name, content in files:
            package.writestr(name, content)
    return data.getvalue()


def names(service):
    return sorted(document.name for document in service.documents())


def by_name(service, name):
    (document,) = [document for document in service.documents() if document.name == name]
    return document


def test_an_attachment_is_a_document_and_a_citation_names_the_mail(
    service, store, embedder, settings
):
    service.add_bytes(mail(("pump.txt", NOTE), ("film.mp4", b"x")), "offer.eml")
    assert service.wait(60)
    assert names(service) == ["offer.eml", "offer.eml / pump.txt"]
    parent = by_name(service, "offer.eml")
    attached = by_name(service, "offer.eml / pump.txt")
    assert attached.parents == (parent.id,)
    assert attached.own_name == "pump.txt"
    assert parent.unread == ("1 file in it is of a type that is not read (film.mp4)",)
    found = Retriever(store, embedder, settings).search("What does the pump cost?", 3)
    assert found[0].passage.file_name == "offer.eml / pump.txt"


def test_it_goes_with_the_mail_and_has_its_collection(service, documents, database, store):
    collections = CollectionStore(database, documents)
    added = service.add_bytes(mail(("pump.txt", NOTE)), "offer.eml").document
    chosen = collections.create("Harbour").id
    collections.move(added.id, chosen)
    assert service.wait(60)
    assert {document.collection for document in service.documents()} == {chosen}
    collections.move(added.id, 1)
    assert {document.collection for document in service.documents()} == {1}
    service.delete(added.id)
    assert service.documents() == []
    assert store.count() == 0


def test_what_two_mails_have_goes_with_the_second_and_is_called_after_it(service):
    first = service.add_bytes(mail(("pump.txt", NOTE)), "first.eml").document
    second = service.add_bytes(mail(("pump.txt", NOTE), subject="Again"), "second.eml").document
    assert service.wait(60)
    assert names(service) == ["first.eml", "first.eml / pump.txt", "second.eml"]
    service.delete(first.id)
    assert service.wait(60)
    assert names(service) == ["second.eml", "second.eml / pump.txt"]
    assert by_name(service, "second.eml / pump.txt").state == "ready"
    service.delete(second.id)
    assert service.documents() == []


def test_what_is_added_by_itself_stays(service):
    first = service.add_bytes(mail(("pump.txt", NOTE)), "first.eml").document
    assert service.wait(60)
    assert not service.add_bytes(NOTE, "pump.txt").known
    second = service.add_bytes(mail(("pump.txt", NOTE), subject="Again"), "b.eml").document
    assert service.wait(60)
    service.delete(first.id)
    service.delete(second.id)
    assert names(service) == ["pump.txt"]
    assert by_name(service, "pump.txt").state == "ready"


def test_an_archive_in_a_mail_in_an_archive(service):
    inner = archive(("notes/pump.txt", NOTE), ("__MACOSX/x.txt", b"x"), ("empty.txt", b""))
    service.add_bytes(archive(("offer.eml", mail(("in.zip", inner)))), "all.zip")
    assert service.wait(60)
    nested = "all.zip / offer.eml / in.zip"
    assert names(service) == [
        "all.zip",
        "all.zip / offer.eml",
        nested,
        f"{nested} / notes / pump.txt",
    ]
    assert by_name(service, nested).unread == ("'empty.txt' in it is empty",)


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("MOST_FILES", 2, "1 file in it was not read: of one mail or archive at most 2 files"),
        ("MOST_BYTES", 5, "2 files in it were not read: of one mail or archive at most"),
        ("MOST_LEVELS", 0, "3 files in it were not read: what is nested deeper is left out"),
    ],
)
def test_what_unpacks_without_end_is_bounded(service, monkeypatch, limit, value, said):
    monkeypatch.setattr(attachments, limit, value)
    files = [(f"{number}.txt", b"abc " + bytes([97 + number])) for number in range(3)]
    service.add_bytes(archive(*files), "all.zip")
    assert service.wait(60)
    (unread,) = by_name(service, "all.zip").unread
    assert unread.startswith(said)
