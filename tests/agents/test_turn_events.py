from types import SimpleNamespace

from docmind.agents.turn_events import TurnEvents


def test_the_first_token_is_the_first_of_the_text_that_stays_on_the_page():
    passages = SimpleNamespace(translate_marks=lambda _run_id, text: text)
    events = TurnEvents(
        conversation_id="c", turn_id="t", passages=passages, emit=lambda _event: None
    )
    events.answer.add_part("Pets?")
    events.answer.begin("r1", "Pets?")
    events.answer.write("r1", "I look it up.")
    assert events.first_token_at is not None

    events.answer.restart("r1")
    events.agent_step(
        agent="researcher",
        run_id="r1",
        tool="search",
        arguments={},
        result="1 passage",
        began=0.0,
        message="I look it up.",
    )
    assert events.first_token_at is None, "what was shown is a step now, not the answer"
    events.answer.write("r1", "Pets are not allowed.")
    assert events.first_token_at is not None
