"""The services: valid for systemd, closed to the network, running as nobody else."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.parts import find_program

ROOT = Path(__file__).parents[1]
UNITS = sorted((ROOT / "deploy").glob("*.service"))


def test_systemd_accepts_the_units(tmp_path):
    systemd_analyze = find_program("systemd-analyze", package="systemd")
    assert len(UNITS) == 2
    for unit in UNITS:  # verify wants the programs to exist
        text = unit.read_text("utf-8").replace("/opt/docmind/.venv/bin/docmind", "/bin/sh")
        (tmp_path / unit.name).write_text(text.replace("/opt/docmind/", f"{ROOT}/"), "utf-8")
    command = [systemd_analyze, "verify", "--man=no", *(tmp_path / u.name for u in UNITS)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in checked.stderr.splitlines() if any(u.name in line for u in UNITS)]
    assert checked.returncode == 0, checked.stderr
    assert said == []


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_a_unit_has_its_own_user_and_stays_on_this_machine(unit):
    lines = unit.read_text("utf-8").splitlines()
    assert {
        "User=docmind",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "Restart=on-failure",
    } <= set(lines)
    assert {"IPAddressDeny=any", "IPAddressAllow=localhost"} <= set(lines)
    assert not any("0.0.0.0" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "host"),
    [
        ((), "0.0.0.0"),
        (("--host", "0.0.0.0"), ""),
        (("--host=192.168.1.5",), ""),
        (("--host", "::"), "127.0.0.1"),
    ],
)
def test_the_launch_script_does_not_open_itself_to_the_network(words, host):
    env = {k: v for k, v in os.environ.items() if k != "VLLM_API_KEY"} | (
        {"HOST": host} if host else {}
    )
    script = [ROOT / "launch_vllm_fp8.sh", *words]
    ended = subprocess.run(script, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "VLLM_API_KEY" in ended.stderr


@pytest.mark.parametrize(
    "words", [(), ("--host", "localhost"), ("--host", "0.0.0.0", "--api-key=k")]
)
def test_the_launch_script_serves_on_loopback_or_with_a_key(words, tmp_path):
    """A `python` that prints nothing as plan, then the command that would run: `env` with what the
    script adds."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nprintf 'TOLD=1\\0echo\\0'\n")
    python.chmod(0o755)
    env = os.environ | {"PYTHON": str(python)}
    ended = subprocess.run(
        [ROOT / "launch_vllm_fp8.sh", *words], env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ("--host 127.0.0.1" in ended.stdout) or words
    assert all(w in ended.stdout for w in words)
