"""Copying, asking again, editing, switching and rating in a real browser, over in-memory parts."""

import pytest

from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with a few documents and a quick answer."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.02) as address:
        yield address


def choose(page, menu, option):
    page.locator(f'[class*="st-key-{menu}-"] button').last.click()
    page.get_by_text(option, exact=True).click()


def test_an_answer_is_copied_made_again_compared_edited_and_rated(url, visit):
    tab = visit(url)
    page = tab.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open()
    tab.ask_and_wait("What does the plan cost?")

    choose(page, "copy", "Copy as plain text")
    page.wait_for_selector("text=Copied")
    clipboard = "() => navigator.clipboard.readText()"
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('team')")
    assert "support by phone is not included [2]" in page.evaluate(clipboard)
    choose(page, "copy", "Copy with sources")
    page.wait_for_function(
        "async () => (await navigator.clipboard.readText()).includes('> Passage 1 about the fee.')"
    )

    choose(page, "again", "Answer again")
    page.wait_for_selector("text=2 / 2", timeout=60_000)
    page.get_by_role("button", name="Version before").first.click()
    page.wait_for_selector("text=1 / 2")
    choose(page, "again", "Compare with the other version")
    page.wait_for_selector('[role="dialog"]')
    tab.close_dialog()

    page.get_by_role("button", name="Edit and ask again").first.click()
    field = page.get_by_label("Your question")
    field.fill("What does the team plan cost?")
    ask = page.get_by_role("button", name="Ask", exact=True)
    assert ask.get_by_text("Ask").bounding_box()["width"] > 10, "the name of the button is seen"
    ask.click()
    page.wait_for_selector('[class*="st-key-question-"] >> text=What does the team plan cost?')
    tab.answered(60)
    page.wait_for_selector("text=2 / 2")

    page.locator('[class*="st-key-rating-"] button').last.click()  # down
    reason = page.get_by_label("What was wrong?")
    reason.fill("No price for the team.")
    reason.press("Enter")
    page.wait_for_selector("text=Your reason: No price for the team.")
    page.reload()
    page.wait_for_selector("text=Your reason: No price for the team.", timeout=30_000)
    assert tab.foreign == []
