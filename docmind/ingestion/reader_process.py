"""Reading files in a process of its own, with limits on memory and time: a poisonous file costs this process only."""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import psutil

import docmind
from docmind.errors import CorruptFile, DocMindError, IngestError
from docmind.ingestion.parsed import ParsedDocument, Progress
from docmind.settings import IngestionSettings

log = logging.getLogger(__name__)

TICK_S = 0.2
"""How often the caller is asked whether to go on."""
WORN_GIB = 1.5
"""A worker that has grown beyond this is replaced before the next file."""
STARTUP_S = 60


class Worker:
    """A process that reads one file at a time; started at first use, kept warm, replaced when it dies.

    Not forked: the app has threads and an engine. Not `multiprocessing`: that would run the page's script again.
    """

    def __init__(self, settings: IngestionSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection
        self._idle = True

    def read(
        self, path: Path, name: str, progress: Progress, password: str | None = None
    ) -> ParsedDocument:
        """Return the text of a file, as `readers.read` does, and raise what it raises.

        Args:
            progress: called with (done, total) at least every `TICK_S` seconds; may raise to stop the reading.
            password: opens an encrypted PDF, which is then replaced by an unlocked copy.

        Raises:
            CorruptFile: it made no progress for `max_step_s` seconds, needed more than `max_memory_gib`, or brought
                its reader down.
        """
        self._idle = False
        try:
            self._ask((path, name, password))
            return self._answer(name, progress)
        finally:
            if not self._idle:  # nobody waits any more for what it is doing
                self.close()

    def close(self) -> None:
        """End the process; the next `read` starts another."""
        if self._process is not None:
            self._pipe.close()
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, question: tuple[Path, str, str | None]) -> None:
        here = self._process if self._process and self._process.poll() is None else None
        if here is None or psutil.Process(here.pid).memory_info().rss > WORN_GIB * (1 << 30):
            self.close()
            self._start()
        self._pipe.send(question)

    def _start(self) -> None:
        self._pipe, theirs = Pipe()
        here = str(Path(docmind.__file__).parents[1])
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        }
        arguments = [str(theirs.fileno()), str(self._settings.max_memory_gib)]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "docmind.ingestion.reader_process", *arguments],
            pass_fds=[theirs.fileno()],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
        try:
            started = self._pipe.poll(STARTUP_S) and self._pipe.recv()
        except EOFError:
            started = False
        if not started:
            raise IngestError(
                "The process that reads files did not start. Restart DocMind; `docmind doctor` may help."
            )

    def _answer(self, name: str, progress: Progress) -> ParsedDocument:
        done = total = 0
        patience = time.monotonic() + self._settings.max_step_s
        while time.monotonic() < patience:
            if not self._pipe.poll(TICK_S):
                progress(done, total)
                continue
            try:
                kind, value = self._pipe.recv()
            except (EOFError, OSError):
                raise self._died(name) from None
            self._idle = kind != "progress"
            if kind == "done":
                document: ParsedDocument = value
                return document
            if kind == "error":
                error, details = value
                if details:
                    log.warning("%s could not be read\n%s", name, details)
                raise error
            done, total = value
            progress(done, total)
            patience = time.monotonic() + self._settings.max_step_s
        raise CorruptFile(
            f"'{name}' was given up: its reader made no progress for {self._settings.max_step_s:g} s. Save it again or "
            "split it; if it is only large, raise DOCMIND_INGESTION__MAX_STEP_S."
        )

    def _died(self, name: str) -> CorruptFile:
        assert self._process is not None
        code = self._process.wait()
        log.warning("%s ended its reader with exit code %s", name, code)
        return CorruptFile(
            f"'{name}' could not be read: it brought its reader down (exit code {code}). It is damaged, or needs more "
            f"than {self._settings.max_memory_gib:g} GiB of memory: save it again in another program, split it, or "
            "raise DOCMIND_INGESTION__MAX_MEMORY_GIB."
        )


def main(descriptor: int, memory_gib: float) -> None:
    """Answer questions on a pipe until it is closed: (path, name, password) → progress …, then done or error."""
    from docmind.ingestion.readers.formats import read

    ctypes.CDLL(None).prctl(
        1, signal.SIGKILL
    )  # PR_SET_PDEATHSIG: end with the app, even in the middle of a loop
    os.nice(5)  # whoever waits for an answer goes first
    room = int(memory_gib * (1 << 30))
    resource.setrlimit(resource.RLIMIT_DATA, (room, room))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pipe = Connection(descriptor)
    pipe.send(("ready", None))

    def answer(path: Path, name: str, password: str | None) -> tuple[str, Any]:
        try:
            return "done", read(
                path, name, lambda done, total: pipe.send(("progress", (done, total))), password
            )
        except DocMindError as exc:
            expected = exc.__cause__ is None or isinstance(exc.__cause__, DocMindError)
            return "error", (
                exc,
                "" if expected else "".join(traceback.format_exception(exc.__cause__)),
            )

    with suppress(EOFError, OSError):  # the app has ended
        while True:
            pipe.send(answer(*pipe.recv()))


if __name__ == "__main__":
    logging.disable()  # what happened travels to the app, which logs it
    main(int(sys.argv[1]), float(sys.argv[2]))
