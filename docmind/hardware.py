"""What this machine has, as far as the engine cares. Detection never raises.

`detect` is called once, by `docmind.resolution.resolve`; what it returns is handed down. Only
memory changes while DocMind runs: `free_vram_gib` and `Hardware.with_current_memory` measure it
anew.
"""
# ruff: noqa: D102  NVML documents its functions

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

import psutil

GIB = 1024**3


@dataclass(frozen=True)
class Hardware:
    """Facts for the engine plan. GPU fields are None on a machine without an NVIDIA GPU."""

    cpu: str
    cores: int
    """Cores this process may use."""
    ram_gib: float
    ram_free_gib: float
    cpu_flags: frozenset[str] = frozenset()
    gpu: str | None = None
    vram_total_gib: float | None = None
    vram_free_gib: float | None = None
    compute_capability: tuple[int, int] | None = None
    flashinfer: bool = False
    """FlashInfer is installed, and what it builds its kernels with."""

    @property
    def device(self) -> str:
        """Name to show: the GPU's, or `cpu`."""
        return self.gpu or "cpu"

    @property
    def multiplies_int8(self) -> bool:
        """Whether 8-bit matrices are the faster ones for a language model here.

        They are without a GPU, on a CPU with instructions for them.
        """
        return self.gpu is None and bool(self.cpu_flags & {"avx512_vnni", "amx_int8"})

    @property
    def computes_bfloat16(self) -> bool:
        """Whether the CPU has instructions for bfloat16."""
        return bool(self.cpu_flags & {"avx512_bf16", "amx_bf16"})

    @property
    def embeds_in_bfloat16(self) -> bool:
        """Whether the embedding model, which runs on the CPU, is faster in bfloat16 here.

        With AMX it is twice as fast (cosine >= 0.998); with avx512_bf16 alone slower: 12 against 16
        passages/s.
        """
        return "amx_bf16" in self.cpu_flags

    def with_current_memory(self) -> Hardware:
        """Return the same machine with the memory that is free now."""
        now = replace(self, ram_free_gib=_gib(psutil.virtual_memory().available))
        if self.gpu is not None:
            now = replace(now, vram_free_gib=free_vram_gib())
        return now


def detect() -> Hardware:
    """Return what this machine has now."""
    cpu = _read_cpu()
    memory = psutil.virtual_memory()
    hardware = Hardware(
        cpu=cpu.name,
        cores=len(os.sched_getaffinity(0)),
        ram_gib=_gib(memory.total),
        ram_free_gib=_gib(memory.available),
        cpu_flags=cpu.flags,
        flashinfer=_has_flashinfer(),
    )
    try:
        with _started_nvml() as nvml:
            handle = first_gpu(nvml)
            vram = nvml.nvmlDeviceGetMemoryInfo(handle)
            major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
            return replace(
                hardware,
                gpu=str(nvml.nvmlDeviceGetName(handle)),
                vram_total_gib=_gib(vram.total, digits=2),
                vram_free_gib=_gib(vram.free, digits=2),
                compute_capability=(major, minor),
            )
    except Exception:  # noqa: BLE001  a card that is not there or does not answer, an old library
        return hardware


def free_vram_gib() -> float | None:
    """Return the memory that is free on the first GPU now; None without a GPU."""
    try:
        with _started_nvml() as nvml:
            return _gib(nvml.nvmlDeviceGetMemoryInfo(first_gpu(nvml)).free, digits=2)
    except Exception:  # noqa: BLE001  as in `detect`
        return None


def _gib(size: int, digits: int = 1) -> float:
    return round(size / GIB, digits)


def _has_flashinfer() -> bool:
    """Tell whether FlashInfer can work.

    It compiles its kernels with nvcc and ninja, unless they are installed too.
    """
    if find_spec("flashinfer") is None:
        return False
    if find_spec("flashinfer_cubin") is not None:
        return True
    cuda = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    has_nvcc = shutil.which("nvcc") is not None or Path(cuda, "bin", "nvcc").exists()
    return has_nvcc and shutil.which("ninja") is not None


class Cpu(NamedTuple):
    """What Linux says of the CPU."""

    name: str
    flags: frozenset[str]
    """Its instruction sets."""


def _read_cpu() -> Cpu:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return Cpu(name="unknown CPU", flags=frozenset())
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return Cpu(
        name=facts.get("model name", "unknown CPU"),
        flags=frozenset(facts.get("flags", "").split()),
    )


class NvmlMemory(Protocol):
    """A card's memory, in bytes."""

    total: int
    free: int
    used: int


class NvmlUtilization(Protocol):
    """How busy a card is."""

    gpu: int
    """Percent of time in which a kernel ran."""


class NvmlProcess(Protocol):
    """A process that uses a card."""

    pid: int
    usedGpuMemory: int | None
    """Bytes; None where the driver hides them."""


class Nvml(Protocol):
    """The functions of the module `pynvml` that DocMind calls. A handle is opaque."""

    NVMLError: type[Exception]

    def nvmlInit(self) -> None: ...
    def nvmlShutdown(self) -> None: ...
    def nvmlDeviceGetCount(self) -> int: ...
    def nvmlDeviceGetHandleByIndex(self, index: int) -> object: ...
    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> object: ...
    def nvmlDeviceGetName(self, handle: object) -> str: ...
    def nvmlDeviceGetMemoryInfo(self, handle: object) -> NvmlMemory: ...
    def nvmlDeviceGetUtilizationRates(self, handle: object) -> NvmlUtilization: ...
    def nvmlDeviceGetComputeRunningProcesses(self, handle: object) -> Sequence[NvmlProcess]: ...
    def nvmlDeviceGetCudaComputeCapability(self, handle: object) -> tuple[int, int]: ...


class OpenedNvml(NamedTuple):
    """NVML, or why there is none."""

    nvml: Nvml | None
    """Initialized: whoever opened it calls `nvmlShutdown`."""
    missing: str
    """What to tell the user; empty where there is simply no NVIDIA GPU."""


def open_nvml() -> OpenedNvml:
    """Import and initialize NVIDIA's management library."""
    try:
        with warnings.catch_warnings():
            # The package was renamed, the module was not.
            warnings.simplefilter("ignore", FutureWarning)
            import pynvml
    except ImportError:
        missing = "pynvml is not installed, so GPU figures are missing: pip install pynvml"
        return OpenedNvml(None, missing)
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as exc:
        absent = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        if exc.value in absent and not Path("/proc/driver/nvidia/version").exists():
            return OpenedNvml(None, "")
        missing = (
            f"The NVIDIA driver does not answer ({exc}). After a driver update, "
            "restart the machine."
        )
        return OpenedNvml(None, missing)
    return OpenedNvml(pynvml, "")


def first_gpu(nvml: Nvml) -> object:
    """Return NVML's handle of the GPU that CUDA takes first.

    NVML counts the cards that CUDA_VISIBLE_DEVICES hides, too.
    """
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first and not first.isdigit():
        return nvml.nvmlDeviceGetHandleByUUID(first)
    return nvml.nvmlDeviceGetHandleByIndex(int(first or 0))


@contextmanager
def _started_nvml() -> Iterator[Nvml]:
    """Open NVML for a moment; LookupError where there is none."""
    opened = open_nvml()
    if opened.nvml is None:
        raise LookupError(opened.missing)
    try:
        yield opened.nvml
    finally:
        opened.nvml.nvmlShutdown()
