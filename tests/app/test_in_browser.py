"""The page in a browser: every tab leads to pictures, and nothing leaves the machine."""

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from PIL import Image

from jinc.app.jobs import Context
from jinc.app.server import serving, surroundings
from jinc.data import save_png
from jinc.models import Model, Upscaler
from jinc.nn import ResUNet, UNet
from jinc.train import Run, TrainConfig

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

NAMES = ("chromium", "chromium-browser", "google-chrome")
SIZES = {"phone": (390, 844), "desk": (1280, 900)}
PATIENCE = 120_000
"""Milliseconds."""


@dataclass
class Served:
    """A page that is served, and when its network was called, and a pause before each."""

    url: str
    calls: list[float] = field(default_factory=list)
    pause: float = 0.0


@contextmanager
def served_page(here: Path, **models: Any) -> Iterator[Served]:
    """Serve the page of a tiny model, with a run in the working folder."""
    run = Run.create(here / "first", TrainConfig(steps=100))
    run.append_log({"step": 5, "loss": 0.5})
    save_png(run.samples(5), torch.zeros(1, 1, 16, 16))
    with pytest.MonkeyPatch.context() as patch, surroundings() as folder:
        from jinc.app.page import build

        patch.chdir(here)
        context = Context("tiny", "cpu", folder, **models)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with serving(build(context), "127.0.0.1", port, share=False, browser=False) as url:
            found = Served(url)

            def count(*_: Any) -> None:
                found.calls.append(time.time())
                time.sleep(found.pause)

            context.either.network.register_forward_pre_hook(count)
            yield found
    assert not folder.parent.exists()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a model with ten classes that can be guided."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    torch.manual_seed(0)
    network = UNet("A", channels=1, width=4, levels=1, classes=10).eval()
    model = Model(network, (16, 16), tuple("0123456789"), "cosine", 20, "eps", guidable=True)
    with served_page(tmp_path_factory.mktemp("here"), model=model) as found:
        yield found


@pytest.fixture
def enlarging(tmp_path: Path) -> Iterator[Served]:
    """The page of an upscaler."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    torch.manual_seed(0)
    network = ResUNet(
        "A", channels=1, width=4, multipliers=(1,), blocks=1, attention_levels=(), beside=1
    ).eval()
    options = {"factor": 2, "spread": 0.125}
    upscaler = Upscaler(network, (32, 32), (), "cosine", 20, "v", **options)
    with served_page(tmp_path, upscaler=upscaler) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium that reaches this machine only."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    place = next(filter(None, map(shutil.which, NAMES)), None)
    if place is None:
        pytest.skip("there is no Chromium")
    with playwright.sync_playwright() as running:
        options = ["--no-sandbox", "--proxy-server=127.0.0.1:9", "--proxy-bypass-list=127.0.0.1"]
        found = running.chromium.launch(executable_path=place, args=options)
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a page in a window; it must be silent and ask for nothing elsewhere."""
    pages, said, asked = [], [], []

    def go(served: Served, size: str = "desk") -> Any:
        width, height = SIZES[size]
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda each: said.append(each.text) if each.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda each: asked.append(each.url))
        page.goto(served.url)
        page.get_by_role("tab").first.wait_for()
        pages.append((page, served.url))
        return page

    yield go
    for page, _ in pages:
        page.close()
    assert said == []
    local = *(url for _, url in pages), "data:", "blob:"
    assert [url for url in asked if not url.startswith(local)] == []


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def line(page: Any, words: str) -> str:
    """Wait for a visible line with words in it."""
    found = page.locator(".line:visible", has_text=words).first
    found.wait_for()
    return str(found.inner_text())


def choose(page: Any, name: str) -> None:
    """Open a tab, from the menu where the screen is too narrow for all."""
    tab = page.get_by_role("tab", name=name, exact=True).locator("visible=true")
    if not tab.count():
        page.locator(".overflow-menu > button").first.click()
        tab = page.locator(".overflow-dropdown button", has_text=name)
    tab.first.click()


def pictures(page: Any, number: int) -> None:
    """Wait for visible pictures that are loaded, on a page that is as narrow as the screen."""
    shown = """n => [...document.querySelectorAll('.picture img, .plots img')]
        .filter(e => e.offsetParent && e.complete && e.naturalWidth).length >= n"""
    page.wait_for_function(shown, arg=number)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def paint(page: Any) -> None:
    """Draw a line with the brush."""
    canvas = page.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=5)
    page.mouse.up()


@pytest.mark.parametrize("size", SIZES)
def test_every_tab_leads_from_a_click_to_pictures(opened, served: Served, size: str) -> None:
    page = opened(served, size)
    press(page, "Generate")
    line(page, "16 images in")
    pictures(page, 1)
    choose(page, "Rotate and shift")
    for motion in ("Rotate", "Shift"):
        choose(page, motion)
        press(page, motion)
        line(page, "dB")
        pictures(page, 2)
    choose(page, "Edit")
    press(page, "Put a generated image on the canvas")
    line(page, "Generated with seed")
    press(page, "Edit")
    line(page, "1 image in")
    pictures(page, 2)
    choose(page, "Inpaint what is painted over")
    press(page, "Inpaint")
    assert "nothing is painted over" in line(page, "⚠")
    paint(page)
    press(page, "Inpaint")
    line(page, "1 image in")
    pictures(page, 3)
    choose(page, "Illusions")
    line(page, "is orthogonal")
    press(page, "Generate")
    line(page, "4 images in")
    pictures(page, 1)
    choose(page, "Probe")
    press(page, "Measure")
    line(page, "measured on 16 of")
    pictures(page, 1)
    choose(page, "Runs")
    line(page, "step 5 of 100")
    pictures(page, 2)


@pytest.mark.parametrize("size", SIZES)
def test_an_upscaler_enlarges_a_picture(enlarging: Served, opened, size: str) -> None:
    page = opened(enlarging, size)
    Image.linear_gradient("L").resize((12, 10)).save("small.png")
    page.locator("input[type=file]").first.set_input_files("small.png")
    pictures(page, 1)
    press(page, "Upscale")
    line(page, "1 image in")
    pictures(page, 3)
    choose(page, "Runs")
    line(page, "step 5 of 100")
    pictures(page, 2)
    Run.create(Path("later"), TrainConfig(steps=7)).append_log({"step": 3, "loss": 0.5})
    page.get_by_label("Run", exact=True).click()
    page.get_by_role("option", name="later").click()
    line(page, "step 3 of 7")


def test_hostile_files_are_one_line(enlarging: Served, opened, bomb: bytes) -> None:
    page = opened(enlarging)
    files = {
        "bomb.png": (bomb, "30000x30000 pixels, the limit is"),
        "page.png": (b"<svg onload='alert(1)'/>", "not a"),
        "../../../../escaped.png": (b"PK\x03\x04" + bytes(60), "not an image but"),
    }
    for name, (content, says) in files.items():
        given = {"name": name, "mimeType": "image/png", "buffer": content}
        page.locator("input[type=file]").first.set_input_files(given)
        press(page, "Upscale")
        said = line(page, says)
        assert said.startswith("⚠ the picture: ")
        assert "\n" not in said
        page.get_by_role("button", name="Remove Image").click()


def test_requests_past_the_page_are_refused(enlarging: Served, tmp_path: Path) -> None:
    def post(name: str, content: bytes) -> httpx.Response:
        return httpx.post(f"{enlarging.url}gradio_api/upload", files={"files": (name, content)})

    assert post("large.png", bytes(17 << 20)).status_code == 413
    (place,) = post("../../../../escaped.png", b"x").json()
    assert ".." not in place
    assert not any(folder.joinpath("escaped.png").exists() for folder in tmp_path.parents)
    secret = tmp_path / "secret.png"
    Image.new("L", (2, 2)).save(secret)
    for route in ("file=", "file/"):
        asked = httpx.get(f"{enlarging.url}gradio_api/{route}{secret}")
        assert asked.status_code in (403, 404)


@pytest.mark.parametrize("how", ["cancelled", "left"])
def test_a_job_stops_within_two_steps(opened, served: Served, how: str) -> None:
    page = opened(served)
    served.pause = 1.0
    try:
        press(page, "Generate")
        line(page, "step 2 of 20")
        if how == "cancelled":
            press(page, "Cancel")
            line(page, "Cancelled")
        else:
            page.close()
        stopped = len(served.calls)
        time.sleep(5)
    finally:
        served.pause = 0.0
    assert len(served.calls) <= stopped + 2
