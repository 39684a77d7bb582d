"""`docmind bench NAME` and `docmind eval NAME`: each command runs one module of this package.

A command returns flat figures; `report` prints them, compares them with an earlier result and saves them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from docmind.settings import Settings

bench = typer.Typer(no_args_is_help=True, help="Measure this machine: speed, memory, tokens.")
evaluate = typer.Typer(no_args_is_help=True, help="Measure quality on data with known answers.")
out = Console()
err = Console(stderr=True)

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Data = Annotated[Path, typer.Option(help="Folder with the data sets.")]
Limit = Annotated[int, typer.Option(help="Most questions; 0: all.")]
Save = Annotated[Path | None, typer.Option(help="Write the result as JSON.")]
Vs = Annotated[Path | None, typer.Option(help="Compare with an earlier result.")]


def report(figures: dict[str, float], notes: str, save: Path | None, vs: Path | None) -> None:
    """Print figures as a table, beside those of an earlier result if there is one, and save them."""
    from benchmarks.result import compare, result

    record = result("docmind " + " ".join(sys.argv[1:]), figures, notes)
    table = Table("figure", "value", *(["before", "ratio"] if vs else []))
    for name, value, before in (
        compare(record["figures"], vs) if vs else [(n, v, None) for n, v in figures.items()]
    ):
        extra = [f"{before:.4g}", f"x {value / before:.2f}"] if before else ["", ""] if vs else []
        table.add_row(name, f"{value:.4g}", *extra)
    out.print(table)
    if save:
        save.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def _settings(*kinds: str) -> Settings:
    """Return the settings, with the models that the measurement needs fetched."""
    from docmind.cli.model import fetch_model
    from docmind.resolution import resolve
    from docmind.storage.settings import load_settings

    settings = load_settings()
    resolved = resolve(settings)
    if "embedding" in kinds:
        fetch_model(resolved.catalog, resolved.embedding_model)
    if "llm" in kinds and not settings.llm.base_url:
        fetch_model(resolved.catalog, resolved.llm)
    return settings


@contextmanager
def loaded() -> Iterator[tuple[Settings, Any]]:
    """Yield the settings and their engine, ready."""
    from docmind.app import build_engine
    from docmind.resolution import resolve

    settings = _settings("embedding", "llm")
    engine = build_engine(resolve(settings))
    engine.start()
    try:
        with err.status("loading the model"):
            engine.wait_ready()
        yield settings, engine
    finally:
        engine.close()


@bench.command()
def engine(
    prompts: Annotated[
        str,
        typer.Option(help="Prompt lengths in tokens; too long ones become the longest that fits."),
    ] = "1024,16384,120000",
    answer: Annotated[int, typer.Option(help="Tokens decoded per measurement.")] = 64,
    dummy: Annotated[
        bool, typer.Option(help="Random weights: for a model directory with only a shape.")
    ] = False,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Prefill, decode, first token, next turn, agents at once against in turn, peak memory."""
    from benchmarks.speed import bench_engine

    figures, notes = bench_engine(
        _settings("llm"), [int(p) for p in prompts.split(",")], answer, dummy
    )
    report(figures, notes, save, vs)


@bench.command()
def app(turns: int = 5, save: Save = None, vs: Vs = None) -> None:
    """The same decoding through ChatVLLM and the graph, against the raw engine."""
    from benchmarks.speed import bench_app

    report(*bench_app(_settings("llm", "embedding"), turns), save, vs)


@bench.command()
def prefix(turns: int = 20, save: Save = None, vs: Vs = None) -> None:
    """Prefix cache hits over a scripted conversation about one long document."""
    from benchmarks.prefix import bench_prefix

    report(*bench_prefix(_settings("llm", "embedding"), turns), save, vs)


@bench.command()
def speculation(tokens: str = "0,3,6", topics: int = 4, save: Save = None, vs: Vs = None) -> None:
    """Decoding with 0, 3, 6, … tokens guessed from the prompt; each setting in a process of its own."""
    from benchmarks.speculation import bench_speculation

    _settings("llm")
    report(*bench_speculation([int(k) for k in tokens.split(",")], topics), save, vs)


@bench.command()
def cpu(
    models: Annotated[
        list[str],
        typer.Argument(help="NAME=DIRECTORY, then ,VARIABLE=VALUE … for what is different."),
    ],
    gguf: Annotated[list[str] | None, typer.Option(help="NAME=FILE, for llama.cpp.")] = None,
    llama_python: Annotated[
        Path | None, typer.Option(help="A Python that has llama-cpp-python.")
    ] = None,
    rounds: int = 2,
    quality: bool = True,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """One model's weights converted in several ways, and llama.cpp, on the same cores: speed and perplexity."""
    from benchmarks.cpu_speed import bench_cpu

    ways = {}
    for word in models:
        name, _, rest = word.partition("=")
        directory, *more = rest.split(",")
        ways[name] = {"DOCMIND_LLM__MODEL": directory} | dict(pair.split("=", 1) for pair in more)
    files = {name: Path(file) for name, file in (word.split("=", 1) for word in gguf or [])}
    report(*bench_cpu(ways, files, llama_python, rounds, quality), save, vs)


@bench.command()
def ui(turns: int = 20, repeats: int = 15, save: Save = None, vs: Vs = None) -> None:
    """What a rerun of each page costs."""
    from benchmarks.ui import bench_ui

    report(*bench_ui(_settings("embedding"), turns, repeats), save, vs)


@bench.command()
def tokens(data: Data = DATA, limit: Limit = 0, save: Save = None, vs: Vs = None) -> None:
    """Tokens, calls and time of parallel agents against sequential handoffs with full history."""
    from benchmarks import tokens as module

    with loaded() as (settings, engine):
        figures = module.run(
            settings,
            engine,
            data,
            limit,
            lambda line: err.print(line, highlight=False, markup=False),
        )
        report(figures, engine.status().model, save, vs)


@bench.command()
def tools(limit: Limit = 0, save: Save = None, vs: Vs = None) -> None:
    """Valid and right routing and tool calls, with and without a grammar."""
    from benchmarks import tools as module

    with loaded() as (settings, engine):
        figures = module.run(
            settings, engine, limit, lambda line: err.print(line, highlight=False, markup=False)
        )
        report(figures, engine.status().model, save, vs)


def selftest(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Text for the long document; else Python's manual.")
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(help="Length of the long prompt; else the whole window.")
    ] = None,
    save: Save = None,
) -> None:
    """Prove the whole system on this machine: a document that fills the window, memory, speed, a cited answer."""
    from benchmarks.selftest import selftest as prove

    checks, figures, notes = prove(_settings("llm", "embedding"), files or [], tokens)
    report(figures, notes, save, None)
    for check in checks:
        mark = "[green]✓[/green]" if check.passed else "[red]✗[/red]"
        out.print(f"{mark} {escape(check.what)}: {escape(check.found)}", highlight=False)
    raise typer.Exit(0 if all(c.passed for c in checks) else 1)


@bench.command()
def ingest(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; by default those of the data.")
    ] = None,
    data: Data = DATA,
    documents: Annotated[
        int, typer.Option(help="How many there are when one more is added; 0: not measured.")
    ] = 1000,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Read files of every type, recognise scans, embed passages, ingest into a fresh store and search in it."""
    from benchmarks import ingest as bench_ingest
    from docmind.app import build_embedder
    from docmind.cli.ingest import find_files
    from docmind.ingestion.readers.formats import SUPPORTED
    from docmind.resolution import resolve

    settings = _settings("embedding")
    embedder = build_embedder(resolve(settings))
    formats = list(
        find_files(
            files or [data / "formats", data / "pdf", data / "chunking-eval"], set(SUPPORTED)
        )
    )
    formats = [file for file in formats if "groundtruth" not in file.parts]
    texts = [
        file
        for file in formats
        if file.suffix in {".md", ".txt", ".pdf"} and "ocr" not in file.parts
    ]
    figures = bench_ingest.reading(settings.ingestion, formats)
    figures |= {} if files else bench_ingest.accuracy(data)
    figures |= bench_ingest.embedding(settings, embedder, texts)
    figures |= bench_ingest.one_more(settings, embedder, documents) if documents else {}
    figures |= bench_ingest.ingest_and_search(settings, embedder, texts)
    report(
        figures,
        "reading: CPU seconds of the warm worker process; clock times depend on what else the machine does",
        save,
        vs,
    )


@bench.command()
def robustness(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; by default those of the data.")
    ] = None,
    data: Data = DATA,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Read every file, broken ones above all: each must end as text or with a reason, in bounded time and memory."""
    from benchmarks.ingest import robustness as measure_robustness
    from docmind.cli.ingest import find_files
    from docmind.ingestion.readers.formats import SUPPORTED
    from docmind.storage.settings import load_settings

    found = find_files(
        files or [data / name for name in ("nasty-pdf", "pdf", "formats")], set(SUPPORTED)
    )
    figures, reasons = measure_robustness(load_settings().ingestion, found, err.print)
    report(figures, reasons, save, vs)


@bench.command()
def search(
    files: list[Path],
    edge: Annotated[int, typer.Option(help="Chunks in the mode edge; 0 leaves it out.")] = 100_000,
    local: Annotated[int, typer.Option(help="Chunks in the mode local, which is slow.")] = 5_000,
    kills: Annotated[int, typer.Option(help="How often a writing process is killed.")] = 50,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Store chunks made of text files' passages, search, reopen; and kill a writing process, looking for losses."""
    from tempfile import TemporaryDirectory

    from benchmarks.kill import kill_points
    from benchmarks.store import search as measure_search
    from docmind.cli.ingest import find_files

    settings = _settings("embedding")
    sizes = {mode: size for mode, size in {"edge": edge, "local": local}.items() if size}
    figures = (
        measure_search(settings, list(find_files(files, {".md", ".txt"})), sizes, err.print)
        if sizes
        else {}
    )
    if kills:
        with TemporaryDirectory() as folder:
            figures |= {
                "trust.kill_points": kills,
                "trust.kill_points_survived": kill_points(Path(folder), kills),
            }
    report(
        figures,
        "chunks are halves of real passages joined, with the mean of their embeddings",
        save,
        vs,
    )


@bench.command(name="report")
def write_report() -> None:
    """Write the tables of benchmarks/README.md from benchmarks/results/*.json."""
    from benchmarks import report as tables

    out.print(f"{tables.report()} figures written to benchmarks/README.md")


@evaluate.command()
def retrieval(
    data: Data = DATA,
    sets: Annotated[str, typer.Option(help="Only these sets, with commas.")] = "",
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Recall, MRR and nDCG of BM25 alone, meaning alone and both together, on the sets in the data folder."""
    from benchmarks import retrieval as measure
    from benchmarks.sets import retrieval_sets

    settings = _settings("embedding")
    wanted = [c for c in retrieval_sets(data) if not sets or c.name in sets.split(",")]
    figures = measure.retrieval(settings, wanted, err.print)
    chunks = f"{settings.ingestion.chunk_tokens} tokens, {settings.ingestion.chunk_overlap} shared"
    model, found = settings.retrieval.embedding_model, settings.retrieval.candidates
    report(
        figures,
        f"odd questions; chunks of {chunks}; embedding model {model}; {found} candidates",
        save,
        vs,
    )


@evaluate.command()
def embedders(
    models: Annotated[list[str], typer.Argument(help="NAME=DIRECTORY of each embedding model.")],
    data: Data = DATA,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Embedding models against each other on the English sets: nDCG@10, and passages per CPU second."""
    from benchmarks.embedders import embedders as measure

    pairs = (model.split("=", 1) for model in models)
    report(
        measure(_settings(), data, {name: Path(d) for name, d in pairs}, err.print),
        "odd questions",
        save,
        vs,
    )


@evaluate.command()
def citations(
    data: Data = DATA,
    choose: Annotated[
        bool, typer.Option(help="Also try every threshold one step up and down, on the other half.")
    ] = False,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Supported sentences that pass as such, and unsupported ones that pass though they should not."""
    from benchmarks import citations as measure

    settings = _settings("embedding")
    figures = measure.citations(settings, data, err.print, choose=choose)
    report(
        figures,
        f"the half not used to choose; embedding model {settings.retrieval.embedding_model}",
        save,
        vs,
    )


@evaluate.command()
def answers(
    data: Data = DATA,
    limit: Annotated[int, typer.Option(min=0, help="Most questions per set; 0: all 1,450.")] = 20,
    parallel: Annotated[
        int, typer.Option(min=1, help="Conversations at once; 64 on a fast GPU.")
    ] = 4,
    sets: Annotated[str, typer.Option(help="Only these sets, with commas.")] = "",
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Whole answers: right, cited, supported, honest about what the documents do not say."""
    from benchmarks import answers as measure

    settings = _settings("embedding", "llm")
    together = settings.engine.max_num_seqs or max(4, parallel)  # in the engine
    settings = settings.model_copy(
        update={"engine": settings.engine.model_copy(update={"max_num_seqs": together})}
    )
    chosen = [name for name in sets.split(",") if name]

    def tell(line: str) -> None:
        err.print(line, markup=False, highlight=False)  # answers are not ours

    figures, records = measure.answers(settings, data, limit, parallel, chosen, tell)
    if save:
        lines = (json.dumps(record, ensure_ascii=False) for record in records)
        save.with_suffix(".answers.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    report(
        figures,
        f"model {settings.llm.model or 'of this machine'}; {parallel} conversations at once",
        save,
        vs,
    )
