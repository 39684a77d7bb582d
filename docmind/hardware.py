"""What this machine has, as far as the engine cares. Detection never raises."""

from __future__ import annotations

import os
import shutil
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

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
        """Whether 8-bit matrices are the faster ones here: no GPU, and a CPU with instructions for them."""
        return self.gpu is None and bool(self.cpu_flags & {"avx512_vnni", "amx_int8"})


def detect() -> Hardware:
    """Return what this machine has now."""
    cpu, flags = _cpu()
    memory = psutil.virtual_memory()
    return Hardware(
        cpu=cpu,
        cores=len(os.sched_getaffinity(0)),
        ram_gib=round(memory.total / GIB, 1),
        ram_free_gib=round(memory.available / GIB, 1),
        cpu_flags=flags,
        **_gpu(),
        flashinfer=_flashinfer(),
    )


def _flashinfer() -> bool:
    """Tell whether FlashInfer can work: it compiles with nvcc and ninja unless its kernels are installed too."""
    if find_spec("flashinfer") is None:
        return False
    cuda = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    nvcc = shutil.which("nvcc") or Path(cuda, "bin", "nvcc").exists()
    return find_spec("flashinfer_cubin") is not None or bool(nvcc and shutil.which("ninja"))


def _cpu() -> tuple[str, frozenset[str]]:
    """Return the CPU's name and its instruction flags, from Linux."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", errors="replace")
    except OSError:
        return "unknown CPU", frozenset()
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    return facts.get("model name", "unknown CPU"), frozenset(facts.get("flags", "").split())


def card(nvml: Any) -> Any:
    """Return NVML's handle of the GPU that CUDA takes first; NVML counts those that CUDA_VISIBLE_DEVICES hides too."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first and not first.isdigit():
        return nvml.nvmlDeviceGetHandleByUUID(first)
    return nvml.nvmlDeviceGetHandleByIndex(int(first or 0))


def open_nvml() -> tuple[Any, str]:
    """Return the NVML module, started, or None and why not (empty where there is simply no NVIDIA GPU)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", FutureWarning
            )  # the package was renamed, the module was not
            import pynvml
    except ImportError:
        return None, "pynvml is not installed, so GPU figures are missing: pip install pynvml"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as exc:
        absent = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        if exc.value in absent and not Path("/proc/driver/nvidia/version").exists():
            return None, ""
        return (
            None,
            f"The NVIDIA driver does not answer ({exc}). After a driver update, restart the machine.",
        )
    return pynvml, ""


def _gpu() -> dict[str, Any]:
    """Return the GPU fields for the first NVIDIA GPU; nothing if there is none."""
    nvml, _ = open_nvml()
    if nvml is None:
        return {}
    try:
        handle = card(nvml)
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return {
            "gpu": str(nvml.nvmlDeviceGetName(handle)),
            "vram_total_gib": round(memory.total / GIB, 2),
            "vram_free_gib": round(memory.free / GIB, 2),
            "compute_capability": tuple(nvml.nvmlDeviceGetCudaComputeCapability(handle)),
        }
    except Exception:  # noqa: BLE001  a card that is not there or does not answer, an old library: all the same to us
        return {}
    finally:
        nvml.nvmlShutdown()
