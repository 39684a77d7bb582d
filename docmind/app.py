"""The only place that wires the parts together."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from docmind.engine.interface import Engine
from docmind.engine.logs import log_to
from docmind.errors import AlreadyRunning, ConfigError
from docmind.hardware import detect
from docmind.models.catalog import Catalog, default_llm
from docmind.monitor.gpu import HardwareMonitor
from docmind.privacy import silence_telemetry
from docmind.settings import Settings
from docmind.storage.collections import CollectionStore
from docmind.storage.conversations import ConversationStore
from docmind.storage.database import Database
from docmind.storage.documents import DocumentStore

if TYPE_CHECKING:
    from docmind.chat import ChatService
    from docmind.ingestion.service import IngestionService
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.store.base import VectorStore


@dataclass
class App:
    """Everything one process shares, however many browser tabs."""

    settings: Settings
    engine: Engine
    documents: IngestionService
    collections: CollectionStore
    conversations: ConversationStore
    chat: ChatService
    monitor: HardwareMonitor
    close: Callable[[], None]
    """Stops what runs and releases the data folder. What was ingested, asked and answered is on disk."""


def build_engine(settings: Settings, catalog: Catalog) -> Engine:
    """Return the engine that the settings ask for: a server's if there is a base URL, else the one in this process."""
    if settings.llm.base_url:
        from docmind.engine.remote import RemoteEngine

        return RemoteEngine(settings)
    from docmind.engine.vllm_engine import VllmEngine

    return VllmEngine(settings, catalog)


def build_app(settings: Settings, *, load_model: bool = True, engine: Engine | None = None) -> App:
    """Build all parts; the model loads and interrupted ingestions resume in the background.

    Args:
        load_model: False leaves the language model alone, for work that only ingests.
        engine: Use this one instead of what the settings ask for.

    Raises:
        AlreadyRunning: another DocMind works in the same data folder.
        ConfigError, ModelError, StoreError: a part can't be opened; the message says what to do.
    """
    silence_telemetry()
    try:
        with ExitStack() as parts:  # closes what was opened before a part that fails
            return _build(settings, load_model, engine, parts)
    except OSError as exc:
        raise ConfigError(
            f"The data folder {settings.data_dir} can't be used ({exc}). Free space or mend it."
        ) from exc


def _build(settings: Settings, load_model: bool, engine: Engine | None, parts: ExitStack) -> App:
    parts.enter_context(own(settings.data_dir))
    log_to(settings.log_file)
    catalog = Catalog(settings.models_dir)
    engine = parts.enter_context(closing(engine or build_engine(settings, catalog)))
    if load_model:
        engine.start()  # the slowest part first; the rest is imported meanwhile

    from docmind.agents.planner import SupervisorModel
    from docmind.agents.reading import make_read_document
    from docmind.agents.supervisor import build_supervisor
    from docmind.agents.team import all_workers
    from docmind.agents.tools import make_tools
    from docmind.chat import ChatService
    from docmind.engine.chat_model import ChatVLLM
    from docmind.ingestion.service import IngestionService
    from docmind.retrieval.embeddings import Embedder
    from docmind.retrieval.rerank import Reranker
    from docmind.retrieval.search import Retriever
    from docmind.verification.citations import cite

    embedder = Embedder(catalog.pull(settings.retrieval.embedding_model))
    database = parts.enter_context(closing(Database(settings.database)))
    document_store = DocumentStore(database)
    collections = CollectionStore(database, document_store)
    conversations = ConversationStore(database)
    store = parts.enter_context(closing(_store(settings, embedder, document_store)))
    documents = parts.enter_context(
        closing(
            IngestionService(
                settings=settings, documents=document_store, store=store, embedder=embedder
            )
        )
    )
    documents.start()
    wanted = settings.retrieval.reranker
    retriever = Retriever(
        store, embedder, settings, Reranker(catalog.pull(wanted)) if wanted else None
    )

    agents, llm = settings.agents, settings.llm
    options: dict[str, Any] = {
        "engine": engine,
        "max_tokens": llm.max_answer_tokens,
        "temperature": llm.temperature,
        "constrain_calls": agents.constrain_tool_calls,
    }
    model = ChatVLLM(**options)
    top_k = settings.retrieval.top_k or (
        10 if detect().gpu else 5
    )  # on a CPU every prompt token is waited for
    tools = make_tools(retriever, documents, top_k)
    reading = make_read_document(model, retriever, documents)
    tools[reading.name] = reading
    workers = all_workers(model, tools, agents)
    supervisor = SupervisorModel(
        **options,
        kinds={worker.kind: worker.name for worker in workers},
        max_tasks=agents.max_parallel_calls,
        plans=_plans(settings, catalog),
    )
    graph = build_supervisor(supervisor, workers, agents)
    chat = ChatService(
        settings,
        engine,
        graph,
        model,
        conversations,
        cite=lambda answer, sources: cite(answer, sources, embedder.nearness),
        has_documents=lambda: any(d.state == "ready" for d in documents.documents()),
        searched=partial(collections.searched, shared=settings.store.mode == "server"),
    )
    parts.enter_context(closing(chat))
    monitor = parts.enter_context(closing(HardwareMonitor()))
    return App(
        settings,
        engine,
        documents,
        collections,
        conversations,
        chat,
        monitor,
        parts.pop_all().close,
    )


def _store(settings: Settings, embedder: Embedder, documents: DocumentStore) -> VectorStore:
    """Open the store. Vectors of another embedding model go first, and the ingestion then reads all documents anew."""
    from docmind.retrieval.store.base import open_store

    folder, model = settings.store_dir, settings.retrieval.embedding_model
    maker = folder / "embedding-model"
    known = (
        maker.read_text("utf-8") if maker.is_file() else ""
    )  # empty, too, where a full disk cut the writing off
    other = known not in {model, ""}
    if other:
        embedder.embed_query(model)  # a model that can't be loaded must cost no vectors
        for old in (*folder.glob("edge*"), folder / "local"):
            shutil.rmtree(old, ignore_errors=True)
    store = open_store(settings, embedder.dims)
    store.claim(Path(model).name, [d.id for d in documents.all()], stale=other)
    if known != model:
        folder.mkdir(parents=True, exist_ok=True)
        maker.write_text(model, "utf-8")
    return store


def _plans(settings: Settings, catalog: Catalog) -> bool:
    """Tell whether the supervisor plans: as set, else by what is known of the model."""
    if settings.agents.enable_planning is not None:
        return settings.agents.enable_planning
    name = settings.llm.model or (None if settings.llm.base_url else default_llm(detect()))
    return all(m.plans for m in catalog.list() if m.name == name)


def own(data_dir: Path) -> IO[str]:
    """Take the data folder for this process; the lock goes with the process, however it ends."""
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
