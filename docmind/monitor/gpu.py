"""What the machine is doing: NVIDIA GPUs through NVML where there are any, CPU and RAM always."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from docmind.hardware import Hardware, Nvml, open_nvml

_log = logging.getLogger(__name__)

EVERY_S = 2.0
RETAINED_SAMPLES = 300


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

    name: str
    """What used, total, own and utilisation are about: all GPUs together, or the CPU and RAM."""
    used: int
    """Memory in use by everybody."""
    total: int
    own: int | None
    """What this process and its children have of `used`; None if the driver hides it (as in some
    containers)."""
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
    """Samples the machine every 2 s in a thread of its own and retains the last 10 minutes."""

    def __init__(self, hardware: Hardware, *, every_s: float = EVERY_S) -> None:
        self._every_s = every_s
        self._cpu_name = f"{hardware.cpu} ({hardware.cores} cores)"
        self._process = psutil.Process()
        opened = open_nvml()
        self._nvml = opened.nvml
        self._note = opened.missing
        self._history = deque([self._read()], maxlen=RETAINED_SAMPLES)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hardware-monitor", daemon=True)
        self._thread.start()

    def sample(self) -> Sample:
        """Return the machine's state, at most two seconds old."""
        return self._history[-1]

    def history(self) -> list[Sample]:
        """Return the samples of the last 10 minutes, oldest first; there is always one."""
        return list(self._history)

    def close(self) -> None:
        """Stop sampling and let NVML go."""
        self._stop.set()
        self._thread.join(EVERY_S)
        nvml = self._nvml
        self._nvml = None
        if nvml is not None:
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()

    def _run(self) -> None:
        psutil.cpu_percent()  # it measures since the same thread's last call
        while not self._stop.wait(self._every_s):
            self._history.append(self._read())

    def _read(self) -> Sample:
        """Return the figures of the GPUs, or of CPU and RAM where there are none."""
        processes = [self._process]
        with suppress(psutil.Error):
            processes += self._process.children(recursive=True)
        memory = psutil.virtual_memory()
        ram_used = memory.total - memory.available
        cpu_percent = psutil.cpu_percent()
        gpus = self._read_gpus({process.pid for process in processes})
        if gpus:
            return Sample(
                name=_name_of_all(gpus),
                used=sum(gpu.used for gpu in gpus),
                total=sum(gpu.total for gpu in gpus),
                own=_own_gpu_memory(gpus),
                utilisation=_mean_utilisation(gpus),
                cpu_percent=cpu_percent,
                ram_used=ram_used,
                ram_total=memory.total,
                gpus=gpus,
            )
        return Sample(
            name=self._cpu_name,
            used=ram_used,
            total=memory.total,
            own=sum(_own_memory(process) for process in processes),
            utilisation=cpu_percent,
            cpu_percent=cpu_percent,
            ram_used=ram_used,
            ram_total=memory.total,
            note=self._note,
        )

    def _read_gpus(self, pids: set[int]) -> tuple[Gpu, ...]:
        """Return the figures of all GPUs; none once the driver has stopped answering."""
        nvml = self._nvml
        if nvml is None:
            return ()
        try:
            count = nvml.nvmlDeviceGetCount()
            return tuple(_read_gpu(nvml, index, pids) for index in range(count))
        except nvml.NVMLError as exc:
            self._note = f"The NVIDIA driver stopped answering ({exc}). `nvidia-smi` may say more."
            _log.warning(self._note)
            return ()


def _read_gpu(nvml: Nvml, index: int, pids: set[int]) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    utilisation = None
    with suppress(nvml.NVMLError):  # not every card or container gives this
        utilisation = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    own = None
    with suppress(nvml.NVMLError):  # nor this
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle):
            if process.pid in pids:
                own = (own or 0) + (process.usedGpuMemory or 0)
    return Gpu(
        name=str(nvml.nvmlDeviceGetName(handle)),
        used=int(memory.used),
        total=int(memory.total),
        own=own,
        utilisation=utilisation,
    )


def _name_of_all(gpus: Sequence[Gpu]) -> str:
    if len(gpus) == 1:
        return gpus[0].name
    return f"{len(gpus)} x {gpus[0].name}"


def _own_gpu_memory(gpus: Sequence[Gpu]) -> int | None:
    """Return this process's memory on all GPUs; None if the driver hides it on each."""
    own = [gpu.own for gpu in gpus if gpu.own is not None]
    if not own:
        return None
    return sum(own)


def _mean_utilisation(gpus: Sequence[Gpu]) -> float | None:
    """Return the mean over the GPUs whose utilisation is known; None if it is of none."""
    utilisations = [gpu.utilisation for gpu in gpus if gpu.utilisation is not None]
    if not utilisations:
        return None
    return sum(utilisations) / len(utilisations)


def _own_memory(process: psutil.Process) -> int:
    """Return a process's memory in bytes, without mapped files; 0 for one that has ended."""
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0
