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
BLOCK = 1 << 24
"""Bytes copied at once."""


class Stream(NamedTuple):
    """One of the files in the pieces."""

    name: str
    size: int
    """In bytes."""


def take(piece: Path) -> None:
    """Append a piece to the files it belongs to."""
    HOME.mkdir(exist_ok=True)
    number = int(piece.name)
    taken_file = HOME / "taken"
    taken = int(taken_file.read_text()) if taken_file.exists() else 0
    if number <= taken:
        print(f"piece {number} was here already")
        return
    if number != taken + 1:
        sys.exit(f"piece {number} came before piece {taken + 1}")
    if number == 1:
        shutil.copy(piece / "streams", HOME / "streams")
        # What runs in the background runs from a copy: every call lays the tree anew.
        shutil.copytree(REPO, HOME / "repo", ignore=shutil.ignore_patterns(".gpu", ".git"))

    with (piece / "piece").open("rb") as data:
        for stream in read_streams():
            have = append(data, stream)
            if have < stream.size:
                break
            started = HOME / f"{stream.name}.started"
            if not started.exists():
                started.touch()
                start_install(stream.name)
    (piece / "piece").unlink()
    taken_file.write_text(str(number))
    print(f"piece {number} taken; {stream.name} has {have / stream.size:.0%}")


def read_streams() -> list[Stream]:
    """Return the files in the pieces, in order."""
    streams = []
    for line in (HOME / "streams").read_text().splitlines():
        name, size = line.split()
        streams.append(Stream(name, int(size)))
    return streams


def append(data: BinaryIO, stream: Stream) -> int:
    """Append what is missing of a file, as far as the data goes; return how much is there."""
    target = HOME / stream.name
    have = target.stat().st_size if target.exists() else 0
    with target.open("ab") as out:
        while have < stream.size:
            block = data.read(min(stream.size - have, BLOCK))
            if not block:
                break
            out.write(block)
            have += len(block)
    return have


def start_install(name: str) -> None:
    """Start what follows from a whole file."""
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
