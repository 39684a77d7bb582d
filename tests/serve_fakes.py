"""The real pages over in-memory parts, to look at: `python tests/serve_fakes.py --server.port 8601`."""

import os
import sys
import tempfile
import types
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docmind.events import ContextTrimmed  # noqa: E402
from docmind.hardware import detect  # noqa: E402
from docmind.monitor.gpu import HardwareMonitor  # noqa: E402
from tests.fakes import fake_app  # noqa: E402


def build_app(settings):
    app = fake_app(Path(os.environ.get("DOCMIND_DATA_DIR") or tempfile.mkdtemp()), settings)
    app.monitor = HardwareMonitor(detect())  # the sidebar is live
    app.chat.delay_s = float(os.environ.get("FAKE_DELAY", "0.12"))
    app.chat.answer = ANSWER
    for name in ("Price list 2026.txt", "Annual report.txt", "slow scan.txt", "bad.docx"):
        app.documents.add_bytes(f"{name}\nPassage 1 about the fee.".encode(), name)
    for name in ("Contracts", "Annual reports"):
        app.collections.create(name)
    first, report = (d.id for d in app.documents.documents()[:2])
    app.collections.move(report, 3)
    app.collections.tag(report, ["2026", "tax"])
    app.collections.tag(first, ["prices"])
    made = app.conversations.create(
        "Prices of the last year, compared with those of the year before it"
    )
    app.conversations.add_trims(
        [ContextTrimmed(made.id, "t", 7400, 5600, "2 turns", "window", made.updated_at, 1)]
    )
    return app


ANSWER = (
    "The monthly fee is $5, or $50 when paid by the year [1]. Two things changed since 2024:\n\n"
    "- the free tier ends after 30 days [1][3]\n"
    "- support by phone is **not** included [2]\n\n"
    "| plan | month | year |\n| --- | ---: | ---: |\n| basic | $5 | $50 |\n| team | $9 | $90 |\n\n"
    "```python\nyearly = monthly * 10  # $\n```\n"
)

if __name__ == "__main__":
    module = types.ModuleType("docmind.app")
    module.build_app = build_app
    sys.modules["docmind.app"] = module
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(ROOT / "streamlit_app.py"), *sys.argv[1:]]
    os.chdir(ROOT)
    sys.exit(cli.main())
