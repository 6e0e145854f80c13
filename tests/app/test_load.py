"""Many visitors at once: the page refuses what it cannot do soon, and goes on."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

pytestmark = pytest.mark.slow

VISITORS, WAITING = 200, 32
LARGEST_GROWTH = 500e6
"""Bytes."""

PATIENCE = 300
"""Seconds."""


class Visitors:
    """People who press *Generate* on the page of a server process."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.api = f"{url}gradio_api/queue"
        self.process = process
        limits = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(timeout=PATIENCE, limits=limits)
        config = self.client.get(f"{url}config").json()
        labels = {each["id"]: each["props"].get("label") for each in config["components"]}
        values = {each["id"]: each["props"].get("value") for each in config["components"]}
        self.job = next(each for each in config["dependencies"] if each["api_name"] == "steps")
        self.values = {labels[place]: values[place] for place in self.job["inputs"]}

    def ask(self, session: str, **given: Any) -> httpx.Response:
        """Press the button of the first tab."""
        values = [*(self.values | given).values()]
        body = {"data": values, "fn_index": self.job["id"], "session_hash": session}
        return self.client.post(f"{self.api}/join", json=body)

    @contextmanager
    def messages(self, session: str) -> Iterator[Iterator[dict[str, Any]]]:
        """Listen to what the server says; leaving is closing the window."""
        query = {"session_hash": session}
        with self.client.stream("GET", f"{self.api}/data", params=query) as answer:
            yield (json.loads(each[5:]) for each in answer.iter_lines() if each.startswith("data:"))

    def finish(self, session: str) -> str:
        """Wait for the end of a job, and return its last line."""
        with self.messages(session) as said:
            last = next(each for each in said if each["msg"] == "process_completed")
        assert last["success"]
        return str(last["output"]["data"][1])

    def memory(self) -> int:
        """Resident memory of the server, bytes."""
        return int(self.process.memory_info().rss)


@pytest.fixture
def visitors(tmp_path: Path) -> Iterator[Visitors]:
    """Those of `jinc app digits`."""
    pytest.importorskip("gradio", reason="Gradio is not installed")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["app", "digits", "--port", str(port), "--no-browser", "--device", "cpu"]
    start = [sys.executable, "-c", "from jinc.cli import start; start()", *command]
    with subprocess.Popen(start, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().split(" ")[0]
        yield Visitors(url, psutil.Process(server.pid))
        server.terminate()
        assert server.wait(30) == 0


def test_two_hundred_visitors(visitors: Visitors) -> None:
    assert visitors.ask("before").status_code == 200
    assert visitors.finish("before").startswith("16 images in ")
    before = visitors.memory()
    assert visitors.ask("long", Images=64, Steps=1000).status_code == 200
    with visitors.messages("long") as said, ThreadPoolExecutor(VISITORS) as crowd:
        next(each for each in said if each["msg"] == "process_generating")
        names = [f"visitor {place}" for place in range(VISITORS)]
        answers = [*crowd.map(lambda name: visitors.ask(name, Images=1, Steps=5), names)]
        refused = [each for each in answers if each.status_code == 503]
        assert len(refused) == VISITORS - WAITING
        assert all("Queue is full" in each.json()["detail"] for each in refused)
    # the long job ends here, since its visitor has left
    waiting = [name for name, each in zip(names, answers, strict=True) if each.status_code == 200]
    with ThreadPoolExecutor(VISITORS) as crowd:
        assert all(each.startswith("1 image in ") for each in crowd.map(visitors.finish, waiting))
    assert visitors.memory() - before < LARGEST_GROWTH
    assert visitors.ask("after").status_code == 200
    assert visitors.finish("after").startswith("16 images in ")
