"""How well `docmind.verification` tells supported sentences from others, on public sets."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.claims import Claim, claims
from docmind.app import build_embedder
from docmind.resolution import resolve
from docmind.retrieval.embeddings import UNLIKE
from docmind.settings import Settings
from docmind.verification import support as product
from docmind.verification.sentences import stretches

CONSTANTS = ("OVERLAP", "NEAR", "SHARED", "ALIKE", "SAME")
STEP = 0.1


def citations(
    settings: Settings, data: Path, tell: Callable[[str], None], *, choose: bool
) -> dict[str, float]:
    """Measure the product's thresholds on the half of the claims that did not choose them.

    Returns:
        citations.KIND.passed and .claims; citations.true_rate, the mean share that passes over the kinds that are
        supported, citations.false_rate over those that are not; with `choose` also citations.choose.NAME_VALUE.
        true_rate|false_rate on the other half for every constant one step up and down.
    """
    found = claims(data)
    texts = {
        *UNLIKE,
        *(c.text for c in found),
        *(s for c in found for s in stretches(c.source.passage.text)),
    }
    tell(f"{len(found)} claims; embedding {len(texts)} sentences")
    embedder = build_embedder(resolve(settings))
    ordered = sorted(texts, key=len)
    vectors = dict(zip(ordered, embedder.embed_texts(ordered), strict=True))
    embedder.embed_texts = lambda texts: [vectors[text] for text in texts]  # type: ignore[method-assign]

    def rates(claimed: Iterable[Claim]) -> tuple[float, float, dict[str, list[bool]]]:
        by_kind: dict[str, list[bool]] = {}
        supported = set()
        for c in claimed:
            ok = product.supports(c.text, c.source, [c.source], embedder.nearness)
            by_kind.setdefault(c.kind, []).append(ok)
            supported |= {c.kind} if c.supported else set()
        mean = {k: statistics.mean(v) for k, v in by_kind.items()}
        true = statistics.mean(v for k, v in mean.items() if k in supported)
        return true, statistics.mean(v for k, v in mean.items() if k not in supported), by_kind

    figures: dict[str, float] = {}
    if choose:
        for name, value in _around():
            was = getattr(product, name)
            setattr(product, name, value)
            true, false, _ = rates(c for c in found if c.half == 0)
            setattr(product, name, was)
            tell(
                f"{name} {value:.2f}: supported {true:.3f}, others {false:.3f}, difference {true - false:.3f}"
            )
            key = f"citations.choose.{name.lower()}_{value:.2f}"
            figures |= {f"{key}.true_rate": true, f"{key}.false_rate": false}
    true, false, by_kind = rates(c for c in found if c.half == 1)
    for kind, passed in sorted(by_kind.items()):
        key = f"citations.{kind.replace(',', '').replace(' ', '_')}"
        figures |= {f"{key}.passed": statistics.mean(passed), f"{key}.claims": len(passed)}
    return figures | {"citations.true_rate": true, "citations.false_rate": false}


def _around() -> Sequence[tuple[str, float]]:
    return [
        (name, round(getattr(product, name) + step, 2))
        for name in CONSTANTS
        for step in ((-STEP, 0.0, STEP) if name == CONSTANTS[0] else (-STEP, STEP))
    ]
