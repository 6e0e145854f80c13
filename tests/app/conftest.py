"""A tiny model behind the page, and its commands run as typed."""

import shlex
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from jinc.app.jobs import Context, Job
from jinc.cli import main
from jinc.models import Model
from jinc.nn import UNet


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Saves a tiny model into the working folder, and returns its name."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def save(name: str = "tiny", classes: int = 3) -> str:
        torch.manual_seed(0)
        network = UNet("A", channels=1, width=4, levels=1, classes=classes).eval()
        names = tuple(f"class {i}" for i in range(classes))
        model = Model(network, (8, 8), names, "cosine", 12, "eps")
        replace(model, guidable=bool(classes)).save(tmp_path / "here" / name)
        return name

    return save


@pytest.fixture
def context(saved: Callable[..., str], tmp_path: Path) -> Context:
    """The page of a model with three classes that can be guided."""
    name = saved()
    (tmp_path / "jobs").mkdir()
    return Context(name, "cpu", tmp_path / "jobs", model=Model.load(Path(name)))


@pytest.fixture
def finished() -> Callable[[Job], tuple[list[bytes], str]]:
    """Does all of a job, and returns the files that it shows at the end, and the last line."""

    def run(job: Job) -> tuple[list[bytes], str]:
        files, line = [], ""
        for pictures, line in job.shown:  # noqa: B007
            files = [each.read_bytes() for each in pictures if isinstance(each, Path)]
        return files, line

    return run


@pytest.fixture
def typed() -> Callable[[Job], None]:
    """Runs the command of a job, as typed."""

    def run(job: Job) -> None:
        words = shlex.split(job.recipe.shell.replace("\\\n", ""))
        assert words[0] == "jinc"
        try:
            main(words[1:])
        except SystemExit as left:
            assert not left.code, left.code  # noqa: PT017

    return run


@pytest.fixture
def bomb() -> bytes:
    """A PNG of 900 megapixels in a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
