"""Notes: keep an answer, find it, edit it, bring it back."""

from docmind.transcripts.notes import notes_as_markdown
from tests.ui.conftest import button, buttons_with_key, tab_state, words


def kept(open_page, app):
    """Ask, keep the answer, and open the notes."""
    tab = open_page()
    tab.chat_input[0].set_value("What is the fee?").run()
    turn = app.chat.active(tab_state(tab).conversation_id)
    if turn is not None:
        turn.wait(5)
    tab.run()
    buttons_with_key(tab, "keep-")[0].click().run()
    assert "Kept in a note" in tab.toast[0].value
    return open_page("notes")


def test_an_empty_page_says_how_a_note_is_made(open_page):
    assert "No notes yet" in words(open_page("notes"))


def test_an_answer_is_kept_with_its_question_and_the_passages_it_cites(open_page, app, ready):
    tab = kept(open_page, app)
    assert "What is the fee?" in words(tab).replace("\\", "")
    note = app.notes.all()[0]
    assert "The fee is $5 per month" in note.text
    assert "prices.txt" in note.text
    exported = notes_as_markdown([note])
    assert exported.startswith("# What is the fee?\n\nThe fee is $5")
    assert "Passage 1 about the fee" in exported


def test_a_note_is_found_by_what_is_in_it(open_page, app):
    app.notes.add("Fees", "five a month")
    app.notes.add("Notice", "three months")
    tab = open_page("notes")
    tab.text_input(key="note-search").set_value("FIVE").run()
    assert "Fees" in words(tab)
    assert "Notice" not in words(tab)
    tab.text_input(key="note-search").set_value("dragon").run()
    assert "No note has this" in words(tab)


def test_a_part_of_an_answer_is_left_by_editing_the_note(open_page, app):
    note_id = app.notes.add("Fees", "five a month\n\nand much else")
    tab = open_page("notes")
    tab.button(key=f"edit-note-{note_id}").click().run()
    tab.text_area[0].set_value("five a month")
    button(tab, "Save").click().run()
    assert app.notes.all()[0].text == "five a month"
    assert "much else" not in words(tab)


def test_a_deleted_note_can_be_brought_back(open_page, app):
    note_id = app.notes.add("Fees", "five")
    tab = open_page("notes")
    tab.button(key=f"delete-note-{note_id}").click().run()
    assert app.notes.all() == []
    tab.button(key="bring-back-note").click().run()
    assert app.notes.all()[0].title == "Fees"


def test_a_note_shows_no_picture_of_another_machine(open_page, app):
    app.notes.add("Fees", "See ![x](http://192.0.2.1/a.png) there.")
    tab = open_page("notes")
    (shown,) = [element.value for element in tab.markdown if "there" in element.value]
    assert "http" not in shown
