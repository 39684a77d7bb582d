"""On the GPU host: take one piece over, and start in the background what it completes.

    python3 benchmarks/gpu/take.py .gpu/NN        # for 01, 02, … in order; plain Python, nothing installed

The pieces are one stream of files after each other; `streams` in the first piece says where each ends. A file that is
whole is dealt with at once, in a session of its own, while the next pieces travel: the packages are unpacked, the
models converted, the kernels compiled. `session.sh wait` waits for all of that.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

HOME = Path("/tmp/gpu")
REPO = Path(__file__).resolve().parents[2]


def take(piece: Path) -> None:
    """Append a piece to the files it belongs to."""
    HOME.mkdir(exist_ok=True)
    number = int(piece.name)
    taken = HOME / "taken"
    done = int(taken.read_text()) if taken.exists() else 0
    if number <= done:
        print(f"piece {number} was here already")
        return
    if number != done + 1:
        sys.exit(f"piece {number} came before piece {done + 1}")
    if number == 1:
        shutil.copy(piece / "streams", HOME / "streams")
        # what runs in the background runs from a copy: the tree itself is laid anew by every call
        shutil.copytree(REPO, HOME / "repo", ignore=shutil.ignore_patterns(".gpu", ".git"))
    streams = [
        (name, int(size)) for name, size in (line.split() for line in (HOME / "streams").open())
    ]
    with (piece / "piece").open("rb") as data:
        for name, size in streams:
            target = HOME / name
            have = target.stat().st_size if target.exists() else 0
            with target.open("ab") as out:
                while have < size and (block := data.read(min(size - have, 1 << 24))):
                    out.write(block)
                    have += len(block)
            if have < size:
                break
            stage = HOME / f"{name}.started"
            if not stage.exists():
                stage.touch()
                run(name)
    (piece / "piece").unlink()
    taken.write_text(str(number))
    print(f"piece {number} taken; {name} has {have / size:.0%}")


def run(name: str) -> None:
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
