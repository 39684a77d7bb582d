"""Archives (ZIP) → a list of the files in them, which become documents of their own.

`formats.read` has checked before to how much it unpacks.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docmind.errors import EncryptedFile
from docmind.ingestion.parsed import AttachedFile, PartlyRead, Progress, Section
from docmind.ingestion.readers.encodings import decode

MOST_LISTED = 1000
"""Files that are named in the list."""
LARGEST_FILE = 500_000_000
"""Bytes that are unpacked of one file."""
_BY_SYSTEMS = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
"""Folders and files that operating systems add."""
_LOCKED = 0x1
_NAME_IS_UTF8 = 0x800
"""Bits of a member's flags (APPNOTE, 4.4.4)."""


@dataclass(frozen=True)
class _Member:
    name: str
    info: zipfile.ZipInfo


def read_zip(path: Path, progress: Progress) -> PartlyRead:
    """Read an archive: its list is its text, the files in it are handed on."""
    with zipfile.ZipFile(path) as archive:
        members = _members(archive)
    if members and all(_is_locked(member) for member in members):
        raise EncryptedFile("is protected by a password. Unpack it and add the files in it.")
    lines: list[str] = []
    for member in members[:MOST_LISTED]:
        lines.append(f"{member.name} ({member.info.file_size:,} bytes)")
    if len(members) > MOST_LISTED:
        lines.append(f"and {len(members) - MOST_LISTED:,} more")
    text = "\n".join(["Files in this archive:", *lines]) if lines else ""
    return PartlyRead([Section(text=text)], attached=_unpacked(path, members, progress))


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    members: list[_Member] = []
    for info in archive.infolist():
        name = _name(info)
        parts = PurePosixPath(name).parts
        is_lock_file = bool(parts) and parts[-1].startswith("~$")  # Office leaves them
        if not info.is_dir() and not is_lock_file and _BY_SYSTEMS.isdisjoint(parts):
            members.append(_Member(name=name, info=info))
    return members


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; what is not said to be UTF-8 is looked at."""
    if info.flag_bits & _NAME_IS_UTF8 or info.filename.isascii():
        return info.filename
    return decode(info.filename.encode("cp437", "replace"))  # zipfile's guess


def _is_locked(member: _Member) -> bool:
    return bool(member.info.flag_bits & _LOCKED)


def _unpacked(path: Path, members: list[_Member], progress: Progress) -> Iterator[AttachedFile]:
    """Yield the files one by one."""
    with zipfile.ZipFile(path) as archive:
        for done, member in enumerate(members):
            progress(done, len(members))
            if _is_locked(member):
                yield AttachedFile(member.name, b"", fault="is protected by a password")
            elif member.info.file_size > LARGEST_FILE:
                yield AttachedFile(member.name, b"", fault="is too large")
            else:
                yield _unpack(archive, member)


def _unpack(archive: zipfile.ZipFile, member: _Member) -> AttachedFile:
    try:
        return AttachedFile(member.name, archive.read(member.info))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError):
        return AttachedFile(member.name, b"", fault="is damaged")
