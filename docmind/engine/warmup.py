"""The requests that an engine runs before it is ready, so that no user's turn waits for a kernel to be compiled."""

from __future__ import annotations

import random
from collections.abc import Iterator

from docmind.engine.interface import Constraint
from docmind.engine.request import Request

GRAMMAR = Constraint("json", {"type": "object", "properties": {"a": {"type": "integer"}}})


def rounds(
    *, window: int, step_tokens: int, sequences: int, vocabulary: int, temperature: float, every_length: bool
) -> Iterator[list[Request]]:
    """Yield requests to run at once, round by round.

    On an H200 the first prompt of each length waited 13 to 17 s. FP8 matrix kernels (DeepGEMM) are compiled by the
    number of tokens in a step, and vLLM 0.25's own warm-up passes over those that it mixes with FlashInfer's. Their
    tiles have 64 rows, so multiples of 64 stand for all lengths.

    Args:
        window, step_tokens, sequences: the plan's max_model_len, max_num_batched_tokens, max_num_seqs.
        vocabulary: number of the tokenizer's tokens.
        temperature: what answers are sampled with.
        every_length: prompts of all lengths up to some steps; else (on a CPU, which compiles nothing) short ones.
    """
    pick = random.Random(1)  # noqa: S311

    def request(length: int, constraint: Constraint | None = None, begin: Request | None = None) -> Request:
        ids = [pick.randrange(vocabulary // 2) for _ in range(min(length, window - 16))]
        if begin:
            ids[: len(begin.prompt_ids)] = begin.prompt_ids[: len(ids) - 1]
        params = {"max_tokens": 4, "temperature": 0.0 if constraint else temperature}
        return Request(f"warm-up-{pick.random()}", ids, params, constraint, None)

    first = request(40)
    yield [first]
    yield [request(40, GRAMMAR)]
    yield [request(60, begin=first) for _ in range(sequences)]  # at once, with a common beginning from the cache
    if not every_length:
        return
    for length in (*range(8, 64, 8), *range(64, step_tokens + 1, 64)):
        yield [request(length)]
    for together in range(2, sequences + 1):  # some decode while others are read
        yield [request(33 * 3**i, GRAMMAR if i % 2 else None) for i in range(together)]
    long = request(4 * step_tokens + 100)
    yield [long]
    yield [request(len(long.prompt_ids) + 100, begin=long), request(100, GRAMMAR)]
