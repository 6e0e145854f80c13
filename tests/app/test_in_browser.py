"""The page in a browser: what only a browser does, and nothing leaves the machine."""

import json
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from jinc.app.jobs import Context
from jinc.app.server import serving, surroundings
from jinc.models import Model
from jinc.nn import UNet
from jinc.train import Run, TrainConfig

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

NAMES = ("chromium", "chromium-browser", "google-chrome")
DESK = 1280, 900
PATIENCE = 60_000
"""Milliseconds."""


@dataclass
class Served:
    """A page that is served, and when its network was called, and a pause before each."""

    url: str
    page: Any
    calls: list[float] = field(default_factory=list)
    pause: float = 0.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    pytest.importorskip("gradio", reason="Gradio is not installed")
    here = tmp_path_factory.mktemp("here")
    torch.manual_seed(0)
    network = UNet("A", channels=1, width=4, levels=1, classes=3).eval()
    model = Model(network, (16, 16), ("a", "b", "c"), "cosine", 20, "eps", guidable=True)
    run = Run.create(here / "first", TrainConfig(steps=100))
    run.append_log({"step": 5, "loss": 0.5})
    with pytest.MonkeyPatch.context() as patch, surroundings() as folder:
        from jinc.app.page import build

        patch.chdir(here)
        page = build(Context("tiny", "cpu", folder, model=model))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        with serving(page, "127.0.0.1", port, share=False, browser=False) as url:
            found = Served(url, page)

            def count(*_: Any) -> None:
                found.calls.append(time.time())
                time.sleep(found.pause)

            network.register_forward_pre_hook(count)
            yield found
    assert not folder.parent.exists()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
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
def opened(browser: Any, served: Served) -> Iterator[Any]:
    """The page in a window; it must be silent and ask for nothing elsewhere."""
    width, height = DESK
    page, said, asked = browser.new_page(viewport={"width": width, "height": height}), [], []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda each: said.append(each.text) if each.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda each: asked.append(each.url))
    page.goto(served.url)
    page.get_by_role("button", name="Generate", exact=True).first.wait_for()
    yield page
    assert said == []
    local = served.url, "data:", "blob:"
    assert [url for url in asked if not url.startswith(local)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def press(page: Any, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()


def line(page: Any, words: str) -> str:
    """Wait for a visible line with words in it."""
    found = page.locator(".line:visible", has_text=words).first
    found.wait_for()
    return str(found.inner_text())


def test_a_mask_is_painted_with_the_brush(opened) -> None:
    opened.get_by_role("tab", name="Edit", exact=True).click()
    press(opened, "Put a generated image on the canvas")
    line(opened, "Generated with seed")
    opened.get_by_role("tab", name="Inpaint what is painted over").click()
    press(opened, "Inpaint")
    assert "nothing is painted over" in line(opened, "⚠")
    box = opened.locator("canvas").first.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    opened.mouse.move(*middle)
    opened.mouse.down()
    opened.mouse.move(middle[0] + 30, middle[1] + 20, steps=5)
    opened.mouse.up()
    press(opened, "Inpaint")
    line(opened, "1 image in")


def test_a_cancelled_job_stops_within_two_steps(opened, served: Served) -> None:
    served.pause = 1.0
    try:
        press(opened, "Generate")
        line(opened, "step 2 of 20")
        press(opened, "Cancel")
        line(opened, "Cancelled")
        cancelled = len(served.calls)
        time.sleep(5)
    finally:
        served.pause = 0.0
    assert len(served.calls) <= cancelled + 2


def test_wrong_files_are_refused(served: Served, tmp_path: Path) -> None:
    def post(name: str, content: bytes) -> tuple[int, str]:
        head = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--b--\r\n"
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        asked = urllib.request.Request(served.url + "gradio_api/upload", body, kind)
        try:
            with urllib.request.urlopen(asked) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    assert post("large.png", bytes(17 << 20))[0] == 413
    code, place = post("../../../../escaped.png", b"x")
    assert code != 200 or ".." not in json.loads(place)[0]
    assert not any(folder.joinpath("escaped.png").exists() for folder in tmp_path.parents)
    secret = tmp_path / "secret.png"
    Image.new("L", (2, 2)).save(secret)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{served.url}gradio_api/file={secret}")
    assert refused.value.code in (403, 404)
