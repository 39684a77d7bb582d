"""`python -m benchmarks bench …` and `… eval …`: the same commands where nothing is installed."""

import typer

from benchmarks.cli import bench, evaluate
from docmind.cli.main import main

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.add_typer(bench, name="bench")
app.add_typer(evaluate, name="eval")
main(app)
