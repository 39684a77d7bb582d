"""Files in files: those that a reader knows are written to a folder, the others counted."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from docmind.ingestion.parsed import AttachedFile, UnpackedFile, one_line

NAMES_SHOWN = 5
"""Of files that are not read."""


@dataclass
class Unpacked:
    """What has become of the files in a file."""

    files: list[UnpackedFile] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    """A sentence without its full stop for each reason."""


def unpack(attached: Iterable[AttachedFile], folder: Path, supported: Container[str]) -> Unpacked:
    """Write the files whose ending is among the supported ones into a folder."""
    unpacked = Unpacked()
    of_other_types: list[str] = []
    for number, file in enumerate(attached):
        name = one_line(file.name)
        if file.fault:
            unpacked.unread.append(f"'{name}' in it {file.fault} and was not read")
        elif PurePosixPath(name).suffix.lower() in supported:
            # The name in the folder is ours: one from outside may lead anywhere.
            path = folder / str(number)
            path.write_bytes(file.data)
            unpacked.files.append(UnpackedFile(name=name, path=path))
        else:
            of_other_types.append(name)
    if of_other_types:
        unpacked.unread.append(_not_read(of_other_types))
    return unpacked


def _not_read(names: list[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    if len(names) == 1:
        return f"1 file in it is of a type that is not read ({shown})"
    more = ", …" if len(names) > NAMES_SHOWN else ""
    return f"{len(names)} files in it are of a type that is not read ({shown}{more})"
