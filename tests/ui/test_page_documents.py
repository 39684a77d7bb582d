"""Documents: drop, watch, search, retry, delete."""

from docmind.errors import StoreError
from docmind.storage.documents import Document, Failure
from docmind.ui.dialogs import DeleteCollection, NewCollection, RenameCollection
from docmind.ui.failures import group_by_reason
from tests.ui.conftest import button, buttons_with_key, tab_state, words


def upload(tab, *files):
    for name, data in files:
        tab.file_uploader[0].upload(name, data, "text/plain")
    return tab.run()


def selectbox(tab, label):
    return next(each for each in tab.selectbox if each.label == label)


def names(documents):
    return [document.name for document in documents]


def test_an_empty_page_says_what_happens_to_files(open_page):
    assert "No documents yet" in words(open_page("documents"))


def test_files_are_taken_in_and_listed_with_their_figures(open_page, app):
    tab = upload(open_page("documents"), ("a.txt", b"one"), ("b.txt", b"two"))
    assert set(names(app.documents.documents())) == {"a.txt", "b.txt"}
    assert "**a\\.txt**" in words(tab)
    assert "1 page · 1 passage · 3 B" in words(tab)


def test_what_was_not_read_is_said_at_the_document(open_page, app):
    app.documents.add_bytes(b"x", "film.pptx")
    app.documents.add_bytes(b"y", "whole.pptx")
    assert words(open_page("documents")).count("2 embedded videos were not read.") == 1


def test_the_same_file_again_is_said_to_be_there(open_page, app):
    app.documents.add_bytes(b"one", "a.txt")
    tab = upload(open_page("documents"), ("a.txt", b"one"))
    assert "is already there" in words(tab)
    tab = upload(tab, ("copy.txt", b"one"))
    assert "**copy\\.txt** has the same content as **a\\.txt**" in words(tab)


def test_one_bad_file_stops_no_other(open_page, app):
    app.documents.add_bytes(b"old", "old.txt")
    tab = open_page("documents")
    tab = upload(tab, ("setup.exe", b"no"), ("a.txt", b"one"))
    assert names(app.documents.documents()) == ["old.txt", "a.txt"]
    assert "setup\\.exe\\: this type of file can't be read" in words(tab)


def test_a_document_at_work_shows_stage_and_progress(open_page, app):
    app.documents.add_bytes(b"x", "slow.txt")
    tab = open_page("documents")
    bars = [bar.proto.text for bar in tab.get("progress")]
    assert "Embedding passage 3 of 10" in bars


def test_a_failed_document_shows_its_reason_and_can_be_tried_again(open_page, app):
    failed = app.documents.add_bytes(b"x", "bad.docx").document
    tab = open_page("documents")
    assert "The file is damaged" in words(tab)
    tab.button(key=f"retry-{failed.id}").click().run()
    assert app.documents.retried == [failed.id]


def test_documents_that_failed_alike_are_tried_again_together(open_page, app):
    failed = [
        app.documents.add_bytes(name.encode(), name).document for name in ("bad.docx", "bad2.docx")
    ]
    app.documents.add_bytes(b"x", "locked.pdf")
    tab = open_page("documents")
    button(tab, "Retry all 2").click().run()
    assert sorted(app.documents.retried) == sorted(document.id for document in failed)


def test_a_reason_that_names_its_document_is_one_reason():
    group = group_by_reason([failed_document("a.docx"), failed_document("b.docx")])
    assert list(group) == ["It is damaged."]
    assert names(group["It is damaged."]) == ["a.docx", "b.docx"]


def failed_document(name):
    return Document(
        id=name,
        name=name,
        size=1,
        suffix=".docx",
        state="failed",
        added_at="2026-01-01T00:00:00+00:00",
        failure=Failure.UNREADABLE,
        reason=f"'{name}' is damaged.",
    )


def test_the_list_is_confined_to_a_state_and_a_type_and_ordered(open_page, app):
    for name in ("b.txt", "a.txt", "note.md", "bad.docx"):
        app.documents.add_bytes(name.encode(), name)
    tab = open_page("documents")
    tab.selectbox(key="documents-state").set_value("failed").run()
    assert listed(tab) == ["bad.docx"]
    tab.selectbox(key="documents-type").set_value(".md").run()
    assert listed(tab) == []
    assert "No document has this state and type" in words(tab)
    tab.selectbox(key="documents-state").set_value("any").run()
    assert listed(tab) == ["note.md"]
    tab.selectbox(key="documents-type").set_value("any").run()
    tab.selectbox(key="documents-order").set_value("name").run()
    assert listed(tab) == ["a.txt", "b.txt", "bad.docx", "note.md"]


def listed(tab):
    shown = [element.value for element in tab.markdown if element.value.startswith(":material/")]
    return [value.partition("**")[2].partition("**")[0].replace("\\", "") for value in shown]


def test_what_a_full_disk_forbids_is_said(open_page, app, monkeypatch):
    def full(_document_id):
        raise StoreError("DocMind's database can't be written. Free disk space.")

    app.documents.add_bytes(b"x", "bad.docx")
    monkeypatch.setattr(app.documents, "retry", full)
    tab = open_page("documents")
    button(tab, "Retry").click().run()
    assert not tab.exception
    assert "Free disk space" in tab.toast[0].value


def test_a_locked_document_asks_for_its_password(open_page, app):
    locked = app.documents.add_bytes(b"x", "locked.pdf").document
    tab = open_page("documents")
    assert "protected by a password" in words(tab)
    (field,) = [field for field in tab.text_input if field.placeholder == "Password"]
    field.set_value("sesame")
    button(tab, "Open").click().run()
    assert app.documents.retried == [locked.id]
    assert app.documents.passwords == ["sesame"]


def test_search_narrows_the_list(open_page, app):
    app.documents.add_bytes(b"1", "Report.txt")
    app.documents.add_bytes(b"2", "prices.txt")
    tab = open_page("documents")
    tab.text_input(key="document-search").set_value("rep").run()
    assert "Report" in words(tab)
    assert "prices" not in words(tab)


def test_what_a_mail_holds_stands_below_it_and_goes_with_it(open_page, app):
    store = app.documents.store
    other = app.documents.add_bytes(b"o", "other.txt").document
    mail = store.add("m", name="offer.eml", size=1, suffix=".eml")
    store.add("a", name="pump.txt", size=1, suffix=".txt", parent=mail)
    newest = app.documents.add_bytes(b"n", "newest.txt").document
    for key in ("m", "a"):
        store.finish(key, pages=0, passages=1, seconds=0.1)
    tab = open_page("documents")
    labels = [box.label.replace("\\", "") for box in tab.checkbox]
    assert labels == [newest.name, "offer.eml", "offer.eml / pump.txt", other.name]
    tab.button(key="icon-delete-m").click().run()
    assert "and 1 file in them will be removed" in words(tab)


def test_delete_asks_first(open_page, app):
    document = app.documents.add_bytes(b"1", "a.txt").document
    tab = open_page("documents")
    tab.button(key=f"icon-delete-{document.id}").click().run()
    assert "will be removed from this machine" in words(tab)
    assert app.documents.documents()
    tab.button(key="delete-yes").click().run()
    assert app.documents.documents() == []


def test_many_documents_come_in_pages(open_page, app):
    for i in range(45):
        app.documents.add_bytes(str(i).encode(), f"file {i:02}.txt")
    tab = open_page("documents")
    assert len(buttons_with_key(tab, "icon-delete-")) == 20
    assert "45 documents" in words(tab)


def test_collections_are_made_chosen_and_filled(open_page, app):
    app.documents.add_bytes(b"1", "a.txt")
    tab = open_page("documents")
    assert not tab.get("button_group")  # nothing to choose from yet
    made = app.collections.create("Contracts")
    tab.run()
    assert tab.get("button_group")
    tab.session_state["shown_collection"] = made.id
    tab.run()
    assert "Nothing in this collection yet" in words(tab)
    tab = upload(tab, ("b.txt", b"2"))
    in_collection = [d for d in app.documents.documents() if d.collection == made.id]
    assert names(in_collection) == ["b.txt"]
    assert "**b\\.txt**" in words(tab)
    assert "**a\\.txt**" not in words(tab)


def test_a_new_collection_wants_a_free_name(open_page, app):
    tab = open_page("documents")
    app.documents.add_bytes(b"1", "a.txt")
    tab_state(tab).open_dialog(NewCollection())
    tab.run()
    tab.text_input[-1].set_value("general")
    tab.button[-1].click().run()
    assert "already" in words(tab)
    tab.text_input[-1].set_value("Contracts")
    tab.button[-1].click().run()
    assert names(app.collections.all()) == ["General", "Contracts"]
    # What is dropped next goes into it.
    assert tab.session_state["shown_collection"] == app.collections.all()[1].id


def test_a_document_is_moved_and_tagged(open_page, app):
    document = app.documents.add_bytes(b"1", "a.txt").document
    app.documents.add_bytes(b"2", "b.txt")
    app.collections.tag(document.id, ["tax"])
    made = app.collections.create("Contracts (2026)")
    tab = open_page("documents")
    assert ":gray-badge[tax]" in words(tab)
    tab.text_input(key="document-search").set_value("tax").run()
    assert "b\\.txt" not in words(tab)
    tab.button(key=f"icon-label-{document.id}").click().run()
    assert selectbox(tab, "Collection").options == ["General", "Contracts (2026)"]
    selectbox(tab, "Collection").set_value(made.id)
    tab.multiselect[0].set_value([])
    button(tab, "Save").click().run()
    moved = app.documents.get(document.id)
    assert moved.collection == made.id
    assert moved.tags == ()


def test_a_collection_is_renamed_and_removed_with_its_documents_kept(open_page, app):
    document = app.documents.add_bytes(b"1", "a.txt").document
    made = app.collections.create("Contracts")
    tab = open_page("documents")
    tab_state(tab).open_dialog(RenameCollection(made.id))
    tab.run()
    assert tab.text_input[-1].value == "Contracts"
    tab.text_input[-1].set_value("Leases")
    tab.button[-1].click().run()
    assert names(app.collections.all()) == ["General", "Leases"]
    tab_state(tab).open_dialog(DeleteCollection(made.id))
    tab.run()
    tab.button[-1].click().run()
    assert names(app.collections.all()) == ["General"]
    assert app.documents.get(document.id).collection == 1
    assert "**a\\.txt**" in words(tab)


def test_several_are_deleted_with_one_confirmation(open_page, app):
    for name in ("report a.txt", "report b.txt", "prices.txt"):
        app.documents.add_bytes(name.encode(), name)
    tab = open_page("documents")
    tab.text_input(key="document-search").set_value("report").run()
    tab.button(key="pick-all").click().run()
    tab.text_input(key="document-search").set_value("").run()
    assert "**2 selected**" in words(tab), "all of the filter, and no other"
    tab.button(key="delete-picked").click().run()
    assert "**report a\\.txt**, **report b\\.txt** will be removed" in words(tab)
    tab.button(key="delete-yes").click().run()
    assert names(app.documents.documents()) == ["prices.txt"]


def test_several_are_moved_and_tagged_at_once_and_keep_their_own_tags(open_page, app):
    first = app.documents.add_bytes(b"a.txt", "a.txt").document
    second = app.documents.add_bytes(b"b.txt", "b.txt").document
    third = app.documents.add_bytes(b"c.txt", "c.txt").document
    app.collections.tag(first.id, ["tax", "2026"])
    app.collections.tag(second.id, ["tax"])
    made = app.collections.create("Contracts")
    tab = open_page("documents")
    tab.checkbox(key=f"pick-{first.id}-0").check().run()
    tab.checkbox(key=f"pick-{second.id}-0").check().run()
    tab.button(key="label-picked").click().run()
    assert tab.multiselect[0].value == ["tax"]
    selectbox(tab, "Collection").set_value(made.id)
    tab.multiselect[0].set_value([])
    button(tab, "Save").click().run()
    first = app.documents.get(first.id)
    second = app.documents.get(second.id)
    third = app.documents.get(third.id)
    assert [first.collection, second.collection, third.collection] == [made.id, made.id, 1]
    assert [first.tags, second.tags, third.tags] == [("2026",), (), ()]


def test_what_is_being_read_can_be_cancelled_one_or_all(open_page, app):
    first = app.documents.add_bytes(b"x", "slow.txt").document
    for name in ("slow 2.txt", "slow 3.txt"):
        app.documents.add_bytes(name.encode(), name)
    tab = open_page("documents")
    tab.button(key=f"cancel-{first.id}").click().run()
    assert "You cancelled it before it was read" in words(tab)
    button(tab, "Cancel all 2").click().run()
    assert {document.failure for document in app.documents.documents()} == {"cancelled"}
    tab.button(key=f"retry-{first.id}").click().run()
    assert app.documents.retried == [first.id]
