"""What the machine is doing: NVIDIA GPUs through NVML where there are any, CPU and RAM always."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from docmind.engine.hardware import detect

log = logging.getLogger(__name__)

EVERY_S = 2.0
KEEP_S = 600.0
FRESH_S = 1.0


@dataclass(frozen=True)
class Gpu:
    """One GPU at one moment. Memory in bytes; None where the driver does not say."""

    name: str
    used: int
    total: int
    own: int | None
    """Memory of this process and its children."""
    utilisation: float | None
    """Percent of time in which a kernel ran."""


@dataclass(frozen=True)
class Sample:
    """The machine at one moment. Memory in bytes, utilisation in percent."""

    at: float
    """Unix time."""
    name: str
    """What the next four are about: all GPUs together (equal ones are counted), or the CPU and RAM."""
    used: int
    """Memory in use by everybody."""
    total: int
    own: int | None
    """This process's and its children's share of `used`; None if the driver hides it (as in some containers)."""
    utilisation: float | None
    """The mean of several GPUs."""
    cpu_percent: float
    ram_used: int
    ram_total: int
    gpus: tuple[Gpu, ...] = ()
    note: str = ""
    """Why there are no GPU figures, when that is worth saying."""

    @property
    def device(self) -> str:
        """`GPU` or `CPU`: what the figures are about."""
        return "GPU" if self.gpus else "CPU"


class HardwareMonitor:
    """Samples the machine every 2 s in a daemon thread and keeps the last 10 minutes. Never raises."""

    def __init__(self, *, background: bool = True) -> None:
        self._lock = threading.Lock()
        self._history: deque[Sample] = deque(maxlen=int(KEEP_S / EVERY_S))
        self._stop = threading.Event()
        self._process = psutil.Process()
        hardware = detect()
        self._cpu_name = f"{hardware.cpu} ({hardware.cores} cores)"
        self._nvml, self._note = _open_nvml()
        self._cpu_mark = _cpu_times()
        if background:
            threading.Thread(target=self._run, name="hardware-monitor", daemon=True).start()

    def sample(self) -> Sample:
        """Return the machine's state, at most about one second old."""
        with self._lock:
            if not self._history or time.time() - self._history[-1].at >= FRESH_S:
                self._history.append(self._read())
            return self._history[-1]

    def history(self) -> list[Sample]:
        """Return the samples of the last 10 minutes, oldest first."""
        with self._lock:
            return [s for s in self._history if s.at > time.time() - KEEP_S]

    def close(self) -> None:
        """Stop sampling and let NVML go."""
        self._stop.set()
        with self._lock:
            nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.sample()

    def _read(self) -> Sample:
        processes = [self._process]
        with suppress(psutil.Error):
            processes += self._process.children(recursive=True)
        memory, cpu = psutil.virtual_memory(), self._cpu_load()
        ram_used = memory.total - memory.available
        gpus = self._read_gpus({p.pid for p in processes})
        shares = [g.own for g in gpus if g.own is not None]
        busy = [g.utilisation for g in gpus if g.utilisation is not None]
        figures: dict[str, Any] = (
            {
                "name": gpus[0].name if len(gpus) == 1 else f"{len(gpus)} x {gpus[0].name}",
                "used": sum(g.used for g in gpus),
                "total": sum(g.total for g in gpus),
                "own": sum(shares) if shares else None,
                "utilisation": sum(busy) / len(busy) if busy else None,
            }
            if gpus
            else {
                "name": self._cpu_name,
                "used": ram_used,
                "total": memory.total,
                "own": sum(map(_own_memory, processes)),
                "utilisation": cpu,
            }
        )
        figures |= {"cpu_percent": cpu, "ram_used": ram_used, "ram_total": memory.total}
        return Sample(at=time.time(), **figures, gpus=gpus, note=self._note)

    def _cpu_load(self) -> float:
        """Return the load since the last sample; psutil's own function measures each thread's calls apart."""
        (busy, total), (busy_before, total_before) = _cpu_times(), self._cpu_mark
        self._cpu_mark = (busy, total)
        passed = total - total_before
        return min(max(100 * (busy - busy_before) / passed, 0.0), 100.0) if passed > 0 else 0.0

    def _read_gpus(self, pids: set[int]) -> tuple[Gpu, ...]:
        if self._nvml is None:
            return ()
        try:
            return tuple(_read_gpu(self._nvml, i, pids) for i in range(self._nvml.nvmlDeviceGetCount()))
        except self._nvml.NVMLError as exc:
            self._note = f"The NVIDIA driver stopped answering ({exc}). `nvidia-smi` may say more."
            log.warning(self._note)
            return ()


def _open_nvml() -> tuple[Any, str]:
    """Return the NVML module, started, or None and why not (empty where there is simply no NVIDIA GPU)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the package was renamed, the module was not
            import pynvml
    except ImportError:
        return None, "pynvml is not installed, so GPU figures are missing: pip install pynvml"
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as exc:
        absent = (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
        if exc.value in absent and not Path("/proc/driver/nvidia/version").exists():
            return None, ""
        return None, f"The NVIDIA driver does not answer ({exc}). After a driver update, restart the machine."
    return pynvml, ""


def _read_gpu(nvml: Any, index: int, pids: set[int]) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    rates = processes = None
    with suppress(nvml.NVMLError):  # not every card or container gives these
        processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    mine = [p.usedGpuMemory or 0 for p in processes or () if p.pid in pids]
    return Gpu(
        name=str(nvml.nvmlDeviceGetName(handle)),
        used=int(memory.used),
        total=int(memory.total),
        own=sum(mine) if mine else None,
        utilisation=float(rates.gpu) if rates is not None else None,
    )


def _own_memory(process: psutil.Process) -> int:
    """Return a process's memory without mapped files; 0 for one that has ended."""
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0


def _cpu_times() -> tuple[float, float]:
    """Return (busy, all) seconds of all cores since boot."""
    times = psutil.cpu_times()
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user time already
    total = sum(times) - guest
    return total - times.idle - getattr(times, "iowait", 0.0), total
