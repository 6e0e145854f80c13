"""Take the pictures of docs/app.md: the page of the bundled model `mnist`, used in Chromium.

    python studies/app_screens.py [--chromium /usr/bin/chromium] [--out docs/app]

It needs `pip install "jinc[app]" playwright`.
"""

import argparse
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

DESK, PHONE = {"width": 1280, "height": 640}, {"width": 390, "height": 844}
TALL = {"width": 1280, "height": 900}
PATIENCE = 300_000
"""Milliseconds."""


def press(page: Any, name: str, then: str) -> None:
    """Press a button, and wait for a line."""
    page.get_by_role("button", name=name, exact=True).locator("visible=true").first.click()
    page.locator(".line:visible", has_text=then).first.wait_for()


def choose(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).locator("visible=true").first.click()


def paint(page: Any) -> None:
    """Paint over the middle of the canvas."""
    box = page.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=5)
    page.mouse.up()


def use(page: Any, out: Path, phone: bool) -> None:
    """Use the tabs whose pictures are shown."""

    def shoot(name: str) -> None:
        page.mouse.move(0, 0)
        page.wait_for_timeout(1000)
        page.screenshot(path=out / f"{name}{'-phone' * phone}.png", full_page=True)

    page.get_by_role("tab").first.wait_for()
    if not phone:
        press(page, "Generate", "16 images in")
        shoot("generate")
    choose(page, "Rotate and shift")
    press(page, "Rotate", "dB")
    shoot("rotate-and-shift")
    choose(page, "Edit")
    press(page, "Put a generated image on the canvas", "Generated with seed")
    choose(page, "Inpaint what is painted over")
    paint(page)
    press(page, "Inpaint", "1 image in")
    shoot("inpaint")
    if not phone:
        page.set_viewport_size(TALL)
        choose(page, "Illusions")
        press(page, "Generate", "4 images in")
        shoot("illusions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--out", type=Path, default=Path("docs/app"))
    args = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = ["-c", "from jinc.cli import start; start()", "app", "--no-browser", "--port", port]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split()[0]
        with sync_playwright() as running:
            options = {"executable_path": args.chromium, "args": ["--no-sandbox"]}
            browser = running.chromium.launch(**options)
            for phone in (False, True):
                page = browser.new_page(viewport=PHONE if phone else DESK)
                page.set_default_timeout(PATIENCE)
                page.goto(url)
                use(page, args.out, phone)
            browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
