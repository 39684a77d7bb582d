"""What a conversation has found stands in front of what it finds next.

So the prefix cache serves it.
"""

from hypothesis import given
from hypothesis import strategies as st

from docmind.agents.reading import estimated_tokens, retained_passages
from docmind.events import AgentStep
from tests.agents.conftest import plan
from tests.engines import PromptedEngine
from tests.passages import numbered

QUESTIONS = (
    "How many days of paid vacation do employees get?",
    "Are pets allowed?",
    "How long is the notice period?",
)


def talk(make_app, ask, answers, delete="", **agents):
    """The agents' prompts of a conversation, and its events by turn."""
    words = [
        text
        for question, answer in zip(QUESTIONS, answers, strict=False)
        for text in (plan((question, "researcher")), answer)
    ]
    engine = PromptedEngine(words)
    app = make_app(engine, agents=agents, retrieval={"top_k": 1})
    conversation = app.conversations.create().id
    events = []
    for question in QUESTIONS[: len(answers)]:
        events.append(ask(app, question, conversation))
        for document in app.documents.documents():
            if document.name == delete:
                app.documents.delete(document.id)
    return [p[-1]["content"] for p in engine.prompts if "<passages>" in p[-1]["content"]], events


def test_the_next_turns_prompt_begins_with_the_passages_of_the_last_one(make_app, ask):
    prompts, events = talk(
        make_app, ask, ["25 days [1].", "No [2].", "Three months [2]."], keep_passages=0.5
    )
    passages = [p.split("\n</passages>")[0] for p in prompts]
    assert "25 days" in passages[0]
    assert passages[1].startswith(passages[0])
    assert "Pets are not allowed" in passages[1][len(passages[0]) :]
    assert passages[2] == passages[1], "found again, read once"
    assert "The search found: [2]" in prompts[1]
    assert [(s.number, s.passage.file_name) for s in events[1][-1].sources] == [(1, "lease.txt")]
    assert events[1][-1].answer == "No [1]."
    assert next(e.result for e in events[1] if isinstance(e, AgentStep)).startswith(
        "1 passage (2 with"
    )


def test_a_passage_of_an_earlier_turn_is_a_source_once_it_is_cited(make_app, ask):
    _, events = talk(
        make_app,
        ask,
        [
            "25 days [1].",
            "Pets are not allowed [2]. Employees get 25 days of paid vacation a year [1].",
        ],
        keep_passages=0.5,
    )
    last = events[1][-1]
    assert [s.passage.file_name for s in last.sources] == ["lease.txt", "handbook.md"]
    assert {c.number: c.supported for c in last.citations}[2]


def test_a_deleted_document_is_read_no_more(make_app, ask):
    prompts, _ = talk(
        make_app, ask, ["25 days [1].", "No [1]."], delete="handbook.md", keep_passages=0.5
    )
    assert "25 days" not in prompts[1]


def test_a_small_window_keeps_none_unless_it_is_asked_for(make_app, ask):
    prompts, _ = talk(make_app, ask, ["25 days [1].", "No [1]."])
    assert "25 days" not in prompts[1]


SOURCES = st.lists(st.lists(st.integers(0, 12), max_size=5), max_size=8)


@given(turns=SOURCES, room=st.integers(0, 600))
def test_the_list_grows_at_its_end_and_stays_within_its_room(turns, room):
    turns = [
        [numbered(0, str(n), "d", "f", "word " * (10 + n)) for n in dict.fromkeys(turn)]
        for turn in turns
    ]
    before = []
    for i in range(len(turns) + 1):
        now = retained_passages(turns[:i], room)
        assert estimated_tokens(now) <= room
        assert len({p.id for p in now}) == len(now)
        if i:
            anew = now in ([], retained_passages([turns[i - 1]], room))
            assert now[: len(before)] == before or anew
        before = now
