"""The main job in a real browser over the real engine.

Upload, ask, open a passage, stop, find it again.
"""

import re

import pytest

from docmind.models.catalog import Catalog
from tests.browser.conftest import served
from tests.samples import HANDBOOK, write_pdf

pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.fixture(scope="module")
def url(models_dir, tmp_path_factory):
    """The whole app on SmolLM2, in an empty data folder."""
    for name in ("smollm2-135m", "minilm"):
        Catalog(models_dir).pull(name)
    data = tmp_path_factory.mktemp("data")
    (data / "models").symlink_to(models_dir)
    environment = {
        "DOCMIND_DATA_DIR": str(data),
        "DOCMIND_LLM__MODEL": "smollm2-135m",
        "DOCMIND_LLM__MAX_ANSWER_TOKENS": "160",
    }
    with served(
        ["-m", "streamlit", "run", "docmind_server.py"], environment, data / "output.log"
    ) as address:
        yield address


def test_from_a_pdf_to_a_passage_and_back_after_a_reload(url, visit, tmp_path):
    tab = visit(url)
    page = tab.page

    tab.open("documents")  # the very first visit, straight to a page
    page.locator("input[type=file]").set_input_files(write_pdf(tmp_path / "handbook.pdf", HANDBOOK))
    page.wait_for_selector("text=2 pages · ", timeout=180_000)

    page.get_by_role("link", name="Chat").click()
    page.locator(".st-key-status-panel").get_by_text("● ready").wait_for(
        timeout=300_000
    )  # the model serves

    tab.ask("Sum up handbook.pdf.")
    stop = page.locator(".st-key-stop-turn button:visible")
    stop.wait_for()
    live = page.locator(".st-key-live")
    agent_at_work = '.st-key-live [data-testid="stExpander"]'
    page.wait_for_selector(agent_at_work, timeout=120_000)
    written = """() => {
        const answer = document.querySelector('.st-key-live > [data-testid="stElementContainer"]');
        return answer?.innerText ?? '';
    }"""
    page.wait_for_function(f"({written})().includes('▍')", timeout=240_000)
    lengths = {len(page.evaluate(written))}
    while len(lengths) < 3 and live.is_visible():  # three states of the same text: it streams
        lengths.add(len(page.evaluate(written)))
    assert len(lengths) >= 3
    tab.answered()
    assert "to first token" in page.locator('[class*="st-key-answer-"]').last.inner_text()

    sources = page.locator('[class*="st-key-source-"] button:visible')
    fold = page.get_by_text("found but not cited")
    if not sources.count():  # a small model may cite nothing: its passages are behind the fold
        fold.last.click()
    sources.first.click()
    pane = page.locator(".st-key-viewer")
    pane.wait_for()
    assert "handbook.pdf" in pane.inner_text()
    assert re.search(r"Page [12]", pane.inner_text())
    image = pane.locator("img")
    image.wait_for(timeout=20_000)  # the page itself
    narrow = image.bounding_box()["width"]
    pane.get_by_role("button", name="Larger").click()
    page.wait_for_function(
        "(width) => document.querySelector('.st-key-viewer img')?.clientWidth > width * 1.3",
        arg=narrow,
    )
    shown = re.search(r"Page (\d) of 2", pane.inner_text()).group(1)
    turn, other = ("Next page", "2") if shown == "1" else ("Page before", "1")
    pane.get_by_role("button", name=turn).click()
    page.wait_for_selector(f".st-key-viewer >> text=Page {other} of 2")
    pane.get_by_role("button", name="Close").click()
    pane.wait_for(state="detached")

    page.get_by_text("New conversation").first.click()
    page.wait_for_selector(".st-key-suggestions")
    tab.ask("Tell me everything about the lamp of the lighthouse, at length, and about the loans.")
    stop.wait_for()
    page.wait_for_selector(".st-key-live", timeout=60_000)
    stop.click()
    tab.answered(30)
    assert "You stopped this answer" in page.locator('[class*="st-key-answer-"]').last.inner_text()

    page.reload()
    page.wait_for_selector("text=You stopped this answer", timeout=60_000)
    page.get_by_role("button", name="Sum up handbook.pdf.").first.click()
    page.wait_for_selector("text=to first token")
    assert sources.count() or fold.count()

    assert tab.foreign == [], "nothing may be asked of another machine"
