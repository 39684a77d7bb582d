"""How fast and how well files are read, embedded and stored; and whether any file brings the reader down.

Reading is measured in the product's own worker process: its CPU seconds, not the clock's, so that a busy machine
gives the same figure.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

import psutil

from docmind.errors import IngestError
from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.reader_process import ReaderProcess
from docmind.ingestion.readers.formats import IMAGES
from docmind.ingestion.service import IngestionService
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.retrieval.store.opening import open_store
from docmind.settings import IngestionSettings, Settings
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore

Say = Callable[[str], None]


class Measured:
    """A worker that tells what each file cost."""

    def __init__(self, settings: IngestionSettings) -> None:
        self._worker = ReaderProcess(settings)
        self.lost = 0
        """Worker processes that a file cost."""
        self.peak_gib = 0.0
        """Largest resident memory of any of them."""

    def read(self, path: Path) -> tuple[ParsedDocument | IngestError, float]:
        """Return the document or why there is none, and seconds on the clock."""
        begin = time.perf_counter()
        found: ParsedDocument | IngestError
        try:
            found = self._worker.read(path, path.name, self._watch)
        except IngestError as exc:
            found = exc
        took = time.perf_counter() - begin
        self._watch(0, 0)
        self.lost += self._worker._process is None
        return found, took

    def close(self) -> None:
        """End the process."""
        self._worker.close()

    def cpu(self) -> float:
        """Return the CPU seconds of the process, in steps of 10 ms."""
        process = self._worker._process
        return sum(psutil.Process(process.pid).cpu_times()[:2]) if process else 0.0

    def _watch(self, _done: int, _total: int) -> None:
        if self._worker._process:
            status = Path(f"/proc/{self._worker._process.pid}/status")
            peak = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
            self.peak_gib = max(self.peak_gib, int(peak[1]) / (1 << 20) if peak else 0.0)


def reading(settings: IngestionSettings, files: Iterable[Path]) -> dict[str, float]:
    """Measure the reader over these files, once warm.

    Returns:
        read.pdf.pages_cpu_s: pages of PDFs without scans, per CPU second; read.ocr.pages_cpu_s and
        read.ocr.pages_s (by the clock): scanned pages and pictures; read.SUFFIX.files_cpu_s and mb_cpu_s (megabytes)
        of the rest; read.peak_gib.
    """
    groups = defaultdict(list)
    for file in files:
        groups[_group(file)].append(file)
    worker = Measured(settings)
    figures: dict[str, float] = {}
    for name, group in sorted(groups.items()):
        for file in group if name != "ocr" else group[:1]:
            worker.read(file)  # warm
        pages = letters = size = count = 0
        clock, before = 0.0, worker.cpu()
        while count < len(group) or (name != "ocr" and worker.cpu() - before < 1 and clock < 30):
            for file in group:
                found, took = worker.read(file)
                clock, count, size = clock + took, count + 1, size + file.stat().st_size
                if isinstance(found, ParsedDocument):
                    pages, letters = pages + found.pages, letters + len(found.text)
        cpu = worker.cpu() - before
        if name in {"pdf", "ocr"}:
            figures[f"read.{name}.pages"] = pages
            figures[f"read.{name}.characters_page"] = letters / pages
            figures[f"read.{name}.pages_cpu_s"] = pages / cpu
            figures[f"read.{name}.pages_s"] = pages / clock
        else:
            figures[f"read.{name}.files_cpu_s"] = count / cpu
            figures[f"read.{name}.mb_cpu_s"] = size / 1e6 / cpu
    figures["read.peak_gib"] = worker.peak_gib
    worker.close()
    return figures


def _group(file: Path) -> str:
    """Return `pdf` (no page is read by OCR), `ocr` (every page is, or a picture), `mixed`, or the suffix."""
    import pypdfium2

    from docmind.ingestion.readers.pdf import is_scan

    if file.suffix.lower() in IMAGES:
        return "ocr"
    if file.suffix.lower() != ".pdf":
        return file.suffix.lower()[1:]
    try:
        with pypdfium2.PdfDocument(file) as pdf:
            scans = [is_scan(page, page.get_textpage().get_text_bounded()) for page in pdf]
    except pypdfium2.PdfiumError:
        return "broken"
    return "ocr" if all(scans) else "mixed" if any(scans) else "pdf"


def accuracy(data: Path) -> dict[str, float]:
    """Measure OCR against the text layer of PDFs, and tables of PDFs against their expected Markdown.

    Returns:
        ocr.word_recall, ocr.word_precision: words of the first pages of formats/pdf, drawn as pictures and read; only
        pages in Latin letters. tables.rows: rows in the gold that are tables with rules, tables.rows_exact: those
        found with every cell the same, tables.rows_found: rows given out for these files.
    """
    import pypdfium2

    from docmind.ingestion.readers.formats import read
    from docmind.ingestion.readers.ocr import LONGEST_SIDE, recognize

    found, wanted, same = 0, 0, 0
    for file in sorted((data / "formats/pdf/sources").glob("*.pdf")):
        with pypdfium2.PdfDocument(file) as pdf:
            page = pdf[0]
            text = page.get_textpage().get_text_bounded()
            if len(text) < 500 or sum(c.isascii() for c in text) < 0.9 * len(text):
                continue
            lines = recognize(
                page.render(scale=LONGEST_SIDE / max(page.get_size())).to_numpy()[:, :, :3]
            )
        said, seen = Counter(_words(text)), Counter(_words(" ".join(t for _, t in lines)))
        found, wanted, same = (
            found + seen.total(),
            wanted + said.total(),
            same + (said & seen).total(),
        )
    figures = {"ocr.word_recall": same / wanted, "ocr.word_precision": same / found}

    rows = exact = given = 0
    for file in sorted((data / "formats/pdf/sources").glob("*.pdf")):
        gold = data / "formats/pdf/groundtruth" / f"{file.stem}.md"
        expected = _cells(gold.read_text("utf-8")) if gold.exists() else []
        tables = [s.text for s in read(file).sections if s.table]
        ours = [row for text in tables for row in _cells(text)]
        rows, exact, given = (
            rows + len(expected),
            exact + sum(row in ours for row in expected),
            given + len(ours),
        )
    return figures | {"tables.rows": rows, "tables.rows_exact": exact, "tables.rows_found": given}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _cells(markdown: str) -> list[list[str]]:
    lines = [
        line
        for line in markdown.splitlines()
        if line.startswith("|") and not re.fullmatch(r"[|\s:-]+", line)
    ]
    lines = [line for line in lines if ". . ." not in line]  # a table of contents
    return [
        ["".join(_words(cell.replace("&lt;", "<"))) for cell in line.strip("| \n").split("|")]
        for line in lines
    ]


def embedding(
    settings: Settings, embedder: Embedder, files: Iterable[Path], chunks: int = 512
) -> dict[str, float]:
    """Measure the embedding model alone on real passages, in the ingestion's batches.

    Returns:
        embed.chunks_s and embed.chunks_cpu_s, sorted by length as the ingestion does; embed.as_they_come.… unsorted.
    """
    from docmind.ingestion.pipeline import BATCH
    from docmind.ingestion.readers.formats import read
    from docmind.ingestion.splitter import StructureSplitter, section_nodes

    splitter = StructureSplitter(
        embedder.tokenizer, settings.ingestion.chunk_tokens, settings.ingestion.chunk_overlap
    )
    texts: list[str] = []
    for file in files:
        if file.suffix in {".md", ".txt"} and len(texts) < chunks:
            texts += [
                node.get_content() for node in splitter(section_nodes("doc", file.name, read(file)))
            ]
    texts = texts[:chunks]
    embedder.embed_texts(texts[:BATCH])
    figures: dict[str, float] = {"embed.chunks": len(texts)}
    for name, ordered in (("embed.as_they_come", texts), ("embed", sorted(texts, key=len))):
        cpu, begin = time.process_time(), time.perf_counter()
        for start in range(0, len(ordered), BATCH):
            embedder.embed_texts(ordered[start : start + BATCH])
        figures[f"{name}.chunks_s"] = len(texts) / (time.perf_counter() - begin)
        figures[f"{name}.chunks_cpu_s"] = len(texts) / (time.process_time() - cpu)
    return figures


def one_more(settings: Settings, embedder: Embedder, documents: int = 1000) -> dict[str, float]:
    """Measure what one more file costs when there are none, and when there are `documents`.

    Returns:
        ingest.one_more_s.0, ingest.one_more_s.N: median of five files of about 20 chunks; ingest.one_more_ratio.
    """

    def text(number: int, paragraphs: int) -> bytes:
        return "\n\n".join(
            f"Note {number}, paragraph {i}: ship {number * 31 + i} of the harbour left pier {i % 7} with "
            f"{number + i} crates of oranges, and came back with wool, salt and {i * number % 97} letters."
            for i in range(paragraphs)
        ).encode()

    with _empty(settings, embedder) as (service, _):

        def add(number: int) -> float:
            begin = time.perf_counter()
            service.add_bytes(text(number, 100), f"long {number}.txt")
            service.wait()
            return time.perf_counter() - begin

        add(-1)  # everything is warm
        few = median(add(10_000 + i) for i in range(5))
        for i in range(documents):
            service.add_bytes(text(i, 1), f"note {i}.txt")
        service.wait()
        many = median(add(20_000 + i) for i in range(5))
    figures = {"ingest.one_more_s.0": few, f"ingest.one_more_s.{documents}": many}
    return figures | {"ingest.one_more_ratio": many / few}


@contextmanager
def _empty(settings: Settings, embedder: Embedder) -> Iterator[tuple[IngestionService, Retriever]]:
    """Yield the ingestion into an empty store, and the search in it."""
    with TemporaryDirectory() as folder:
        own = settings.model_copy(update={"data_dir": Path(folder)})
        with (
            closing(open_store(own, embedder.dims)) as store,
            closing(Database(own.database)) as database,
            closing(
                IngestionService(
                    settings=own, documents=DocumentStore(database), store=store, embedder=embedder
                )
            ) as service,
        ):
            yield service, Retriever(store, embedder, own)


def ingest_and_search(
    settings: Settings, embedder: Embedder, files: Iterable[Path]
) -> dict[str, float]:
    """Measure ingestion of these files into a fresh store, then 100 searches in it.

    Returns:
        ingest.files_s, ingest.pages_s, ingest.chunks_s (parse, split, embed and store together); search.median_ms and
        search.p95_ms of hybrid search, query embedding included.
    """
    with _empty(settings, embedder) as (service, retriever):
        begin = time.perf_counter()
        for file in files:
            service.add(file)
        service.wait()
        seconds = time.perf_counter() - begin
        ready = [d for d in service.documents() if d.state == "ready"]
        figures = {
            "ingest.files": float(len(ready)),
            "ingest.files_s": len(ready) / seconds,
            "ingest.pages_s": sum(d.pages for d in ready) / seconds,
            "ingest.chunks_s": sum(d.passages for d in ready) / seconds,
        }
        passages = [hit.text.split() for d in ready for hit in retriever.passages(d.id)]
        pick = random.Random(1)
        times = []
        for words in pick.choices(passages, k=100):
            at = pick.randrange(max(1, len(words) - 8))
            begin = time.perf_counter()
            retriever.search(" ".join(words[at : at + 8]), 5)
            times.append((time.perf_counter() - begin) * 1000)
    return figures | {
        "search.median_ms": median(times),
        "search.p95_ms": quantiles(times, n=20)[-1],
    }


def robustness(
    settings: IngestionSettings, files: Iterable[Path], say: Say
) -> tuple[dict[str, float], str]:
    """Read every file, whatever it is; return figures and the reasons of those that failed.

    Returns:
        robust.files, robust.ready, robust.failed (with a message for the user), robust.workers_lost,
        robust.slowest_s, robust.peak_gib.
    """
    worker = Measured(settings)
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    slowest = 0.0
    for file in files:
        found, took = worker.read(file)
        slowest = max(slowest, took)
        if isinstance(found, ParsedDocument):
            counts["ready"] += 1
        else:
            counts["failed"] += 1
            reason = str(found).replace(f"'{file.name}' ", "").split(". ")[0]
            reasons[reason] += 1
            say(f"{file.name}: {reason} ({took:.1f} s)")
    worker.close()
    figures = {f"robust.{name}": float(counts[name]) for name in ("ready", "failed")}
    figures = {"robust.files": float(counts.total())} | figures
    figures |= {
        "robust.workers_lost": worker.lost,
        "robust.slowest_s": slowest,
        "robust.peak_gib": worker.peak_gib,
    }
    return figures, "; ".join(f"{count} x {reason}" for reason, count in reasons.most_common())
