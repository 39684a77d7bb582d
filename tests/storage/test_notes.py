"""Notes are kept, found, changed and brought back."""

import pytest

from docmind.storage.database import Database
from docmind.storage.notes import NoteStore


@pytest.fixture
def database(tmp_path):
    """A database of its own."""
    database = Database(tmp_path / "docmind.sqlite3")
    yield database
    database.close()


def titles(notes):
    return [note.title for note in notes]


def test_a_note_is_found_by_its_title_and_its_text_in_any_case(database):
    notes = NoteStore(database)
    notes.add("Fees", "The monthly fee is $5 [1].", "c")
    notes.add("  Größe \n der Wohnung ", "Sie hat 80 m².")
    assert titles(notes.all()) == ["Größe der Wohnung", "Fees"]
    assert titles(notes.all("MONTHLY  fee")) == ["Fees"]
    assert titles(notes.all("GRÖSSE")) == ["Größe der Wohnung"]
    assert notes.all("dragon") == []
    assert notes.all("Fees")[0].conversation_id == "c"


def test_a_changed_note_comes_first_and_is_there_after_a_restart(tmp_path, database):
    notes = NoteStore(database)
    first = notes.add("First", "1")
    notes.add("Second", "2")
    notes.change(first, "First, again", "11")
    database.close()
    again = Database(tmp_path / "docmind.sqlite3")
    kept = NoteStore(again).all()
    again.close()
    assert titles(kept) == ["First, again", "Second"]
    assert kept[0].text == "11"


def test_a_deleted_note_is_brought_back_as_it_was(database):
    notes = NoteStore(database)
    notes.add("Fees", "five")
    note = notes.all()[0]
    notes.delete(note.id)
    assert notes.all() == []
    notes.bring_back(note)
    assert notes.all() == [note]
