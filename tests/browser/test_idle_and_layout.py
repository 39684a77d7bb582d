"""What stays quiet and what stays in its place, in a real browser over in-memory parts."""

import pytest

from docmind.settings import Settings
from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser

MESSAGES_IN_20_S = {"": 40, "documents": 60, "system": 80, "settings": 40}
"""Most messages over the socket of a page on which nothing happens. Settings sent 110, System 320,
while the panel and the charts were drawn anew every few seconds."""
LAYOUT_SHIFT = 0.05
WATCH = """() => {
    window.shifts = [];
    // A second observer would count each shift once more.
    if (window.observer) return;
    const name = (node) => {
        const element = node?.nodeType === 1 ? node : node?.parentElement;
        const keyed = element?.closest('[class*="st-key-"]');
        const key = keyed && [...keyed.classList].find((each) => each.startsWith('st-key-'));
        return `${key} «${element?.textContent.slice(0, 40)}»`;
    };
    window.observer = new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
            if (entry.hadRecentInput) continue;
            const moved = entry.sources.map((source) =>
                `${name(source.node)} ${source.previousRect.y} → ${source.currentRect.y}`);
            window.shifts.push([entry.value, moved]);
        }
    });
    window.observer.observe({type: 'layout-shift'});
}"""
"""Notes how far the page's parts move without the user's doing, and which."""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with documents that are all read."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.05, idle=True) as address:
        yield address


def test_an_idle_page_is_quiet(url, visit):
    tab = visit(url)
    received = []

    def note(frame):
        received.append(frame)

    tab.page.on("websocket", lambda socket: socket.on("framereceived", note))
    counts = {}
    for path in MESSAGES_IN_20_S:
        tab.open(path)
        tab.page.wait_for_timeout(4_000)
        received.clear()
        tab.page.wait_for_timeout(20_000)
        counts[path] = len(received)
    for path, most in MESSAGES_IN_20_S.items():
        assert counts[path] <= most, counts


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_jumps_while_an_answer_comes_and_when_it_ends(url, visit, width):
    tab = visit(url, width)
    tab.open()
    for question in ("What does the plan cost?", "And the team plan?"):
        tab.page.evaluate(WATCH)
        tab.ask(question)
        tab.page.wait_for_selector(".st-key-stop-turn button", timeout=30_000)
        tab.answered(60)
        tab.page.wait_for_timeout(1_500)
        shifts = tab.page.evaluate("window.shifts")
        assert sum(value for value, _ in shifts) <= LAYOUT_SHIFT, shifts


def test_a_draft_stays_when_another_conversation_is_looked_at(url, visit):
    tab = visit(url)
    tab.open()
    tab.ask_and_wait("What does the plan cost?")
    field = tab.page.locator('[data-testid="stChatInputTextArea"]')
    field.fill("half a thought")
    tab.page.get_by_role("button", name="Prices of the last year").first.click()
    tab.page.wait_for_selector("text=Ask your documents")
    assert field.input_value() == "half a thought"


def test_settings_stay_at_their_tab_after_saving(url, visit):
    tab = visit(url)
    tab.open("settings")
    page = tab.page
    name = Settings.model_fields["ingestion"].title
    page.get_by_role("tab", name=name).click()
    field = page.locator(".st-key-setting-ingestion-max_file_mb input")
    field.fill("77")
    field.press("Tab")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector("text=used after a restart", timeout=30_000)
    assert page.get_by_role("tab", selected=True).inner_text() == name
