"""Take screenshots of the page in all its states: `restora serve &`, then `python docs/screenshots.py`. Needs Chromium.

The samples are used, and photographs of scikit-image with noise. Two sheets show the states on desktop and phone.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyvips
import skimage.data
from playwright.sync_api import Page, sync_playwright

from restora.core.image import Image
from restora.damage.words import parse
from restora.files.save import write
from restora.work.degrade import degrade

IMAGES = Path(__file__).parent / "images"
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
}  # fmt: skip
LIGHT, DARK = "light", "dark"
PATIENCE = 300_000
"""Milliseconds to wait for a result."""


def photographs(folder: Path) -> list[Path]:
    """Two noisy photographs and a clean one."""
    paths = []
    for name, damage in (("chelsea", "noise(sigma=0.08)"), ("astronaut", "noise(camera, sigma=0.06)"), ("coffee", "")):
        clean = Image(getattr(skimage.data, name)().astype(np.float32) / 255)
        paths.append(folder / f"{name}.png")
        write(degrade(clean, parse(damage), seed=1) if damage else clean, paths[-1])
    return paths


def clip(folder: Path) -> Path:
    """Two seconds of a noisy clip: a photograph before which the camera moves."""
    x, rng = skimage.data.coffee(), np.random.default_rng(0)
    path = folder / "coffee.mp4"
    with closing(av.open(str(path), "w")) as file:
        video = file.add_stream("libx264", rate=25, options={"crf": "16"})
        video.width, video.height, video.pix_fmt = 480, 320, "yuv420p"
        for step in range(50):
            y = x[20 + step // 2 :][:320, step:][:, :480] + rng.normal(0, 25, (320, 480, 3))
            file.mux(video.encode(av.VideoFrame.from_ndarray(y.clip(0, 255).round().astype(np.uint8), "rgb24")))
        file.mux(video.encode(None))
    return path


def settle(page: Page) -> None:
    """Wait until all is drawn."""
    page.wait_for_selector(".restora-viewer[data-drawn=yes]")
    page.wait_for_timeout(700)


def restored(page: Page) -> None:
    """Restore what was examined."""
    page.wait_for_selector("#go:visible")
    page.click("#go")
    page.wait_for_selector("#download:visible", timeout=PATIENCE)
    page.wait_for_selector("#stop", state="hidden")
    settle(page)


def states(page: Page, shot: Callable[[str], None], files: list[Path]) -> None:
    """Every state of the page, in the order in which people see them."""
    page.wait_for_selector("#samples button img")
    page.wait_for_timeout(700)
    shot("start")
    page.set_input_files("#drop input[type=file]", str(files[0]))
    page.wait_for_selector("#status >> text=Looking for")
    shot("examining")
    page.wait_for_selector("#go:visible")
    settle(page)
    shot("examined")
    restored(page)
    shot("result")
    page.click("[data-strength=light]")
    page.click("[data-view=lens]")
    page.wait_for_timeout(700)
    shot("lens")
    page.click("[data-view=lens]")
    page.fill("#scale input[type=number]", "4")
    page.press("#scale input[type=number]", "Enter")
    page.wait_for_selector(".restora-stale:visible")
    page.locator(".restora-viewer").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(700)
    shot("stale")
    page.click("#go")
    page.wait_for_selector("#status >> text=Restoring")
    shot("restoring")
    page.wait_for_selector("#stop", state="hidden")
    page.click("#again")
    page.wait_for_selector("#drop:visible")
    page.set_input_files("#drop input[type=file]", [str(path) for path in files])
    restored(page)
    page.locator(".restora-cards").scroll_into_view_if_needed()
    page.wait_for_timeout(700)
    shot("several")
    page.click("#again")
    page.click("#samples button >> nth=0")
    page.click("#mark")
    page.wait_for_selector("canvas#brush")
    box = page.locator("canvas#brush").bounding_box() or {}
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.4 * box["height"], steps=5)
    page.mouse.up()
    page.evaluate("window.scrollTo(0, 0)")
    shot("marks")


def states_of_clip(page: Page, shot: Callable[[str], None], noisy_clip: Path) -> None:
    """A clip after its preview."""
    page.reload()
    page.wait_for_selector("#samples button img")
    page.set_input_files("#clip-drop input[type=file]", str(noisy_clip))
    page.wait_for_selector("#clip-go:visible")
    page.click("#clip-try")
    page.wait_for_selector("#clip-stop:visible")
    page.wait_for_selector("#clip-go:visible", timeout=PATIENCE)
    page.wait_for_function("[...document.querySelectorAll('#clip-videos video')].every((each) => each.readyState >= 2)")
    settle(page)
    page.evaluate("window.scrollTo(0, 0)")
    shot("clip")


def sheet(shots: list[Path], target: Path, across: int, scale: float) -> None:
    """Put shots side by side in one JPEG."""
    pictures = [pyvips.Image.new_from_file(str(path)).extract_band(0, n=3).resize(scale) for path in shots]
    pyvips.Image.arrayjoin(pictures, across=across, shim=12, background=128).jpegsave(str(target), Q=72, strip=True)


def main() -> None:
    """Take all states on a desktop, light, and on a phone, dark."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        files, noisy_clip = photographs(folder), clip(folder)
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for device, options, theme in (("desktop", DESKTOP, LIGHT), ("phone", PHONE, DARK)):
            page = chromium.new_page(**options, color_scheme=theme)
            page.set_default_timeout(PATIENCE)
            page.goto("http://127.0.0.1:8765")
            taken: list[Path] = []

            def shot(state: str, page: Page = page, taken: list[Path] = taken, device: str = device) -> None:
                taken.append(folder / f"{device}-{state}.png")
                page.screenshot(path=taken[-1])

            states(page, shot, files)
            states_of_clip(page, shot, noisy_clip)
            page.close()
            if device == "desktop":
                sheet([folder / "desktop-result.png"], IMAGES / "page-desktop.jpg", 1, 1.0)
                sheet([folder / "desktop-clip.png"], IMAGES / "page-clip.jpg", 1, 1.0)
                sheet(taken, IMAGES / "page-states-desktop.jpg", 3, 0.5)
            else:
                sheet([folder / "phone-result.png"], IMAGES / "page-phone.jpg", 1, 0.6)
                sheet(taken, IMAGES / "page-states-phone.jpg", 5, 0.4)
        chromium.close()


if __name__ == "__main__":
    main()
