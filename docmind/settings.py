"""All settings with their descriptions, bounds and defaults.

`docmind.storage.settings.load_settings` puts them together: `DOCMIND_…` variables go before `.env`,
`.env` before what the Settings page saved, and that before the defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, sources


class _Group(BaseModel):
    """The text under each field is its description.

    Unknown names are refused, so that a typo is noticed.
    """

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid")

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        """Make each description one line again: here it is wrapped, the page wraps it itself."""
        for field in cls.model_fields.values():
            field.description = " ".join((field.description or "").split())


class LLMSettings(_Group):
    """Which model answers, and how."""

    model: str | None = None
    """Hub id, local directory, or a name from `docmind model list`. Empty: the default for this
    machine."""
    base_url: str | None = Field(None, pattern=r"^https?://[^/\s]+", title="Server address")
    """An OpenAI-compatible server to use instead of the in-process engine, for example
    http://127.0.0.1:8000/v1."""
    api_key: SecretStr = Field(SecretStr("none"), title="API key")
    """Key for that server."""
    temperature: float = Field(0.0, ge=0, le=2)
    """0 gives the same answer to the same question."""
    max_answer_tokens: int = Field(1024, ge=16, title="Longest answer (tokens)")
    """Longest answer, in tokens."""


class EngineSettings(_Group):
    """How the in-process vLLM engine runs. What is left empty is computed by the engine plan."""

    max_model_len: int | None = Field(None, ge=512, title="Context window (tokens)")
    """Context window in tokens. Empty: 131,072 on a GPU, 8,192 on a CPU, or the model's own if
    smaller."""
    vram_gib: float | None = Field(None, gt=0, title="GPU memory budget (GiB)")
    """For weights, KV cache and activations together. Empty: 16, or the card's memory if
    smaller."""
    quantization: str = Field("fp8", title="Quantization of the weights")
    """Asked-for quantization; what the model's checkpoint has is used, and the plan says so."""
    kv_cache_dtype: str = Field("fp8_e5m2", title="KV cache type")
    """Asked-for KV cache type on a GPU; the plan replaces it where the model or the card refuses
    it."""
    attention_backend: str = "FLASHINFER"
    """Asked-for attention backend on a GPU."""
    linear_backend: str = Field("auto", title="Matrix kernels")
    """Kernels that multiply FP8 weights on a GPU: `cutlass`, `marlin`, `triton` …, as vLLM calls
    them; `vllm` leaves the choice to vLLM. `auto`: what was measured to be best on this kind of
    card."""
    max_num_seqs: int | None = Field(None, ge=1, title="Requests answered at once")
    """Sequences decoded at once. Empty: 4."""
    max_num_batched_tokens: int | None = Field(None, ge=64, title="Tokens per step")
    """Tokens computed per engine step. Empty: 2,048 on a GPU, 256 on a CPU."""
    speculative_tokens: int | None = Field(None, ge=0, le=16, title="Tokens guessed ahead")
    """Tokens guessed ahead from the prompt (answers quote it); 0: none. Empty: 6 on a CPU, none on
    a GPU. `docmind bench speculation` measures it."""
    enforce_eager: bool | None = Field(None, title="Skip compilation")
    """Skip compilation: faster start, slower decoding. Empty: true on a CPU, false on a GPU."""
    tensor_parallel_size: int = Field(1, ge=1, title="GPUs that share the model")
    """GPUs that share the model's layers, in the server of launch_vllm_fp8.sh."""
    data_parallel_size: int = Field(1, ge=1, title="Copies of the model")
    """Copies of the model on GPUs of their own, in the server of launch_vllm_fp8.sh."""
    distributed_executor_backend: Literal["mp", "ray"] | None = Field(
        None, title="Starts the workers"
    )
    """What starts that server's workers: mp on one host, ray on several. Empty: vLLM chooses."""
    cpu_kv_cache_gib: float | None = Field(None, gt=0, title="RAM for the KV cache (GiB)")
    """On a CPU. Empty: what the window needs for two sequences, at most a quarter of the RAM."""


class StoreSettings(_Group):
    """Where vectors live."""

    mode: Literal["edge", "local", "server"] = Field("edge", title="Vector store")
    """edge: Qdrant Edge inside this process; local: QdrantClient(path=…); server: a Qdrant
    server."""
    url: str | None = Field(None, title="Address of the Qdrant server")
    """URL of the Qdrant server (mode server)."""
    api_key: SecretStr | None = Field(None, title="API key")
    """Key of the Qdrant server."""
    collection: str = Field("docmind", min_length=1, title="Name in Qdrant")
    """Name of the Qdrant collection (modes local and server)."""


class IngestionSettings(_Group):
    """How files become passages."""

    max_file_mb: float = Field(200, gt=0, title="Largest file (MB)")
    """Largest accepted file, in MB."""
    chunk_tokens: int = Field(220, ge=32, le=2048, title="Passage size (tokens)")
    """Passage size, in tokens of the embedding model. For the same length of prompt 110 and 320
    find no more."""
    chunk_overlap: int = Field(0, ge=0, title="Overlap of passages (tokens)")
    """Tokens shared by neighbouring passages. 30 found less of the gold passages than none: five
    passages then say less."""
    max_memory_gib: float = Field(4, ge=0.5, title="Memory for reading a file (GiB)")
    """Memory that reading one file may take, in GiB."""
    max_step_s: float = Field(300, gt=0, title="Time without progress (s)")
    """Longest time that reading a file may go without progress (a page, a sheet, the whole of a
    text), in seconds."""


class RetrievalSettings(_Group):
    """How passages are found."""

    embedding_model: str = Field("minilm", min_length=1, title="Embedding model")
    """minilm: English, fast; e5-small: 100 languages, a third as fast; or a directory with a
    sentence-transformers model. With another one DocMind reads all documents anew."""
    candidates: int = Field(100, ge=1, title="Candidates per search")
    """Passages taken from each of dense and sparse search before fusion."""
    reranker: str | None = Field(None, title="Reranking model")
    """A directory with a cross-encoder (or its hub id) that puts the fused passages in order.
    Empty: none."""
    neighbours: int = Field(1, ge=0, title="Passages shown with their neighbours")
    """Best passages of a search that are shown with those before and after them in their
    document."""
    top_k: int | None = Field(None, ge=1, title="Passages per search")
    """Passages shown to an agent per search. Empty: 5 on a CPU, 10 on a GPU."""


class AgentSettings(_Group):
    """How the supervisor works."""

    enable_planning: bool | None = Field(None, title="Split questions into tasks")
    """In a model call of its own; else the researcher gets the whole message. Empty: yes, but not
    with small models."""
    enable_parallel_tools: bool = Field(default=True, title="Agents work at the same time")
    """Let agents run at the same time. Off: one after another, each seeing what those before it
    brought."""
    max_parallel_calls: int = Field(3, ge=1, le=8, title="Most agents at once")
    """Most agents sent out for one message, and at once."""
    enable_message_forwarding: bool = Field(default=True, title="Answers pass through unchanged")
    """Give the agents' answers to the user as they are, several under their questions, without a
    second supervisor call. Off: the supervisor writes the answer from theirs."""
    output_mode: Literal["structured", "last_message", "full_history"] | None = Field(
        None, title="Supervisor sees"
    )
    """What the supervisor sees of an agent's work: its last message or all of it. structured: its
    last message, and the answer comes with a confidence and open points, made under a grammar.
    Empty: structured where a GPU of this machine runs the model, last_message on a CPU and with a
    server."""
    add_handoff_back_messages: bool = Field(default=False, title="Tell when an agent hands back")
    """In messages of its own to the supervisor (seen with full_history, or without parallel
    tools)."""
    constrain_tool_calls: bool = Field(default=True, title="Well-formed tool calls")
    """Make agents' tool calls well-formed by a grammar (in-process engine and vLLM servers)."""
    keep_passages: float | None = Field(
        None, ge=0, le=0.8, title="Passages retained from earlier turns"
    )
    """Fraction of the prompt that they may take. They are read first, so that the prompt begins as
    in the turn before and comes from the prefix cache. Empty: 0.25 with a window of 65,536 tokens
    or more, else none."""
    unsupported_sentences: Literal["mend", "mark"] = Field(
        "mend", title="Sentences that no passage supports"
    )
    """mend: they are written again from the closest passage, else the passage is quoted, else they
    are taken out, and an answer of which nothing is left was not found. mark: they stay, and are
    shown as not supported."""
    suggest_questions: bool | None = Field(None, title="Suggest what to ask next")
    """Up to three questions after an answer and on an empty page that the documents answer, made
    while the engine has nothing else to do. Empty: yes with a GPU or a server; not where the CPU
    runs the model, which would finish reading a piece of text before it turns to a question."""
    judge_statements: bool | None = Field(None, title="Statements judged by the model")
    """Let the model judge each statement by the passages that it has just read, beside the rules.
    Empty: yes with the model that is trained for it (qwen2.5-coder-1.5b with its adapter), else no;
    with a server no, as it does not say what its model is trained for."""
    max_steps: int = Field(4, ge=1, le=12, title="Most steps of an agent")
    """Most model calls of one agent in one task; in the last one it must answer."""
    agent_timeout_s: float = Field(600, gt=0, title="Time limit of an agent (s)")
    """Seconds after which one agent is ended; what the others found is used."""
    recursion_limit: int = Field(40, ge=5, title="Most steps of a question")
    """Most graph steps in one turn."""


class ContextSettings(_Group):
    """When the conversation is cut to fit the window."""

    enable_context_trimming: bool = Field(default=True, title="Trim long conversations")
    """Cut the oldest turns when the context is nearly full."""
    context_trim_threshold: float = Field(
        120000 / 131072, gt=0, le=1, title="Trim above (fraction of the window)"
    )
    """Fraction of the window at which history is cut."""
    low_water_mark: float = Field(0.7, gt=0, le=1, title="Trim down to (fraction of the window)")
    """Fraction of the window left after a cut."""

    @model_validator(mode="after")
    def _ordered(self) -> ContextSettings:
        if self.low_water_mark > self.context_trim_threshold:
            raise ValueError("low_water_mark must not be above context_trim_threshold")
        return self


class ServerSettings(_Group):
    """Where the app listens."""

    host: Literal["127.0.0.1", "localhost"] = "127.0.0.1"
    """Address of the web page: this machine only."""
    port: int = Field(8501, ge=1, le=65535)
    """Port of the web page."""


class ApiSettings(_Group):
    """How other programs reach the library. Those of the same user always have the socket."""

    port: int | None = Field(None, ge=1, le=65535, title="Port of the API")
    """Port on the loopback address for programs that can't use the socket. Empty: none."""
    token: SecretStr | None = Field(None, title="Token of the API")
    """What programs send to that port. Empty: one is made and kept in `api-token` in the data
    folder."""


class Settings(BaseSettings):
    """All of DocMind's settings; every field can be set as `DOCMIND_GROUP__FIELD`."""

    model_config = SettingsConfigDict(
        use_attribute_docstrings=True,
        env_prefix="DOCMIND_",
        env_nested_delimiter="__",
        env_file=".env",  # in the working folder
        env_file_encoding="utf-8",
        extra="ignore",
    )

    data_dir: Path = Field(default_factory=lambda: user_data_path("docmind"))
    """Folder for models, documents, vectors and conversations."""
    llm: LLMSettings = Field(LLMSettings(), title="Model")
    engine: EngineSettings = Field(EngineSettings(), title="Engine")
    store: StoreSettings = Field(StoreSettings(), title="Storage")
    ingestion: IngestionSettings = Field(IngestionSettings(), title="Documents")
    retrieval: RetrievalSettings = Field(RetrievalSettings(), title="Search")
    agents: AgentSettings = Field(AgentSettings(), title="Agents")
    context: ContextSettings = Field(ContextSettings(), title="Conversations")
    server: ServerSettings = Field(ServerSettings(), title="Web page")
    api: ApiSettings = Field(ApiSettings(), title="API")

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.store.mode == "server" and not self.store.url:
            raise ValueError(
                "store.mode is 'server' but store.url is empty; set DOCMIND_STORE__URL"
            )
        return self

    @property
    def models_dir(self) -> Path:
        """Folder with one directory per model."""
        return self.data_dir / "models"

    @property
    def files_dir(self) -> Path:
        """Folder with the uploaded files, named by their SHA-256."""
        return self.data_dir / "files"

    @property
    def store_dir(self) -> Path:
        """Folder of the embedded vector store."""
        return self.data_dir / "vectors"

    @property
    def database(self) -> Path:
        """SQLite file with all that DocMind remembers but files and vectors."""
        return database_file(self.data_dir)

    @property
    def socket(self) -> Path:
        """Socket on which the running app answers other programs."""
        return self.data_dir / "api.sock"

    @property
    def log_file(self) -> Path:
        """File with what DocMind and vLLM did."""
        return self.data_dir / "logs" / "docmind.log"


def environment() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the environment sets and what `.env` sets, each nested like Settings.

    Raises:
        SettingsError: a variable that should hold a group holds something else.
    """
    from_environment = sources.EnvSettingsSource(Settings)()
    from_env_file = sources.DotEnvSettingsSource(Settings)()
    return from_environment, from_env_file


def chosen_data_dir(*stronger_first: Mapping[str, Any]) -> Path:
    """Return the data folder that the first of these values names, else the user's own folder."""
    for values in stronger_first:
        if values.get("data_dir"):
            return Path(values["data_dir"]).expanduser().absolute()
    return user_data_path("docmind").absolute()


def database_file(data_dir: Path) -> Path:
    """Return where DocMind's database is in a data folder."""
    return data_dir / "docmind.sqlite3"
