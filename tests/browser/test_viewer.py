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


def test_a_document_tells_its_outline_and_what_cites_it(url, visit):
    tab = visit(url)
    page = tab.page
    page.goto(url)
    page.wait_for_selector('[data-testid="stChatInputTextArea"]', timeout=60_000)
    tab.ask_and_wait("What is the yearly fee?")
    tab.open("documents")
    page.get_by_role("button", name="Preview").last.click()
    pane = page.locator(".st-key-viewer")
    pane.get_by_text("About this document").click()
    pane.get_by_text("Outline").wait_for(timeout=20_000)
    pane.get_by_role("button", name="What is the yearly fee?").click()
    page.wait_for_selector('[class*="st-key-question-"] >> text=What is the yearly fee?')
    pane.wait_for(state="detached")


def test_a_question_mark_lists_the_keys(url, visit):
    tab = visit(url)
    page = tab.page
    tab.open()
    page.wait_for_selector("meta[data-docmind]", state="attached")
    page.locator("h1").first.click()
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_text("New conversation").wait_for(timeout=20_000)
    tab.close_dialog()
    field = page.locator('[data-testid="stChatInputTextArea"]')
    field.fill("")
    field.press("?")
    assert field.input_value() == "?"
    assert page.get_by_role("dialog").count() == 0
