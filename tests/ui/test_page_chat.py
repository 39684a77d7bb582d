"""Chat: what the user sees and can do, from the empty page to a cited answer."""

import threading
from dataclasses import replace

import pytest

from docmind.errors import EngineFailed, PromptTooLong
from docmind.events import Citation, Replacement, SentenceReplaced, Statement, Verdict
from docmind.question_scope import ChosenDocument, QuestionScope
from docmind.storage.messages import StoredMessage
from docmind.transcripts.markdown import transcript
from docmind.ui import shared_app
from docmind.ui.dialogs import RenameConversation
from docmind.ui.markdown import plain
from tests.passages import numbered
from tests.ui.conftest import button, buttons_with_key, cut, tab_state, words


def ask(tab, text):
    tab.chat_input[0].set_value(text).run()
    return tab


def finished(tab, app):
    """Wait for the running turn and show its stored answer."""
    turn = app.chat.active(tab_state(tab).conversation_id)
    if turn is not None:
        turn.wait(5)
    return tab.run()


def test_without_documents_it_says_what_can_be_added(open_page):
    tab = open_page()
    assert "Add PDF or Office files" in words(tab)
    assert button(tab, "Add documents")


def test_where_no_document_could_be_read_it_says_so(open_page, app):
    app.documents.add_bytes(b"x", "bad.docx")
    assert "No document could be read" in words(open_page())


def test_with_documents_it_shows_what_can_be_asked_about(open_page, app, ready):
    tab = open_page()
    assert "1 document with 1 page ready" in words(tab)
    button(tab, "prices").click().run()
    assert tab.chat_input[0].value == "Summarize prices.txt", "typed for the user, not sent"
    assert app.conversations.list() == []


def test_a_question_becomes_an_answer_with_sources_and_its_cost(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    shown = words(tab)
    assert "What is the fee?" in shown
    assert "The fee is \\$5 per month" in shown, "a price must not become a formula"
    assert '[1](#cite-1-1 "prices.txt, page 1")' in shown
    assert "[2 unverified](#unverified-1-2" in shown
    assert [found.label for found in buttons_with_key(tab, "source-")] == [
        "1 · prices\\.txt p\\. 1",
        "2 · prices\\.txt p\\. 2 · unverified",
        "3 · prices\\.txt p\\. 3",
    ]
    assert "18\\.5 tokens/s" in shown
    assert "1,200 prompt tokens \\(900 cached\\)" in shown
    assert "Ran out of steps" in shown, "an agent that failed is shown"


def test_the_sidebar_shows_the_context_of_the_last_answer(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    assert "2,048 of 8,192" in words(tab)
    assert "420 ms to first token" in words(tab)


def test_the_sidebar_says_how_the_weights_are_quantized(open_page, app):
    assert "\\(fp8\\)" not in words(open_page())
    app.engine.now = replace(app.engine.now, quantization="fp8")
    assert "\\(fp8\\)" in words(open_page())
    app.engine.now = replace(app.engine.now, quantization="none")
    assert "\\(none\\)" not in words(open_page())


def test_a_source_opens_with_its_page_heading_and_passage(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    tab.button(key="source-1-1").click().run()
    shown = words(tab)
    assert "Page 1 · Prices" in shown
    assert shown.count("Passage 1 about the fee") == 2, "the passage, and the text around it"


def test_the_pane_goes_from_one_claim_of_the_answer_to_the_next(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    tab.button(key="source-1-1").click().run()
    assert "Claim 1 of 2" in words(tab)
    tab.button(key="icon-viewer-claim-next").click().run()
    assert "Claim 2 of 2" in words(tab)
    assert "**2 · prices\\.txt**" in words(tab)
    assert tab.button(key="icon-viewer-claim-next").disabled
    tab.button(key="icon-viewer-claim-before").click().run()
    assert "**1 · prices\\.txt**" in words(tab)


def test_a_document_is_searched_in_the_pane_match_by_match(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    tab.button(key="source-1-1").click().run()
    field = f"viewer-search-{ready.id}"
    tab.text_input(key=field).set_value("TEXT").run()
    assert "1 of 2" in words(tab)
    tab.button(key="icon-viewer-match-next").click().run()
    assert "2 of 2" in words(tab)
    tab.button(key="icon-viewer-match-next").click().run()
    assert "1 of 2" in words(tab)
    tab.text_input(key=field).set_value("dragon").run()
    assert "Not found" in words(tab)


def test_a_source_of_a_deleted_document_still_opens(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    app.documents.delete(ready.id)
    tab.button(key="source-1-2").click().run()
    assert "This document was deleted" in words(tab)
    assert "Passage 2 about the fee" in words(tab)


def test_agents_and_text_are_visible_while_the_answer_is_written(open_page, app, ready, running):
    tab = ask(open_page(), "What is the fee?")
    turn = app.chat.active(tab_state(tab).conversation_id)
    while len(turn.events()) < 15:
        threading.Event().wait(0.01)
    tab.run()
    # The answer has begun: the agents are folded into the line that stays above it.
    assert tab.expander[0].label == "Researcher, Summarizer · 2 tool calls · 1 failed"
    assert "**search** query\\: fee → 3 passages" in words(tab)
    assert "per month" in words(tab)
    assert tab.button(key="stop-turn")


def test_stop_keeps_what_was_written(open_page, app, ready, running):
    tab = ask(open_page(), "What is the fee?")
    turn = app.chat.active(tab_state(tab).conversation_id)
    tab.button(key="stop-turn").click().run()
    turn.wait(5)
    tab.run()
    assert "You stopped this answer" in words(tab)
    assert not buttons_with_key(tab, "stop-turn")
    assert button(tab, "Ask again")


def test_escape_stops_the_answer_or_closes_the_dialog_but_not_both(open_page, app, ready, running):
    tab = ask(open_page(), "What is the fee?")
    assert tab.button(key="stop-turn").proto.shortcut == "escape"
    tab_state(tab).open_dialog(RenameConversation(tab_state(tab).conversation_id))
    assert not tab.run().button(key="stop-turn").proto.shortcut


def test_a_second_tab_follows_the_same_turn(open_page, app, ready, running):
    first = ask(open_page(), "What is the fee?")
    second = open_page()
    second.button(key=f"open-{tab_state(first).conversation_id}").click().run()
    assert "Writing the answer" in words(second)
    assert second.button(key="stop-turn")


def test_a_question_during_an_answer_is_kept(open_page, app, ready, running):
    tab = ask(ask(open_page(), "What is the fee?"), "And the tax?")
    assert "An answer is being written" in words(tab)
    assert len(app.conversations.messages(tab_state(tab).conversation_id)) == 1


def test_a_failed_turn_says_why_and_can_be_asked_again(open_page, app, ready):
    app.chat.fails = "The engine ran out of memory. Close other programs."
    tab = finished(ask(open_page(), "What is the fee?"), app)
    assert "ran out of memory" in words(tab)
    assert "per month" in words(tab), "what had been written is kept"
    app.chat.fails = ""
    button(tab, "Ask again").click().run()
    finished(tab, app)
    question, answer = app.conversations.messages(tab_state(tab).conversation_id)
    assert len(question.versions) == 1
    assert (len(answer.versions), answer.error) == (2, None)


@pytest.mark.parametrize(
    "error",
    [
        EngineFailed("The engine died. Restart it on the System page."),
        PromptTooLong("The question has 9,000 tokens; up to 3,600 fit. Shorten it."),
    ],
)
def test_a_refused_question_leaves_a_message_and_no_conversation(open_page, app, ready, error):
    app.chat.error = error
    tab = ask(open_page(), "What is the fee?")
    assert str(error).split(" ")[-1].strip(".") in words(tab)
    assert app.conversations.list() == []


def test_asking_about_nothing_says_to_add_a_document(open_page, app):
    tab = ask(open_page(), "What is the fee?")
    assert "There is nothing to ask about yet" in words(tab)


def test_a_question_waits_for_the_first_document_and_is_then_asked(open_page, app):
    slow = app.documents.add_bytes(b"x", "slow.txt").document
    tab = ask(open_page(), "What is the fee?")
    assert "as soon as your documents are read" in words(tab)
    assert app.conversations.list() == []
    app.documents.store.finish(slow.id, pages=1, passages=1, seconds=0.1)
    assert "The fee is" in words(finished(tab.run(), app))


def test_a_question_that_waited_for_the_model_does_not_wait_for_files_it_came_without(
    open_page, app, ready
):
    app.engine.now = replace(app.engine.now, state="loading")
    tab = ask(open_page(), "What is the fee?")
    app.documents.add_bytes(b"x", "slow.txt")
    app.engine.now = replace(app.engine.now, state="ready")
    assert "The fee is" in words(finished(tab.run(), app))


def test_a_question_waits_for_the_model_and_can_be_taken_back(open_page, app, ready):
    app.engine.now = replace(app.engine.now, state="loading")
    tab = ask(open_page(), "What is the fee?")
    assert "as soon as the model is loaded" in words(tab)
    ask(tab, "And the tax?")
    assert "still waiting" in words(tab)
    assert tab_state(tab).waiting.text == "What is the fee?"
    assert tab.chat_input[0].value == "And the tax?"
    button(tab, "Take it back").click().run()
    assert tab.chat_input[0].value == "What is the fee?"
    assert "as soon as the model" not in words(tab)


def test_a_waiting_question_stays_typed_where_another_conversation_is_opened(open_page, app, ready):
    app.engine.now = replace(app.engine.now, state="loading")
    other = app.conversations.create("Prices")
    tab = ask(open_page(), "What is the fee?")
    tab.button(key=f"open-{other.id}").click().run()
    assert tab.chat_input[0].value == "What is the fee?"
    assert "as soon as the model" not in words(tab)


def test_while_the_model_loads_the_stage_is_shown(open_page, app):
    app.engine.now = replace(app.engine.now, state="loading", stage="weights")
    tab = open_page()
    assert "Loading the model" in words(tab)
    assert "weights · " in words(tab)
    assert " · You can add documents and ask meanwhile" in words(tab)


def test_an_engine_that_failed_says_why_and_offers_another_try(open_page, app, monkeypatch):
    again = []
    monkeypatch.setattr(shared_app, "restart_app", again.append)
    app.engine.now = replace(
        app.engine.now, state="failed", error="Too little memory: 3 GiB needed."
    )
    tab = open_page()
    assert "Too little memory" in words(tab)
    button(tab, "Try again").click().run()
    assert again == [app]


def test_a_limit_below_one_megabyte_is_no_obstacle(open_page, app):
    app.settings.ingestion.max_file_mb = 0.5
    assert open_page().chat_input[0].proto.max_upload_size_mb == 1
    assert open_page("documents").file_uploader[0].proto.max_upload_size_mb == 1


def test_conversations_are_listed_and_opened(open_page, app):
    one = app.conversations.create("First")
    two = app.conversations.create("Second")
    tab = open_page()
    assert {found.label for found in buttons_with_key(tab, "open-")} == {"First", "Second"}
    tab.button(key=f"open-{one.id}").click().run()
    assert tab_state(tab).conversation_id == one.id
    assert tab.query_params["c"] == one.id
    button(tab, "New conversation").click().run()
    assert tab_state(tab).conversation_id is None
    ids = {conversation.id for conversation in app.conversations.list()}
    assert ids == {one.id, two.id}


def test_a_conversation_is_renamed(open_page, app):
    made = app.conversations.create("First")
    tab = open_page()
    tab.menu_button(key=f"menu-{made.id}").click("Rename").run()
    name = next(field for field in tab.text_input if field.label == "Name")
    name.set_value("Prices")
    button(tab, "Save").click().run()
    assert app.conversations.get(made.id).title == "Prices"


def test_a_conversation_is_exported_with_the_passages_it_cites(open_page, app, ready):
    made = app.conversations.create("What does the blue one cost?")
    cited = numbered(
        2, "c2", ready.id, "prices.txt", "The blue one costs 12 euros.\nThe red one 9.", page=3
    )
    other = numbered(1, "c1", ready.id, "prices.txt", "Not cited.")
    citation = Citation(number=2, sentence="It costs 12 euros.", supported=False)
    app.conversations.add_question(made.id, "What does\nthe blue one cost?")
    answer = StoredMessage(
        role="assistant",
        text="It costs 12 euros. [2]",
        sources=(other, cited),
        citations=(citation,),
        stopped=True,
    )
    app.conversations.add_answer(made.id, answer)
    tab = open_page()
    tab.menu_button(key=f"menu-{made.id}").click("Export").run()
    assert tab.get("download_button")[0].proto.label == "Save"
    assert transcript(made.title, app.conversations.messages(made.id)) == (
        "# What does the blue one cost?\n\n"
        "## What does the blue one cost?\n\n"
        "It costs 12 euros. [2]\n\n"
        "*Stopped before it was complete.*\n\n"
        "**[2] prices.txt, page 3** (the passage was not found to support this sentence)\n\n"
        "> The blue one costs 12 euros.\n> The red one 9.\n"
    )


def test_what_the_model_had_written_is_shown_behind_a_fold(open_page, app, ready):
    made = app.conversations.create("What does it cost?")
    app.conversations.add_question(made.id, "What does it cost?")
    replaced = SentenceReplaced(
        conversation_id=made.id,
        turn_id="t",
        agent="researcher",
        run_id="researcher:1",
        replacement=Replacement(before="It costs *90* euros.", after="It costs 12 euros."),
    )
    answer = StoredMessage(role="assistant", text="It costs 12 euros.", steps=(replaced,))
    app.conversations.add_answer(made.id, answer)
    tab = open_page()
    button(tab, made.title).click().run()
    assert not tab.exception
    assert "1 unsupported sentence replaced" in [fold.label for fold in tab.expander]
    assert r"~~It costs \*90\*" in words(tab)


def test_a_deleted_conversation_can_be_brought_back(open_page, app):
    made = app.conversations.create("First")
    app.conversations.add_question(made.id, "What is the fee?")
    tab = open_page()
    tab.menu_button(key=f"menu-{made.id}").click("Delete").run()
    assert app.conversations.list() == []
    assert "Conversation deleted" in words(tab)
    tab.button(key="undo").click().run()
    assert [message.text for message in app.conversations.messages(made.id)] == ["What is the fee?"]
    assert "Conversation deleted" not in words(tab)
    tab.menu_button(key=f"menu-{made.id}").click("Delete").run()
    app.conversations.delete_put_away()  # as the next start does
    app.conversations.bring_back(made.id)
    assert app.conversations.get(made.id) is None


def test_a_pinned_conversation_stands_above_the_others_and_a_copy_goes_its_own_way(open_page, app):
    first = app.conversations.create("First")
    app.conversations.add_question(first.id, "What is the fee?")
    app.conversations.create("Second")
    tab = open_page()
    tab.menu_button(key=f"menu-{first.id}").click("Pin").run()
    assert [found.title for found in app.conversations.list()] == ["First", "Second"]
    assert "Pinned" in words(tab)
    tab.menu_button(key=f"menu-{first.id}").click("Unpin").run()
    assert not app.conversations.get(first.id).pinned
    tab.menu_button(key=f"menu-{first.id}").click("Duplicate").run()
    copy = tab_state(tab).conversation_id
    assert copy != first.id
    assert app.conversations.get(copy).title == "First (copy)"
    app.conversations.add_question(copy, "And per year?")
    assert len(app.conversations.messages(copy)) == 2
    assert len(app.conversations.messages(first.id)) == 1


def test_files_dropped_with_a_question_are_read_before_it_is_asked(open_page, app, ready):
    tab = open_page()
    tab.chat_input[0].upload("slow.txt", b"text", "text/plain").set_value("What is in it?").run()
    names = {document.name for document in app.documents.documents()}
    assert names == {"prices.txt", "slow.txt"}
    assert "What is in it?" in words(tab)
    assert "as soon as your documents are read" in words(tab)


def test_files_dropped_with_a_question_are_asked_of_beside_what_was_chosen(open_page, app, ready):
    tab = open_page()
    chosen = ChosenDocument(id=ready.id, name=ready.name)
    tab_state(tab).scope = QuestionScope(documents=(chosen,))
    tab.chat_input[0].upload("lease.txt", b"text", "text/plain").set_value("What is due?").run()
    conversation = app.conversations.list()[0]
    question = app.conversations.messages(conversation.id)[0]
    assert [found.name for found in question.scope.documents] == ["prices.txt", "lease.txt"]


def test_trims_are_listed_in_the_sidebar(open_page, app):
    made = app.conversations.create("Long one")
    app.conversations.add_trims([cut(made.id)])
    tab = open_page()
    tab.button(key=f"open-{made.id}").click().run()
    assert "Context trimmed 1 time" in [expander.label for expander in tab.expander]
    assert "7,400 → 5,600 tokens" in words(tab)


def test_hostile_names_stay_letters(open_page, app):
    app.documents.add_bytes(b"x", "![x](http://evil.example).txt")
    labels = "".join(found.label for found in open_page().button)
    assert "![x](http" not in labels


def test_a_conversation_keeps_which_collections_it_searches(open_page, app, ready):
    made = app.collections.create("Contracts")
    tab = open_page()
    tab_state(tab).scope = QuestionScope(collections=(made.id,))
    tab.run()
    assert "None of the chosen documents is ready" in words(tab)
    ask(tab, "What is the fee?")
    conversation = app.conversations.list()[0]
    assert conversation.scope.collections == (made.id,)
    assert app.conversations.messages(conversation.id)[0].scope.collections == (made.id,)
    button(tab, "Contracts").click().run()
    assert not app.conversations.get(conversation.id).scope
    # What was asked stays what it was.
    assert app.conversations.messages(conversation.id)[0].scope.collections == (made.id,)


def test_a_question_names_the_documents_that_it_is_asked_of(open_page, app, ready):
    app.documents.add_bytes(b"The rent is due.", "lease.txt")
    tab = open_page()
    ask(tab, "@prices What is the fee?")
    conversation = app.conversations.list()[0]
    question = app.conversations.messages(conversation.id)[0]
    assert question.text == "What is the fee?"
    assert [chosen.name for chosen in question.scope.documents] == ["prices.txt"]
    assert f":gray-badge[{plain('prices.txt')}]" in words(tab)
    # It holds for what is asked next, until it is taken out.
    ask(tab, "And per year?")
    assert app.conversations.messages(conversation.id)[2].scope == question.scope
    tab.button(key="unscope-0").click().run()
    ask(tab, "And elsewhere?")
    assert not app.conversations.messages(conversation.id)[4].scope


def test_a_document_alone_is_only_chosen_and_a_file_that_is_not_there_is_said(
    open_page, app, ready
):
    tab = open_page()
    tab.chat_input[0].set_value("@prices.txt").run()
    assert app.conversations.list() == []
    assert [chosen.id for chosen in tab_state(tab).scope.documents] == [ready.id]
    tab.chat_input[0].set_value("@invoices-2031.pdf What is due?").run()
    assert plain("no document called invoices-2031.pdf") in words(tab)
    assert app.conversations.list() == []


def test_an_answer_made_again_is_asked_of_the_same_documents(open_page, app, ready):
    tab = open_page()
    ask(tab, "@prices.txt What is the fee?")
    conversation = app.conversations.list()[0]
    app.conversations.search_in(conversation.id, QuestionScope())
    _, answer = app.conversations.messages(conversation.id)
    tab.run()
    tab.menu_button(key=f"again-{answer.id}").click("again").run()
    messages = app.conversations.messages(conversation.id)
    assert len(messages[1].versions) == 2
    assert messages[0].scope.documents[0].name == "prices.txt"


def test_a_new_conversation_searches_everything_again(open_page, app, ready):
    made = app.collections.create("Contracts")
    conversation = app.conversations.create("First")
    tab = open_page()
    tab_state(tab).scope = QuestionScope(collections=(made.id,))
    tab.run()
    tab.button(key=f"open-{conversation.id}").click().run()
    button(tab, "New conversation").click().run()
    assert not tab_state(tab).scope


def test_conversations_of_one_title_are_told_apart_by_their_time(open_page, app):
    for _ in range(2):
        app.conversations.create("Sum it up")
    app.conversations.create("Prices")
    labels = {found.label for found in buttons_with_key(open_page(), "open-")}
    assert "Prices" in labels
    assert all(" · " in label for label in labels - {"Prices"})


def test_settings_that_were_taken_back_are_told_until_it_is_read(open_page, app):
    app.engine.now = replace(
        app.engine.now, notice="engine.max_num_seqs = 900 did not work. DocMind went back."
    )
    tab = open_page()
    assert "did not work" in words(tab)
    button(tab, "OK").click().run()
    assert "did not work" not in words(tab)


def versions(tab):
    """Return which version of which place is shown, as the page says it."""
    return [caption.value for caption in tab.caption if " / " in caption.value]


def test_an_answer_is_made_again_and_its_versions_can_be_switched(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    assert versions(tab) == []
    first = app.conversations.messages(tab_state(tab).conversation_id)[-1]
    app.chat.answer = "It is five dollars [1]."
    tab.menu_button(key=f"again-{first.id}").click("varied").run()
    tab = finished(tab, app)
    assert app.chat.temperatures == [None, 0.7]
    assert versions(tab) == ["2 / 2"]
    assert "It is five dollars" in words(tab)
    assert "per month" not in words(tab)
    second = app.conversations.messages(tab_state(tab).conversation_id)[-1]
    tab.button(key=f"icon-version-left-{second.id}").click().run()
    assert versions(tab) == ["1 / 2"]
    assert "per month" in words(tab)
    tab.menu_button(key=f"again-{first.id}").click("compare").run()
    assert "Nothing in these versions was checked" in words(tab)


def test_an_edited_question_is_asked_in_its_place(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    tab = finished(ask(tab, "And the tax?"), app)
    conversation_id = tab_state(tab).conversation_id
    first = app.conversations.messages(conversation_id)[0]
    tab.button(key=f"icon-edit-{first.id}").click().run()
    tab.text_area[0].set_value("What is the yearly fee?")
    button(tab, "Ask").click().run()
    tab = finished(tab, app)
    texts = [message.text for message in app.conversations.messages(conversation_id)]
    assert texts[0] == "What is the yearly fee?"
    assert len(texts) == 2
    assert versions(tab) == ["2 / 2"]


def test_an_answer_is_copied_with_its_sources_or_as_plain_text(open_page, app, ready):
    app.chat.answer = "The fee is **$5** [1]."
    tab = finished(ask(open_page(), "What is the fee?"), app)
    answer = app.conversations.messages(tab_state(tab).conversation_id)[-1]
    tab.menu_button(key=f"copy-{answer.id}").click("plain").run()
    assert tab_state(tab).clipping.text == "The fee is $5 [1].\n"
    tab.menu_button(key=f"copy-{answer.id}").click("sources").run()
    copied = tab_state(tab).clipping
    assert copied.text.startswith("The fee is **$5** [1].\n\n**[1] prices.txt, page 1**")
    assert copied.number == 2


def test_a_rating_with_its_reason_is_kept_and_exported(open_page, app, ready):
    tab = finished(ask(open_page(), "What is the fee?"), app)
    conversation_id = tab_state(tab).conversation_id
    answer = app.conversations.messages(conversation_id)[-1]
    tab.feedback(key=f"rating-{answer.id}").set_value(0).run()
    tab.text_input(key=f"reason-{answer.id}").set_value("It is ten.").run()
    messages = app.conversations.messages(conversation_id)
    assert (messages[-1].rating, messages[-1].rating_reason) == ("down", "It is ten.")
    assert "Your reason: It is ten" in words(tab)
    assert "*Rated not helpful: It is ten.*" in transcript("Fee", messages)


def test_conversations_are_searched_and_grouped_by_day(open_page, app):
    made = app.conversations.create("Rents")
    app.conversations.create("Prices")
    app.conversations.add_question(made.id, "What is the deposit?")
    tab = open_page()
    assert [caption.value for caption in tab.sidebar.caption if caption.value == "Today"]
    tab.text_input(key="conversation-search").set_value("DEPOSIT").run()
    assert [found.label for found in buttons_with_key(tab, "open-")] == ["Rents"]
    tab.text_input(key="conversation-search").set_value("nowhere").run()
    assert "No conversation has this" in words(tab)
    tab.text_input(key="conversation-search").set_value("").run()
    assert len(buttons_with_key(tab, "open-")) == 2


@pytest.mark.parametrize("shown", [0, 1])
def test_versions_are_compared_in_their_order_whichever_is_shown(open_page, app, shown):
    made = app.conversations.create("Prices")
    question = app.conversations.add_question(made.id, "What is the fee?")
    for text in ("It is five.", "It is six."):
        statements = (Statement(text=text, verdict=Verdict.SUPPORTED),)
        answer = StoredMessage(role="assistant", text=text, statements=statements)
        app.conversations.add_answer(made.id, answer, question)
    versions = app.conversations.messages(made.id)[-1].versions or ()
    assert len(versions) == 2
    app.conversations.show_version(made.id, versions[shown])
    tab = open_page()
    tab.button(key=f"open-{made.id}").click().run()
    tab.menu_button(key=f"again-{versions[shown]}").click("compare").run()
    assert not tab.exception
    assert f"Only in version 1**]  \n{plain('It is five.')}" in words(tab)
    assert f"Only in version 2**]  \n{plain('It is six.')}" in words(tab)


def test_what_can_be_asked_next_is_offered_and_asked_with_a_click(open_page, app, ready):
    app.suggestions.questions = ["What is the fee?", "Did it rise?"]
    tab = open_page()
    button(tab, plain("What is the fee?")).click().run()
    finished(tab, app)
    conversation = app.conversations.list()[0]
    question, answer = app.conversations.messages(conversation.id)
    assert question.text == "What is the fee?"
    assert app.suggestions.asked_after[-1] == answer.id
    tab.button(key="next-question-1").click().run()
    assert app.conversations.messages(conversation.id)[2].text == "Did it rise?"


def test_nothing_is_offered_while_an_answer_is_written_or_after_one_that_failed(
    open_page, app, ready, running
):
    app.suggestions.questions = ["Did it rise?"]
    app.chat.fails = "The engine is gone."
    app.chat.answer = ""
    tab = ask(open_page(), "What is the fee?")
    assert not buttons_with_key(tab, "next-question-")
    running.set()
    assert not buttons_with_key(finished(tab, app), "next-question-")


def test_an_answer_whose_document_was_deleted_says_so(open_page, app, ready):
    tab = ask(open_page(), "What is the fee?")
    assert "since" not in words(tab)
    app.documents.add_bytes(b"another", "other.txt")
    app.documents.delete(ready.id)
    assert "**prices\\.txt** was deleted since." in words(tab.run())


def test_an_answer_whose_document_has_changed_is_made_again_in_one_click(open_page, app, ready):
    tab = ask(open_page(), "@prices.txt What is the fee?")
    app.documents.delete(ready.id)
    newer = app.documents.add_bytes(b"The fee is six.", ready.name).document
    tab.run()
    assert "has changed since" in words(tab)
    button(tab, "Ask again").click().run()
    tab = finished(tab, app)
    question, answer = app.conversations.messages(app.conversations.list()[0].id)
    assert [document.id for document in question.scope.documents] == [newer.id]
    assert len(answer.versions) == 2 or len(question.versions) == 2
    assert "has changed since" not in words(tab)
