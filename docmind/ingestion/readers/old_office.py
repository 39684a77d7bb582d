"""Office files of before 2007 (DOC, XLS, PPT): converted by LibreOffice where that is installed.

Many files with these endings are something newer or simpler, as programs write what is easy: web
pages, RTF, text. Those are read as what they are.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from docmind.errors import CorruptFile, EncryptedFile, UnsupportedFile
from docmind.ingestion.parsed import PartlyRead, Progress, Section
from docmind.ingestion.readers.csv_table import read_csv
from docmind.ingestion.readers.html import read_html
from docmind.ingestion.readers.rtf import read_rtf
from docmind.ingestion.readers.sheets import read_xlsx
from docmind.ingestion.readers.slides import read_pptx
from docmind.ingestion.readers.word import read_docx

OLD_OFFICE_MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How a compound file begins: an Office file of before 2007, or a new one that is encrypted."""
PROGRAMS = ("soffice", "libreoffice")
LONGEST_S = 240
"""Shorter than what the reader's process may go without progress."""
_PR_SET_PDEATHSIG = 1
_ENCRYPTED_PACKAGE = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0".encode("ascii")

Reader = Callable[[Path, Progress], list[Section] | PartlyRead]
_NEWER: Mapping[str, tuple[str, str, Reader]] = {
    ".doc": ("Word", ".docx", read_docx),
    ".dot": ("Word", ".docx", read_docx),
    ".xls": ("Excel", ".xlsx", read_xlsx),
    ".xlt": ("Excel", ".xlsx", read_xlsx),
    ".ppt": ("PowerPoint", ".pptx", read_pptx),
    ".pps": ("PowerPoint", ".pptx", read_pptx),
}
SUFFIXES = frozenset(_NEWER)
_NO_MACROS_NO_NETWORK = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Common/Security/Scripting">
<prop oor:name="MacroSecurityLevel" oor:op="fuse"><value>3</value></prop>
<prop oor:name="DisableMacrosExecution" oor:op="fuse"><value>true</value></prop>
<prop oor:name="DisableActiveContent" oor:op="fuse"><value>true</value></prop>
<prop oor:name="BlockUntrustedRefererLinks" oor:op="fuse"><value>true</value></prop>
</item>
</oor:items>
"""
"""The profile that the conversion runs with: no macros, nothing that a document links to."""


def read_old_office(path: Path, progress: Progress) -> list[Section] | PartlyRead:
    """Read an Office file of before 2007, or whatever has its ending."""
    program, suffix, read_newer = _NEWER[path.suffix.lower()]
    data = path.read_bytes()
    if not data.startswith(OLD_OFFICE_MAGIC):
        return _what_it_is(data, read_newer)(path, progress)
    if _ENCRYPTED_PACKAGE in data:
        raise EncryptedFile("is protected by a password. Save it without one.")
    converter = _converter()
    if not converter:
        raise UnsupportedFile(
            f"is a {program} file of before 2007, which DocMind reads with LibreOffice, and that "
            f"is not installed. Install it, then retry; or save the file as {suffix[1:].upper()}."
        )
    with TemporaryDirectory() as folder:
        converted = _convert(path, suffix, converter=converter, folder=Path(folder))
        result = read_newer(converted, progress)
        return result if isinstance(result, PartlyRead) else PartlyRead(result)


def _what_it_is(data: bytes, read_newer: Reader) -> Reader:
    """Return the reader for a file that only has the ending of an old one."""
    beginning = data[:4096].lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").replace(b"\0", b"").lower()
    if beginning.startswith(b"pk\x03\x04"):
        return read_newer
    if beginning.startswith(b"{\\rtf"):
        return read_rtf
    if beginning.startswith((b"<html", b"<!doctype html", b"<table", b"<meta", b"<head")):
        return read_html
    is_text = not any(byte < 9 for byte in beginning)
    if is_text and read_newer is read_xlsx:
        return read_csv
    raise CorruptFile(
        "is damaged or not what its ending says. "
        "Open it with the program that made it and save it again."
    )


def _converter() -> str:
    """Return LibreOffice's path; "" if it is not installed."""
    for name in PROGRAMS:
        path = shutil.which(name)
        if path:
            return path
    return ""


def _convert(path: Path, suffix: str, *, converter: str, folder: Path) -> Path:
    """Return a copy of a file in the newer format.

    LibreOffice runs with a profile of its own, without macros and links, in this process's limits
    of memory, and ends with it.
    """
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_NO_MACROS_NO_NETWORK, "utf-8")
    command = [
        converter,
        f"-env:UserInstallation={profile.as_uri()}",
        "--headless",
        "--norestore",
        "--convert-to",
        suffix[1:],
        "--outdir",
        str(folder),
        str(path),
    ]
    process = subprocess.Popen(  # noqa: S603 - a program of this machine, our own arguments
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - the reader's process has one thread
    )
    try:
        process.wait(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise CorruptFile(
            f"was given up: LibreOffice worked on it for {LONGEST_S} s. "
            f"Save it as {suffix[1:].upper()}."
        ) from None
    finally:
        _end_group(process.pid)
        process.wait()
    converted = folder / f"{path.stem}{suffix}"
    if not converted.is_file():
        raise CorruptFile(
            "can't be converted by LibreOffice: it is damaged or has a password. "
            f"Save it as {suffix[1:].upper()}."
        )
    return converted


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_group(process_id: int) -> None:
    """End LibreOffice and what it has started."""
    try:
        os.killpg(process_id, signal.SIGKILL)
    except ProcessLookupError:
        return
