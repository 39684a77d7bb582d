"""What runs in the reader's process: requests come in through a pipe, messages go out.

Started by `docmind.ingestion.reader_process`, as `python -m docmind.ingestion.reader_main
DESCRIPTOR MEMORY_GIB`.
"""

from __future__ import annotations

import ctypes
import logging
import os
import resource
import signal
import sys
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from docmind.errors import DocMindError
from docmind.hardware import GIB
from docmind.ingestion.reader_process import (
    Advanced,
    Answer,
    Failed,
    Finished,
    ReadRequest,
    Ready,
)
from docmind.ingestion.readers.formats import read

PR_SET_PDEATHSIG = 1
"""The option of Linux's prctl: which signal comes when the thread that started us ends."""
NICENESS = 5
"""Whoever waits for an answer goes first."""


def main(descriptor: int, memory_gib: float) -> None:
    """Answer requests on a pipe until it is closed.

    Args:
        descriptor: our end of the pipe.
        memory_gib: how much data this process may have; what asks for more gets a MemoryError.
    """
    _set_limits(memory_gib)
    pipe = Connection(descriptor)
    with suppress(EOFError, OSError):  # the app has ended
        pipe.send(Ready())
        while True:
            request: ReadRequest = pipe.recv()
            pipe.send(_answer(request, pipe))


def _set_limits(memory_gib: float) -> None:
    # Ends us with the app, even in the middle of a loop.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(NICENESS)
    memory_bytes = int(memory_gib * GIB)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(request: ReadRequest, pipe: Connection) -> Answer:
    """Read a file, telling the pipe how far it is."""

    def progress(done: int, total: int) -> None:
        pipe.send(Advanced(done=done, total=total))

    try:
        document = read(
            request.path,
            name=request.name,
            progress=progress,
            password=request.password,
            unpack_into=request.unpack_into,
        )
    except DocMindError as exc:
        return Failed(error=exc, traceback=_unexpected(exc))
    return Finished(document)


def _unexpected(error: DocMindError) -> str:
    """Return the traceback of what a library raised; "" if the error is one of our own making."""
    cause = error.__cause__
    if cause is None or isinstance(cause, DocMindError):
        return ""
    return "".join(traceback.format_exception(cause))


if __name__ == "__main__":
    logging.disable()  # what happened travels to the app, which logs it
    main(int(sys.argv[1]), float(sys.argv[2]))
