"""Write the table of all settings into docs/settings.md, from their definitions.

python scripts/settings_table.py          # writes
python scripts/settings_table.py --check  # only says whether the file is up to date
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from docmind.settings import Settings

FILE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
MARK = "<!-- made by scripts/settings_table.py from docmind/settings.py -->"


def table() -> str:
    """Return all settings as Markdown, a section for each group."""
    parts = []
    for group, group_field in Settings.model_fields.items():
        model = group_field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        rows = [f"### {group_field.title}", "", (model.__doc__ or "").strip(), ""]
        rows += ["| variable | default | what it does |", "| --- | --- | --- |"]
        for name, field in model.model_fields.items():
            variable = f"DOCMIND_{group}__{name}".upper()
            meaning = " ".join(str(field.description).split()).replace("|", "\\|")
            rows.append(f"| `{variable}` | {default_text(field)} | {meaning} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts) + "\n"


def default_text(field: FieldInfo) -> str:
    """Return a field's default as it would be written into `.env`; "empty" where there is none."""
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None:
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:.4g}`"
    return f"`{default}`"


def written() -> str:
    """Return the whole file with today's table."""
    head, _, _ = FILE.read_text("utf-8").partition(MARK)
    return f"{head}{MARK}\n\n{table()}"


def main() -> None:
    """Write the file, or only compare it."""
    if "--check" not in sys.argv[1:]:
        FILE.write_text(written(), "utf-8")
    elif FILE.read_text("utf-8") != written():
        sys.exit("docs/settings.md is not up to date: run `python scripts/settings_table.py`.")


if __name__ == "__main__":
    main()
