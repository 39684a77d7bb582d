"""Reading files in a process of its own, with limits on memory and time.

A poisonous file costs this process only. What runs in it is `docmind.ingestion.reader_main`; the
two exchange the messages below through a pipe.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

import psutil

import docmind
from docmind.errors import CorruptFile, DocMindError, IngestError
from docmind.hardware import GIB
from docmind.ingestion.parsed import ParsedDocument, Progress
from docmind.settings import IngestionSettings

log = logging.getLogger(__name__)

TICK_S = 0.2
"""How often the caller is asked whether to go on."""
WORN_GIB = 1.5
"""A process that has grown beyond this is replaced before the next file."""
STARTUP_S = 60
"""How long the process may take until it is ready."""


@dataclass(frozen=True)
class ReadRequest:
    """To the process: read this file."""

    path: Path
    name: str
    """What the user calls it."""
    password: str | None
    unpack_into: Path | None
    """A folder for the files in it, if they are wanted."""


@dataclass(frozen=True)
class Ready:
    """From the process, once: it has started."""


@dataclass(frozen=True)
class Advanced:
    """From the process: so many pages, sheets or similar are read."""

    done: int
    total: int


@dataclass(frozen=True)
class Finished:
    """From the process, the end of a request: the text."""

    document: ParsedDocument


@dataclass(frozen=True)
class Failed:
    """From the process, the end of a request: why there is no text."""

    error: DocMindError
    traceback: str
    """For the log; "" where the error was expected."""


Answer = Finished | Failed


class ReaderProcess:
    """A process that reads one file at a time.

    It is started at first use, kept warm, and replaced when it has died or grown.

    It is not forked, because the app has threads and an engine, and not made by `multiprocessing`,
    which would run the page's script again.
    """

    def __init__(self, settings: IngestionSettings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection
        self._idle = True
        """The process waits for a request."""

    def read(
        self,
        path: Path,
        name: str,
        progress: Progress,
        *,
        password: str | None = None,
        unpack_into: Path | None = None,
    ) -> ParsedDocument:
        """Return the text of a file, as `readers.formats.read` does, and raise what it raises.

        Args:
            path: the file.
            name: what the user calls it.
            progress: called with (done, total) at least every `TICK_S` seconds; may raise to stop
                the reading.
            password: opens an encrypted PDF, which is then replaced by an unlocked copy.
            unpack_into: a folder for the files in it, if they are wanted.

        Raises:
            CorruptFile: it made no progress for `max_step_s` seconds, needed more than
                `max_memory_gib`, or brought its reader down.
        """
        self._idle = False
        try:
            request = ReadRequest(path=path, name=name, password=password, unpack_into=unpack_into)
            self._request(request)
            return self._await_answer(name, progress)
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

    def _request(self, request: ReadRequest) -> None:
        if not self._is_fit():
            self.close()
            self._start()
        self._pipe.send(request)

    def _is_fit(self) -> bool:
        """Tell whether the process is there and has not grown beyond `WORN_GIB`."""
        if self._process is None or self._process.poll() is not None:
            return False
        resident = psutil.Process(self._process.pid).memory_info().rss
        return resident <= WORN_GIB * GIB

    def _start(self) -> None:
        self._pipe, their_end = Pipe()
        command = [
            sys.executable,
            "-m",
            "docmind.ingestion.reader_main",
            str(their_end.fileno()),
            str(self._settings.max_memory_gib),
        ]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command,
            pass_fds=[their_end.fileno()],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        their_end.close()
        if not self._hears_ready():
            raise IngestError(
                "The process that reads files did not start. "
                "Restart DocMind; `docmind doctor` may help."
            )

    def _hears_ready(self) -> bool:
        if not self._pipe.poll(STARTUP_S):
            return False
        try:
            return isinstance(self._pipe.recv(), Ready)
        except EOFError:
            return False

    def _await_answer(self, name: str, progress: Progress) -> ParsedDocument:
        step = Advanced(done=0, total=0)
        deadline = time.monotonic() + self._settings.max_step_s
        while time.monotonic() < deadline:
            if not self._pipe.poll(TICK_S):
                progress(step.done, step.total)
                continue
            message = self._receive(name)
            if isinstance(message, Advanced):
                step = message
                progress(step.done, step.total)
                deadline = time.monotonic() + self._settings.max_step_s
                continue
            self._idle = True
            if isinstance(message, Finished):
                return message.document
            if message.traceback:
                log.warning("%s could not be read\n%s", name, message.traceback)
            raise message.error
        raise CorruptFile(
            f"'{name}' was given up: its reader made no progress for "
            f"{self._settings.max_step_s:g} s. Save it again or split it; if it is only large, "
            "raise DOCMIND_INGESTION__MAX_STEP_S."
        )

    def _receive(self, name: str) -> Advanced | Answer:
        """Return what the process says next; CorruptFile if it has ended."""
        message: Advanced | Answer
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            raise self._died(name) from None
        return message

    def _died(self, name: str) -> CorruptFile:
        """Return the error for a file that ended the process."""
        assert self._process is not None
        code = self._process.wait()
        log.warning("%s ended its reader with exit code %s", name, code)
        return CorruptFile(
            f"'{name}' could not be read: it brought its reader down (exit code {code}). It is "
            f"damaged, or needs more than {self._settings.max_memory_gib:g} GiB of memory: save it "
            "again in another program, split it, or raise DOCMIND_INGESTION__MAX_MEMORY_GIB."
        )


def _environment() -> dict[str, str]:
    """Return our environment, in which the process finds the same `docmind` package."""
    search_path = [str(Path(docmind.__file__).parents[1])]
    inherited = os.environ.get("PYTHONPATH")
    if inherited:
        search_path.append(inherited)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
