"""On the GPU host: take one piece over, and start in the background what it completes.

    python3 benchmarks/gpu/take.py .gpu/NN        # for 01, 02, … in order; nothing is installed

The pieces are one stream of files after each other; `streams` in the first piece says where each
ends. A file that is whole is dealt with at once, in a session of its own, while the next pieces
travel: the packages are unpacked, the models converted, the kernels compiled. `session.sh wait`
waits for all of that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO, NamedTuple

HOME = Path("/tmp/gpu")
REPO = Path(__file__).resolve().parents[2]
STREAMS = HOME / "streams"
"""Each file's name and size, in the order of the pieces; a copy, as the first piece brings it."""
LAST_PIECE = HOME / "taken"
"""Holds the number of the last piece that was taken."""
BLOCK = 1 << 24
"""Bytes copied at once."""


class Stream(NamedTuple):
    """One of the files in the pieces."""

    name: str
    size: int
    """In bytes."""


def take(piece_dir: Path) -> None:
    """Append a piece to the files it belongs to, and install each file that it makes whole.

    Args:
        piece_dir: named by the piece's number; the bytes are its file `piece`.
    """
    HOME.mkdir(exist_ok=True)
    number = int(piece_dir.name)
    last = int(LAST_PIECE.read_text()) if LAST_PIECE.exists() else 0
    if number <= last:
        print(f"piece {number} was here already")
        return
    if number != last + 1:
        sys.exit(f"piece {number} came before piece {last + 1}")
    if number == 1:
        shutil.copy(piece_dir / "streams", STREAMS)
        # What runs in the background runs from a copy: every call lays the tree anew.
        shutil.copytree(REPO, HOME / "repo", ignore=shutil.ignore_patterns(".gpu", ".git"))

    data_file = piece_dir / "piece"
    with data_file.open("rb") as data:
        # From the first file on: those that earlier pieces made whole take nothing.
        for stream in read_streams():
            received = append(data, stream)
            if received < stream.size:
                break  # the piece ends within this file
            started = HOME / f"{stream.name}.started"
            if not started.exists():
                started.touch()
                start_install(stream.name)
    data_file.unlink()
    LAST_PIECE.write_text(str(number))
    print(f"piece {number} taken; {stream.name} has {received / stream.size:.0%}")


def read_streams() -> list[Stream]:
    """Return the files in the pieces, in order."""
    streams = []
    for line in STREAMS.read_text().splitlines():
        name, size = line.split()
        streams.append(Stream(name, int(size)))
    return streams


def append(data: BinaryIO, stream: Stream) -> int:
    """Append what is missing of a file, as far as the data goes; return its bytes so far."""
    target = HOME / stream.name
    received = target.stat().st_size if target.exists() else 0
    with target.open("ab") as out:
        while received < stream.size:
            block = data.read(min(stream.size - received, BLOCK))
            if not block:
                break
            out.write(block)
            received += len(block)
    return received


def start_install(name: str) -> None:
    """Unpack, convert or compile what a whole file brought, in the background."""
    with (HOME / f"{name}.log").open("w") as log:
        subprocess.Popen(
            ["bash", HOME / "repo/benchmarks/gpu/install.sh", name],
            cwd=HOME / "repo",
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


if __name__ == "__main__":
    take(Path(sys.argv[1]))
