"""The settings form, made from the Settings model: its groups, fields, titles and descriptions."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast, get_args, get_origin

import streamlit as st
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from docmind.errors import ConfigError, DocMindError
from docmind.settings import Settings, chosen_data_dir, database_file, environment
from docmind.storage.settings import (
    can_take_back,
    has_saved,
    load_settings,
    remember_saved,
    save_settings,
    set_saved_aside,
    take_back,
)
from docmind.ui import shared_app
from docmind.ui.markdown import plain
from docmind.ui.tab import this_tab

if TYPE_CHECKING:
    from docmind.app import App

Value = bool | int | float | str | None
Changes = dict[str, dict[str, Value]]
"""What was changed, nested like Settings: group → field → value."""

_CHOICE_LABELS: dict[Value, str] = {None: "Automatic", True: "Yes", False: "No"}


class _WidgetOptions(TypedDict):
    """What the widgets of all kinds of fields are given."""

    key: str
    help: str
    disabled: bool


def draw(app: App | None) -> None:
    """Draw the form; saving checks everything first and writes all or nothing.

    Args:
        app: keeps to the old settings until it is restarted. None: it could not start, and a wrong
            setting must not lock the page where it is corrected.
    """
    data_dir = chosen_data_dir(*environment())
    saved_in = plain(str(database_file(data_dir)))
    st.caption(f"Saved in {saved_in}. What the environment sets is shown and stays as it is.")
    try:
        # As saved: the running app keeps to what it started with.
        settings = load_settings()
    except ConfigError as exc:
        if app is not None:  # else the router has said it
            st.error(plain(str(exc)), icon=":material/error:")
        _offer_to_set_aside(data_dir)
        return
    # Always there: the browser goes back to the first tab where the form's place changes.
    with st.container(key="settings-notices"):
        if app is not None:
            _draw_restart(app)
            notice = app.engine.status().notice
            if notice:
                st.warning(plain(notice), icon=":material/warning:")
    with st.form("settings", border=False):
        changes = _draw_groups(settings)
        if st.form_submit_button("Save", type="primary", icon=":material/check:"):
            _save(settings, changes, app)


def offer_to_take_back() -> None:
    """Offer to undo the last change of the settings, where the app does not start with it."""
    data_dir = chosen_data_dir(*environment())
    if not can_take_back(data_dir):
        return
    if st.button("Take the last change of the settings back", icon=":material/undo:"):
        try:
            take_back(data_dir)
        except (ConfigError, OSError) as exc:
            st.error(plain(str(exc)), icon=":material/error:")
            return
        st.rerun()


def _offer_to_set_aside(data_dir: Path) -> None:
    """Offer to move the saved settings away, if that can be done."""
    if not os.access(data_dir, os.W_OK) or not has_saved(data_dir):
        return
    if st.button("Set the saved settings aside", icon=":material/undo:", help="It is kept."):
        set_saved_aside(data_dir)
        st.rerun()


def _draw_restart(app: App) -> None:
    """Say which settings were saved and are not in use yet, and offer to restart."""
    tab = this_tab()
    if not tab.saved_settings:
        return
    names = plain(tab.saved_settings)
    st.success(f"Saved. {names}: used after a restart. Conversations and documents stay.")
    if st.button("Restart now", icon=":material/restart_alt:"):
        tab.saved_settings = ""
        shared_app.restart_app(app)
        st.rerun()


def _save(settings: Settings, changes: Changes, app: App | None) -> None:
    if not changes:
        st.info("Nothing was changed.")
        return
    try:
        with st.spinner("Trying the settings …"):
            _try(settings, changes)
        remember_saved(settings.data_dir)
        save_settings(settings.data_dir, changes)
    except ValidationError as exc:
        lines = []
        for problem in exc.errors():
            name = _problem_name(problem["loc"])
            lines.append(f"- **{plain(name)}**: {plain(problem['msg'])}")
        problems = "\n".join(lines)
        st.error(f"Nothing was saved. Please correct:\n{problems}", icon=":material/error:")
        return
    except (DocMindError, OSError) as exc:
        st.error(f"Nothing was saved. {plain(str(exc))}", icon=":material/error:")
        return
    # An app that could not start before starts with them.
    this_tab().saved_settings = "" if app is None else _changed_names(changes)
    st.rerun()


def _try(settings: Settings, changes: Changes) -> None:
    """Raise a DocMindError if the app would not start with these changes.

    The language model is not loaded for this: if it fails, the app runs and says so.
    """
    model = changes.get("retrieval", {}).get("embedding_model")
    if model is None:
        return
    from docmind.app import try_embedding_model

    retrieval = settings.retrieval.model_copy(update={"embedding_model": str(model)})
    try_embedding_model(settings.model_copy(update={"retrieval": retrieval}))


def _changed_names(changes: Changes) -> str:
    names = []
    for group, values in changes.items():
        for name in values:
            names.append(_full_title(group, name))
    return ", ".join(names)


def _problem_name(location: tuple[int | str, ...]) -> str:
    """Return what the field is called on the page, with its tab, or the tab alone.

    Args:
        location: of a pydantic error: the group and the field, as far as they are known.
    """
    if len(location) >= 2:
        return _full_title(str(location[0]), str(location[1]))
    if location:
        return _group_title(str(location[0]))
    return "Settings"


def _full_title(group: str, name: str) -> str:
    group_field = Settings.model_fields.get(group)
    if group_field is None:
        return "Settings"
    fields = type(group_field.get_default()).model_fields
    if name not in fields:
        return _group_title(group)
    return f"{group_field.title}: {_title(name, fields[name])}"


def _group_title(group: str) -> str:
    group_field = Settings.model_fields.get(group)
    return "Settings" if group_field is None else str(group_field.title)


def _title(name: str, field: FieldInfo) -> str:
    return field.title or name.replace("_", " ").capitalize()


def _draw_groups(settings: Settings) -> Changes:
    """Draw a tab for each group; return what was changed."""
    titles = {}
    for group, field in Settings.model_fields.items():
        if field.title:
            titles[group] = field.title
    changes: Changes = {}
    tabs = st.tabs(list(titles.values()), key="settings-tab")
    for group, tab in zip(titles, tabs, strict=True):
        with tab:
            changed = _draw_group(group, getattr(settings, group))
        if changed:
            changes[group] = changed
    return changes


def _draw_group(group: str, values: BaseModel) -> dict[str, Value]:
    """Draw the fields of a group; return what was changed."""
    st.caption(plain((type(values).__doc__ or "").strip()))
    set_outside = _names_set_outside(group)
    changed = {}
    for name, field in type(values).model_fields.items():
        variable = f"DOCMIND_{group}__{name}".upper()
        title = _title(name, field)
        value = getattr(values, name)
        if SecretStr in _types(field):
            _draw_key_state(title, value, variable)
            continue
        about = str(field.description)
        is_fixed = name in set_outside
        if is_fixed:
            title += " :gray-badge[from environment]"
            about += f" Set by {variable}; change it there."
        options = _WidgetOptions(
            key=f"setting-{group}-{name}", help=plain(about), disabled=is_fixed
        )
        entered = _draw_field(title, field, value, options)
        if entered != value:
            changed[name] = entered
    return changed


def _names_set_outside(group: str) -> set[str]:
    """Return the fields of a group that the environment or `.env` sets."""
    names: set[str] = set()
    for source in environment():
        values: Mapping[str, object] = source.get(group, {})
        names.update(values)
    return names


def _draw_key_state(title: str, value: SecretStr | None, variable: str) -> None:
    """Say whether a key is set; keys are never shown."""
    known = "No key is set"
    if value is not None and value.get_secret_value() not in {"", "none"}:
        known = "A key is set"
    st.caption(f"**{title}**: {known}. Keys are not kept here; set {plain(variable)}.")


def _types(field: FieldInfo) -> tuple[Any, ...]:
    """Return the types that a field's value may have: those of a union, or the one."""
    members = get_args(field.annotation)
    return members or (field.annotation,)


def _draw_field(title: str, field: FieldInfo, value: Value, options: _WidgetOptions) -> Value:
    """Draw one field and return what was entered."""
    types = _types(field)
    is_optional = type(None) in types
    if field.annotation is bool:
        return st.toggle(title, bool(value), **options)
    choices = _choices(field)
    if choices:
        if is_optional:
            choices = [None, *choices]
        return st.selectbox(
            title,
            choices,
            index=choices.index(value),
            format_func=_choice_label,
            **options,
        )
    placeholder = _placeholder(field, is_optional)
    if int in types:
        number = cast("int | None", value)
        return st.number_input(title, value=number, step=1, placeholder=placeholder, **options)
    if float in types:
        fraction = cast("float | None", value)
        return st.number_input(
            title, value=fraction, format="%.4g", placeholder=placeholder, **options
        )
    shown = "" if value is None else str(value)
    text = st.text_input(title, shown, placeholder=placeholder, **options).strip()
    if is_optional and not text:
        return None
    return text


def _choices(field: FieldInfo) -> list[Value]:
    """Return the values that can be chosen from; none where something is to be entered."""
    types = _types(field)
    if bool in types:
        return [True, False]
    for kind in (field.annotation, *types):
        if get_origin(kind) is Literal:
            return list(get_args(kind))
    return []


def _choice_label(choice: Value) -> str:
    return _CHOICE_LABELS.get(choice, str(choice))


def _placeholder(field: FieldInfo, is_optional: bool) -> str | None:
    if "Empty:" in str(field.description):
        return "automatic"
    return "not set" if is_optional else None
