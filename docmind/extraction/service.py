"""Fills in grids: every question is asked of every document, several cells at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial

from docmind.agents.cells import CellReader
from docmind.engine.interface import Engine
from docmind.errors import DocMindError, EngineFailed, EngineNotReady, NothingIndexed
from docmind.extraction.grid import Extraction, GridCell
from docmind.retrieval.store.base import Scope
from docmind.storage.documents import Document

log = logging.getLogger(__name__)

MOST_QUESTIONS = 20
"""Questions of one grid."""
LONGEST_QUESTION = 300
"""Characters."""
DOCUMENTS_AT_ONCE = 4
"""Documents whose passages are held ready, so that the engine's batch is full with one question."""


class ExtractionService:
    """Fills in one grid at a time, in a thread of its own; the last one stays to be looked at."""

    def __init__(
        self,
        *,
        engine: Engine,
        make_reader: Callable[[], CellReader],
        list_documents: Callable[[], Sequence[Document]],
    ) -> None:
        """Set up without a grid.

        Args:
            engine: Must be ready when a grid is begun.
            make_reader: Returns a reader of cells; called on the event loop that it will work on.
            list_documents: All documents, whatever their state.
        """
        self._engine = engine
        self._make_reader = make_reader
        self._list_documents = list_documents
        self._lock = threading.Lock()
        self._latest: Extraction | None = None
        self._thread: threading.Thread | None = None

    def start(
        self, questions: Sequence[str], document_ids: Sequence[str] | None = None
    ) -> Extraction:
        """Begin to fill in a grid and return at once.

        Args:
            questions: As the user typed them; empty and double ones are left out.
            document_ids: Ask these documents only; None: all.

        Raises:
            EngineNotReady, EngineFailed: the model is loading or could not be started.
            NothingIndexed: there is no document to ask.
            DocMindError: there is no question, too many, or another grid is being filled in.
        """
        asked = _clean(questions)
        documents: list[Document] = []
        for document in self._list_documents():
            is_chosen = document_ids is None or document.id in document_ids
            if document.state == "ready" and is_chosen:
                documents.append(document)
        if not documents:
            raise NothingIndexed(
                "No document is ready to be asked. Add one on the Documents page, or choose "
                "another collection."
            )
        self._engine.wait_ready(0)
        with self._lock:
            if self._latest is not None and not self._latest.done:
                raise DocMindError(
                    "Another grid is being filled in. Wait for it, or stop it first."
                )
            extraction = Extraction(documents, asked)
            self._latest = extraction
            self._thread = threading.Thread(
                target=self._run, args=(extraction,), name="extraction", daemon=True
            )
            self._thread.start()
        return extraction

    def latest(self) -> Extraction | None:
        """Return the grid that is being filled in, or the last one."""
        return self._latest

    def close(self) -> None:
        """End what runs."""
        with self._lock:
            latest = self._latest
            thread = self._thread
        if latest is not None:
            latest.cancel()
        if thread is not None:
            thread.join(10)

    def _run(self, extraction: Extraction) -> None:
        """Fill in a grid, and end it, come what may. Never raises."""
        error = ""
        try:
            asyncio.run(self._fill(extraction))
        except asyncio.CancelledError:
            if not extraction.stopped:
                error = "The app was closed while the grid was being filled in."
        except Exception as exc:  # noqa: BLE001  told to the user
            error = _message(exc)
        extraction.end(error)

    async def _fill(self, extraction: Extraction) -> None:
        """Fill in all cells; an error of the engine ends them all."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        if task is not None:
            extraction.begin(partial(loop.call_soon_threadsafe, task.cancel))
        reader = self._make_reader()
        places = asyncio.Semaphore(DOCUMENTS_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for document in extraction.documents:
                group.create_task(_ask(extraction, document, reader, places=places))


async def _ask(
    extraction: Extraction, document: Document, reader: CellReader, *, places: asyncio.Semaphore
) -> None:
    """Fill in the cells of one document."""
    async with places:
        try:
            found = await asyncio.to_thread(reader.find, extraction.questions, Scope([document.id]))
        except DocMindError as exc:
            for question in extraction.questions:
                extraction.fill(document, question, GridCell(error=str(exc)))
            return

        async def fill(question: str) -> None:
            try:
                cell = GridCell(await reader.read(question, found[question]))
            except (EngineFailed, EngineNotReady):
                raise  # no other cell can be read either
            except DocMindError as exc:
                cell = GridCell(error=str(exc))
            extraction.fill(document, question, cell)

        async with asyncio.TaskGroup() as group:
            for question in extraction.questions:
                group.create_task(fill(question))


def _clean(questions: Sequence[str]) -> list[str]:
    """Return the questions without empty and double ones.

    Raises:
        DocMindError: none is left, there are too many, or one is too long.
    """
    asked: dict[str, None] = {}  # an ordered set
    for question in questions:
        words = " ".join(question.split())
        if words:
            asked[words] = None
        if len(words) > LONGEST_QUESTION:
            raise DocMindError(
                f"A question has {len(words)} characters; up to {LONGEST_QUESTION} fit. "
                "Put each question on a line of its own."
            )
    if not asked:
        raise DocMindError("Type at least one question.")
    if len(asked) > MOST_QUESTIONS:
        raise DocMindError(
            f"There are {len(asked)} questions; a grid has up to {MOST_QUESTIONS}. Ask the others "
            "in a second grid."
        )
    return list(asked)


def _message(exc: BaseException) -> str:
    """Return in words for the user why a grid was not finished."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    if isinstance(exc, DocMindError):
        return str(exc)
    log.error("a grid was not filled in", exc_info=exc)
    return (
        f"Something unexpected went wrong ({type(exc).__name__}: {exc}). The log has the details."
    )
