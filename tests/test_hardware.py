"""Facts about this machine."""

import sys
from dataclasses import replace

import pytest

from docmind.hardware import detect, first_gpu, free_vram_gib


def test_detection_tells_what_is_here():
    hardware = detect()
    assert hardware.cores >= 1
    assert 0 < hardware.ram_free_gib <= hardware.ram_gib
    assert hardware.cpu
    assert bool(hardware.gpu) == bool(hardware.vram_total_gib)


def test_a_missing_driver_library_is_a_machine_without_gpu(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert detect().gpu is None
    assert detect().device == "cpu"
    assert free_vram_gib() is None


def test_memory_is_measured_anew_and_the_rest_stays():
    before = replace(detect(), cpu="a CPU", ram_free_gib=-1.0)
    now = before.with_current_memory()
    assert now.ram_free_gib > 0
    assert now.cpu == "a CPU"
    assert (now.vram_free_gib is None) == (now.gpu is None)


@pytest.mark.parametrize(
    ("visible", "taken"), [(None, 0), ("", 0), ("1", 1), ("3,0", 3), ("GPU-1a2b", "GPU-1a2b")]
)
def test_memory_is_read_from_the_card_that_cuda_takes(monkeypatch, visible, taken):
    class Nvml:
        nvmlDeviceGetHandleByIndex = nvmlDeviceGetHandleByUUID = staticmethod(lambda which: which)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert first_gpu(Nvml) == taken
