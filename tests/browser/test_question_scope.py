"""Saying what a question is asked of, in a real browser, over in-memory parts."""

import pytest

from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser
INPUT = '[data-testid="stChatInputTextArea"]'
LIST = "#docmind-mentions"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with documents that are all read, and a quick answer."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.02, idle=True) as address:
        yield address


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_document_is_completed_asked_of_shown_and_taken_out(url, visit, width, scheme):
    tab = visit(url, width, scheme)
    page = tab.page
    page.goto(url)
    field = page.locator(INPUT)
    field.wait_for(timeout=60_000)
    field.click()
    page.keyboard.type("@rep", delay=30)
    page.wait_for_selector(LIST, timeout=20_000)
    assert page.locator(f"{LIST} li").all_inner_texts()[0].startswith("@Annual report.txt")
    box = page.locator(LIST).bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    # Enter takes the name, and sends nothing yet.
    page.keyboard.press("Enter")
    page.wait_for_selector(LIST, state="detached")
    assert field.input_value() == "@Annual report.txt "
    page.keyboard.type("What does it cost?")
    page.keyboard.press("Enter")
    tab.answered(60)
    question = page.locator('[class*="st-key-question-"]')
    assert question.inner_text().strip() == "What does it cost?"
    assert "Annual report.txt" in page.locator('[class*="st-key-asked-of-"]').inner_text()
    chip = page.locator('[class*="st-key-unscope-"] button:visible')
    chip.first.click()
    chip.first.wait_for(state="detached", timeout=20_000)
    assert "All documents" in page.locator(".st-key-ask-options").inner_text()


def test_keys_choose_among_tags_and_escape_leaves_what_is_typed(url, visit):
    tab = visit(url)
    page = tab.page
    page.goto(url)
    field = page.locator(INPUT)
    field.wait_for(timeout=60_000)
    field.click()
    page.keyboard.type("In #", delay=30)
    page.wait_for_selector(f"{LIST} li:nth-child(4)", timeout=20_000)
    chosen = page.locator(f'{LIST} li[aria-selected="true"] span')
    first = chosen.inner_text()
    page.keyboard.press("ArrowDown")
    assert chosen.inner_text() != first
    page.keyboard.press("Escape")
    page.wait_for_selector(LIST, state="detached")
    assert field.input_value() == "In #"
    page.keyboard.type("ta", delay=30)
    page.wait_for_selector(LIST, timeout=20_000)
    assert page.locator(f"{LIST} li").all_inner_texts()[0].startswith("#tax")
    page.keyboard.press("Tab")
    assert field.input_value() == "In #tax "


def test_what_is_searched_is_picked_without_typing(url, visit):
    tab = visit(url)
    page = tab.page
    page.goto(url)
    page.locator(".st-key-choose-scope button:visible").first.click(timeout=60_000)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Contracts").click()
    dialog.get_by_role("button", name="Done").click()
    dialog.wait_for(state="detached", timeout=20_000)
    chips = page.locator(".st-key-scope-chips")
    chips.get_by_text("Contracts").first.wait_for(timeout=20_000)
