"""From a backup back into a data folder.

restoring/            what was unpacked and compared with its hash; kept until all is in place
restoring/placing     written when the folder's own files begin to move: there is no way back
but forward, so the app does not start until the restore is done
before-restore-…/     what the data folder had before, if it had anything
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from docmind.backup.archive import (
    DATABASE,
    MANIFEST,
    PASSAGES,
    UNREADABLE,
    Manifest,
    blocks,
    manifest_from_json,
    manifest_to_json,
    open_archive,
    read_manifest,
    read_passages,
)
from docmind.backup.staging import PLACING, STAGING, is_unfinished
from docmind.errors import ConfigError
from docmind.retrieval.store.base import VectorStore
from docmind.retrieval.store.opening import open_store
from docmind.settings import Settings, database_file
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore
from docmind.storage.migrations import SCHEMA_VERSION

UPSERT = 200
"""Passages of one write into the store."""

Progress = Callable[[str, int, int], object]
"""Called with what is being done, how much of it is done, and how much there is."""


def restore_files(path: Path, data_dir: Path, *, replace: bool, progress: Progress) -> Path | None:
    """Put the files and the database of a backup into a data folder, which the caller has locked.

    What an interrupted restore has unpacked is not unpacked again.

    Args:
        path: the backup.
        data_dir: the folder.
        replace: it may hold documents or conversations; they are kept beside.
        progress: told how far it is.

    Returns:
        The folder with what was there before; None if there was nothing.

    Raises:
        ConfigError: the backup is damaged or newer, or the folder is in use for something else.
    """
    staging = data_dir / STAGING
    if not replace and not is_unfinished(data_dir) and _has_content(data_dir):
        raise ConfigError(
            f"{data_dir} has documents or conversations already. Restore into another folder "
            "(DOCMIND_DATA_DIR), or say --replace: what is there is then kept beside."
        )
    try:
        with open_archive(path) as archive:
            manifest = read_manifest(archive)
            if manifest.schema > SCHEMA_VERSION:
                raise ConfigError(
                    f"{path} was made by a newer DocMind ({manifest.docmind}). "
                    "Install that version, then restore."
                )
            _unpack(archive, manifest, staging, progress)
        return _place(staging, data_dir)
    except OSError as exc:
        raise ConfigError(
            f"The backup can't be restored into {data_dir} ({exc}). Free space, then restore again:"
            " it goes on where it was."
        ) from exc


def _has_content(data_dir: Path) -> bool:
    """Tell whether a data folder holds what a user would miss."""
    if any((data_dir / "files").glob("*")):
        return True
    if not database_file(data_dir).is_file():
        return False
    with closing(Database(database_file(data_dir))) as database:
        if DocumentStore(database).all():
            return True
        with database.read() as connection:
            return bool(connection.exec_driver_sql("SELECT 1 FROM conversations LIMIT 1").all())


def _unpack(
    archive: zipfile.ZipFile, manifest: Manifest, staging: Path, progress: Progress
) -> None:
    """Unpack what is not there yet, each member whole or not at all, and compare the hashes."""
    wanted_manifest = manifest_to_json(manifest)
    begun = staging / MANIFEST
    is_same = begun.is_file() and begun.read_bytes() == wanted_manifest
    if (staging / PLACING).exists():
        if not is_same:
            raise ConfigError(
                "The restore of another backup was interrupted while it changed the data folder. "
                "Restore that one again first."
            )
        return
    if not is_same:
        shutil.rmtree(staging, ignore_errors=True)
    (staging / "files").mkdir(parents=True, exist_ok=True, mode=0o700)
    begun.write_bytes(wanted_manifest)
    for done, (name, wanted) in enumerate(manifest.hashes.items()):
        progress("unpacking", done, len(manifest.hashes))
        target = staging / name
        # A name must not lead out of the folder.
        if not target.resolve().is_relative_to(staging.resolve()):
            raise ConfigError(f"{archive.filename} is no backup of DocMind: it holds {name}.")
        if target.is_file() and _hash_of(target) == wanted:
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = target.with_name(f"{target.name}.part")
        try:
            with archive.open(name) as source, part.open("wb") as copy:
                shutil.copyfileobj(source, copy)
        except UNREADABLE:
            part.unlink(missing_ok=True)
        if not part.is_file() or _hash_of(part) != wanted:
            raise ConfigError(
                f"{archive.filename} is damaged: {name} is not as it was written. Nothing was "
                "changed. Use another backup."
            )
        part.replace(target)


def _hash_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for block in blocks(stream):
            digest.update(block)
    return digest.hexdigest()


def _place(staging: Path, data_dir: Path) -> Path | None:
    """Move what was unpacked to where the app looks, after what is there was moved aside.

    The database goes last: as long as it waits, the rest can be done (again).
    """
    marker = staging / PLACING
    if not marker.exists():
        part = staging / f"{PLACING}.part"
        part.write_text(f"before-restore-{datetime.now().astimezone():%Y%m%d-%H%M%S}", "utf-8")
        part.replace(marker)
    aside = data_dir / marker.read_text("utf-8")
    if (staging / "files").exists():
        _move_aside(data_dir / "files", aside)
        (staging / "files").replace(data_dir / "files")
    if (staging / DATABASE).exists():
        database = database_file(data_dir)
        for current in (
            data_dir / "vectors",
            database.with_name(f"{database.name}-wal"),
            database.with_name(f"{database.name}-shm"),
            database,
        ):
            _move_aside(current, aside)
        (staging / DATABASE).replace(database)
    return aside if aside.exists() else None


def _move_aside(current: Path, aside: Path) -> None:
    if current.exists():
        aside.mkdir(mode=0o700, exist_ok=True)
        current.replace(aside / current.name)


def restore_passages(settings: Settings, *, maker: str, progress: Progress) -> tuple[int, int]:
    """Put the passages of a backup into the store of the settings, and end the restore.

    Args:
        settings: as they were restored.
        maker: what makes vectors with them, see `store.base.made_by`.
        progress: told how far it is.

    Returns:
        How many documents' passages are in the store, and how many they are. All others are read
        anew at the next start.

    Raises:
        StoreError: the store can't be written.
    """
    staging = settings.data_dir / STAGING
    manifest = manifest_from_json((staging / MANIFEST).read_bytes())
    files = sorted((staging / PASSAGES).glob("*.jsonl"))
    passages = 0
    if manifest.maker != maker:
        files = []
    if files:
        dims = len(read_passages(files[0].read_bytes())[0].dense)
        with closing(open_store(settings, dims)) as store:
            own_documents = [file.stem for file in files]
            store.claim(maker, own_documents, stale=False)
            for done, file in enumerate(files):
                progress("storing passages", done, len(files))
                passages += _store_passages(store, file)
            store.optimize(wait=True)
        (settings.store_dir / "embedding-model").write_text(maker, "utf-8")
    shutil.rmtree(staging)
    return len(files), passages


def _store_passages(store: VectorStore, file: Path) -> int:
    """Write a document's passages; those of an interrupted restore are replaced."""
    store.delete(file.stem)
    passages = read_passages(file.read_bytes())
    for start in range(0, len(passages), UPSERT):
        store.upsert(passages[start : start + UPSERT])
    return len(passages)
