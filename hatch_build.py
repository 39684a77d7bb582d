"""Build hook: the wheel carries the pages as `docmind/web/`, beside the code that starts them."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB_FILES = {
    "docmind_server.py": "docmind/web/docmind_server.py",
    "streamlit_app.py": "docmind/web/streamlit_app.py",
    "pages": "docmind/web/pages",
    ".streamlit/config.toml": "docmind/web/.streamlit/config.toml",
}
"""From the checkout to the wheel."""


class WebFilesHook(BuildHookInterface):
    """Adds the pages to a wheel; an editable install runs them from the checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds; `version` is `standard` or `editable`."""
        if version == "standard":
            build_data["force_include"].update(WEB_FILES)
