"""Which commands there are, and where they come from."""

import typer
from typer.testing import CliRunner

from docmind.cli import main


class FakeEntryPoint:
    def __init__(self, name, commands):
        self.name = name
        self.commands = commands

    def load(self):
        if self.commands is None:
            raise ImportError("no module")
        return self.commands


def make_cli(monkeypatch, entry_points):
    monkeypatch.setattr(main, "entry_points", lambda group: entry_points)
    return main.make_cli()


def test_another_distribution_adds_commands(monkeypatch):
    greetings = typer.Typer()

    @greetings.command()
    def hello():
        print("hello")

    @greetings.command()
    def goodbye():
        print("goodbye")

    cli = make_cli(monkeypatch, [FakeEntryPoint("greet", greetings)])
    result = CliRunner().invoke(cli, ["greet", "hello"])
    assert result.stdout == "hello\n"


def test_a_distribution_that_is_gone_is_named_and_disturbs_no_other_command(monkeypatch, capsys):
    cli = make_cli(monkeypatch, [FakeEntryPoint("greet", None)])
    assert "greet" in capsys.readouterr().err
    assert CliRunner().invoke(cli, ["ask", "--help"]).exit_code == 0
