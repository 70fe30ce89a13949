"""Take screenshots of the page: `restora serve &`, then `python docs/screenshots.py`. Needs Chromium."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parent / "images"
SHOTS = {
    "page-desktop": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "page-phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "is_mobile": True},
}


def main() -> None:
    """Restore a sample and take a screenshot of the page."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, options in SHOTS.items():
            page = chromium.new_page(**options)
            page.goto("http://127.0.0.1:8765")
            page.click("#samples button >> nth=0")
            page.wait_for_selector("#go:visible")
            page.click("#go")
            page.wait_for_selector("#download:visible", timeout=90_000)
            page.wait_for_selector('#compare [data-testid="slider"]')
            page.evaluate("document.activeElement.blur()")
            page.wait_for_timeout(1500)
            page.screenshot(path=IMAGES / f"{name}.jpg", quality=80)
        chromium.close()


if __name__ == "__main__":
    main()
