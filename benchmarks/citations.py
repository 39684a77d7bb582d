"""`docmind eval citations`: are supported sentences told from others?

How well `docmind.verification` does it, on the claims that `claims` makes from the
public sets.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import Claim, make_claims
from benchmarks.halves import CHOOSING, REPORTING
from benchmarks.index import load_embedder
from benchmarks.result import Progress
from docmind.events import Verdict
from docmind.measurement import Figures
from docmind.retrieval.embeddings import UNLIKE, Embedder
from docmind.settings import Settings
from docmind.verification import support as product
from docmind.verification.sentences import stretches
from docmind.verification.statements import check_answer

THRESHOLDS = ("OVERLAP", "NEAR", "SHARED", "ALIKE", "SAME")
"""Names of the product's constants that `choose` varies."""
STEP = 0.1


class KnownSentences:
    """The embedding model, asked for each sentence once."""

    def __init__(self, embedder: Embedder, texts: Iterable[str]) -> None:
        self._embedder = embedder
        # Texts of a length are embedded together.
        ordered = sorted(texts, key=len)
        self._vectors = dict(zip(ordered, embedder.embed_texts(ordered), strict=True))
        self._embed_texts = embedder.embed_texts
        embedder.embed_texts = self._look_up  # type: ignore[method-assign]
        self.nearness = embedder.nearness

    def _look_up(self, texts: Sequence[str]) -> list[list[float]]:
        new = [text for text in texts if text not in self._vectors]
        if new:  # a clause, or a sentence of a claim of several
            self._vectors.update(zip(new, self._embed_texts(new), strict=True))
        return [self._vectors[text] for text in texts]


@dataclass(frozen=True)
class Rates:
    """What passed as supported."""

    true_rate: float
    """Mean over the kinds of supported claims of the fraction that passed."""
    false_rate: float
    """The same over the kinds that are not supported."""
    passed: dict[str, list[bool]]
    """By kind, for each claim."""


def measure_citations(
    settings: Settings, data: Path, *, choose: bool, progress: Progress
) -> Figures:
    """Measure the product's thresholds on the half of the claims that did not choose them.

    Returns:
        citations.KIND.passed and .claims; citations.true_rate, the mean fraction that passes over
        the kinds that are supported, citations.false_rate over those that are not; with `choose`
        also citations.choose.NAME_VALUE.true_rate|false_rate on the other half for every constant
        one step up and down.
    """
    claims = make_claims(data)
    texts = set(UNLIKE)
    for claim in claims:
        texts.add(claim.text)
        texts.update(stretches(claim.source.passage.text))
    progress(f"{len(claims)} claims; embedding {len(texts)} sentences")
    sentences = KnownSentences(load_embedder(settings), texts)

    figures: Figures = {}
    if choose:
        half = [claim for claim in claims if claim.half == CHOOSING]
        for name, value in _threshold_values():
            with _threshold(name, value):
                rates = measure_rates(half, sentences)
            progress(
                f"{name} {value:.2f}: supported {rates.true_rate:.3f}, "
                f"others {rates.false_rate:.3f}, "
                f"difference {rates.true_rate - rates.false_rate:.3f}"
            )
            key = f"citations.choose.{name.lower()}_{value:.2f}"
            figures[f"{key}.true_rate"] = rates.true_rate
            figures[f"{key}.false_rate"] = rates.false_rate

    rates = measure_rates([claim for claim in claims if claim.half == REPORTING], sentences)
    for kind, passed in sorted(rates.passed.items()):
        key = f"citations.{kind.replace(',', '').replace(' ', '_')}"
        figures[f"{key}.passed"] = statistics.mean(passed)
        figures[f"{key}.claims"] = len(passed)
    figures["citations.true_rate"] = rates.true_rate
    figures["citations.false_rate"] = rates.false_rate
    return figures


def measure_rates(claims: Iterable[Claim], sentences: KnownSentences) -> Rates:
    """Return what the product lets pass of these claims."""
    passed: dict[str, list[bool]] = {}
    supported_kinds = set()
    for claim in claims:
        passed.setdefault(claim.kind, []).append(_passes(claim, sentences))
        if claim.supported:
            supported_kinds.add(claim.kind)
    true_rates = []
    false_rates = []
    for kind, results in passed.items():
        if kind in supported_kinds:
            true_rates.append(statistics.mean(results))
        else:
            false_rates.append(statistics.mean(results))
    return Rates(
        true_rate=statistics.mean(true_rates),
        false_rate=statistics.mean(false_rates),
        passed=passed,
    )


def _passes(claim: Claim, sentences: KnownSentences) -> bool:
    """Return whether the product calls all supported that a claim states, and it states any."""
    checked = check_answer(
        claim.question, claim.statement, [claim.source], nearness=sentences.nearness
    )
    verdicts = [found.verdict for found in checked.statements]
    stated = [verdict for verdict in verdicts if verdict is not Verdict.NO_STATEMENT]
    return bool(stated) and all(verdict is Verdict.SUPPORTED for verdict in stated)


def _threshold_values() -> list[tuple[str, float]]:
    """Return every threshold one step down and up; the first one also as it is."""
    values = []
    for name in THRESHOLDS:
        now = getattr(product, name)
        steps = [-STEP, STEP]
        if name == THRESHOLDS[0]:
            steps = [-STEP, 0.0, STEP]
        values += [(name, round(now + step, 2)) for step in steps]
    return values


@contextmanager
def _threshold(name: str, value: float) -> Iterator[None]:
    """Change one of the product's thresholds for a while."""
    before = getattr(product, name)
    setattr(product, name, value)
    try:
        yield
    finally:
        setattr(product, name, before)
