"""Let the argument parser of a vLLM that is not installed read the plan's arguments.

    python -m tests.engine.vllm_parse WHEEL…

The wheels: `pip download --no-deps vllm==0.33.0` and so on.

Its Python code is run on the packages that are installed, as if on a CPU: the parser is the same on
every device.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

SCRIPT = """
import vllm.platforms
from vllm.platforms.cpu import CpuPlatform
vllm.platforms.current_platform = CpuPlatform()
from vllm.engine.arg_utils import EngineArgs
from vllm.utils.argparse_utils import FlexibleArgumentParser
from docmind.settings import EngineSettings, Settings
from tests.engine.plan.test_resolve import MACHINES, plan_of
cards = {"tensor_parallel_size": 2, "data_parallel_size": 2, "distributed_executor_backend": "ray"}
many = EngineSettings(**cards, speculative_tokens=3)
for hardware, config in MACHINES:
    for engine, server in ((EngineSettings(), False), (many, True)):
        plan = plan_of(Settings(engine=engine), hardware, config, model="m", server=server)
        words = ["--model", *plan.as_cli_args()]
        parser = EngineArgs.add_cli_args(FlexibleArgumentParser())
        args = EngineArgs.from_cli_args(parser.parse_args(words))
        for name in plan.args:
            assert isinstance(plan.args[name], dict) or getattr(args, name) == plan.args[name], name
        print("accepted:", " ".join(words))
"""


def main(wheel: str) -> int:
    """Unpack the wheel's Python files and run the script on them; returns its exit status."""
    with TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        archive.extractall(
            folder, [n for n in archive.namelist() if n.endswith((".py", "/METADATA"))]
        )
        path = os.pathsep.join([folder, str(Path(__file__).parents[2])])
        print(Path(wheel).name, flush=True)
        return subprocess.run(
            [sys.executable, "-c", SCRIPT], env=os.environ | {"PYTHONPATH": path}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(max(map(main, sys.argv[1:])))
