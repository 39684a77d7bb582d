"""What a caller is told of a running request."""

import itertools
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmind.engine import request as module
from docmind.engine.request import EMIT_INTERVAL_S, Request, Sampling
from docmind.errors import EngineError

STEPS = st.lists(st.tuples(st.text(max_size=4), st.floats(0, 0.1)), min_size=1, max_size=30)


def make_request(submitted_at=0.0):
    sampling = Sampling(max_tokens=99, temperature=0.0)
    return Request(id="1", prompt_ids=[1, 2, 3], sampling=sampling, submitted_at=submitted_at)


def output(text, finished):
    piece = SimpleNamespace(text=text, token_ids=[1], finish_reason=finished or None)
    return SimpleNamespace(outputs=[piece], finished=bool(finished), num_cached_tokens=3)


@given(STEPS)
def test_every_letter_arrives_but_no_more_often_than_needed(steps):
    clock = SimpleNamespace(now=100.0)
    real = module.time.monotonic
    module.time.monotonic = lambda: clock.now
    try:
        request = make_request(submitted_at=99.0)
        emitted = []
        for number, (text, passed) in enumerate(steps, start=1):
            clock.now += passed
            reason = "stop" if number == len(steps) else ""
            delta = request.take(output(text, reason))
            if delta is not None:
                emitted.append((clock.now, delta))
    finally:
        module.time.monotonic = real
    assert "".join(delta.text for _, delta in emitted) == "".join(text for text, _ in steps)
    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(emitted[:-1])]
    assert all(gap >= EMIT_INTERVAL_S - 1e-9 for gap in gaps)
    assert emitted[-1][1].usage.completion_tokens == len(steps)


def test_the_first_text_is_emitted_at_once():
    assert make_request().take(output("Yes", "")).text == "Yes"


def test_what_the_engine_gave_up_is_no_answer():
    for reason in ("abort", "error"):
        assert isinstance(make_request().take(output("Ye", reason)), EngineError)


def test_letters_have_their_chances_among_each_other():
    request = make_request()
    request.sampling.choices = (5, 6, 7)
    last = output("A", "length")
    logprobs = {5: SimpleNamespace(logprob=-1.0), 6: SimpleNamespace(logprob=-2.0)}
    last.outputs[0].logprobs = [logprobs]
    request.take(last)
    first, second, third = request.chances
    assert first + second == 1.0
    assert first / second == pytest.approx(math.e)
    assert third == 0.0


def test_a_text_has_no_chances():
    request = make_request()
    request.take(output("Yes", "stop"))
    assert request.chances is None
