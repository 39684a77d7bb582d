"""Every page in a real browser over in-memory parts.

Nothing leaves the machine, nothing overflows, keys work.
"""

import pytest

from tests.browser.conftest import served_fakes

pytestmark = pytest.mark.browser

PAGES = ("", "documents", "system", "settings")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The pages with a few documents and a slow answer."""
    data = tmp_path_factory.mktemp("data")
    with served_fakes(data, delay_s=0.05) as address:
        yield address


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1600, "light")])
def test_no_page_asks_another_machine_or_overflows(url, visit, width, scheme):
    tab = visit(url, width, scheme)
    for path in PAGES:
        tab.page.goto(f"{url}/{path}")
        tab.page.wait_for_selector(".st-key-status-panel", state="attached", timeout=60_000)
        tab.page.wait_for_selector("h1")
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.page.evaluate(overflow) <= 0, path or "chat"
    assert tab.foreign == []


def test_the_content_policy_stops_remote_loads(url, visit):
    tab = visit(url)
    tab.open()
    tab.page.wait_for_selector("meta[data-docmind]", state="attached")
    blocked = tab.page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener(
                'securitypolicyviolation', event => resolve(event.blockedURI), {once: true}
            );
            const image = new Image();
            image.src = 'http://192.0.2.1/secret.png';
            document.body.append(image);
            setTimeout(() => resolve(''), 3000);
        })"""
    )
    assert blocked.startswith("http://192.0.2.1/secret.png")


def test_a_citation_in_the_text_opens_its_passage(url, visit):
    tab = visit(url)
    tab.open()
    tab.ask_and_wait("What does the plan cost?")
    assert "unverified" in tab.page.locator('a[href^="#unverified-"]').inner_text()
    tab.page.locator('a[href^="#cite-"]').nth(2).click()
    tab.page.wait_for_selector(".st-key-viewer >> text=Passage 3 about the fee.")


def test_the_panel_refreshes_while_the_rest_of_the_page_stays(url, visit):
    tab = visit(url)
    tab.open("settings")
    field = tab.page.locator('input[aria-label="Model"]')
    field.fill("half typed")
    tab.page.wait_for_function(
        """() => { const now = document.querySelector('.st-key-status-panel').innerText;
                   window.before ??= now; return now !== window.before; }""",
        timeout=30_000,
    )
    assert field.input_value() == "half typed"


def test_escape_stops_and_the_typed_question_survives(url, visit):
    tab = visit(url)
    tab.open()
    tab.ask("What does the plan cost?")
    tab.page.wait_for_selector(".st-key-stop-turn button", timeout=30_000)
    tab.ask("And what about support?")
    tab.page.wait_for_selector("text=An answer is being written")
    assert (
        tab.page.locator('[data-testid="stChatInputTextArea"]').input_value()
        == "And what about support?"
    )
    tab.page.locator(".st-key-stop-turn button:visible").click()
    tab.page.wait_for_selector("text=You stopped this answer", timeout=30_000)


def test_what_is_asked_and_answered_comes_into_view_in_a_long_conversation(url, visit):
    tab = visit(url)
    tab.open()
    left = """() => {
        const box = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
        return box ? box.scrollHeight - box.scrollTop - box.clientHeight : 1e9;
    }"""
    tab.page.wait_for_selector('[data-testid="stAppScrollToBottomContainer"]')
    tab.page.evaluate(
        """() => {
            window.box = document.querySelector('[data-testid="stAppScrollToBottomContainer"]');
        }"""
    )
    for question in ("What does the plan cost?", "And the team plan?", "And support?"):
        tab.ask(question)
        tab.page.wait_for_selector(".st-key-stop-turn button", timeout=30_000)
        tab.page.wait_for_function(f"() => ({left})() < 60", timeout=10_000)
        tab.answered(60)
        tab.page.wait_for_function(f"() => ({left})() < 60", timeout=10_000)
    tab.page.mouse.move(800, 300)
    tab.page.mouse.wheel(0, -600)
    tab.page.wait_for_function(f"() => ({left})() > 300")
    assert tab.page.evaluate("() => window.box.isConnected"), "the page was made anew"
    tab.ask("And by phone?")  # from further up
    tab.page.wait_for_function(f"() => ({left})() < 60", timeout=10_000)


def test_all_that_are_found_are_selected_and_let_go_again(url, visit):
    tab = visit(url)
    tab.open("documents")
    for _ in range(3):
        tab.page.locator(".st-key-pick-all button").click()
        tab.page.wait_for_selector("text=4 selected", timeout=30_000)
        tab.page.locator(".st-key-pick-none button").click()
        tab.page.wait_for_selector("text=4 selected", state="detached", timeout=30_000)


def test_what_was_refused_stays_said_when_the_others_are_read(url, visit):
    tab = visit(url)
    tab.open("documents")
    files = [
        {"name": n, "mimeType": "", "buffer": n.encode()}
        for n in ("program.exe", "slow letter.txt")
    ]
    tab.page.locator("input[type=file]").set_input_files(files)
    tab.page.get_by_text("Cancel all 2").click()
    tab.page.wait_for_selector(
        "[class*=st-key-cancel-]", state="detached"
    )  # the page is drawn anew
    tab.page.wait_for_timeout(1500)
    assert "program.exe" in tab.page.locator('[data-testid="stAlert"]').inner_text()
