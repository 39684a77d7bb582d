"""The package declares what it imports, and its wheel runs the app without the checkout."""

import ast
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import tomllib
import urllib.request
import venv
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import docmind
from docmind.api.address import is_listening

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

NOT_IMPORTED = {
    "gguf": "transformers reads GGUF files with it",
    "python-multipart": "FastAPI reads uploads with it",
    "onnxruntime": "rapidocr's models run in it",
    "pynvml": "the plan's name for nvidia-ml-py, which has the module",
}
"""Declared, though docmind/ need not import it, and why."""

FROM_AN_EXTRA = {"vllm", "torch"}
"""Imported, but installed by the extra `cpu` or `cuda`: torch in the build that fits vLLM."""


def canonical(name: str) -> str:
    """Return a distribution's name as the registry compares it."""
    return name.lower().replace("_", "-").replace(".", "-")


def declared() -> set[str]:
    """Return the names of all dependencies without an extra."""
    names = set()
    for requirement in PROJECT["dependencies"]:
        name = re.split("[=<>~]", requirement)[0]
        names.add(canonical(name))
    return names


def imported_modules() -> set[str]:
    """Return the top-level names of other people's modules that the app imports."""
    names = set()
    sources = [*ROOT.glob("docmind/**/*.py"), *ROOT.glob("pages/*.py")]
    sources += [ROOT / "docmind_server.py", ROOT / "streamlit_app.py"]
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.add(node.module.partition(".")[0])
    return names - set(sys.stdlib_module_names) - {"docmind", "benchmarks"}


def test_every_import_is_declared_and_every_dependency_is_imported():
    providers = packages_distributions()
    imported = set()
    undeclared = []
    for module in sorted(imported_modules() - FROM_AN_EXTRA):
        # several distributions may fill one namespace, such as llama_index
        candidates = {canonical(name) for name in providers.get(module, [])} & declared()
        if not candidates:
            undeclared.append(module)
        imported |= candidates
    assert undeclared == []
    assert declared() - imported == set(NOT_IMPORTED)


def test_the_version_stands_in_one_spelling():
    assert docmind.__version__ == PROJECT["version"]
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_locks_have_hashes_and_name_no_host():
    for name in ("cpu", "cuda", "dev", "build"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
        assert "://" not in text
        entries = text.replace("\\\n", "").splitlines()
        unhashed = [entry for entry in entries if "==" in entry and "--hash=sha256:" not in entry]
        assert unhashed == []


def pinned(name: str) -> set[str]:
    """Return what a lock installs, as `name==version`."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()
    return {line.split()[0] for line in lines if "==" in line and not line.startswith("#")}


@pytest.mark.parametrize("app", ["cpu", "cuda"])
@pytest.mark.parametrize("tools", ["dev", "build"])
def test_the_tools_change_no_version_of_the_app(app, tools):
    names_of_app = {entry.partition("==")[0] for entry in pinned(app)}
    shared = {entry for entry in pinned(tools) if entry.partition("==")[0] in names_of_app}
    assert shared - pinned(app) == set()


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder of the programs of a new environment that has DocMind's wheel.

    The environment borrows the other packages of this one; the checkout is in nobody's path.
    """
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--quiet", "--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, env=outside_the_checkout())
    [wheel] = folder.glob("docmind-*.whl")

    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    borrowed = environment / "lib" / version / "site-packages" / "borrowed.pth"
    # a folder named in a .pth file is searched, but .pth files in it are not read: the editable
    # DocMind of this environment stays out
    borrowed.write_text(sysconfig.get_path("purelib"), "utf-8")
    install = [*pip, "--python", python, "install", *offline, wheel]
    subprocess.run(install, check=True, env=outside_the_checkout())
    return environment / "bin"


def outside_the_checkout(**settings: str) -> dict[str, str]:
    """Return this process's environment without what leads to the checkout, and with `settings`."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DOCMIND_"))}
    return inherited | settings


@pytest.mark.parametrize("command", ["--help", "doctor", "model list"])
def test_an_installed_docmind_answers_from_any_folder(installed, tmp_path, command):
    ended = subprocess.run(
        [installed / "docmind", *command.split()],
        cwd=tmp_path,
        env=outside_the_checkout(DOCMIND_DATA_DIR=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    assert str(ROOT) not in ended.stdout
    # doctor's exit code says whether this machine lacks something
    assert ended.returncode == 0 or command == "doctor", ended.stderr


def test_an_installed_docmind_opens_the_app(installed, tmp_path, minilm):
    data = tmp_path / "data"
    data.mkdir()
    (data / "models").symlink_to(minilm.parent)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = outside_the_checkout(
        DOCMIND_DATA_DIR=str(data),
        # a server that is not asked here stands for the model: nothing large is loaded
        DOCMIND_LLM__BASE_URL="http://127.0.0.1:9/v1",
    )
    log = tmp_path / "output.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [installed / "docmind", "run", "--port", str(port)],
            cwd=tmp_path,
            env=env,
            stdout=output,
            stderr=output,
        )
    try:
        end = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as response:
                    assert response.read() == b"ok"
                    break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
        # No page has been visited: other programs have the library nevertheless.
        while not is_listening(data / "api.sock"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(30)
    assert not (data / "api.sock").exists(), "it was closed, not just ended"
