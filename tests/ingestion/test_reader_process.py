"""A file that kills, hangs or fills its reader costs one process and one clear message."""

import os
import threading
import time

import psutil
import pytest

from docmind.errors import CorruptFile, EmptyFile, IngestError
from docmind.ingestion.parsed import no_progress
from docmind.ingestion.reader_process import ReaderProcess
from docmind.settings import IngestionSettings
from tests.samples import PAGES, write_pdf

POISON = """
import ctypes, time
import docmind.ingestion.readers.formats as formats

def poisonous(path, progress):
    what = path.read_text()
    if what == "crash":
        ctypes.string_at(0)
    if what == "hang":
        time.sleep(600)
    if what == "fill":
        return [bytearray(1 << 24) for _ in range(1000)]
    if what == "slow":
        for i in range(1000):
            time.sleep(0.05)
            progress(i, 1000)

formats.SUPPORTED = {**formats.SUPPORTED, ".txt": poisonous}
"""


@pytest.fixture
def start_poisoned(tmp_path, monkeypatch):
    """Make a process whose reader of plain text does what the text says."""
    (tmp_path / "sitecustomize.py").write_text(POISON)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    )
    started = []

    def start(max_step_s=60):
        reader = ReaderProcess(IngestionSettings(max_memory_gib=1, max_step_s=max_step_s))
        started.append(reader)
        return reader

    yield start
    for reader in started:
        reader.close()


def read(reader, path, content, progress=no_progress):
    path.write_bytes(content)
    return reader.read(path, path.name, progress)


@pytest.mark.parametrize(
    ("what", "max_step_s", "message"),
    [
        ("crash", 60, "brought its reader down"),
        ("hang", 3, "no progress for 3 s"),
        ("fill", 60, "more memory than"),  # a gigabyte takes a busy machine more than 3 s
    ],
)
def test_a_poisonous_file_costs_one_process(start_poisoned, tmp_path, what, max_step_s, message):
    poisoned = start_poisoned(max_step_s)
    with pytest.raises(CorruptFile, match=f"'bad.txt'.*{message}"):
        read(poisoned, tmp_path / "bad.txt", what.encode())
    assert "words" in read(poisoned, tmp_path / "good.md", b"some words").text


def test_reading_stops_when_asked_and_the_process_with_it(start_poisoned, tmp_path):
    poisoned = start_poisoned()
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done >= 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        read(poisoned, tmp_path / "slow.txt", b"slow", progress=progress)
    assert (5, 1000) in seen
    began = time.monotonic()

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):  # also where there is no progress
        read(poisoned, tmp_path / "hang.txt", b"hang", progress=stop)
    # It waited neither for the file's end (600 s) nor for the limit of a step.
    assert time.monotonic() - began < 60
    assert not psutil.Process().children()


def test_a_reader_stays_warm_over_files_good_and_bad(tmp_path):
    reader = ReaderProcess(IngestionSettings())
    steps = []

    def progress(done, total):
        if total:  # there is none before the first page
            steps.append((done, total))

    path = write_pdf(tmp_path / "a.pdf")
    document = reader.read(path, "a.pdf", progress)
    assert PAGES[1].split(". ", maxsplit=1)[0] in document.text
    assert steps == [(0, 3), (1, 3), (2, 3)]
    (first,) = psutil.Process().children()
    with pytest.raises(EmptyFile, match=r"'b\.md' has no text"):
        read(reader, tmp_path / "b.md", b" ")
    with pytest.raises(CorruptFile, match=r"'c\.docx' is damaged"):
        read(reader, tmp_path / "c.docx", b"no package")
    assert psutil.Process().children() == [first]
    first.kill()  # whoever ends it, the next file has another
    first.wait()
    assert read(reader, tmp_path / "d.md", b"words").text == "words"
    reader.close()
    assert not psutil.Process().children()


def test_it_ends_with_the_thread_that_needs_it(tmp_path):
    reader = ReaderProcess(IngestionSettings())
    thread = threading.Thread(target=read, args=(reader, tmp_path / "a.md", b"words"))
    thread.start()
    thread.join()
    process = reader._process
    assert process.wait(10) < 0
    assert read(reader, tmp_path / "b.md", b"more words").text == "more words"
    reader.close()


def test_a_reader_that_has_grown_is_replaced(tmp_path, monkeypatch):
    reader = ReaderProcess(IngestionSettings())
    for name in ("a.md", "b.md"):
        assert read(reader, tmp_path / name, b"words").text == "words"
    (first,) = psutil.Process().children()
    monkeypatch.setattr("docmind.ingestion.reader_process.WORN_GIB", 0.001)
    assert read(reader, tmp_path / "c.md", b"words").text == "words"
    (second,) = psutil.Process().children()
    assert second != first
    reader.close()


def test_a_reader_that_cannot_start_says_so(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(1)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(IngestError, match="did not start"):
        read(ReaderProcess(IngestionSettings()), tmp_path / "a.md", b"words")
