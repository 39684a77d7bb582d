"""Facts about this machine."""

import sys

import pytest

from docmind.hardware import card, detect


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


@pytest.mark.parametrize(
    ("visible", "taken"), [(None, 0), ("", 0), ("1", 1), ("3,0", 3), ("GPU-1a2b", "GPU-1a2b")]
)
def test_memory_is_read_from_the_card_that_cuda_takes(monkeypatch, visible, taken):
    class Nvml:
        nvmlDeviceGetHandleByIndex = nvmlDeviceGetHandleByUUID = staticmethod(lambda which: which)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert card(Nvml) == taken
