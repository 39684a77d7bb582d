"""What a caller is told of a running request."""

import itertools
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from docmind.engine import request as module
from docmind.engine.request import INTERVAL_S, Request
from docmind.errors import EngineError

STEPS = st.lists(st.tuples(st.text(max_size=4), st.floats(0, 0.1)), min_size=1, max_size=30)


def output(text, finished):
    piece = SimpleNamespace(text=text, token_ids=[1], finish_reason=finished or None)
    return SimpleNamespace(outputs=[piece], finished=bool(finished), num_cached_tokens=3)


@given(STEPS)
def test_every_letter_arrives_but_no_more_often_than_needed(steps):
    clock = SimpleNamespace(now=100.0)
    real, module.time.monotonic = module.time.monotonic, lambda: clock.now
    try:
        request, told = Request("1", [1, 2, 3], {}, None, None, submitted=99.0), []
        for i, (text, passed) in enumerate(steps):
            clock.now += passed
            if delta := request.deliver(output(text, "stop" if i == len(steps) - 1 else "")):
                told.append((clock.now, delta))
    finally:
        module.time.monotonic = real
    assert "".join(d.text for _, d in told) == "".join(text for text, _ in steps)
    between = [b - a for (a, _), (b, _) in itertools.pairwise(told[:-1])]
    assert all(gap >= INTERVAL_S - 1e-9 for gap in between)
    assert told[-1][1].usage.completion_tokens == len(steps)


def test_the_first_text_is_told_at_once():
    assert Request("1", [1], {}, None, None).deliver(output("Yes", "")).text == "Yes"


def test_what_the_engine_gave_up_is_no_answer():
    for reason in ("abort", "error"):
        assert isinstance(
            Request("1", [1], {}, None, None).deliver(output("Ye", reason)), EngineError
        )
