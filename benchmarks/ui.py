"""`docmind bench ui`: what a rerun of the pages costs.

Streamlit runs a page's whole script at every click.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING

from benchmarks.speed import SpeedResult
from docmind.app import App, build_app
from docmind.engine.interface import Delta, Engine, Message, Tool
from docmind.events import Citation, Usage, now
from docmind.measurement import Figures, empty_data_folder
from docmind.passages import NumberedPassage, Passage
from docmind.settings import Settings
from docmind.storage.messages import StoredMessage

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
PAGES = ("documents", "system", "settings")
"""Those beside the chat page."""
SENTENCE = "The notice period is **three months**, counted from the end of a quarter [1]."
ANSWER = f"""{SENTENCE} It is shortened to six weeks where the tenant finds a successor [2].

| case | period |
|---|---|
| ordinary | three months |
| successor | six weeks |

The deposit is returned within thirty days after the keys were handed over [3]."""


class ReadyEngine(Engine):
    """Says that it is ready; nobody asks it anything here."""

    def __init__(self) -> None:
        super().__init__("none", "cpu")
        self._update(state="ready", window=8192)

    def start(self) -> None:
        """Do nothing: it is ready."""

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Return at once: it is ready."""

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
        """Refuse: no page counts."""
        raise NotImplementedError

    def stream(self, messages: Sequence[Message], **options: object) -> AsyncIterator[Delta]:
        """Refuse: no page asks."""
        raise NotImplementedError

    def _run(self) -> None:
        """Never called: nothing is loaded."""


class NoPagesFolder(PosixPath):
    """What AppTest sees for `pages/`.

    It forgets in every run that the router has run before, which a server does not.
    """

    def exists(self, **_: object) -> bool:
        """Say no."""
        return False


def measure_ui(settings: Settings, turns: int = 20, repeats: int = 15) -> SpeedResult:
    """Time reruns of each page by AppTest, with real parts behind it.

    Args:
        settings: of this machine; the embedding model is there.
        turns: in the stored conversation.
        repeats: reruns of each page.

    Returns:
        ui.rerun_ms: median rerun of the chat page with that conversation open; ui.rerun_p95_ms;
        ui.rerun_ms.PAGE: the other pages; ui.rerun_ms.empty: the chat page with no conversation;
        ui.first_ms: the first run of a new tab.
    """
    from streamlit.runtime import pages_manager

    from docmind.ui import shared_app

    with empty_data_folder(settings) as fresh_settings:
        app = build_app(fresh_settings, engine=ReadyEngine())
        pages_manager.Path = NoPagesFolder  # type: ignore[attr-defined]
        shared_app.get_app = lambda: app
        try:
            conversation_id = store_conversation(app, turns)
            figures = page_figures(conversation_id, repeats)
        finally:
            app.close()
    notes = f"AppTest, {turns} turns in the open conversation, {repeats} reruns each"
    return SpeedResult(figures=figures, notes=notes)


def store_conversation(app: App, turns: int) -> str:
    """Store a conversation about one document; return its id."""
    text = b"The notice period is three months.\n\n" * 50
    document = app.documents.add_bytes(text, "lease.txt").document
    app.documents.wait()
    sources = []
    citations = []
    for number in (1, 2, 3):
        passage = Passage(
            id=f"c{number}",
            document_id=document.id,
            file_name="lease.txt",
            text="The notice period is three months. " * 20,
        )
        sources.append(NumberedPassage(number=number, passage=passage))
        citations.append(Citation(number=number, sentence=SENTENCE, supported=True))
    usage = Usage(
        prompt_tokens=2048,
        completion_tokens=80,
        engine_calls=2,
        context_tokens=2128,
        window=8192,
    )
    conversation_id = app.conversations.create().id
    for turn in range(turns):
        app.conversations.add_question(conversation_id, f"What is the notice period, {turn}?")
        answer = StoredMessage(
            role="assistant",
            text=ANSWER,
            at=now(),
            sources=tuple(sources),
            citations=tuple(citations),
            usage=usage,
        )
        app.conversations.add_answer(conversation_id, answer)
    return conversation_id


def page_figures(conversation_id: str, repeats: int) -> Figures:
    """Open each page in a new tab and time its reruns."""
    from streamlit.testing.v1 import AppTest

    script = ROOT / "streamlit_app.py"
    begin = time.perf_counter()
    tab = AppTest.from_file(str(script), default_timeout=60).run()
    first_ms = (time.perf_counter() - begin) * 1000
    empty_ms = statistics.median(rerun_times_ms(tab, repeats))
    tab.button(key=f"open-{conversation_id}").click().run()
    chat_ms = rerun_times_ms(tab, repeats)
    figures = {
        "ui.first_ms": first_ms,
        "ui.rerun_ms.empty": empty_ms,
        "ui.rerun_ms": statistics.median(chat_ms),
        "ui.rerun_p95_ms": statistics.quantiles(chat_ms, n=20)[-1],
    }
    for page in PAGES:
        tab.switch_page(f"pages/{page}.py").run()
        figures[f"ui.rerun_ms.{page}"] = statistics.median(rerun_times_ms(tab, repeats))
    return figures


def rerun_times_ms(tab: AppTest, repeats: int) -> list[float]:
    """Run the page again and again; return how long each took."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        tab.run()
        times.append((time.perf_counter() - begin) * 1000)
        if tab.exception:
            raise SystemExit(f"the page failed: {tab.exception[0].value}")
    return times
