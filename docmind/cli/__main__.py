"""`python -m docmind.cli` is `docmind`."""

from docmind.cli.main import main

main()
