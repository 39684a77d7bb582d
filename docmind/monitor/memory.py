"""Memory that this process takes, sampled while something runs."""

from __future__ import annotations

import threading

import psutil

from docmind.hardware import GIB, Nvml, first_gpu, open_nvml

EVERY_S = 0.02
"""Between two samples: allocations that live shorter are missed."""


class MemoryMonitor:
    """Watches RAM and, with an NVIDIA GPU, VRAM while the `with` block runs. All figures in GiB.

    RAM is what is resident of this process. VRAM is what is in use on the card beyond what was in
    use when the block began, so what other programs hold is left out.
    """

    def __init__(self) -> None:
        self.ram_peak = 0.0
        self.vram_peak = 0.0
        self._process = psutil.Process()
        self._nvml: Nvml | None = None
        self._card: object | None = None
        """NVML's handle of the GPU."""
        self._vram_at_start = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> MemoryMonitor:
        self._nvml = open_nvml().nvml
        if self._nvml is not None:
            try:
                self._card = first_gpu(self._nvml)
            except self._nvml.NVMLError:
                self._card = None
        self._vram_at_start = self.vram() or 0.0
        self.ram_peak = self.ram()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def ram(self) -> float:
        """Return the resident memory of this process."""
        return float(self._process.memory_info().rss) / GIB

    def vram(self) -> float | None:
        """Return the card's memory in use beyond that at the start; None without a card."""
        if self._nvml is None or self._card is None:
            return None
        used = float(self._nvml.nvmlDeviceGetMemoryInfo(self._card).used)
        return used / GIB - self._vram_at_start

    def now(self) -> dict[str, float]:
        """Return what is in use: `ram` and, with a card, `vram`."""
        levels = {"ram": self.ram()}
        vram = self.vram()
        if vram is not None:
            levels["vram"] = vram
        return levels

    def _sample(self) -> None:
        while not self._ended.wait(EVERY_S):
            self.ram_peak = max(self.ram_peak, self.ram())
            self.vram_peak = max(self.vram_peak, self.vram() or 0.0)
