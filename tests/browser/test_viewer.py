"""The pane that shows a document beside the page, in a real browser, over in-memory parts."""

import pytest

from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with documents that are all read, and a quick answer."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.02, idle=True) as address:
        yield address


@pytest.mark.parametrize("width", [1440, 390])
def test_a_citation_opens_its_document_beside_the_chat(url, visit, width):
    tab = visit(url, width)
    page = tab.page
    page.goto(url)
    page.wait_for_selector('[data-testid="stChatInputTextArea"]', timeout=60_000)
    tab.ask_and_wait("What does the plan cost?")
    page.locator('a[href^="#cite-"]').first.click()
    pane = page.locator(".st-key-viewer")
    pane.wait_for(timeout=20_000)
    page.wait_for_selector(".st-key-viewer >> text=Passage 1 about the fee.")
    box = pane.bounding_box()
    if width == 390:
        assert box["width"] == width
    else:
        assert box["x"] > width / 2
        # The chat is still there to read and to write in.
        field = page.locator('[data-testid="stChatInputTextArea"]')
        assert field.bounding_box()["width"] > 150
        field.fill("Is the pane in the way?")
    tab.close_pane()


def test_a_document_is_looked_at_from_the_documents_page(url, visit):
    tab = visit(url)
    page = tab.page
    tab.open("documents")
    page.get_by_role("button", name="Preview").first.click()
    page.wait_for_selector(".st-key-viewer >> text=Passage 1 about the fee.", timeout=20_000)
    page.get_by_role("button", name="Close").click()
    page.wait_for_selector(".st-key-viewer", state="detached", timeout=20_000)
