"""The tools as an assistant uses them: by the protocol's own client."""

import asyncio
import os
import sys
import threading

import pytest
from mcp import Client as McpClient
from mcp.client.stdio import StdioServerParameters

from docmind.api.client import Client, connect
from docmind.api.kept_library import KeptLibrary
from docmind.api.mcp_server import make_server
from tests.api.conftest import ANSWER, answering
from tests.engines import PromptedEngine
from tests.samples import HANDBOOK, write_pdf


def text_of(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


def test_an_assistant_starts_the_command_and_reads_the_documents(serve_app, tmp_path):
    """The whole way: a process of its own, which finds the running app."""
    app = serve_app()
    app.documents.add(write_pdf(tmp_path / "handbook.pdf", HANDBOOK))
    assert app.documents.wait(60)
    environment = {"DOCMIND_DATA_DIR": str(app.settings.data_dir)}
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "docmind.cli", "mcp"],
        env={**environment, "PYTHONPATH": os.environ.get("PYTHONPATH", "")},
    )
    steps = []

    async def note(_progress, _total, message):
        steps.append(message)

    async def talk():
        async with McpClient(command) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {
                "ask",
                "list_documents",
                "read_page",
                "search_documents",
                "verify_claim",
            }
            listed = await client.call_tool("list_documents", {})
            assert "lease.txt | ready" in text_of(listed)

            found = await client.call_tool(
                "search_documents", {"query": "notice period", "documents": ["lease.txt"]}
            )
            assert "The notice period is three months." in text_of(found)

            page = await client.call_tool("read_page", {"document": "handbook.pdf", "page": 2})
            assert [block.type for block in page.content] == ["text", "image"]
            assert page.content[1].mime_type == "image/png"
            plain = await client.call_tool("read_page", {"document": "lease.txt"})
            assert [block.type for block in plain.content] == ["text"]

            true = await client.call_tool("verify_claim", {"claim": "Pets are not allowed."})
            assert text_of(true).startswith("supported: Pets are not allowed.")
            false = await client.call_tool("verify_claim", {"claim": "Pets are allowed."})
            assert text_of(false).startswith("contradicted: Pets are allowed.")

            answer = await client.call_tool(
                "ask", {"question": "Are pets allowed?"}, progress_callback=note
            )
            assert text_of(answer).startswith(ANSWER)
            assert "1 of 1 statement supported" in text_of(answer)
            assert "[1] lease.txt" in text_of(answer)

            gone = await client.call_tool("read_page", {"document": "gone.pdf"})
            assert gone.is_error
            assert "There is no document 'gone.pdf'" in text_of(gone)
            beyond = await client.call_tool("read_page", {"document": "handbook.pdf", "page": 99})
            assert beyond.is_error

    asyncio.run(talk())
    assert any("researcher" in step for step in steps)


def test_a_cancelled_call_stops_the_answer(serve_app):
    engine = PromptedEngine(answering("word " * 5000), delay_s=0.01)
    app = serve_app(engine)
    library = KeptLibrary(find=lambda: connect(app.server.socket), open_library=None)

    async def talk():
        async with McpClient(make_server(library)) as client:
            call = asyncio.create_task(client.call_tool("ask", {"question": "Pets?"}))
            while len(engine.prompts) < 2:  # the plan, then the agent
                await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(talk())
    app.chat.close()  # waits for what runs
    assert engine.aborted == 1


def test_a_library_that_was_opened_for_it_is_closed_when_idle(serve_app):
    app = serve_app()
    opened = []
    closed = threading.Event()

    class Opened:
        def __enter__(self):
            opened.append(Client(app.server.socket))
            return opened[-1]

        def __exit__(self, *_error):
            opened[-1].close()
            closed.set()

    library = KeptLibrary(find=lambda: None, open_library=Opened, idle_s=0.2)
    with library.use() as client:
        assert not closed.wait(1), "it is in use"
        assert len(client.documents()) == 2
    assert closed.wait(10)
    with library.use() as client:
        assert len(client.documents()) == 2
    assert len(opened) == 2
    library.close()
