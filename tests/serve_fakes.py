"""The real pages over in-memory parts, to look at.

`python tests/serve_fakes.py --server.port 8601`; FAKE_DELAY is the seconds between two events; with
FAKE_IDLE nothing is being read.
"""

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

ANSWER = """\
The monthly fee is $5, or $50 when paid by the year [1]. Two things changed since 2024:

- the free tier ends after 30 days [1][3]
- support by phone is **not** included [2]

| plan | month | year |
| --- | ---: | ---: |
| basic | $5 | $50 |
| team | $9 | $90 |

```python
yearly = monthly * 10  # $
```
"""


def build_app(settings):
    """Return an App with a few documents, two collections, a conversation and a slow answer."""
    app = fake_app(Path(os.environ["DOCMIND_DATA_DIR"]), settings)
    app.monitor = HardwareMonitor(detect())  # the sidebar is live
    app.chat.delay_s = float(os.environ.get("FAKE_DELAY", "0.12"))
    app.chat.answer = ANSWER
    app.suggestions.questions = [
        "What does the team plan cost per year?",
        "When does the free tier end, and what happens to the data that was kept in it?",
    ]
    names = ["Price list 2026.txt", "Annual report.txt", "bad.docx"]
    if not os.environ.get("FAKE_IDLE"):
        names.insert(2, "slow scan.txt")
    for name in names:
        app.documents.add_bytes(f"{name}\nPassage 1 about the fee.".encode(), name)
    app.collections.create("Contracts")
    reports = app.collections.create("Annual reports")
    price_list, report, *_ = app.documents.documents()
    app.collections.move(report.id, reports.id)
    app.collections.tag(report.id, ["2026", "tax"])
    app.collections.tag(price_list.id, ["prices"])
    conversation = app.conversations.create(
        "Prices of the last year, compared with those of the year before it"
    )
    trim = ContextTrimmed(
        conversation_id=conversation.id,
        turn_id="t",
        tokens_before=7400,
        tokens_after=5600,
        dropped="2 turns",
        reason="window",
        at=conversation.updated_at,
        first_retained_turn=1,
    )
    app.conversations.add_trims([trim])
    return app


if __name__ == "__main__":
    # Also for the settings and the database: never in the data folder of whoever looks.
    os.environ.setdefault("DOCMIND_DATA_DIR", tempfile.mkdtemp())
    module = types.ModuleType("docmind.app")
    module.build_app = build_app
    sys.modules["docmind.app"] = module
    from streamlit.web import cli

    sys.argv = ["streamlit", "run", str(ROOT / "streamlit_app.py"), *sys.argv[1:]]
    os.chdir(ROOT)
    sys.exit(cli.main())
