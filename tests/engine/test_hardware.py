"""Facts about this machine."""

import sys

from docmind.engine.hardware import detect


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
