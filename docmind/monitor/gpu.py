"""What the machine is doing: NVIDIA GPUs through NVML where there are any, CPU and RAM always."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

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
    cpu_name: str
    cpu_percent: float
    ram_used: int
    ram_total: int
    ram_own: int
    """Memory of this process and its children, without mapped files, which `ram_used` does not count either."""
    gpus: tuple[Gpu, ...] = ()
    note: str = ""
    """Why there are no GPU figures, when that is worth saying."""

    @property
    def device(self) -> str:
        """`GPU` or `CPU`: what the figures below are about."""
        return "GPU" if self.gpus else "CPU"

    @property
    def name(self) -> str:
        """Name of the device; several equal GPUs are counted."""
        if not self.gpus:
            return self.cpu_name
        names = [gpu.name for gpu in self.gpus]
        return names[0] if len(names) == 1 else f"{len(names)} x {names[0]}"

    @property
    def used(self) -> int:
        """Memory in use on the device by everybody: all GPUs together, or RAM."""
        return sum(gpu.used for gpu in self.gpus) if self.gpus else self.ram_used

    @property
    def total(self) -> int:
        """Memory of the device: all GPUs together, or RAM."""
        return sum(gpu.total for gpu in self.gpus) if self.gpus else self.ram_total

    @property
    def own(self) -> int | None:
        """This process's share of `used`; None if the driver hides it (as in some containers)."""
        if not self.gpus:
            return self.ram_own
        known = [gpu.own for gpu in self.gpus if gpu.own is not None]
        return sum(known) if known else None

    @property
    def utilisation(self) -> float | None:
        """How busy the device is, in percent; the mean of several GPUs."""
        if not self.gpus:
            return self.cpu_percent
        known = [gpu.utilisation for gpu in self.gpus if gpu.utilisation is not None]
        return sum(known) / len(known) if known else None


class HardwareMonitor:
    """Samples the machine every 2 s in a daemon thread and keeps the last 10 minutes. Never raises."""

    def __init__(self, *, background: bool = True) -> None:
        self._lock = threading.Lock()
        self._history: deque[Sample] = deque(maxlen=int(KEEP_S / EVERY_S))
        self._stop = threading.Event()
        self._process = psutil.Process()
        self._cpu_name = _cpu_name()
        self._nvml, self._note = _open_nvml()
        self._cpu_mark = _cpu_times()
        if background:
            threading.Thread(target=self._run, name="hardware-monitor", daemon=True).start()

    def sample(self) -> Sample:
        """Return the machine's state, at most about one second old."""
        with self._lock:
            if self._history and time.time() - self._history[-1].at < FRESH_S:
                return self._history[-1]
            sample = self._read()
            self._history.append(sample)
            return sample

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
            try:
                nvml.nvmlShutdown()
            except nvml.NVMLError as exc:
                log.debug("NVML did not shut down: %s", exc)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            self.sample()

    def _read(self) -> Sample:
        pids, ram_own = self._own_processes()
        memory = psutil.virtual_memory()
        return Sample(
            at=time.time(),
            cpu_name=self._cpu_name,
            cpu_percent=self._cpu_load(),
            ram_used=memory.total - memory.available,
            ram_total=memory.total,
            ram_own=ram_own,
            gpus=self._read_gpus(pids),
            note=self._note,
        )

    def _cpu_load(self) -> float:
        """Return the load since the last sample; psutil's own function measures each thread's calls apart."""
        (busy, total), (busy_before, total_before) = _cpu_times(), self._cpu_mark
        self._cpu_mark = (busy, total)
        passed = total - total_before
        return min(max(100 * (busy - busy_before) / passed, 0.0), 100.0) if passed > 0 else 0.0

    def _own_processes(self) -> tuple[set[int], int]:
        """Return the ids and the own memory (without mapped files) of this process and its children."""
        pids, memory = {self._process.pid}, _own_memory(self._process)
        try:
            for child in self._process.children(recursive=True):
                memory += _own_memory(child)
                pids.add(child.pid)
        except psutil.Error as exc:  # a child that ended in between
            log.debug("a child process could not be read: %s", exc)
        return pids, memory

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

    def ask(call: str, *arguments: Any) -> Any:
        """Ask for a figure that not every card or container gives."""
        try:
            return getattr(nvml, call)(handle, *arguments)
        except nvml.NVMLError:
            return None

    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    rates = ask("nvmlDeviceGetUtilizationRates")
    mine = [p.usedGpuMemory for p in ask("nvmlDeviceGetComputeRunningProcesses") or () if p.pid in pids]
    name = nvml.nvmlDeviceGetName(handle)
    return Gpu(
        name=name.decode() if isinstance(name, bytes) else name,
        used=int(memory.used),
        total=int(memory.total),
        own=sum(m for m in mine if m) if mine else None,
        utilisation=float(rates.gpu) if rates is not None else None,
    )


def _own_memory(process: psutil.Process) -> int:
    memory = process.memory_info()
    return int(memory.rss - getattr(memory, "shared", 0))


def _cpu_times() -> tuple[float, float]:
    """Return (busy, all) seconds of all cores since boot."""
    times = psutil.cpu_times()
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # counted in user time already
    total = sum(times) - guest
    return total - times.idle - getattr(times, "iowait", 0.0), total


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else "CPU"
    return f"{name} ({psutil.cpu_count() or 1} cores)"
