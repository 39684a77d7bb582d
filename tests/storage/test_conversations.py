import pytest
from sqlalchemy import event

from docmind.errors import IngestError, StoreError
from docmind.events import (
    AgentFinished,
    AgentStarted,
    AgentStep,
    Citation,
    ContextTrimmed,
    Usage,
    now,
)
from docmind.question_scope import ChosenDocument, PageRange, QuestionScope
from docmind.storage.conversations import ConversationStore, completed_turns
from docmind.storage.database import Database
from docmind.storage.messages import StoredMessage
from docmind.turns import CompletedTurn
from tests.passages import numbered


@pytest.fixture
def store(database):
    return ConversationStore(database)


def test_a_conversation_comes_back_whole_after_a_restart(tmp_path, database, store):
    conversation = store.create()
    answer = StoredMessage(
        role="assistant",
        text="25 days [1].",
        at=now(),
        sources=(
            numbered(1, "c1", "d1", "Urlaub 休暇.pdf", "25 days", page=3, heading="Time off"),
        ),
        citations=(Citation(number=1, sentence="25 days.", supported=True),),
        usage=Usage(
            prompt_tokens=100,
            cached_tokens=40,
            completion_tokens=5,
            engine_calls=2,
            ttft_s=0.5,
            tokens_per_s=30.0,
            context_tokens=105,
            window=8192,
            duration_s=1.2,
        ),
        steps=(
            AgentStarted(
                conversation_id=conversation.id,
                turn_id="t1",
                agent="researcher",
                task="days?",
                run_id="r1",
            ),
            AgentStep(
                conversation_id=conversation.id,
                turn_id="t1",
                agent="researcher",
                run_id="r1",
                tool="search_documents",
                arguments={"query": "days"},
                result="2 passages",
                duration_ms=12.5,
                message="I look it up.",
            ),
            AgentFinished(
                conversation_id=conversation.id,
                turn_id="t1",
                agent="researcher",
                run_id="r1",
                text="25 days",
            ),
        ),
        stopped=True,
        error="The engine died.",
        notices=("The researcher ran out of time.",),
        confidence=0.9,
        open_points="Whether cats count.",
    )
    trim = ContextTrimmed(
        conversation_id=conversation.id,
        turn_id="t1",
        tokens_before=7000,
        tokens_after=5000,
        dropped="3 oldest turns",
        reason="over the limit",
        at=now(),
        first_retained_turn=3,
    )
    store.add_question(conversation.id, "How many days off?")
    store.add_answer(conversation.id, answer)
    store.add_trims([trim])
    database.close()

    again = ConversationStore(Database(tmp_path / "docmind.sqlite3"))
    question, stored = again.messages(conversation.id)
    assert (question.role, question.text) == ("user", "How many days off?")
    assert stored == answer
    assert again.trims(conversation.id) == [trim]
    assert [c.title for c in again.list()] == ["How many days off?"]


def test_the_last_used_conversation_comes_first_and_long_questions_make_short_titles(store):
    first = store.create("first")
    second = store.create()
    store.add_question(second.id, "word " * 40)
    assert store.list()[0].id == second.id
    assert len(store.list()[0].title) <= 60
    store.rename(first.id, "  renamed\n ")
    store.rename(second.id, "   ")
    assert store.get(first.id).title == "renamed"
    assert store.get(second.id).title.startswith("word")


def cut(conversation_id, **fields):
    """Return a trim event; `fields` are more of ContextTrimmed's."""
    return ContextTrimmed(
        conversation_id=conversation_id,
        turn_id="t",
        tokens_before=9,
        tokens_after=5,
        dropped="1 oldest turn",
        reason="r",
        at=now(),
        **fields,
    )


def test_delete_takes_messages_and_trims_along_and_late_answers_are_dropped(store):
    conversation = store.create("x")
    store.add_question(conversation.id, "?")
    store.add_trims([cut(conversation.id)])
    store.delete(conversation.id)
    store.add_answer(conversation.id, StoredMessage(role="assistant", text="late", at=now()))
    assert store.list() == []
    assert store.messages(conversation.id) == []
    assert store.trims() == []


def test_a_conversation_keeps_the_collections_it_searches(store):
    conversation = store.create()
    assert not conversation.scope
    pages = ChosenDocument(id="a", name="a.pdf", pages=PageRange(first=2, last=4))
    scope = QuestionScope(documents=(pages,), collections=(3, 1), tags=("tax",))
    store.search_in(conversation.id, scope)
    assert store.get(conversation.id).scope == scope
    assert store.list() == [store.get(conversation.id)]
    store.search_in(conversation.id, QuestionScope())
    assert not store.get(conversation.id).scope


def test_a_conversation_that_cannot_begin_goes_again(store):
    refused = IngestError("No document is ready.")
    with pytest.raises(IngestError), store.existing_or_new(None):
        raise refused
    assert store.list() == []
    there = store.create("there")
    with pytest.raises(IngestError), store.existing_or_new(there.id) as asked_in:
        raise refused
    assert asked_in == there.id
    assert store.list() == [there]


def test_a_question_without_an_answer_is_no_turn():
    question = StoredMessage(role="user", text="Lost?")
    asked = StoredMessage(role="user", text="How long?")
    failed = StoredMessage(role="assistant", text="", error="It failed.")
    answer = StoredMessage(role="assistant", text="25 days.")
    turns = completed_turns([question, failed, asked, answer])
    assert turns == [CompletedTurn("How long?", "25 days.")]


def test_a_full_disk_is_said_and_what_is_stored_stays(database, store):
    conversation = store.create()
    store.add_question(conversation.id, "How long?")
    event.listen(database.engine, "connect", lambda db, _: db.execute("PRAGMA max_page_count = 1"))
    database.close()
    with pytest.raises(StoreError, match=r"is full.*Free disk space"):
        store.add_answer(
            conversation.id, StoredMessage(role="assistant", text="word " * 50_000, at=now())
        )
    assert [m.text for m in store.messages(conversation.id)] == ["How long?"]


def said(store, conversation_id):
    return [message.text for message in store.messages(conversation_id)]


def answered(text, **fields):
    return StoredMessage(role="assistant", text=text, at=now(), **fields)


def test_a_question_that_is_answered_again_has_two_answers_of_which_one_is_shown(store):
    one = store.create().id
    question = store.add_question(one, "How old?")
    store.add_answer(one, answered("Seven."), question)
    assert store.add_question(one, "How old?", version_of=question) == question
    assert said(store, one) == ["How old?"], "the model must not see the answer that it replaces"
    store.add_answer(one, answered("Eight."), question)
    asked, answer = store.messages(one)
    assert (answer.text, len(answer.versions), asked.versions) == ("Eight.", 2, (question,))
    assert answer.versions[1] == answer.id

    store.show_version(one, answer.versions[0])
    assert said(store, one) == ["How old?", "Seven."]
    store.add_question(one, "And tall?")
    assert said(store, one) == ["How old?", "Seven.", "And tall?"]
    store.show_version(one, answer.id)
    assert said(store, one) == ["How old?", "Eight."]
    store.show_version(one, answer.versions[0])
    assert said(store, one) == ["How old?", "Seven.", "And tall?"], "with what came after it"


def test_an_edited_question_begins_a_line_of_its_own(store):
    one = store.create().id
    first = store.add_question(one, "How old?")
    store.add_answer(one, answered("Seven."), first)
    second = store.add_question(one, "And tall?")
    store.add_answer(one, answered("Two metres."), second)
    edited = store.add_question(one, "And wide?", version_of=second)
    assert said(store, one) == ["How old?", "Seven.", "And wide?"]
    assert [message.text for message in store.messages(one, before=second)] == [
        "How old?",
        "Seven.",
    ]
    assert store.messages(one)[-1].versions == (second, edited)
    begun_anew = store.add_question(one, "How young?", version_of=first)
    assert said(store, one) == ["How young?"]
    assert store.messages(one)[0].versions == (first, begun_anew)


def test_an_answer_that_ends_while_another_version_is_looked_at_is_not_forced_upon_the_user(store):
    one = store.create().id
    question = store.add_question(one, "How old?")
    store.add_answer(one, answered("Seven."), question)
    seven = store.messages(one)[-1].id
    store.add_question(one, "How old?", version_of=question)
    store.show_version(one, seven)
    store.add_answer(one, answered("Eight."), question)
    assert said(store, one) == ["How old?", "Seven."]
    assert len(store.messages(one)[-1].versions) == 2


def test_a_cut_holds_for_the_versions_that_come_after_it_only(store):
    one = store.create().id
    first = store.add_question(one, "1?")
    store.add_answer(one, answered("1."), first)
    second = store.add_question(one, "2?")
    trim = cut(one, first_retained_turn=1, summary="1 was asked.")
    store.add_trims([trim], second)
    store.add_answer(one, answered("2."), second)
    assert store.trims(one) == [trim]
    assert store.trims(one, before=second) == []
    store.add_question(one, "One?", version_of=first)
    assert store.trims(one) == []
    assert store.trims() == [trim]


def test_what_the_user_thinks_of_an_answer_is_kept(store):
    one = store.create().id
    store.add_answer(one, answered("Seven."), store.add_question(one, "How old?"))
    answer = store.messages(one)[-1]
    store.rate(answer.id, "down", " It is eight.\n")
    rated = store.messages(one)[-1]
    assert (rated.rating, rated.rating_reason) == ("down", "It is eight.")
    store.rate(answer.id, None)
    assert store.messages(one)[-1].rating is None


def test_conversations_are_found_by_title_question_and_answer_whatever_their_case(store):
    titled = store.create("Der ÄRGER mit der Miete").id
    asked = store.create("x").id
    question = store.add_question(asked, "Was kostet\n der Ärger?")
    store.add_answer(asked, answered("Nothing is said of trouble."), question)
    store.create("Prices")
    assert {found.id for found in store.search("ärger")} == {titled, asked}
    assert [found.id for found in store.search("TROUBLE")] == [asked]
    assert [found.id for found in store.search("kostet der")] == [asked]
    assert store.search("no such words") == []


def test_what_was_read_before_is_not_shown_for_what_has_changed(conversations):
    made = conversations.create("Prices")
    conversations.add_question(made.id, "What is the fee?")
    conversations.add_answer(made.id, StoredMessage(role="assistant", text="Five."))
    answer = conversations.messages(made.id)[-1]
    conversations.rate(answer.id, "down", "too short")
    assert conversations.messages(made.id)[-1].rating_reason == "too short"
    conversations.add_question(made.id, "And per year?")
    assert [message.text for message in conversations.messages(made.id)][-1] == "And per year?"
    conversations.delete(made.id)
    assert conversations.messages(made.id) == []


def test_a_copy_has_all_versions_and_cuts(conversations):
    made = conversations.create("Prices")
    question = conversations.add_question(made.id, "What is the fee?")
    for text in ("Five.", "Six."):
        conversations.add_answer(made.id, StoredMessage(role="assistant", text=text), question)
    conversations.add_trims([cut(made.id)], question)
    copy = conversations.duplicate(made.id)
    asked, answer = conversations.messages(copy)
    assert (asked.text, answer.text) == ("What is the fee?", "Five.")
    assert len(answer.versions) == 2
    assert not set(answer.versions) & set(conversations.messages(made.id)[1].versions)
    assert len(conversations.trims(copy)) == len(conversations.trims(made.id)) == 1
    conversations.delete(made.id)
    assert len(conversations.messages(copy)) == 2
    assert conversations.duplicate(made.id) is None


def test_a_conversation_is_found_by_the_passages_that_it_cites(conversations):
    made = conversations.create("Prices")
    conversations.create("Other")
    source = numbered(
        1, "p", document_id="d", file_name="Tarife.pdf", text="Die  jährliche Gebühr: 5 €"
    )
    conversations.add_question(made.id, "What is the fee?")
    conversations.add_answer(made.id, StoredMessage(role="assistant", text="5.", sources=(source,)))
    for text in ("jährliche gebühr", "GEBÜHR: 5", "tarife.pdf"):
        assert [found.id for found in conversations.search(text)] == [made.id], text
    assert conversations.search("monatliche gebühr") == []
    assert conversations.search("document_id") == []


def test_the_conversations_that_cite_a_document_are_known(conversations):
    made = conversations.create("Prices")
    conversations.create("Other")
    cited = numbered(1, "p", document_id="d1", file_name="a.pdf", text="Five.")
    only_found = numbered(2, "q", document_id="d2", file_name="b.pdf", text="Six.")
    answer = StoredMessage(
        role="assistant",
        text="Five [1].",
        sources=(cited, only_found),
        citations=(Citation(number=1, sentence="Five.", supported=True),),
    )
    for _ in range(2):
        conversations.add_question(made.id, "What is the fee?")
        conversations.add_answer(made.id, answer)
    ((found, answers),) = conversations.citing("d1")
    assert (found.id, answers) == (made.id, 2)
    assert conversations.citing("d2") == []
