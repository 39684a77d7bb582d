"""The requests that an engine runs before it is ready: no user's turn waits for a compiler."""

from __future__ import annotations

import random
from collections.abc import Iterator

from docmind.engine.interface import Constraint
from docmind.engine.request import Request, Sampling

GRAMMAR = Constraint(
    kind="json", value={"type": "object", "properties": {"a": {"type": "integer"}}}
)
ANSWER_TOKENS = 4
LENGTHS = (33, 48, 250, 512, 1_001)
"""Prompts of one step: short and long, some divisible by 16."""
BATCH_SIZES = (2, 3, 4, 8, 16, 32, 64, 128)


def warm_up_rounds(
    *, window: int, step_tokens: int, sequences: int, vocabulary: int, temperature: float, gpu: bool
) -> Iterator[list[Request]]:
    """Yield the rounds of a warm-up: each is a list of requests to be run in one batch.

    vLLM has compiled its model and captured its CUDA graphs before. What is still compiled at first
    use are kernels of attention and sampling, and which ones depends on the batch:

    - Triton has another kernel for sizes that are divisible by 16.
    - FlashInfer has one for prefill and one for decoding.
    - A batch may mix prefill and decoding, answers with a grammar and without.
    - The chances of letters are computed by a function that is compiled on a GPU.

    Matrix products need no warm-up: their kernels come compiled, see `COMPILED_AT_START` in the
    plan.

    Args:
        window: the plan's context window in tokens.
        step_tokens: tokens computed per engine step.
        sequences: decoded at once.
        vocabulary: number of the tokenizer's tokens.
        temperature: what answers are sampled with.
        gpu: whether kernels are compiled at all. On a CPU a few short prompts do.
    """
    prompts = _RandomPrompts(window=window, vocabulary=vocabulary, temperature=temperature)
    first = prompts.request(40)
    yield [first]
    yield [prompts.request(40, constraint=GRAMMAR)]
    yield [prompts.choice(8)]
    yield [prompts.request(40, beginning=first), prompts.choice(8)]
    # A full batch whose prompts share a prefix, which is in the cache.
    yield [prompts.request(60, beginning=first) for _ in range(sequences)]
    if not gpu:
        return
    for length in (*LENGTHS, step_tokens):
        yield [prompts.request(length)]
    batch_sizes = {sequences, *(min(size, sequences) for size in BATCH_SIZES)}
    for size in sorted(batch_sizes):
        yield prompts.mixed_batch(size)
    # A prompt of several steps; then its prefix from the cache, beside a grammar.
    long = prompts.request(4 * step_tokens + 100)
    yield [long]
    yield [
        prompts.request(len(long.prompt_ids) + 100, beginning=long),
        prompts.request(100, constraint=GRAMMAR),
    ]


class _RandomPrompts:
    """Makes requests of random tokens, the same ones in each start."""

    def __init__(self, *, window: int, vocabulary: int, temperature: float) -> None:
        self._random = random.Random(1)  # noqa: S311
        self._window = window
        self._vocabulary = vocabulary
        self._temperature = temperature

    def request(
        self, length: int, *, constraint: Constraint | None = None, beginning: Request | None = None
    ) -> Request:
        """Return a request.

        Args:
            length: of the prompt in tokens, cut to what the window holds.
            constraint: of the answer.
            beginning: whose prompt this one begins with.
        """
        length = min(length, self._window - 16)
        # Special tokens stand at the end of a vocabulary.
        ids = [self._random.randrange(self._vocabulary // 2) for _ in range(length)]
        if beginning is not None:
            ids[: len(beginning.prompt_ids)] = beginning.prompt_ids[: length - 1]
        return Request(
            id=f"warm-up-{self._random.random()}",
            prompt_ids=ids,
            sampling=Sampling(
                max_tokens=ANSWER_TOKENS,
                temperature=0.0 if constraint else self._temperature,
            ),
            constraint=constraint,
        )

    def choice(self, length: int) -> Request:
        """Return a request that chooses one of three tokens, as a judgement does."""
        request = self.request(length)
        request.sampling = Sampling(max_tokens=1, temperature=0.0, choices=(1, 2, 3))
        return request

    def mixed_batch(self, size: int) -> list[Request]:
        """Return requests of which some decode while others are still read.

        Every second one has a grammar.
        """
        batch = []
        for number in range(size):
            length = 33 * 3 ** (number % 4)
            constraint = GRAMMAR if number % 2 else None
            batch.append(self.request(length, constraint=constraint))
        return batch
