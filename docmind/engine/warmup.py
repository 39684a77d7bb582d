"""The requests that an engine runs before it is ready, so that no user's turn waits for a kernel to be compiled."""

from __future__ import annotations

import random
from collections.abc import Iterator

from docmind.engine.interface import Constraint
from docmind.engine.request import Request

GRAMMAR = Constraint("json", {"type": "object", "properties": {"a": {"type": "integer"}}})


def rounds(
    *, window: int, step_tokens: int, sequences: int, vocabulary: int, temperature: float, gpu: bool
) -> Iterator[list[Request]]:
    """Yield requests to run at once, round by round.

    vLLM has compiled its model and captured its graphs by then. Left are the kernels that attention and sampling use:
    Triton compiles its own anew for sizes that 16 divides, FlashInfer has one for prompts and one for answers, and
    all of them meet batches in which some read and others write. Matrix products need nothing: see the plan.

    Args:
        window, step_tokens, sequences: the plan's max_model_len, max_num_batched_tokens, max_num_seqs.
        vocabulary: number of the tokenizer's tokens.
        temperature: what answers are sampled with.
        gpu: short and long prompts and batches of all sizes; else (a CPU compiles nothing) a few short ones.
    """
    pick = random.Random(1)  # noqa: S311

    def request(
        length: int, constraint: Constraint | None = None, begin: Request | None = None
    ) -> Request:
        ids = [pick.randrange(vocabulary // 2) for _ in range(min(length, window - 16))]
        if begin:
            ids[: len(begin.prompt_ids)] = begin.prompt_ids[: len(ids) - 1]
        params = {"max_tokens": 4, "temperature": 0.0 if constraint else temperature}
        return Request(f"warm-up-{pick.random()}", ids, params, constraint, None)

    first = request(40)
    yield [first]
    yield [request(40, GRAMMAR)]
    yield [
        request(60, begin=first) for _ in range(sequences)
    ]  # at once, with a common beginning from the cache
    if not gpu:
        return
    for length in (33, 48, 250, 512, 1_001, step_tokens):
        yield [request(length)]
    for together in sorted({min(n, sequences) for n in (2, 3, 4, 8, 16, 32, 64, 128, sequences)}):
        # some decode while others are read
        yield [request(33 * 3 ** (i % 4), GRAMMAR if i % 2 else None) for i in range(together)]
    long = request(4 * step_tokens + 100)
    yield [long]
    yield [request(len(long.prompt_ids) + 100, begin=long), request(100, GRAMMAR)]
