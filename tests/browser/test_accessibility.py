"""Every page, pane and dialog, in light and dark: axe-core finds no violation of any weight."""

import pytest

from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser

SETTLED = """() => document.querySelector('[data-test-script-state="notRunning"]')
    && document.getAnimations().every((each) => each.playState !== 'running'
        || each.effect.getComputedTiming().iterations === Infinity)"""
"""A colour that fades in has too little contrast for a moment."""
STREAMLITS_OWN = {("region", "menu")}
"""Rules that Streamlit breaks, with the role of the element: its open menus stand at the end of the
body, outside of all landmarks (its library react-aria puts them there). They have a name, keep the
focus and close with Escape, so nobody has to find them by a landmark."""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with documents, one of which could not be read."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.02, idle=True) as address:
        yield address


@pytest.fixture(params=[(1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")])
def tab(request, url, visit):
    """A tab in each of the looks."""
    return visit(url, *request.param)


def violations(tab):
    """Return what axe-core finds on the page as it is now: rule, weight, element and why."""
    from axe_playwright_python.sync_playwright import Axe

    tab.page.wait_for_function(SETTLED)
    tab.page.wait_for_timeout(500)
    results = Axe().run(tab.page, options={"resultTypes": ["violations"]}).response
    found = []
    for violation in results["violations"]:
        for node in violation["nodes"]:
            role = "menu" if 'role="menu"' in node["html"] else ""
            if (violation["id"], role) not in STREAMLITS_OWN:
                why = [violation["id"], violation["impact"], node["html"][:200]]
                found.append(" | ".join([*why, node["failureSummary"]]))
    return found


@pytest.mark.parametrize("path", ["", "documents", "extract", "notes", "system", "settings"])
def test_every_page(tab, path):
    tab.open(path)
    tab.page.locator("h1:visible, h2:visible").first.wait_for()
    assert violations(tab) == []
    for each in tab.page.get_by_role("tab").all():  # of Settings
        each.click()
        assert violations(tab) == [], each.inner_text()


def test_an_answer_and_the_pane_beside_it(tab):
    tab.open()
    tab.ask_and_wait("What does the plan cost?")
    assert violations(tab) == []
    tab.page.get_by_text("tool calls").first.click()
    assert violations(tab) == []
    tab.page.locator('a[href^="#cite-"]').nth(1).click()
    tab.page.wait_for_selector(".st-key-viewer")
    assert violations(tab) == []


def test_a_note(tab):
    tab.open()
    tab.ask_and_wait("What does the plan cost?")
    tab.page.locator('[class*="st-key-keep-"] button:visible').last.click()
    tab.page.wait_for_selector("text=Kept in a note")
    tab.open("notes")
    tab.page.get_by_text("Passage 1 about the fee.").first.wait_for()
    assert violations(tab) == []
    tab.page.get_by_role("button", name="Edit").first.click()
    tab.page.get_by_role("textbox", name="Title").wait_for()
    assert violations(tab) == []
    tab.page.get_by_role("button", name="Keep as it was").click()


def test_the_menu_of_an_answer(tab):
    tab.open()
    tab.ask_and_wait("What does the plan cost?")
    tab.page.locator('[class*="st-key-copy-"] button').last.click()
    tab.page.wait_for_selector('[role="menu"]')
    assert violations(tab) == []


def test_the_dialogs_of_the_chat(tab):
    tab.open()
    tab.page.locator(".st-key-choose-scope button:visible").first.click()
    _check_dialog(tab)
    tab.page.evaluate("document.activeElement.blur()")
    tab.page.keyboard.press("?")
    _check_dialog(tab)
    if tab.page.viewport_size["width"] < 900:  # the conversations' menu is behind the sidebar
        tab.page.locator('[data-testid="stExpandSidebarButton"]').click()
    for action in ("Rename", "Export"):
        tab.page.locator('[class*="st-key-menu-"] button:visible').first.click()
        tab.page.get_by_role("menuitem", name=action).click()
        _check_dialog(tab)


def test_the_dialogs_and_the_preview_of_the_documents(tab):
    tab.open("documents")
    for name in ("Collection and tags", "Delete documents"):
        tab.page.get_by_role("button", name=name).first.click()
        _check_dialog(tab)
    tab.page.locator(".st-key-menu-collections button:visible").click()
    tab.page.get_by_role("menuitem", name="New collection").click()
    _check_dialog(tab)
    tab.page.get_by_role("button", name="Preview").first.click()
    tab.page.wait_for_selector(".st-key-viewer")
    tab.page.get_by_text("About this document").click()
    assert violations(tab) == []


def _check_dialog(tab):
    tab.page.wait_for_selector('[role="dialog"]')
    assert violations(tab) == []
    tab.close_dialog()
