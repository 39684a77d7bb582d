"""`docmind bench ingest` and `bench robustness`: files read, embedded and stored.

How fast and how well; and whether any file brings the reader down. Reading is measured in the
product's own reader process: its CPU seconds, not the clock's, so that a busy machine gives the
same figure.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import psutil
import pypdfium2

from benchmarks.index import empty_index
from benchmarks.result import Progress
from docmind.errors import IngestError
from docmind.ingestion.parsed import ParsedDocument
from docmind.ingestion.pipeline import BATCH
from docmind.ingestion.reader_process import ReaderProcess
from docmind.ingestion.readers.formats import IMAGES, read
from docmind.ingestion.readers.ocr import LONGEST_SIDE, recognize
from docmind.ingestion.readers.pdf_layout import layout
from docmind.ingestion.readers.pdf_pictures import PicturePage
from docmind.ingestion.splitter import StructureSplitter, section_nodes
from docmind.measurement import Figures
from docmind.retrieval.embeddings import Embedder
from docmind.retrieval.search import Retriever
from docmind.settings import IngestionSettings, Settings

PDF = "pdf"
"""PDFs of which no page is read by OCR."""
OCR = "ocr"
"""PDFs of which every page is, and pictures."""
MIXED = "mixed"
BROKEN = "broken"

LEAST_CPU_S = 1.0
"""A group is read again and again for that long: the process's time comes in steps of 10 ms."""
MOST_CLOCK_S = 30.0
EMBEDDED_PASSAGES = 512
SEARCHES = 100
QUERY_WORDS = 8


@dataclass(frozen=True)
class TimedRead:
    """What reading a file gave."""

    result: ParsedDocument | IngestError
    """The document, or why there is none."""
    seconds: float
    """On the clock."""


class MeasuredReader:
    """A reader process that tells what each file cost."""

    def __init__(self, settings: IngestionSettings) -> None:
        self._reader = ReaderProcess(settings)
        self.lost = 0
        """Processes that a file cost."""
        self.peak_gib = 0.0
        """Largest resident memory of any of them."""

    def read(self, path: Path) -> TimedRead:
        """Read a file."""
        result: ParsedDocument | IngestError
        begin = time.perf_counter()
        try:
            result = self._reader.read(path, path.name, self._watch)
        except IngestError as exc:
            result = exc
        seconds = time.perf_counter() - begin
        self._watch(0, 0)
        if self._reader._process is None:
            self.lost += 1
        return TimedRead(result=result, seconds=seconds)

    def close(self) -> None:
        """End the process."""
        self._reader.close()

    def cpu_s(self) -> float:
        """Return the CPU seconds of the process, in steps of 10 ms."""
        process = self._reader._process
        if process is None:
            return 0.0
        times = psutil.Process(process.pid).cpu_times()
        return float(times.user + times.system)

    def _watch(self, _done: int, _total: int) -> None:
        """Note the largest memory so far; the reader calls it as it goes on."""
        process = self._reader._process
        if process is None:
            return
        status = Path(f"/proc/{process.pid}/status")
        if not status.exists():
            return
        peak_kib = re.search(r"VmHWM:\s+(\d+)", status.read_text())
        if peak_kib:
            self.peak_gib = max(self.peak_gib, int(peak_kib[1]) / (1 << 20))


def reading_figures(settings: IngestionSettings, files: Iterable[Path]) -> Figures:
    """Measure the reader over these files, once warm.

    Returns:
        read.pdf.pages_cpu_s: pages of PDFs without scans, per CPU second; read.ocr.pages_cpu_s and
        read.ocr.pages_s (by the clock): scanned pages and pictures; read.SUFFIX.files_cpu_s and
        mb_cpu_s (megabytes) of the rest; read.peak_gib.
    """
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(group_of(file), []).append(file)
    figures: Figures = {}
    with closing(MeasuredReader(settings)) as reader:
        for name, group in sorted(groups.items()):
            figures |= _group_figures(reader, name, group)
        figures["read.peak_gib"] = reader.peak_gib
    return figures


def _group_figures(reader: MeasuredReader, name: str, files: Sequence[Path]) -> Figures:
    """Read a group of files of one kind, several times where it is quick."""
    # Recognising text is slow: one file warms it up, and each is read once.
    is_slow = name == OCR
    for file in files[:1] if is_slow else files:
        reader.read(file)

    pages = 0
    characters = 0
    size = 0
    files_read = 0
    clock_s = 0.0
    cpu_before = reader.cpu_s()
    while True:
        for file in files:
            timed = reader.read(file)
            clock_s += timed.seconds
            size += file.stat().st_size
            files_read += 1
            if isinstance(timed.result, ParsedDocument):
                pages += timed.result.pages
                characters += len(timed.result.text)
        cpu_s = reader.cpu_s() - cpu_before
        if is_slow or cpu_s >= LEAST_CPU_S or clock_s >= MOST_CLOCK_S:
            break

    if name in {PDF, OCR}:
        return {
            f"read.{name}.pages": pages,
            f"read.{name}.characters_page": characters / pages,
            f"read.{name}.pages_cpu_s": pages / cpu_s,
            f"read.{name}.pages_s": pages / clock_s,
        }
    return {
        f"read.{name}.files_cpu_s": files_read / cpu_s,
        f"read.{name}.mb_cpu_s": size / 1e6 / cpu_s,
    }


def group_of(file: Path) -> str:
    """Return PDF, OCR, MIXED or BROKEN, or the suffix of another format."""
    suffix = file.suffix.lower()
    if suffix in IMAGES:
        return OCR
    if suffix != ".pdf":
        return suffix[1:]
    try:
        with pypdfium2.PdfDocument(file) as pdf:
            pages = [PicturePage(layout(page, page.get_textpage())) for page in pdf]
            scans = [page.is_scan for page in pages]
            with_pictures = [page.is_read_by_ocr for page in pages]
    except pypdfium2.PdfiumError:
        return BROKEN
    if all(scans):
        return OCR
    if any(with_pictures):
        return MIXED
    return PDF


def ocr_accuracy(data: Path) -> Figures:
    """Measure OCR against the text layer of PDFs.

    Returns:
        ocr.word_recall, ocr.word_precision: words of the first pages of formats/pdf, drawn as
        pictures and read; only pages in Latin letters.
    """
    wanted: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    shared = 0
    for file in sorted((data / "formats/pdf/sources").glob("*.pdf")):
        with pypdfium2.PdfDocument(file) as pdf:
            page = pdf[0]
            text = page.get_textpage().get_text_bounded()
            latin = sum(character.isascii() for character in text)
            if len(text) < 500 or latin < 0.9 * len(text):
                continue
            scale = LONGEST_SIDE / max(page.get_size())
            lines = recognize(page.render(scale=scale).to_numpy()[:, :, :3])
        recognized = " ".join(line_text for _, line_text in lines)
        page_wanted = Counter(_words(text))
        page_seen = Counter(_words(recognized))
        shared += (page_wanted & page_seen).total()
        wanted += page_wanted
        seen += page_seen
    return {
        "ocr.word_recall": shared / wanted.total(),
        "ocr.word_precision": shared / seen.total(),
    }


def table_accuracy(data: Path) -> Figures:
    """Measure tables of PDFs against their expected Markdown.

    Returns:
        tables.rows: rows in the gold that are tables with rules; tables.rows_exact: those found
        with every cell the same; tables.rows_found: rows given out for these files.
    """
    rows = 0
    exact = 0
    found = 0
    for file in sorted((data / "formats/pdf/sources").glob("*.pdf")):
        expected: list[list[str]] = []
        gold = data / "formats/pdf/groundtruth" / f"{file.stem}.md"
        if gold.exists():
            expected = _table_rows(gold.read_text("utf-8"))
        ours = []
        for section in read(file).sections:
            if section.table:
                ours += _table_rows(section.text)
        rows += len(expected)
        exact += sum(row in ours for row in expected)
        found += len(ours)
    return {"tables.rows": rows, "tables.rows_exact": exact, "tables.rows_found": found}


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _table_rows(markdown: str) -> list[list[str]]:
    """Return the rows of all tables, of each cell its letters and digits."""
    rows = []
    for line in markdown.splitlines():
        is_rule = re.fullmatch(r"[|\s:-]+", line)
        is_contents = ". . ." in line  # a table of contents
        if not line.startswith("|") or is_rule or is_contents:
            continue
        cells = line.strip("| \n").split("|")
        rows.append(["".join(_words(cell.replace("&lt;", "<"))) for cell in cells])
    return rows


def embedding_figures(settings: Settings, embedder: Embedder, files: Iterable[Path]) -> Figures:
    """Measure the embedding model alone on real passages, in the ingestion's batches.

    Returns:
        embed.chunks_s and embed.chunks_cpu_s, sorted by length as the ingestion does;
        embed.as_they_come.… unsorted.
    """
    texts = _passages(settings.ingestion, embedder, files)[:EMBEDDED_PASSAGES]
    embedder.embed_texts(texts[:BATCH])
    figures: Figures = {"embed.chunks": len(texts)}
    orders = {"embed.as_they_come": texts, "embed": sorted(texts, key=len)}
    for name, ordered in orders.items():
        cpu_begin = time.process_time()
        begin = time.perf_counter()
        for start in range(0, len(ordered), BATCH):
            embedder.embed_texts(ordered[start : start + BATCH])
        figures[f"{name}.chunks_s"] = len(texts) / (time.perf_counter() - begin)
        figures[f"{name}.chunks_cpu_s"] = len(texts) / (time.process_time() - cpu_begin)
    return figures


def _passages(settings: IngestionSettings, embedder: Embedder, files: Iterable[Path]) -> list[str]:
    """Return at least EMBEDDED_PASSAGES passages of text files, if there are so many."""
    splitter = StructureSplitter(embedder.tokenizer, settings.chunk_tokens, settings.chunk_overlap)
    texts: list[str] = []
    for file in files:
        if file.suffix in {".md", ".txt"} and len(texts) < EMBEDDED_PASSAGES:
            nodes = splitter(section_nodes("doc", file.name, read(file)))
            texts += [node.get_content() for node in nodes]
    return texts


def one_more_figures(settings: Settings, embedder: Embedder, documents: int) -> Figures:
    """Measure whether adding a file takes longer, the more documents there are.

    Args:
        documents: how many are there when the second measurement begins.

    Returns:
        ingest.one_more_s.0: seconds to add a file of about 20 passages to an (almost) empty
        index, median of five; ingest.one_more_s.DOCUMENTS: the same beside that many documents;
        ingest.one_more_ratio: the second against the first.
    """
    with empty_index(settings, embedder) as index:
        service = index.service

        def seconds_to_add(number: int) -> float:
            begin = time.perf_counter()
            service.add_bytes(_notes(number, paragraphs=100), f"long {number}.txt")
            service.wait()
            return time.perf_counter() - begin

        # The first file pays for what starts when it is needed: the reader's process, say.
        seconds_to_add(-1)

        # Each file has a number, and so a text, of its own: one that is known is not read again.
        # Both series have five digits, so that their texts are equally long.
        at_first = median(seconds_to_add(number) for number in range(10_000, 10_005))
        for number in range(documents):
            service.add_bytes(_notes(number, paragraphs=1), f"note {number}.txt")
        service.wait()
        at_last = median(seconds_to_add(number) for number in range(20_000, 20_005))
    return {
        "ingest.one_more_s.0": at_first,
        f"ingest.one_more_s.{documents}": at_last,
        "ingest.one_more_ratio": at_last / at_first,
    }


def _notes(number: int, paragraphs: int) -> bytes:
    """Return a text that differs from that of any other number."""
    return "\n\n".join(_note(number, paragraph) for paragraph in range(paragraphs)).encode()


def _note(number: int, paragraph: int) -> str:
    return (
        f"Note {number}, paragraph {paragraph}: ship {number * 31 + paragraph} of the harbour "
        f"left pier {paragraph % 7} with {number + paragraph} crates of oranges, "
        f"and came back with wool, salt and {paragraph * number % 97} letters."
    )


def ingest_and_search_figures(
    settings: Settings, embedder: Embedder, files: Iterable[Path]
) -> Figures:
    """Measure ingestion of these files into an empty store, then searches in it.

    Returns:
        ingest.files_s, ingest.pages_s, ingest.chunks_s (parse, split, embed and store together);
        search.median_ms and search.p95_ms of hybrid search, query embedding included.
    """
    with empty_index(settings, embedder) as index:
        begin = time.perf_counter()
        for file in files:
            index.service.add(file)
        index.service.wait()
        seconds = time.perf_counter() - begin
        ready = [document for document in index.service.documents() if document.state == "ready"]
        texts = []
        for document in ready:
            texts += [passage.text for passage in index.retriever.passages(document.id)]
        times_ms = _search_times_ms(index.retriever, texts)
    return {
        "ingest.files": len(ready),
        "ingest.files_s": len(ready) / seconds,
        "ingest.pages_s": sum(document.pages for document in ready) / seconds,
        "ingest.chunks_s": sum(document.passages for document in ready) / seconds,
        "search.median_ms": median(times_ms),
        "search.p95_ms": quantiles(times_ms, n=20)[-1],
    }


def _search_times_ms(retriever: Retriever, texts: Sequence[str]) -> list[float]:
    """Search for a few words in a row of texts drawn evenly; return how long each took."""
    pick = random.Random(1)
    times_ms = []
    for text in pick.choices(texts, k=SEARCHES):
        words = text.split()
        start = pick.randrange(max(1, len(words) - QUERY_WORDS))
        query = " ".join(words[start : start + QUERY_WORDS])
        begin = time.perf_counter()
        retriever.search(query, 5)
        times_ms.append((time.perf_counter() - begin) * 1000)
    return times_ms


@dataclass(frozen=True)
class RobustnessResult:
    """Figures, and why files could not be read, the most frequent reason first."""

    figures: Figures
    reasons: str


def measure_robustness(
    settings: IngestionSettings, files: Iterable[Path], *, progress: Progress
) -> RobustnessResult:
    """Read every file, whatever it is.

    The figures are robust.files, robust.ready, robust.failed (with a message for the user),
    robust.workers_lost, robust.slowest_s, robust.peak_gib.
    """
    ready = 0
    slowest_s = 0.0
    reasons: Counter[str] = Counter()
    with closing(MeasuredReader(settings)) as reader:
        for file in files:
            timed = reader.read(file)
            slowest_s = max(slowest_s, timed.seconds)
            if isinstance(timed.result, ParsedDocument):
                ready += 1
                continue
            message = str(timed.result).replace(f"'{file.name}' ", "")
            reason = message.split(". ")[0]
            reasons[reason] += 1
            progress(f"{file.name}: {reason} ({timed.seconds:.1f} s)")
    failed = reasons.total()
    figures: Figures = {
        "robust.files": ready + failed,
        "robust.ready": ready,
        "robust.failed": failed,
        "robust.workers_lost": reader.lost,
        "robust.slowest_s": slowest_s,
        "robust.peak_gib": reader.peak_gib,
    }
    told = [f"{count} x {reason}" for reason, count in reasons.most_common()]
    return RobustnessResult(figures=figures, reasons="; ".join(told))
