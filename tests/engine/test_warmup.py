"""What is run before the engine is ready is what real use will run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docmind.engine.warmup import GRAMMAR, warm_up_rounds

GPU = {
    "window": 131_072,
    "step_tokens": 2_048,
    "sequences": 4,
    "vocabulary": 151_669,
    "temperature": 0.0,
}


def shared(a, b):
    """Tokens that two prompts have in common at their beginning."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


def test_a_gpu_meets_short_and_long_prompts_every_batch_both_grammars_and_the_cache():
    warm = list(warm_up_rounds(**GPU, gpu=True))
    alone = {len(r[0].prompt_ids) for r in warm if len(r) == 1}
    assert {n % 16 == 0 for n in alone} == {True, False}, "Triton has a kernel for each"
    assert 2_048 in alone
    assert max(alone) > 4 * 2_048, "prompts of several steps"
    assert {len(r) for r in warm} == {1, 2, 3, 4}
    for together in (1, 2, 3, 4):
        assert {q.constraint is GRAMMAR for r in warm if len(r) == together for q in r} == {
            True,
            False,
        }
    seen = []
    hits = 0
    for batch in warm:
        hits += any(shared(q.prompt_ids, old) >= 40 for q in batch for old in seen)
        seen += [q.prompt_ids for q in batch]
    assert hits == 2, "a short common beginning and a long one; all the other prompts are new"


@pytest.mark.parametrize("sequences", [1, 5, 64])
def test_many_sequences_do_not_make_a_long_start(sequences):
    warm = list(warm_up_rounds(**GPU | {"sequences": sequences}, gpu=True))
    assert max(len(r) for r in warm) == sequences or sequences == 1
    assert sum(len(q.prompt_ids) for r in warm for q in r) < 80_000


def test_a_cpu_is_not_kept_waiting():
    tokens = sum(
        len(q.prompt_ids)
        for r in warm_up_rounds(**GPU | {"step_tokens": 256}, gpu=False)
        for q in r
    )
    assert tokens < 400


@settings(deadline=None, max_examples=40)
@given(
    window=st.sampled_from([512, 2_048, 131_072]),
    step=st.integers(64, 4_096),
    sequences=st.integers(1, 8),
    vocabulary=st.integers(100, 200_000),
)
def test_every_request_fits_and_has_a_name_of_its_own(window, step, sequences, vocabulary):
    options = {
        "window": window,
        "step_tokens": step,
        "sequences": sequences,
        "vocabulary": vocabulary,
    }
    requests = [q for r in warm_up_rounds(**options, temperature=0.7, gpu=True) for q in r]
    assert len({q.id for q in requests}) == len(requests)
    for request in requests:
        assert 0 < len(request.prompt_ids) <= window - request.sampling.max_tokens
        assert all(0 <= i < vocabulary for i in request.prompt_ids)
