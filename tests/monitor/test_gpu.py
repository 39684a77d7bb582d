"""The sidebar's figures: GPU where there is one, CPU and RAM elsewhere, never an exception."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from docmind.hardware import Hardware, OpenedNvml
from docmind.monitor import gpu
from docmind.monitor.gpu import HardwareMonitor

GIB = 1 << 30
MACHINE = Hardware(cpu="a CPU", cores=2, ram_gib=4, ram_free_gib=2)


class FakeNvml:
    """The part of pynvml that the monitor calls, for machines without a driver."""

    class NVMLError(Exception):
        def __init__(self, value=0):
            self.value = value
            super().__init__(f"NVML error {value}")

    NVML_ERROR_LIBRARY_NOT_FOUND = 12
    NVML_ERROR_DRIVER_NOT_LOADED = 9

    def __init__(self, cards=1, pid=0):
        self.cards = cards
        self.pid = pid
        self.broken = False

    def nvmlInit(self): ...
    def nvmlShutdown(self): ...

    def nvmlDeviceGetCount(self):
        if self.broken:
            raise self.NVMLError(15)
        return self.cards

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlDeviceGetName(self, handle):
        return "NVIDIA Test"

    def nvmlDeviceGetMemoryInfo(self, handle):
        return SimpleNamespace(used=6 * GIB, total=16 * GIB)

    def nvmlDeviceGetUtilizationRates(self, handle):
        return SimpleNamespace(gpu=40 + 20 * handle)

    def nvmlDeviceGetComputeRunningProcesses(self, handle):
        return [
            SimpleNamespace(pid=self.pid, usedGpuMemory=4 * GIB),
            SimpleNamespace(pid=1, usedGpuMemory=GIB),
        ]


@pytest.fixture
def nvml(monkeypatch):
    fake = FakeNvml(pid=os.getpid())
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def sampled():
    monitor = HardwareMonitor(MACHINE)
    monitor.close()
    return monitor.sample()


def test_without_a_gpu_the_same_figures_are_about_ram_and_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "open_nvml", lambda: OpenedNvml(None, ""))
    sample = sampled()
    assert sample.device == "CPU"
    assert sample.name.endswith("cores)")
    assert 0 < sample.own < sample.used < sample.total
    assert 0 <= sample.utilisation <= 100
    assert sample.note == ""


def test_one_gpu_shows_its_memory_and_this_process_share(nvml):
    sample = sampled()
    assert (sample.device, sample.name) == ("GPU", "NVIDIA Test")
    assert (sample.used, sample.total, sample.own) == (6 * GIB, 16 * GIB, 4 * GIB)
    assert sample.utilisation == 40


def test_several_gpus_are_added_up(nvml):
    nvml.cards = 2
    sample = sampled()
    assert sample.name == "2 x NVIDIA Test"
    assert (sample.total, sample.own, sample.utilisation) == (32 * GIB, 8 * GIB, 50)


def test_share_is_unknown_where_the_driver_hides_processes(nvml):
    nvml.pid = 2
    assert sampled().own is None


def test_what_the_driver_refuses_hides_nothing_else(nvml):
    def refuse(handle):
        raise FakeNvml.NVMLError(3)

    nvml.nvmlDeviceGetComputeRunningProcesses = refuse
    sample = sampled()
    assert (sample.own, sample.utilisation) == (None, 40)


def test_a_driver_that_dies_is_said_and_ram_is_shown(nvml):
    nvml.broken = True
    sample = sampled()
    assert sample.device == "CPU"
    assert "nvidia-smi" in sample.note


def test_it_samples_by_itself():
    monitor = HardwareMonitor(MACHINE, every_s=0.02)
    end = time.time() + 5
    while len(monitor.history()) < 3 and time.time() < end:
        time.sleep(0.02)
    monitor.close()
    assert len(monitor.history()) >= 3
