"""reStructuredText → HTML, by docutils.

Much of it is written for Sphinx, whose directives and roles docutils does not know. What they hold
is read as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from docutils.parsers.rst import Directive, directives, roles
from docutils.parsers.rst.languages import en as known_names
from docutils.utils import Reporter, unescape

from docmind.ingestion.readers.encodings import decode

_DIRECTIVE = re.compile(
    r"^[ \t]*\.\.[ \t]+(?:\|[^|\n]+\|[ \t]+)?(?P<name>[\w:.+-]+?)[ \t]?::", re.MULTILINE
)
_ROLE = re.compile(r":(?P<name>[A-Za-z][\w:.+-]*):`|`:(?P<name_behind>[A-Za-z][\w:.+-]*):")
_TITLE_AND_TARGET = re.compile(r"(?P<title>.+?)\s*<[^<>]*>", re.DOTALL)
"""A role's text that names where it leads to, as in :doc:`the guide <guide/index>`."""
_SETTINGS: Mapping[str, object] = {
    # what would read other files, or bring foreign HTML in
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    # above every level that docutils reports: mistakes neither stop it nor stand in the text
    "report_level": 5,
    "halt_level": 5,
    "embed_stylesheet": False,
    "stylesheet_path": None,
    "math_output": "MathML",
}
_LABELS: Mapping[str, str] = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
"""Directive of Sphinx → what it writes before its first words."""


def rst_page(text: str) -> str:
    """Return a text as HTML; it may include no files."""
    _register_unknown_names(text)
    document = publish_doctree(text, settings_overrides=dict(_SETTINGS))
    _restore_what_was_not_understood(document)
    page = publish_from_doctree(document, writer="html5", settings_overrides=dict(_SETTINGS))
    return decode(page)


def _register_unknown_names(text: str) -> None:
    """Let docutils read each directive and role of a text that it does not know as text."""
    for found in _DIRECTIVE.finditer(text):
        name = found["name"].lower()
        if name not in known_names.directives:
            directives.register_directive(name, _UnknownDirective)
    for found in _ROLE.finditer(text):
        name = (found["name"] or found["name_behind"]).lower()
        if name not in known_names.roles:
            roles.register_local_role(name, _unknown_role)


def _restore_what_was_not_understood(document: nodes.document) -> None:
    """Put the source of each mistake in its place, which docutils would leave out."""
    for message in list(document.findall(nodes.system_message)):
        sources = [child for child in message.children if isinstance(child, nodes.literal_block)]
        if message["level"] >= Reporter.ERROR_LEVEL and message.parent is not None and sources:
            message.parent.replace(message, sources)


class _AnyOption(dict[str, Callable[[str], str]]):
    """Options of any name and value."""

    def __bool__(self) -> bool:
        return True

    def __missing__(self, _name: str) -> Callable[[str], str]:
        return str


class _UnknownDirective(Directive):  # type: ignore[misc]
    """A directive that is read as its argument and its content."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Callable[[str], Any]] | None] = _AnyOption()

    def run(self) -> Sequence[nodes.Node]:
        """Return a paragraph with the argument, then the content."""
        first_line = "".join(self.arguments)
        if self.name in _LABELS:
            number_and_text = first_line.replace("\n", ": ", 1)
            first_line = f"{_LABELS[self.name]} {number_and_text}"
        holder = nodes.container()
        if first_line:
            inline, messages = self.state.inline_text(first_line, self.lineno)
            holder += nodes.paragraph("", "", *inline, *messages)
        if self.content:
            self.state.nested_parse(self.content, self.content_offset, holder)
        return list(holder.children)


def _unknown_role(
    _role: str, _source: str, text: str, *_place: object, **_options: object
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    """Return a role's text, without the target that it may name."""
    shown = unescape(text)
    found = _TITLE_AND_TARGET.fullmatch(shown)
    if found:
        shown = found["title"]
    return [nodes.Text(shown.lstrip("~!"))], []
