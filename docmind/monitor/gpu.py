"""What the machine is doing: NVIDIA GPUs through NVML where there are any, CPU and RAM always."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from docmind.hardware import detect, open_nvml

log = logging.getLogger(__name__)

EVERY_S, KEPT = 2.0, 300


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
    """Samples the machine every 2 s in a thread of its own and keeps the last 10 minutes."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._process = psutil.Process()
        hardware = detect()
        self._cpu_name = f"{hardware.cpu} ({hardware.cores} cores)"
        self._nvml, self._note = open_nvml()
        self._history = deque([self._read()], maxlen=KEPT)
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
        nvml, self._nvml = self._nvml, None
        if nvml is not None:
            with suppress(nvml.NVMLError):
                nvml.nvmlShutdown()

    def _run(self) -> None:
        psutil.cpu_percent()  # it measures since the same thread's last call
        while not self._stop.wait(EVERY_S):
            self._history.append(self._read())

    def _read(self) -> Sample:
        processes = [self._process]
        with suppress(psutil.Error):
            processes += self._process.children(recursive=True)
        memory, cpu = psutil.virtual_memory(), psutil.cpu_percent()
        ram_used = memory.total - memory.available
        machine: dict[str, Any] = {
            "cpu_percent": cpu,
            "ram_used": ram_used,
            "ram_total": memory.total,
        }
        gpus = self._read_gpus({p.pid for p in processes})
        if not gpus:
            own = sum(map(_own_memory, processes))
            return Sample(
                self._cpu_name, ram_used, memory.total, own, cpu, **machine, note=self._note
            )
        shares = [g.own for g in gpus if g.own is not None]
        busy = [g.utilisation for g in gpus if g.utilisation is not None]
        return Sample(
            name=gpus[0].name if len(gpus) == 1 else f"{len(gpus)} x {gpus[0].name}",
            used=sum(g.used for g in gpus),
            total=sum(g.total for g in gpus),
            own=sum(shares) if shares else None,
            utilisation=sum(busy) / len(busy) if busy else None,
            **machine,
            gpus=gpus,
        )

    def _read_gpus(self, pids: set[int]) -> tuple[Gpu, ...]:
        nvml = self._nvml
        if nvml is None:
            return ()
        try:
            return tuple(_read_gpu(nvml, i, pids) for i in range(nvml.nvmlDeviceGetCount()))
        except nvml.NVMLError as exc:
            self._note = f"The NVIDIA driver stopped answering ({exc}). `nvidia-smi` may say more."
            log.warning(self._note)
            return ()


def _read_gpu(nvml: Any, index: int, pids: set[int]) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    mine: list[int] = []
    utilisation = None
    with suppress(nvml.NVMLError):  # not every card or container gives this
        utilisation = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    with suppress(nvml.NVMLError):  # nor this
        mine = [
            p.usedGpuMemory or 0
            for p in nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            if p.pid in pids
        ]
    name, own = str(nvml.nvmlDeviceGetName(handle)), sum(mine) if mine else None
    return Gpu(name, int(memory.used), int(memory.total), own, utilisation)


def _own_memory(process: psutil.Process) -> int:
    """Return a process's memory without mapped files; 0 for one that has ended."""
    with suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0
