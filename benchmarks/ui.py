"""What a rerun of the pages costs: Streamlit runs a page's whole script at every click."""

from __future__ import annotations

import statistics
import time
from pathlib import Path, PosixPath
from typing import Any

from benchmarks.lab import fresh
from docmind.app import build_app
from docmind.engine.interface import Engine
from docmind.events import Citation, Usage, now
from docmind.passages import NumberedPassage, Passage
from docmind.settings import Settings
from docmind.storage.messages import StoredMessage

ROOT = Path(__file__).parents[1]
SENTENCE = "The notice period is **three months**, counted from the end of a quarter [1]."
ANSWER = SENTENCE + (
    " It is shortened to six weeks where "
    "the tenant finds a successor [2].\n\n| case | period |\n|---|---|\n| ordinary | three months |\n| successor | six "
    "weeks |\n\nThe deposit is returned within thirty days after the keys were handed over [3]."
)


class ReadyEngine(Engine):
    """Says that it is ready; nobody asks it anything here."""

    start = wait_ready = count_tokens = stream = _run = lambda *_, **__: None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__("none", "cpu")
        self._update(state="ready", window=8192)


class NoPagesFolder(PosixPath):
    """What AppTest sees for `pages/`: it forgets in every run that the router has run before, a server does not."""

    def exists(self, **_: Any) -> bool:
        """Say no."""
        return False


def bench_ui(
    settings: Settings, turns: int = 20, repeats: int = 15
) -> tuple[dict[str, float], str]:
    """Time reruns of each page by AppTest, with a stored conversation of `turns` turns and real parts behind it.

    Returns:
        ui.rerun_ms: median rerun of the chat page with that conversation open; ui.rerun_p95_ms; ui.rerun_ms.PAGE: the
        other pages; ui.rerun_ms.empty: the chat page with no conversation; ui.first_ms: the first run of a new tab.
    """
    from streamlit.runtime import pages_manager
    from streamlit.testing.v1 import AppTest

    from docmind.ui import state

    with fresh(settings) as own:
        app = build_app(own, engine=ReadyEngine())
        pages_manager.Path = NoPagesFolder  # type: ignore[attr-defined]
        state.get_app = lambda: app
        try:
            document = app.documents.add_bytes(
                b"The notice period is three months.\n\n" * 50, "lease.txt"
            ).document
            app.documents.wait()
            passage = "The notice period is three months. " * 20
            sources = tuple(
                NumberedPassage(
                    number=n,
                    passage=Passage(
                        id=f"c{n}",
                        document_id=document.id,
                        file_name="lease.txt",
                        text=passage,
                    ),
                )
                for n in (1, 2, 3)
            )
            cited = tuple(Citation(number=n, sentence=SENTENCE, supported=True) for n in (1, 2, 3))
            usage = Usage(
                prompt_tokens=2048,
                completion_tokens=80,
                engine_calls=2,
                context_tokens=2128,
                window=8192,
            )
            conversation = app.conversations.create().id
            for i in range(turns):
                app.conversations.add_question(conversation, f"What is the notice period, {i}?")
                answer = StoredMessage(
                    "assistant", ANSWER, now(), sources=sources, citations=cited, usage=usage
                )
                app.conversations.add_answer(conversation, answer)
            begin = time.perf_counter()
            tab = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=60).run()
            figures = {"ui.first_ms": (time.perf_counter() - begin) * 1000}
            figures["ui.rerun_ms.empty"] = statistics.median(_reruns(tab, repeats))
            tab.button(key=f"open-{conversation}").click().run()
            times = _reruns(tab, repeats)
            figures["ui.rerun_ms"] = statistics.median(times)
            figures["ui.rerun_p95_ms"] = statistics.quantiles(times, n=20)[-1]
            for page in ("documents", "system", "settings"):
                tab.switch_page(f"pages/{page}.py").run()
                figures[f"ui.rerun_ms.{page}"] = statistics.median(_reruns(tab, repeats))
        finally:
            app.close()
    return figures, f"AppTest, {turns} turns in the open conversation, {repeats} reruns each"


def _reruns(tab: Any, repeats: int) -> list[float]:
    """Run the page again and again; milliseconds each."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        tab.run()
        times.append((time.perf_counter() - begin) * 1000)
        if tab.exception:
            raise SystemExit(f"the page failed: {tab.exception[0].value}")
    return times
