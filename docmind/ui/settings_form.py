"""The settings form, made from the Settings model: its groups, fields and descriptions."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import streamlit as st
from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from docmind.errors import ConfigError
from docmind.settings import SAVED, Settings, load_settings, save_settings
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

_TITLES = {
    "llm": "Model",
    "engine": "Engine",
    "store": "Vector store",
    "ingestion": "Ingestion",
    "retrieval": "Retrieval",
    "agents": "Agents",
    "context": "Context",
    "server": "Server",
}
_SWITCH = {None: "Automatic", True: "Yes", False: "No"}


def draw(settings: Settings, *, running: bool = True) -> None:
    """Draw the form; saving checks everything first and writes all or nothing.

    Args:
        running: there is an App, which keeps to the old settings until it is restarted.
    """
    groups = [name for name in _TITLES if name in Settings.model_fields]
    with st.form("settings", border=False):
        entered: dict[str, dict[str, Any]] = {}
        for tab, group in zip(st.tabs([_TITLES[g] for g in groups]), groups, strict=True):
            model: BaseModel = getattr(settings, group)
            with tab:
                st.caption(plain((type(model).__doc__ or "").strip()))
                entered[group] = {
                    name: _field(group, name, field, getattr(model, name))
                    for name, field in type(model).model_fields.items()
                }
        submitted = st.form_submit_button("Save", type="primary", icon=":material/check:")
    if submitted:
        _save(settings, entered, running)


def rescue() -> None:
    """Draw the form although there is no App: a wrong setting must not lock the page where it is corrected."""
    try:
        settings = load_settings()
    except ConfigError:  # the page says what is wrong already
        file = _saved_file()
        if file.exists():
            st.caption(f"Or start with the defaults: {plain(str(file))} is kept beside under another name.")
            st.button("Set the saved settings aside", icon=":material/undo:", on_click=_set_aside, args=(file,))
    else:
        draw(settings, running=False)


def fixed_by(group: str, name: str) -> str | None:
    """Return the environment variable that sets this field, or None."""
    wanted = f"DOCMIND_{group}__{name}".upper()
    return wanted if wanted in _environment() else None


def _environment() -> dict[str, str | None]:
    """Return what .env and the environment set, by names in capitals."""
    known = {**dotenv_values(Settings.model_config.get("env_file")), **os.environ}  # type: ignore[arg-type]
    return {key.upper(): value for key, value in known.items()}


def _saved_file() -> Path:
    """Return where the saved settings are, also when they can't be loaded."""
    return Path(_environment().get("DOCMIND_DATA_DIR") or user_data_path("docmind")).expanduser() / SAVED


def _set_aside(file: Path) -> None:
    try:
        file.replace(file.with_name(f"{file.stem}-{datetime.now():%Y%m%d-%H%M%S}{file.suffix}"))
    except OSError as exc:
        st.error(f"{plain(str(file))} can't be moved ({plain(str(exc))}).", icon=":material/error:")


def changes(settings: Settings, entered: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what was changed, nested like Settings; secrets and what the environment fixes are left out."""
    changed: dict[str, dict[str, Any]] = {}
    for group, values in entered.items():
        current = getattr(settings, group)
        for name, value in values.items():
            was = getattr(current, name)
            if not isinstance(was, SecretStr) and not _is_secret(type(current).model_fields[name]) and value != was:
                changed.setdefault(group, {})[name] = value
    return changed


def _save(settings: Settings, entered: dict[str, dict[str, Any]], running: bool) -> None:
    changed = changes(settings, entered)
    if not changed:
        st.info("Nothing was changed.")
        return
    try:
        save_settings(settings.saved_file, changed)
    except ValidationError as exc:
        wrong = [f"- **{plain('.'.join(map(str, e['loc'])))}**: {plain(e['msg'])}" for e in exc.errors()]
        st.error("Nothing was saved. Please correct:\n" + "\n".join(wrong), icon=":material/error:")
    except (ConfigError, OSError) as exc:
        st.error(f"Nothing was saved. {plain(str(exc))}", icon=":material/error:")
    else:
        names = [f"{_TITLES[g]}: {n.replace('_', ' ')}" for g, values in changed.items() for n in values]
        state.keep("saved", names if running else None)
        st.rerun()


def restart_notice(app: App) -> None:
    """After saving, say what waits for a restart and offer it."""
    names = st.session_state.get("saved")
    if not names:
        return
    st.success(
        f"Saved. {plain(', '.join(names))}: used after a restart. Conversations and documents stay.",
        icon=":material/check:",
    )
    st.button("Restart now", icon=":material/restart_alt:", on_click=_restart, args=(app,))


def _restart(app: App) -> None:
    state.keep("saved", None)
    state.restart_app(app)


def _field(group: str, name: str, field: FieldInfo, value: Any) -> Any:
    """Draw one field and return what was entered."""
    label = name.replace("_", " ").capitalize()
    variable = fixed_by(group, name)
    key = f"setting-{group}-{name}"
    if _is_secret(field):
        secret = value.get_secret_value() if isinstance(value, SecretStr) else ""
        known = "A key is set." if secret not in {"", "none"} else "No key is set."
        name_of = variable or f"DOCMIND_{group}__{name}".upper()
        st.caption(f"**{label}**: {known} Keys are not kept here; set {plain(name_of)}.")
        return value
    about = (field.description or "") + (f" Set by {variable}; change it there." if variable else "")
    shared: dict[str, Any] = {"key": key, "help": plain(about) or None, "disabled": variable is not None}
    if variable:
        label += " :gray-badge[from environment]"
    kinds = get_args(field.annotation) or (field.annotation,)
    if get_origin(field.annotation) is Literal:
        return st.selectbox(label, kinds, kinds.index(value), **shared)
    if bool in kinds:
        if type(None) not in kinds:
            return st.toggle(label, value, **shared)
        options = list(_SWITCH)
        return st.selectbox(label, options, options.index(value), format_func=_SWITCH.__getitem__, **shared)
    if int in kinds or float in kinds:
        whole = int in kinds
        start = value if value is None else (int(value) if whole else float(value))
        empty = "automatic" if type(None) in kinds else None
        step, shape = (1, None) if whole else (None, "%.4g")
        return st.number_input(label, value=start, step=step, format=shape, placeholder=empty, **shared)
    empty = "automatic" if type(None) in kinds else None
    text = st.text_input(label, "" if value is None else str(value), placeholder=empty, **shared).strip()
    return (text or None) if type(None) in kinds else (Path(text) if Path in kinds else text)


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in (get_args(field.annotation) or (field.annotation,))
