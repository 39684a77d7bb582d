"""A headless Chromium, and the app as its user runs it: a process of its own behind a port."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parts import find_browser

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="package")
def chromium():
    """The system's Chromium, started once.

    While it is there its event loop runs in this thread, so it ends with this folder: the other
    tests run loops of their own.
    """
    path = find_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def served(command: list[str], environment: dict[str, str], log: Path):
    """Run `command` with a free port until the block ends; yield the app's address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with log.open("w") as out:
        command = [sys.executable, *command, "--server.port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            url = f"http://127.0.0.1:{port}"
            end = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()[-3000:]
                    assert time.monotonic() < end, log.read_text()[-3000:]
                    time.sleep(0.2)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def served_fakes(data: Path, *, delay_s: float, idle: bool = False):
    """Serve the pages over in-memory parts; see tests/serve_fakes.py. Yield their address.

    Args:
        data: A folder of their own.
        delay_s: Seconds between two events of an answer.
        idle: Whether all documents are read; else one is being read for ever.
    """
    environment = {"DOCMIND_DATA_DIR": str(data), "FAKE_DELAY": str(delay_s)}
    if idle:
        environment["FAKE_IDLE"] = "1"
    with served(["tests/serve_fakes.py"], environment, data / "output.log") as address:
        yield address


class Visit:
    """One browser tab; remembers every request that would leave the machine."""

    def __init__(self, page, url: str) -> None:
        self.page, self.url, self.foreign = page, url, []
        page.on("request", self._note)

    def _note(self, request) -> None:
        if not request.url.startswith((self.url, self.url.replace("http", "ws"), "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.url}/{path}")
        # On a narrow screen the sidebar is closed at first.
        self.page.wait_for_selector(".st-key-status-panel", state="attached", timeout=120_000)
        self.page.wait_for_selector('[data-test-script-state="notRunning"]', timeout=120_000)

    def ask(self, question: str) -> None:
        field = self.page.locator('[data-testid="stChatInputTextArea"]')
        field.fill(question)
        field.press("Enter")

    def answered(self, timeout_s: float = 240) -> None:
        """Wait until no turn runs any more and an answer is there."""
        self.page.wait_for_selector('[class*="st-key-answer-"]', timeout=timeout_s * 1000)
        self.page.wait_for_selector(".st-key-stop-turn", state="detached", timeout=timeout_s * 1000)

    def ask_and_wait(self, question: str) -> None:
        """Ask, and wait until a quick answer is there."""
        self.ask(question)
        self.page.wait_for_selector(".st-key-live", timeout=30_000)
        self.answered(60)

    def close_dialog(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector('[role="dialog"]', state="detached")

    def close_pane(self) -> None:
        self.page.keyboard.press("Escape")
        self.page.wait_for_selector(".st-key-viewer", state="detached")


@pytest.fixture
def visit(chromium):
    """Open a tab: `visit(url, width=1440, scheme="light")`."""
    contexts = []

    def opened(url: str, width: int = 1440, scheme: str = "light") -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        return Visit(context.new_page(), url)

    yield opened
    for context in contexts:
        context.close()
