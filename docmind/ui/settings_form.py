"""The settings form, made from the Settings model: its groups, fields, titles and descriptions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from docmind.errors import ConfigError
from docmind.settings import Settings, chosen_data_dir, database_file, environment
from docmind.storage.settings import has_saved, load_settings, save_settings, set_saved_aside
from docmind.ui import state
from docmind.ui.markdown import plain

if TYPE_CHECKING:
    from docmind.app import App

_WORDS = {None: "Automatic", True: "Yes", False: "No"}


def draw(app: App | None) -> None:
    """Draw the form; saving checks everything first and writes all or nothing.

    Args:
        app: keeps to the old settings until it is restarted. None: it could not start, and a wrong setting must not
            lock the page where it is corrected.
    """
    data_dir = chosen_data_dir(*environment())
    st.caption(
        f"Saved in {plain(str(database_file(data_dir)))}. What the environment sets is shown and stays as it is."
    )
    try:
        settings = load_settings()  # as saved: the running app keeps to what it started with
    except ConfigError as exc:
        if app:
            st.error(plain(str(exc)), icon=":material/error:")
        can_be_moved = os.access(data_dir, os.W_OK) and has_saved(data_dir)
        if can_be_moved and st.button(
            "Set the saved settings aside", icon=":material/undo:", help="It is kept."
        ):
            set_saved_aside(data_dir)
            st.rerun()
        return
    if app and (names := st.session_state.get("saved")):
        st.success(
            f"Saved. {plain(names)}: used after a restart. Conversations and documents stay."
        )
        if st.button("Restart now", icon=":material/restart_alt:"):
            state.keep("saved", None)
            state.restart_app(app)
            st.rerun()
    if app and (notice := app.engine.status().notice):
        st.warning(plain(notice), icon=":material/warning:")
    groups = {name: field for name, field in Settings.model_fields.items() if field.title}
    with st.form("settings", border=False):
        changed: dict[str, dict[str, Any]] = {}
        for tab, group in zip(
            st.tabs([str(f.title) for f in groups.values()]), groups, strict=True
        ):
            with tab:
                changed |= _group(group, getattr(settings, group))
        if st.form_submit_button("Save", type="primary", icon=":material/check:"):
            _save(settings, changed, app)


def _save(settings: Settings, changed: dict[str, dict[str, Any]], app: App | None) -> None:
    if not changed:
        st.info("Nothing was changed.")
        return
    try:
        save_settings(settings.data_dir, changed)
    except ValidationError as exc:
        wrong = [f"- **{plain(_label(*e['loc'][:2]))}**: {plain(e['msg'])}" for e in exc.errors()]
        st.error("Nothing was saved. Please correct:\n" + "\n".join(wrong), icon=":material/error:")
    except (ConfigError, OSError) as exc:
        st.error(f"Nothing was saved. {plain(str(exc))}", icon=":material/error:")
    else:
        saved = ", ".join(
            _label(group, name) for group, values in changed.items() for name in values
        )
        state.keep("saved", saved if app else None)
        st.rerun()


def _label(group: Any = "", name: Any = "") -> str:
    """Return what a field is called on the page, with its tab."""
    field = Settings.model_fields.get(group)
    if field is None:
        return "Settings"
    fields = type(field.get_default()).model_fields
    return f"{field.title}: {_title(name, fields[name])}" if name in fields else str(field.title)


def _title(name: str, field: FieldInfo) -> str:
    return field.title or name.replace("_", " ").capitalize()


def _group(group: str, values: BaseModel) -> dict[str, dict[str, Any]]:
    """Draw the fields of a group; return what was changed, nested like Settings."""
    st.caption(plain((type(values).__doc__ or "").strip()))
    changed = {}
    for name, field in type(values).model_fields.items():
        was, variable = getattr(values, name), f"DOCMIND_{group}__{name}".upper()
        if SecretStr in (get_args(field.annotation) or (field.annotation,)):
            known = "A key is set" if was and was.get_secret_value() != "none" else "No key is set"
            st.caption(
                f"**{_title(name, field)}**: {known}. Keys are not kept here; set {plain(variable)}."
            )
            continue
        fixed = any(name in source.get(group, {}) for source in environment())
        about = (
            f"{field.description} Set by {variable}; change it there."
            if fixed
            else str(field.description)
        )
        label = _title(name, field) + (" :gray-badge[from environment]" if fixed else "")
        entered = _field(
            label, field, was, key=f"setting-{group}-{name}", help=plain(about), disabled=fixed
        )
        if entered != was:
            changed[name] = entered
    return {group: changed} if changed else {}


def _field(label: str, field: FieldInfo, value: Any, **shared: Any) -> Any:
    """Draw one field and return what was entered."""
    kinds = get_args(field.annotation) or (field.annotation,)
    optional = type(None) in kinds
    if field.annotation is bool:
        return st.toggle(label, value, **shared)
    choices = [
        c
        for kind in (field.annotation, *kinds)
        if get_origin(kind) is Literal
        for c in get_args(kind)
    ]
    if bool in kinds:
        choices = [True, False]
    if choices:
        choices = [None, *choices] if optional else choices
        return st.selectbox(
            label, choices, choices.index(value), format_func=lambda c: _WORDS.get(c, c), **shared
        )
    shared["placeholder"] = (
        "automatic" if "Empty:" in str(field.description) else "not set" if optional else None
    )
    if int in kinds:
        return st.number_input(label, value=value, step=1, **shared)
    if float in kinds:
        return st.number_input(label, value=value, format="%.4g", **shared)
    text = st.text_input(label, "" if value is None else str(value), **shared).strip()
    return (text or None) if optional else text
