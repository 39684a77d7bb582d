"""The only place that wires the parts together."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydantic import ValidationError

from docmind.backup.staging import is_unfinished
from docmind.engine.interface import Engine
from docmind.errors import AlreadyRunning, ConfigError
from docmind.logs import log_to
from docmind.monitor.gpu import HardwareMonitor
from docmind.privacy import silence_telemetry
from docmind.resolution import Resolved, resolve
from docmind.settings import Settings
from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore
from docmind.storage.notes import NoteStore
from docmind.storage.settings import read_saved, save_settings

if TYPE_CHECKING:
    from docmind.agents.state import CheckAnswer, TurnGraph
    from docmind.backup.service import BackupService
    from docmind.chat import ChatService
    from docmind.engine.chat_model import ChatVLLM
    from docmind.engine.plan.ladder import WorkingSettings
    from docmind.extraction.service import ExtractionService
    from docmind.ingestion.service import IngestionService
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.search import Retriever
    from docmind.retrieval.store.base import VectorStore
    from docmind.suggestions import SuggestionService


@dataclass
class App:
    """Everything one process shares, however many browser tabs."""

    settings: Settings
    engine: Engine
    documents: IngestionService
    collections: CollectionStore
    conversations: ConversationStore
    notes: NoteStore
    chat: ChatService
    retriever: Retriever
    check_answer: CheckAnswer
    backups: BackupService
    suggestions: SuggestionService
    extraction: ExtractionService
    monitor: HardwareMonitor
    close: Callable[[], None]
    """Stops what runs and releases the data folder; what was done so far is on disk."""


def build_engine(resolved: Resolved) -> Engine:
    """Return a server's engine if the settings name one, else that of this process."""
    if resolved.settings.llm.base_url:
        from docmind.engine.remote import RemoteEngine

        return RemoteEngine(resolved.settings)
    from docmind.engine.vllm_engine import VllmEngine

    return VllmEngine(resolved, partial(correct_saved_settings, resolved.settings.data_dir))


def correct_saved_settings(data_dir: Path, working: WorkingSettings) -> None:
    """Write values that work over the saved ones that did not; what was not saved is not added."""
    with suppress(ConfigError, ValidationError):
        saved = read_saved(data_dir)
        for group, values in working.items():
            was_saved = saved.get(group, {})
            corrected = {name: value for name, value in values.items() if name in was_saved}
            if corrected:
                save_settings(data_dir, {group: corrected})


def build_embedder(resolved: Resolved) -> Embedder:
    """Return the embedding model, fetched unless it is there; it is loaded at first use."""
    from docmind.retrieval.embeddings import Embedder

    return Embedder(
        resolved.catalog.pull(resolved.embedding_model),
        bfloat16=resolved.hardware.embeds_in_bfloat16,
    )


def try_embedding_model(settings: Settings) -> None:
    """Load the embedding model once, fetching it unless it is there.

    Raises:
        ModelError: it can't be fetched or loaded; the message says what to do.
    """
    build_embedder(resolve(settings)).embed_query("A sentence to try the model with.")


def build_app(settings: Settings, *, load_model: bool = True, engine: Engine | None = None) -> App:
    """Build all parts; the model loads and interrupted ingestions resume in the background.

    Args:
        settings: as asked.
        load_model: False leaves the language model alone, for work that only ingests.
        engine: Use this one instead of what the settings ask for.

    Raises:
        AlreadyRunning: another DocMind works in the same data folder.
        ConfigError, ModelError, StoreError: a part can't be opened; the message says what to do.
    """
    silence_telemetry()
    try:
        with ExitStack() as opened:  # closes what was opened before a part that fails
            return _build(settings, load_model=load_model, engine=engine, opened=opened)
    except OSError as exc:
        raise ConfigError(
            f"The data folder {settings.data_dir} can't be used ({exc}). Free space or mend it."
        ) from exc


def _build(
    settings: Settings, *, load_model: bool, engine: Engine | None, opened: ExitStack
) -> App:
    """Build all parts, each after those that it needs; `opened` gets what must be closed."""
    opened.enter_context(lock_data_dir(settings.data_dir))
    if is_unfinished(settings.data_dir):
        raise ConfigError(
            f"A restore into {settings.data_dir} was interrupted. Run `docmind restore FILE` with "
            "the same backup again: it goes on where it was."
        )
    log_to(settings.log_file)
    resolved = resolve(settings)
    if engine is None:
        engine = build_engine(resolved)
    opened.enter_context(closing(engine))
    if load_model:
        engine.start()  # the slowest part first; the rest is imported meanwhile

    from docmind.agents.cells import CellReader
    from docmind.agents.team import RESEARCHER
    from docmind.backup.service import BackupService
    from docmind.chat import ChatService
    from docmind.extraction.service import ExtractionService
    from docmind.ingestion.service import IngestionService
    from docmind.retrieval.store.base import made_by
    from docmind.suggestions import SuggestionService
    from docmind.verification.comparisons import check_comparison

    embedder = build_embedder(resolved)
    database = opened.enter_context(closing(Database(settings.database)))
    document_store = DocumentStore(database)
    collections = CollectionStore(database, document_store)
    conversations = ConversationStore(database)
    conversations.delete_put_away()  # a deletion can be undone until the app is started anew
    conversations.mend_interrupted()
    store = opened.enter_context(closing(_open_store(settings, embedder, document_store)))
    documents = IngestionService(
        settings=settings, documents=document_store, store=store, embedder=embedder
    )
    opened.enter_context(closing(documents))
    retriever = _build_retriever(resolved, store, embedder)
    model = _build_model(resolved, engine)
    checked = partial(check_comparison, nearness=embedder.nearness)
    searched_documents = partial(collections.searched, shared=settings.store.mode == "server")
    suggestions = SuggestionService(
        enabled=bool(resolved.agents.suggest_questions),
        engine=engine,
        model=model,
        retriever=retriever,
        check_answer=checked,
        top_k=resolved.top_k,
        searched_documents=searched_documents,
        list_documents=documents.documents,
    )
    opened.enter_context(closing(suggestions))
    chat = ChatService(
        # With what was left open decided: the supervisor and its service must agree.
        settings=settings.model_copy(update={"agents": resolved.agents}),
        engine=engine,
        graph=_build_graph(resolved, model, retriever=retriever, documents=documents),
        model=model,
        conversations=conversations,
        check_answer=checked,
        list_documents=documents.documents,
        searched_documents=searched_documents,
        interrupt_idle_work=suggestions.interrupt,
    )
    opened.enter_context(closing(chat))
    extraction = ExtractionService(
        engine=engine,
        make_reader=partial(
            CellReader,
            model=model,
            retriever=retriever,
            check=checked,
            system_prompt=RESEARCHER.system_prompt,
            mends=resolved.agents.unsupported_sentences == "mend",
        ),
        list_documents=documents.documents,
    )
    opened.enter_context(closing(extraction))
    monitor = opened.enter_context(closing(HardwareMonitor(resolved.hardware)))
    documents.start()  # its thread imports much, so what is above is imported before
    return App(
        settings=settings,
        engine=engine,
        documents=documents,
        collections=collections,
        conversations=conversations,
        notes=NoteStore(database),
        chat=chat,
        retriever=retriever,
        check_answer=checked,
        backups=BackupService(
            settings=settings, store=store, maker=made_by(settings.retrieval.embedding_model)
        ),
        suggestions=suggestions,
        extraction=extraction,
        monitor=monitor,
        close=opened.pop_all().close,
    )


def _build_retriever(resolved: Resolved, store: VectorStore, embedder: Embedder) -> Retriever:
    from docmind.retrieval.rerank import Reranker
    from docmind.retrieval.search import Retriever

    settings = resolved.settings
    reranker = None
    if settings.retrieval.reranker:
        reranker = Reranker(resolved.catalog.pull(settings.retrieval.reranker))
    return Retriever(store=store, embedder=embedder, settings=settings, reranker=reranker)


def _build_model(resolved: Resolved, engine: Engine) -> ChatVLLM:
    """Return the chat model that agents write with."""
    from docmind.engine.chat_model import ChatVLLM

    llm = resolved.settings.llm
    return ChatVLLM(
        engine=engine,
        max_tokens=llm.max_answer_tokens,
        temperature=llm.temperature,
        constrain_calls=resolved.agents.constrain_tool_calls,
    )


def _build_graph(
    resolved: Resolved, model: ChatVLLM, *, retriever: Retriever, documents: IngestionService
) -> TurnGraph:
    """Return the graph of a turn: the supervisor and its agents with their tools."""
    from docmind.agents.comparison import Comparisons
    from docmind.agents.library import make_find_documents
    from docmind.agents.planner import SupervisorModel
    from docmind.agents.reading import make_read_document
    from docmind.agents.supervisor import build_supervisor
    from docmind.agents.table_query import TableAnswers
    from docmind.agents.team import RESEARCHER, build_team
    from docmind.agents.tools import make_tools
    from docmind.agents.translation import Translator

    tools = make_tools(retriever, documents, resolved.top_k, translator=Translator(model))
    read_document = make_read_document(model, retriever, documents)
    tools[read_document.name] = read_document
    find_documents = make_find_documents(model, retriever, documents)
    tools[find_documents.name] = find_documents
    comparisons = Comparisons(
        model=model,
        retriever=retriever,
        documents=documents,
        system_prompt=RESEARCHER.system_prompt,
        mends=resolved.agents.unsupported_sentences == "mend",
    )
    team = build_team(
        model,
        tools,
        resolved.agents,
        table_answers=TableAnswers(model, documents),
        comparisons=comparisons,
    )
    supervisor = SupervisorModel(
        engine=model.engine,
        max_tokens=model.max_tokens,
        temperature=model.temperature,
        constrain_calls=model.constrain_calls,
        kinds={agent.spec.kind: agent.spec.name for agent in team},
        max_tasks=resolved.agents.max_parallel_calls,
        plans=resolved.agents.enable_planning,
    )
    return build_supervisor(supervisor, team, resolved.agents)


def _open_store(settings: Settings, embedder: Embedder, documents: DocumentStore) -> VectorStore:
    """Open the vector store.

    Vectors of another embedding model, or of words that were counted in another way, go first; the
    ingestion then reads all documents anew.
    """
    from docmind.retrieval.store.base import made_by
    from docmind.retrieval.store.opening import open_store

    model = settings.retrieval.embedding_model
    maker = made_by(model)
    # In the store's folder: what made the vectors that it holds.
    name_file = settings.store_dir / "embedding-model"
    stored_maker = ""
    if name_file.is_file():
        # It is empty where a full disk cut the writing off.
        stored_maker = name_file.read_text("utf-8")
    is_stale = stored_maker not in {maker, ""}
    if is_stale:
        embedder.embed_query(model)  # a model that can't be loaded must cost no vectors
        for old in (*settings.store_dir.glob("edge*"), settings.store_dir / "local"):
            shutil.rmtree(old, ignore_errors=True)
    store = open_store(settings, embedder.dims)
    document_ids = [document.id for document in documents.all()]
    store.claim(made_by(Path(model).name), document_ids, stale=is_stale)
    if stored_maker != maker:
        settings.store_dir.mkdir(parents=True, exist_ok=True)
        name_file.write_text(maker, "utf-8")
    return store


def lock_data_dir(data_dir: Path) -> IO[str]:
    """Lock the data folder for this process; the lock goes with the process, however it ends.

    Returns:
        The open file that holds the lock; closing it gives the folder back.

    Raises:
        AlreadyRunning: another process holds it.
        ConfigError: the folder can't be written.
    """
    try:
        handle = (data_dir / "lock").open("a+")
    except OSError as exc:
        raise ConfigError(f"The data folder {data_dir} can't be written ({exc.strerror}).") from exc
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        handle.close()
        raise AlreadyRunning(
            f"Another DocMind is working in {data_dir}. Use that one, close it, "
            "or give this one its own folder with DOCMIND_DATA_DIR."
        ) from exc
    return handle
