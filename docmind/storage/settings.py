"""The saved settings, and all settings put together: environment, `.env`, saved, defaults.

The settings are wanted before anything else is open, also by a program that only looks. So reading
makes no database and upgrades none: of version 0.1.0, which had no table for them, it reads the
file that stood in the table's place. Saving opens the database and with it upgrades it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from docmind.errors import ConfigError, StoreError
from docmind.settings import Settings, chosen_data_dir, database_file, environment
from docmind.storage import schema
from docmind.storage.database import Database
from docmind.storage.migrations.one_database import SETTINGS_FILE

SavedValues = dict[str, dict[str, Any]]
"""Nested like Settings, section → name → value: `{"llm": {"temperature": 0.5}}`."""

TABLE_SINCE = 1
"""The schema that brought the table. It is read before an upgrade, so no migration may change it
without a word here."""

BEFORE_FILE = "settings-before.json"
"""What was saved before the last change on the Settings page."""

_TABLE = schema.settings


class SettingsStore:
    """The saved settings' table. Every method raises StoreError if the database can't be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> SavedValues:
        """Return all saved values; ConfigError if one is damaged."""
        saved: SavedValues = {}
        for section, values in self.read_texts().items():
            saved[section] = {}
            for name, text in values.items():
                try:
                    saved[section][name] = json.loads(text)
                except ValueError as exc:
                    raise ConfigError(
                        f"The saved setting {section}.{name} can't be read ({exc}). Set the saved "
                        "settings aside on the Settings page to return to the defaults."
                    ) from exc
        return saved

    def read_texts(self) -> dict[str, dict[str, str]]:
        """Return all saved values as they are stored, also damaged ones."""
        with self._database.read() as connection:
            rows = connection.execute(select(_TABLE)).all()
        texts: dict[str, dict[str, str]] = {}
        for row in rows:
            texts.setdefault(row.section, {})[row.name] = row.value
        return texts

    def save(self, changes: SavedValues) -> None:
        """Save values beside those that are saved already; all of them, or none."""
        with self._database.write() as connection:
            _save(connection, changes)

    def replace(self, saved: SavedValues) -> None:
        """Save these values and forget all others; all of it, or nothing."""
        with self._database.write() as connection:
            connection.execute(_TABLE.delete())
            _save(connection, saved)

    def clear(self) -> None:
        """Forget all saved values."""
        with self._database.write() as connection:
            connection.execute(_TABLE.delete())


def _save(connection: Connection, changes: SavedValues) -> None:
    for section, values in changes.items():
        for name, value in values.items():
            text = json.dumps(value)
            row = insert(_TABLE).values(section=section, name=name, value=text)
            connection.execute(
                row.on_conflict_do_update(
                    index_elements=[_TABLE.c.section, _TABLE.c.name], set_={"value": text}
                )
            )


def load_settings(**overrides: Any) -> Settings:
    """Return the settings: what is given here, the environment, `.env`, what is saved, defaults.

    Raises:
        ConfigError: values that can't be used (one error tells all of them), a data folder that
            can't be, or saved settings that can't be read.
    """
    try:
        from_environment, from_env_file = environment()
        data_dir = chosen_data_dir(overrides, from_environment, from_env_file)
        _check_data_dir(data_dir)
        values: dict[str, Any] = read_saved(data_dir)
        for stronger in (from_env_file, from_environment, overrides):
            values = _merged(values, stronger)
        settings = Settings(**values)
    except (ValidationError, SettingsError) as exc:
        raise ConfigError(
            f"These settings can't be used: {_problems(exc)}. They come from DOCMIND_… variables, "
            ".env or the Settings page."
        ) from exc
    return settings.model_copy(update={"data_dir": data_dir})


def read_saved(data_dir: Path) -> SavedValues:
    """Return what the Settings page and `docmind model use` saved; ConfigError if it is damaged."""
    with closing(Database(database_file(data_dir), upgrade=False)) as database:
        if database.schema_version >= TABLE_SINCE:
            return SettingsStore(database).read()
    return _read_settings_file(data_dir / SETTINGS_FILE)


def save_settings(data_dir: Path, changes: SavedValues) -> None:
    """Save `changes` beside what is saved already; all of them, or none.

    Raises:
        ValidationError: Settings refuse a value.
        ConfigError: they can't be written.
    """
    # What would not load again is refused before anything is written.
    Settings(**_merged(read_saved(data_dir), changes))
    try:
        with closing(Database(database_file(data_dir))) as database:
            SettingsStore(database).save(changes)
    except StoreError as exc:
        raise ConfigError(str(exc)) from exc


def remember_saved(data_dir: Path) -> None:
    """Keep what is saved now, so that the next change can be taken back."""
    saved = read_saved(data_dir)
    (data_dir / BEFORE_FILE).write_text(json.dumps(saved, indent=2), "utf-8")


def can_take_back(data_dir: Path) -> bool:
    """Tell whether the last change of the saved settings can be taken back."""
    return (data_dir / BEFORE_FILE).is_file()


def take_back(data_dir: Path) -> None:
    """Return to what was saved before the last change.

    Raises:
        ConfigError: It can't be read or written.
    """
    file = data_dir / BEFORE_FILE
    before = _read_settings_file(file)
    try:
        with closing(Database(database_file(data_dir))) as database:
            SettingsStore(database).replace(before)
    except StoreError as exc:
        raise ConfigError(str(exc)) from exc
    file.unlink()


def has_saved(data_dir: Path) -> bool:
    """Tell whether there are saved settings that can be set aside, readable or not."""
    try:
        with closing(Database(database_file(data_dir), upgrade=False)) as database:
            if database.schema_version >= TABLE_SINCE:
                return bool(SettingsStore(database).read_texts())
    except (ConfigError, StoreError):
        return False
    return (data_dir / SETTINGS_FILE).is_file()


def set_saved_aside(data_dir: Path) -> Path:
    """Return to the defaults; what was saved is kept in the file whose path is returned."""
    aside = data_dir / f"settings-{datetime.now().astimezone():%Y%m%d-%H%M%S}.json"
    with closing(Database(database_file(data_dir), upgrade=False)) as database:
        if database.schema_version >= TABLE_SINCE:
            store = SettingsStore(database)
            aside.write_text(json.dumps(store.read_texts(), indent=2), "utf-8")
            store.clear()
        else:
            (data_dir / SETTINGS_FILE).rename(aside)
    # It would take back a change of what is no longer saved.
    (data_dir / BEFORE_FILE).unlink(missing_ok=True)
    return aside


def _read_settings_file(path: Path) -> SavedValues:
    """Return what version 0.1.0 saved; nothing if there is no file."""
    try:
        saved = json.loads(path.read_text("utf-8"))
        if not isinstance(saved, dict):
            raise ValueError("not a JSON object")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{path} can't be read ({exc}). Mend it or delete it to return to the defaults."
        ) from exc
    return saved


def _merged(values: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, nested like Settings; where both have a value, the stronger one's."""
    merged = dict(values)
    for name, value in stronger.items():
        below = merged.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            merged[name] = _merged(below, value)
        else:
            merged[name] = value
    return merged


def _problems(error: ValidationError | SettingsError) -> str:
    """Return each value that can't be used, and why."""
    if isinstance(error, SettingsError):
        return str(error)
    problems = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"])
        problems.append(f"{field or 'settings'}: {problem['msg']}")
    return "; ".join(problems)


def _check_data_dir(data_dir: Path) -> None:
    """Make the folder if there is none; ConfigError if nothing can be written there."""
    try:
        # Nobody else on this machine shall read what is in it.
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        tempfile.TemporaryFile(dir=data_dir).close()
    except OSError as exc:
        raise ConfigError(
            f"The data folder {data_dir} can't be written ({exc.strerror}). "
            "Give yourself write access to it, or choose another with DOCMIND_DATA_DIR."
        ) from exc
