"""Take docs/screenshots anew from the real app in an empty data folder.

`python scripts/screenshots.py FILES` wants Chromium, the models of this machine in
DOCMIND_TEST_MODELS (its default is in tests/conftest.py), and among the files those that the
questions are about: multi_page.pdf and redp5110_sampled.pdf of docling's test data.
"""

import os
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from PIL import Image  # noqa: E402
from platformdirs import user_cache_path  # noqa: E402
from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser.conftest import FLAGS, Visit, served  # noqa: E402

OUT = ROOT / "docs" / "screenshots"
ONE = "When was the IBM MT/ST introduced?"
SEVERAL = (
    "When was the IBM MT/ST introduced? What is a row permission? Who patented the typewriter?"
)
WAIT = 600_000
ROW = '[class*="st-key-docrow-"]'
ANSWER = '[class*="st-key-answer-"]'


def take(page: Page, name: str) -> None:
    """Save what the page shows, in 256 colours."""
    page.mouse.move(0, 0)
    page.wait_for_timeout(2500)
    picture = (
        Image.open(BytesIO(page.screenshot()))
        .convert("RGB")
        .quantize(256, dither=Image.Dither.NONE)
    )
    picture.save(OUT / f"{name}.png", optimize=True)


def main(files: list[str]) -> None:
    """Use the app as a new user does, and save each page on the way."""
    data = Path(tempfile.mkdtemp(prefix="docmind-"))
    models = os.environ.get("DOCMIND_TEST_MODELS") or user_cache_path("docmind") / "test-models"
    (data / "models").symlink_to(models)
    app = served(
        ["-m", "streamlit", "run", "docmind_server.py"],
        {"DOCMIND_DATA_DIR": str(data)},
        data / "app.log",
    )
    with app as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)

        def tab(width: int = 1280, scheme: str = "light") -> Visit:
            context = browser.new_context(
                viewport={"width": width, "height": 860}, color_scheme=scheme
            )
            context.set_default_timeout(WAIT)
            return Visit(context.new_page(), url)

        looks = {"": tab(), "-dark": tab(scheme="dark"), "-narrow": tab(420)}
        first = looks[""]

        def everywhere(name: str, path: str, wanted: str) -> None:
            for look, visit in looks.items():
                visit.page.goto(path)
                visit.page.wait_for_selector(wanted)
                take(visit.page, name + look)

        page = first.page
        first.open()
        take(page, "loading")
        first.open("documents")
        page.locator("input[type=file]").set_input_files(files)
        page.wait_for_selector(ROW)
        page.wait_for_function("() => !document.querySelector('[class*=st-key-cancel-]')")
        page.locator(".st-key-status-panel").get_by_text("● ready").wait_for()
        page.locator(f"{ROW} [data-testid=stCheckbox] label").nth(1).click()
        page.locator(f"{ROW} [data-testid=stCheckbox] label").nth(2).click()
        page.wait_for_selector("text=2 selected")
        take(page, "documents")
        for look in ("-dark", "-narrow"):
            looks[look].open("documents")
            take(looks[look].page, f"documents{look}")
        page.get_by_role("link", name="Chat").click()
        page.wait_for_selector(".st-key-suggestions")
        take(page, "start")
        first.ask(ONE)
        page.wait_for_selector(".st-key-live")
        first.answered(600)
        everywhere("answer", page.url, ANSWER)
        page.locator('a[href^="#cite-"]').first.click()
        page.wait_for_selector(".st-key-viewer img")
        take(page, "passage")
        first.close_pane()
        page.get_by_text("New conversation").first.click()
        page.wait_for_selector(".st-key-suggestions")
        first.ask(SEVERAL)
        page.wait_for_function(
            "() => document.querySelector('.st-key-live')?.innerText.includes('▍')"
        )
        page.wait_for_timeout(4000)
        take(page, "agents")
        first.answered(600)
        for name in ("system", "settings"):
            everywhere(name, f"{url}/{name}", "h1")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
