"""`docmind mcp`: the library as tools for assistants that speak the Model Context Protocol."""

from __future__ import annotations

from docmind.cli.opening import find_library, open_library


def mcp() -> None:
    """Serve the library to an assistant on standard input and output.

    The assistant starts it itself: give it the command `docmind mcp`. It uses the app that runs;
    without one it opens the library at the first call and closes it five minutes after the last.
    """
    from docmind.api.kept_library import KeptLibrary
    from docmind.api.mcp_server import make_server

    library = KeptLibrary(find=find_library, open_library=open_library)
    try:
        make_server(library).run("stdio")
    finally:
        library.close()
