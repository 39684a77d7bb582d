"""`docmind eval citations --judge`: rules, the model's judgement, and both, on the same claims.

The claims are those of `claims`; the model runs in the app's own engine. What it made of each is
written beside the result as soon as it is known, and not asked again.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from langchain_core.utils.function_calling import convert_to_openai_tool

from benchmarks.citations import KnownSentences
from benchmarks.claims import Claim, make_claims
from benchmarks.halves import CHOOSING, REPORTING
from benchmarks.index import load_embedder
from benchmarks.result import Progress
from docmind.agents.team import LOOKUP_TOOLS, RESEARCHER
from docmind.agents.tools import make_tools, render_for_model
from docmind.engine.interface import Engine, EngineUsage
from docmind.events import Verdict
from docmind.measurement import Figures
from docmind.passages import NumberedPassage, Passage
from docmind.retrieval.embeddings import UNLIKE
from docmind.settings import Settings
from docmind.verification import statements as product
from docmind.verification.judge import Claim as JudgedClaim
from docmind.verification.judge import Judgement, Reading
from docmind.verification.judge_prompts import LETTERS, judge_request
from docmind.verification.sentences import stretches
from docmind.verification.statements import check_answer

HALVES = {"choosing": CHOOSING, "reporting": REPORTING}
WAYS = ("rules", "judge", "both")
OTHER_PASSAGE = "other passage"
"""Kinds of claims that are left out where there are several passages: one may support them."""


@dataclass
class Case:
    """A claim with what it is checked by."""

    number: int
    """The claim's among all."""
    claim: Claim
    passages: list[NumberedPassage]
    half: str
    asked: list[JudgedClaim] = field(default_factory=list)
    """What the check has judged of it."""
    passed: dict[str, bool] = field(default_factory=dict)
    """By way, whether it was taken for supported."""


class Judgements:
    """What the model made of claims, by the case's number and the claim; kept in a file."""

    def __init__(self, engine: Engine, file: Path | None) -> None:
        """Read what the file has."""
        self._engine = engine
        self._file = file
        self.known: dict[tuple[int, JudgedClaim], Judgement] = {}
        self.usages: list[EngineUsage] = []
        if file is not None and file.is_file():
            for line in file.read_text("utf-8").splitlines():
                row = json.loads(line)
                claim = JudgedClaim(statement=row["statement"], question=row["question"])
                self.known[row["number"], claim] = Judgement(*row["chances"])

    async def judge_all(
        self, cases: Sequence[Case], reading: Callable[[Case], Reading], *, parallel: int
    ) -> None:
        """Judge what is asked of the cases and not known yet.

        Args:
            cases: those with the same passages stand together, for the prefix cache.
            reading: what a case's claims are judged by.
            parallel: judgements at once.
        """
        places = asyncio.Semaphore(parallel)

        async def judge(case: Case, claim: JudgedClaim) -> None:
            async with places:
                request = judge_request(claim.statement, claim.question)
                shown = reading(case)
                chances = await self._engine.choose(
                    shown.prompt(request), LETTERS, tools=shown.tools, on_end=self.usages.append
                )
            if chances is not None:
                self._keep(case, claim, Judgement(*chances))

        async with asyncio.TaskGroup() as group:
            for case in cases:
                for claim in dict.fromkeys(case.asked):
                    if (case.number, claim) not in self.known:
                        group.create_task(judge(case, claim))

    def _keep(self, case: Case, claim: JudgedClaim, judgement: Judgement) -> None:
        self.known[case.number, claim] = judgement
        if self._file is None:
            return
        chances = [judgement.supported, judgement.contradicted, judgement.not_stated]
        row = {
            "number": case.number,
            "kind": case.claim.kind,
            "half": case.half,
            "supported": case.claim.supported,
            "statement": claim.statement,
            "question": claim.question,
            "chances": chances,
        }
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def measure_judging(
    settings: Settings,
    engine: Engine,
    data: Path,
    *,
    halves: Sequence[str],
    limit: int,
    passages: int,
    tools: bool,
    parallel: int,
    file: Path | None,
    progress: Progress,
) -> Figures:
    """Measure rules, judge and both.

    Args:
        settings: name the embedding model.
        engine: runs the model that judges.
        data: folder with the data sets.
        halves: `choosing`, `reporting`.
        limit: most claims of a kind and half; 0: all.
        passages: each claim is checked by so many: its own among others of its document.
        tools: whether prompts offer the researcher's tools, as an agent's do.
        parallel: judgements at once.
        file: keeps the judgements; what it has already is not judged again.
        progress: told what is being done.

    Returns:
        citations.HALF.WAY.true_rate|false_rate and, by kind, .KIND.passed, for WAY rules, judge and
        both; citations.judgement.… with tokens and seconds.
    """
    cases = make_cases(make_claims(data), halves=halves, limit=limit, passages=passages)
    texts = set(UNLIKE)
    for case in cases:
        texts.add(case.claim.text)
        for source in case.passages:
            texts.update(stretches(source.passage.text))
    progress(f"{len(cases)} claims; embedding {len(texts)} sentences")
    sentences = KnownSentences(load_embedder(settings), texts)
    began = time.monotonic()
    for case in cases:
        check_by_rules(case, sentences.nearness)
    progress(f"rules: {time.monotonic() - began:.0f} s")

    shown_tools = researcher_tools() if tools else ()

    def reading(case: Case) -> Reading:
        return Reading(
            system=RESEARCHER.system_prompt,
            passages=render_for_model(case.passages),
            tools=shown_tools,
        )

    judgements = Judgements(engine, file)
    began = time.monotonic()
    asyncio.run(judgements.judge_all(cases, reading, parallel=parallel))
    seconds = time.monotonic() - began
    progress(f"judge: {len(judgements.usages)} judgements in {seconds:.0f} s")
    for case in cases:
        check_by_judge(case, judgements.known, sentences.nearness)

    figures = judging_figures(cases)
    usages = judgements.usages
    if usages:
        prompt_tokens = sum(usage.prompt_tokens for usage in usages)
        cached_tokens = sum(usage.cached_tokens for usage in usages)
        figures["citations.judgement.count"] = len(usages)
        figures["citations.judgement.prompt_tokens"] = prompt_tokens / len(usages)
        figures["citations.judgement.new_tokens"] = (prompt_tokens - cached_tokens) / len(usages)
        figures["citations.judgement.s"] = seconds / len(usages)
    return figures


def make_cases(
    claims: Sequence[Claim], *, halves: Sequence[str], limit: int, passages: int
) -> list[Case]:
    """Return the claims that are measured with their passages; those that share some together."""
    names = {half: name for name, half in HALVES.items() if name in halves}
    of_document: dict[str, dict[str, Passage]] = {}
    for claim in claims:
        passage = claim.source.passage
        of_document.setdefault(passage.document_id, {})[passage.id] = passage
    taken: dict[tuple[str, int], int] = {}
    cases: list[Case] = []
    for number, claim in enumerate(claims):
        group = (claim.kind, claim.half)
        is_left_out = passages > 1 and claim.kind.startswith(OTHER_PASSAGE)
        is_over = limit > 0 and taken.get(group, 0) >= limit
        if claim.half not in names or is_left_out or is_over:
            continue
        taken[group] = taken.get(group, 0) + 1
        neighbours = of_document[claim.source.passage.document_id]
        case = Case(
            number=number,
            claim=claim,
            passages=_among_others(claim, neighbours, passages),
            half=names[claim.half],
        )
        cases.append(case)
    cases.sort(key=lambda case: [source.passage.id for source in case.passages])
    return cases


def _among_others(
    claim: Claim, neighbours: Mapping[str, Passage], count: int
) -> list[NumberedPassage]:
    """Return a claim's passage among others of its document, the same ones for the same passage."""
    own = claim.source.passage
    others = [passage for passage_id, passage in sorted(neighbours.items()) if passage_id != own.id]
    pick = random.Random(own.id)
    shown = [own, *pick.sample(others, min(len(others), count - 1))]
    pick.shuffle(shown)
    return [NumberedPassage(number=place, passage=each) for place, each in enumerate(shown, 1)]


def researcher_tools() -> tuple[dict[str, Any], ...]:
    """Return the tools that the researcher's prompt offers."""
    # Their descriptions need no documents.
    made = make_tools(cast("Any", None), cast("Any", None), 5)
    return tuple(convert_to_openai_tool(made[name]) for name in LOOKUP_TOOLS)


def check_by_rules(case: Case, nearness: Callable[[str, list[str]], float]) -> None:
    """Note whether a claim passes by rules alone, and what the check would have judged."""
    whole = JudgedClaim(statement=case.claim.statement, question=case.claim.question)
    case.asked.append(whole)

    def note(claims: Sequence[JudgedClaim]) -> list[None]:
        case.asked.extend(claims)
        return [None] * len(claims)

    checked = check_answer(
        case.claim.question, case.claim.statement, case.passages, nearness, judge=note
    )
    case.passed["rules"] = _all_supported(checked)


def check_by_judge(
    case: Case,
    known: Mapping[tuple[int, JudgedClaim], Judgement],
    nearness: Callable[[str, list[str]], float],
) -> None:
    """Note whether a claim passes by the judge alone, and by rules and judge together."""
    alone = known.get((case.number, case.asked[0]))
    case.passed["judge"] = alone is not None and alone.supported >= product.SUPPORTED_ALONE
    case.passed["both"] = case.passed["rules"]
    if len(case.asked) > 1:  # else the check has nothing judged
        checked = check_answer(
            case.claim.question,
            case.claim.statement,
            case.passages,
            nearness,
            judge=lambda claims: [known.get((case.number, claim)) for claim in claims],
        )
        case.passed["both"] = _all_supported(checked)


def _all_supported(checked: product.CheckedAnswer) -> bool:
    verdicts = [found.verdict for found in checked.statements]
    stated = [verdict for verdict in verdicts if verdict is not Verdict.NO_STATEMENT]
    return bool(stated) and all(verdict is Verdict.SUPPORTED for verdict in stated)


def judging_figures(cases: Sequence[Case]) -> Figures:
    """Return what passed in each half, by way and kind."""
    figures: Figures = {}
    for half in HALVES:
        for way in WAYS:
            for name, value in _rates([case for case in cases if case.half == half], way):
                figures[f"citations.{half}.{way}.{name}"] = value
    return figures


def _rates(cases: Sequence[Case], way: str) -> Iterator[tuple[str, float]]:
    """Yield the fraction of each kind that passed, and the means over kinds."""
    passed: dict[tuple[bool, str], list[bool]] = {}
    for case in cases:
        group = passed.setdefault((case.claim.supported, case.claim.kind), [])
        group.append(case.passed[way])
    by_truth: dict[bool, list[float]] = {}
    for (supported, kind), results in sorted(passed.items()):
        rate = statistics.mean(results)
        by_truth.setdefault(supported, []).append(rate)
        yield f"{kind.replace(',', '').replace(' ', '_')}.passed", rate
    for supported, rates in by_truth.items():
        yield "true_rate" if supported else "false_rate", statistics.mean(rates)
