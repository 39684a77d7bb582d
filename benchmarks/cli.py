"""`docmind bench NAME` and `docmind eval NAME`: each command runs one module of this package.

A command measures flat figures; `result.report` prints them, compares them with an earlier result
and saves them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from benchmarks.result import report

if TYPE_CHECKING:
    from docmind.measurement import Figures
    from docmind.settings import Settings

bench = typer.Typer(no_args_is_help=True, help="Measure this machine: speed, memory, tokens.")
evaluate = typer.Typer(no_args_is_help=True, help="Measure quality on data with known answers.")
err = Console(stderr=True)
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Beside the checkout."""

Data = Annotated[Path, typer.Option(help="Folder with the data sets.")]
Files = Annotated[
    list[Path] | None, typer.Argument(help="Files or folders; by default those of the data.")
]
Limit = Annotated[int, typer.Option(help="Most questions; 0: all.")]
Save = Annotated[Path | None, typer.Option(help="Write the result as JSON.")]
Vs = Annotated[Path | None, typer.Option(help="Compare with an earlier result.")]
Sets = Annotated[str, typer.Option(help="Only these sets, with commas.")]


def show_progress(line: str) -> None:
    """Print a line as it is: questions, answers and file names are not ours."""
    err.print(line, markup=False, highlight=False)


def settings_with_models(*, embedding: bool = False, llm: bool = False) -> Settings:
    """Return the settings, with the models that the measurement needs fetched."""
    from docmind.cli.model import fetch_model
    from docmind.resolution import resolve
    from docmind.storage.settings import load_settings

    settings = load_settings()
    resolved = resolve(settings)
    if embedding:
        fetch_model(resolved.catalog, resolved.embedding_model)
    if llm and not settings.llm.base_url:
        fetch_model(resolved.catalog, resolved.llm)
    return settings


def settings_for_parallel(settings: Settings, parallel: int) -> Settings:
    """Return the settings of an engine that takes as many requests as there are conversations."""
    sequences = settings.engine.max_num_seqs or max(4, parallel)
    engine_settings = settings.engine.model_copy(update={"max_num_seqs": sequences})
    return settings.model_copy(update={"engine": engine_settings})


def save_answers(save: Path, records: Sequence[Mapping[str, object]]) -> None:
    """Write what was asked and answered beside a result, a line each."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    save.with_suffix(".answers.jsonl").write_text("\n".join(lines) + "\n", "utf-8")


def readable_files(paths: list[Path]) -> list[Path]:
    """Return the files, and of folders those that a reader knows."""
    from docmind.cli.ingest import find_files
    from docmind.ingestion.readers.formats import SUPPORTED

    return list(find_files(paths, set(SUPPORTED)))


def parse_names(text: str) -> list[str]:
    """Return the names in a list with commas."""
    return [name for name in text.split(",") if name]


def parse_numbers(text: str) -> list[int]:
    """Return the numbers in a list with commas."""
    return [int(number) for number in parse_names(text)]


def parse_pairs(words: list[str]) -> dict[str, str]:
    """Return what stands behind the first `=` of each word, by what stands before it."""
    pairs = {}
    for word in words:
        name, separator, value = word.partition("=")
        if not separator:
            raise typer.BadParameter(f"{word} is not of the form NAME=VALUE")
        pairs[name] = value
    return pairs


@bench.command()
def engine(
    *,
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
    from benchmarks.speed import measure_engine

    settings = settings_with_models(llm=True)
    result = measure_engine(settings, parse_numbers(prompts), answer, dummy=dummy)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def app(turns: int = 5, save: Save = None, vs: Vs = None) -> None:
    """The same decoding through ChatVLLM and the graph, against the raw engine."""
    from benchmarks.speed import measure_app

    result = measure_app(settings_with_models(embedding=True, llm=True), turns)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def prefix(turns: int = 20, save: Save = None, vs: Vs = None) -> None:
    """Prefix cache hits over a scripted conversation about one long document."""
    from benchmarks.prefix import measure_prefix

    result = measure_prefix(settings_with_models(embedding=True, llm=True), turns)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def speculation(tokens: str = "0,3,6", topics: int = 4, save: Save = None, vs: Vs = None) -> None:
    """Decoding with 0, 3, 6, … tokens guessed from the prompt; each setting in its own process."""
    from benchmarks.speculation import measure_speculation

    settings_with_models(llm=True)
    result = measure_speculation(parse_numbers(tokens), topics)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def cpu(
    *,
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
    """One model's weights converted in several ways, and llama.cpp, on the same cores.

    Speed and perplexity.
    """
    from benchmarks.cpu_speed import LlamaCpp, Weights, measure_cpu

    weights = []
    for name, rest in parse_pairs(models).items():
        directory, *variables = rest.split(",")
        weights.append(Weights(name=name, directory=directory, env=parse_pairs(variables)))
    files = {name: Path(file) for name, file in parse_pairs(gguf or []).items()}
    llama = LlamaCpp(python=str(llama_python), files=files)
    result = measure_cpu(weights, llama, rounds=rounds, quality=quality)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def ui(turns: int = 20, repeats: int = 15, save: Save = None, vs: Vs = None) -> None:
    """What a rerun of each page costs."""
    from benchmarks.ui import measure_ui

    result = measure_ui(settings_with_models(embedding=True), turns, repeats)
    report(result.figures, notes=result.notes, save=save, earlier=vs)


@bench.command()
def tokens(data: Data = DATA, limit: Limit = 0, save: Save = None, vs: Vs = None) -> None:
    """Tokens, calls and time of parallel agents against sequential handoffs with full history."""
    from benchmarks.lab import loaded_engine
    from benchmarks.tokens import measure_tokens

    settings = settings_with_models(embedding=True, llm=True)
    with loaded_engine(settings) as loaded:
        figures = measure_tokens(settings, loaded, data, limit=limit, progress=show_progress)
        model = loaded.status().model
    report(figures, notes=model, save=save, earlier=vs)


@bench.command()
def tools(
    *,
    limit: Limit = 0,
    plans: Annotated[
        bool, typer.Option(help="Only plans under the grammar, as the app makes them.")
    ] = False,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Valid and right routing and tool calls, with and without a grammar."""
    from benchmarks.lab import loaded_engine
    from benchmarks.tools import measure_tools

    settings = settings_with_models(embedding=True, llm=True)
    with loaded_engine(settings) as loaded:
        figures = measure_tools(loaded, limit=limit, progress=show_progress, plans_only=plans)
        model = loaded.status().model
    report(figures, notes=model, save=save, earlier=vs)


@bench.command()
def ingest(
    *,
    files: Files = None,
    data: Data = DATA,
    documents: Annotated[
        int, typer.Option(help="How many there are when one more is added; 0: not measured.")
    ] = 1000,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Read files of every type, recognise scans, embed passages, ingest and search.

    Into a fresh store.
    """
    from benchmarks import ingest as measure
    from benchmarks.index import load_embedder

    settings = settings_with_models(embedding=True)
    embedder = load_embedder(settings)
    folders = [data / "formats", data / "pdf", data / "chunking-eval"]
    found = []
    texts = []
    for file in readable_files(files or folders):
        if "groundtruth" in file.parts:  # what readers should make of the others
            continue
        found.append(file)
        if file.suffix in {".md", ".txt", ".pdf"} and "ocr" not in file.parts:
            texts.append(file)

    figures = measure.reading_figures(settings.ingestion, found)
    if not files:
        figures |= measure.ocr_accuracy(data)
        figures |= measure.table_accuracy(data)
    figures |= measure.embedding_figures(settings, embedder, texts)
    if documents:
        figures |= measure.one_more_figures(settings, embedder, documents)
    figures |= measure.ingest_and_search_figures(settings, embedder, texts)
    notes = (
        "reading: CPU seconds of the warm worker process; "
        "clock times depend on what else the machine does"
    )
    report(figures, notes=notes, save=save, earlier=vs)


@bench.command()
def robustness(files: Files = None, data: Data = DATA, save: Save = None, vs: Vs = None) -> None:
    """Read every file, broken ones above all.

    Each must end as text or with a reason, in bounded time and memory.
    """
    from benchmarks.ingest import measure_robustness
    from docmind.storage.settings import load_settings

    folders = [data / "nasty-pdf", data / "pdf", data / "formats"]
    found = readable_files(files or folders)
    result = measure_robustness(load_settings().ingestion, found, progress=show_progress)
    report(result.figures, notes=result.reasons, save=save, earlier=vs)


@bench.command()
def kills(
    *,
    times: Annotated[int, typer.Option(help="How often the app is killed.")] = 63,
    seed: Annotated[int, typer.Option(help="Of the work and of the moments.")] = 1,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Kill the whole app while it works, and count what does not agree after the next start."""
    from benchmarks.kill_app import kill_figures, survive_kills
    from docmind.resolution import resolve
    from docmind.storage.settings import load_settings

    catalog = resolve(load_settings()).catalog
    for name in ("minilm", "e5-small"):
        catalog.pull(name)
    models = Path(catalog.path("minilm")).parent
    with TemporaryDirectory() as folder:
        found = survive_kills(Path(folder), models, times=times, seed=seed)
    notes = "; ".join(found.troubles) or f"no trouble; killed: {found.by_work}; seed {seed}"
    report(kill_figures(found), notes=notes, save=save, earlier=vs)


@bench.command()
def search(
    *,
    files: list[Path],
    edge: Annotated[
        int, typer.Option(help="Passages in a store of mode edge; 0 leaves it out.")
    ] = 100_000,
    local: Annotated[
        int, typer.Option(help="Passages in a store of mode local, which is slow; 0 leaves it out.")
    ] = 5_000,
    kills: Annotated[
        int, typer.Option(help="How often a writing process is killed; 0 leaves it out.")
    ] = 50,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Measure vector stores filled from text files: insert, search, reopen.

    And kill a process that writes to one, and count after how many kills nothing was lost.
    """
    from benchmarks.kill import survived_kills
    from benchmarks.store import measure_search
    from docmind.cli.ingest import find_files

    settings = settings_with_models(embedding=True)
    text_files = list(find_files(files, {".md", ".txt"}))
    passages_by_mode: dict[str, int] = {}
    if edge:
        passages_by_mode["edge"] = edge
    if local:
        passages_by_mode["local"] = local
    figures: Figures = {}
    if passages_by_mode:
        figures |= measure_search(settings, text_files, passages_by_mode, progress=show_progress)
    if kills:
        with TemporaryDirectory() as folder:
            figures["trust.kill_points"] = kills
            figures["trust.kill_points_survived"] = survived_kills(Path(folder), kills)
    notes = "passages are halves of real passages joined, with the mean of their embeddings"
    report(figures, notes=notes, save=save, earlier=vs)


@bench.command(name="report")
def write_readme() -> None:
    """Write the tables of benchmarks/README.md from benchmarks/results/*.json."""
    from benchmarks.report import write_report

    typer.echo(f"{write_report()} figures written to benchmarks/README.md")


@evaluate.command()
def retrieval(data: Data = DATA, sets: Sets = "", save: Save = None, vs: Vs = None) -> None:
    """Recall, MRR and nDCG of BM25 alone, meaning alone and both together.

    On the sets in the data folder.
    """
    from benchmarks.retrieval import measure_retrieval
    from benchmarks.sets import retrieval_sets

    settings = settings_with_models(embedding=True)
    names = parse_names(sets)
    corpora = retrieval_sets(data)
    wanted = [corpus for corpus in corpora if not names or corpus.name in names]
    figures = measure_retrieval(settings, wanted, progress=show_progress)
    splitting = settings.ingestion
    searching = settings.retrieval
    notes = (
        f"odd questions; chunks of {splitting.chunk_tokens} tokens, "
        f"{splitting.chunk_overlap} shared; embedding model {searching.embedding_model}; "
        f"{searching.candidates} candidates"
    )
    report(figures, notes=notes, save=save, earlier=vs)


@evaluate.command()
def reports(
    clone: Annotated[Path, typer.Argument(help="Git directory of the repository with the PDFs.")],
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Pages of long annual reports among ten passages, by kind of question.

    benchmarks/questions/reports.json names the public repository.
    """
    from benchmarks.reports import measure_reports, report_files

    settings = settings_with_models(embedding=True)
    with TemporaryDirectory() as folder:
        files = report_files(clone, Path(folder))
        figures = measure_reports(settings, files, progress=show_progress)
    notes = f"odd questions report; embedding model {settings.retrieval.embedding_model}"
    report(figures, notes=notes, save=save, earlier=vs)


@evaluate.command()
def embedders(
    models: Annotated[list[str], typer.Argument(help="NAME=DIRECTORY of each embedding model.")],
    data: Data = DATA,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Embedding models against each other on the English sets.

    nDCG@10, and passages per CPU second.
    """
    from benchmarks.embedders import measure_embedders

    directories = {name: Path(directory) for name, directory in parse_pairs(models).items()}
    figures = measure_embedders(settings_with_models(), data, directories, progress=show_progress)
    report(figures, notes="odd questions", save=save, earlier=vs)


@evaluate.command()
def citations(
    *,
    data: Data = DATA,
    choose: Annotated[
        bool, typer.Option(help="Also try every threshold one step up and down, on the other half.")
    ] = False,
    judge: Annotated[
        bool, typer.Option(help="Also have them judged by the model: rules, judge and both.")
    ] = False,
    halves: Annotated[str, typer.Option(help="With --judge: of the claims.")] = "reporting",
    limit: Annotated[
        int, typer.Option(min=0, help="With --judge: most claims of a kind and half; 0: all.")
    ] = 0,
    passages: Annotated[
        int, typer.Option(min=1, help="With --judge: passages that each claim is checked by.")
    ] = 1,
    tools: Annotated[
        bool, typer.Option(help="With --judge: offer the tools, as an agent's prompt does.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, help="With --judge: judgements at once.")] = 4,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Supported sentences that pass as such, and others that pass though they should not.

    With --judge and --save FILE the judgements are kept beside it (FILE.judged.jsonl), and a second
    run goes on from them.
    """
    if judge:
        _citations_judged(
            data,
            halves=halves,
            limit=limit,
            passages=passages,
            tools=tools,
            parallel=parallel,
            save=save,
            vs=vs,
        )
        return
    from benchmarks.citations import measure_citations

    settings = settings_with_models(embedding=True)
    figures = measure_citations(settings, data, choose=choose, progress=show_progress)
    model = settings.retrieval.embedding_model
    notes = f"the half not used to choose; embedding model {model}"
    report(figures, notes=notes, save=save, earlier=vs)


def _citations_judged(
    data: Path,
    *,
    halves: str,
    limit: int,
    passages: int,
    tools: bool,
    parallel: int,
    save: Path | None,
    vs: Path | None,
) -> None:
    """Measure rules, the model's judgement, and both."""
    from benchmarks.judging import measure_judging
    from benchmarks.lab import loaded_engine

    settings = settings_for_parallel(settings_with_models(embedding=True, llm=True), parallel)
    file = None
    if save is not None:
        file = save.with_suffix(".judged.jsonl")
    with loaded_engine(settings) as loaded:
        figures = measure_judging(
            settings,
            loaded,
            data,
            halves=parse_names(halves),
            limit=limit,
            passages=passages,
            tools=tools,
            parallel=parallel,
            file=file,
            progress=show_progress,
        )
        model = loaded.status().model
    notes = f"{model}; embedding model {settings.retrieval.embedding_model}"
    report(figures, notes=notes, save=save, earlier=vs)


@evaluate.command()
def answers(
    *,
    data: Data = DATA,
    limit: Annotated[int, typer.Option(min=0, help="Most questions per set; 0: all 1,450.")] = 20,
    parallel: Annotated[
        int, typer.Option(min=1, help="Conversations at once; 64 on a fast GPU.")
    ] = 4,
    sets: Sets = "",
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Whole answers: right, cited, supported, honest about what the documents do not say."""
    from benchmarks.answers import measure_answers, to_json

    settings = settings_with_models(embedding=True, llm=True)
    settings = settings_for_parallel(settings, parallel)
    result = measure_answers(
        settings,
        data,
        limit=limit,
        parallel=parallel,
        sets=parse_names(sets),
        progress=show_progress,
    )
    if save:
        save_answers(save, [to_json(outcome) for outcome in result.outcomes])
    model = settings.llm.model or "of this machine"
    notes = f"model {model}; {parallel} conversations at once"
    report(result.figures, notes=notes, save=save, earlier=vs)


@evaluate.command()
def office(
    *,
    data: Annotated[
        Path,
        typer.Option(help="Folder with the data sets, or one with questions.json beside files."),
    ] = DATA,
    parallel: Annotated[
        int, typer.Option(min=1, help="Conversations at once; more than 1 slows each answer.")
    ] = 1,
    only: Annotated[str, typer.Option(help="Ids of questions, with commas; all by default.")] = "",
    save: Save = None,
    vs: Vs = None,
) -> None:
    """A small office's files and questions: right, wrong but marked, wrong without a word."""
    from benchmarks.office import measure_office, to_json

    settings = settings_with_models(embedding=True, llm=True)
    if parallel > 1:
        settings = settings_for_parallel(settings, parallel)
    result = measure_office(
        settings, data, parallel=parallel, only=parse_names(only), progress=show_progress
    )
    if save:
        save_answers(save, [to_json(answer) for answer in result.answers])
    model = settings.llm.model or "of this machine"
    notes = f"model {model}; {parallel} conversations at once"
    report(result.figures, notes=notes, save=save, earlier=vs)


@evaluate.command()
def tables(
    *,
    data: Data = DATA,
    limit: Annotated[int, typer.Option(min=2, help="Questions, half of each set.")] = 100,
    save: Save = None,
    vs: Vs = None,
) -> None:
    """Queries to held-out tables of WikiTableQuestions and TAT-QA: the computed value is right."""
    from benchmarks.lab import loaded_engine
    from benchmarks.tables import measure_tables, to_json

    settings = settings_with_models(llm=True)
    with loaded_engine(settings) as loaded:
        result = measure_tables(loaded, data, limit=limit, progress=show_progress)
        model = loaded.status().model
    if save:
        save_answers(save, [to_json(outcome) for outcome in result.outcomes])
    report(result.figures, notes=f"model {model}", save=save, earlier=vs)
