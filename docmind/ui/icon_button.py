"""A button that shows an icon only."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def icon_button(
    name: str,
    icon: str,
    *,
    key: str,
    disabled: bool = False,
    on_click: Callable[..., None] | None = None,
    args: tuple[object, ...] = (),
) -> bool:
    """Draw the button; tell whether it was pressed.

    Its name is there for those who do not see the icon: style.css hides it by the key's beginning.

    Args:
        name: What the button does.
        icon: A Material icon.
        key: Unique on the page; it stands behind `icon-`.
        disabled: As for `st.button`, like the others.
        on_click: What is called in the next run.
        args: What it is called with.
    """
    return st.button(
        name,
        key=f"icon-{key}",
        type="tertiary",
        icon=f":material/{icon}:",
        help=name,
        disabled=disabled,
        on_click=on_click,
        args=args,
    )
