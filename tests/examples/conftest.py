"""Tiny runs, and scripts called in this process."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jinc.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = (
    *("--config", "A", "--width", "4", "--levels", "1", "--timesteps", "120", "--steps", "12"),
    *("--batch-size", "8", "--sample-every", "0", "--device", "cpu"),
    *("--conditional", "--label-dropout", "0.3"),
)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of digits, 8×8."""
    folder = tmp_path_factory.mktemp("run") / "run"
    main(["train", "--out", str(folder), *TINY])
    return folder


@pytest.fixture(scope="session")
def upscaler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that makes digits of 8×8 twice as large."""
    folder = tmp_path_factory.mktemp("upscaler") / "run"
    main(["train", "--out", str(folder), "--upscale", "2", "--image-size", "16", *TINY])
    return folder


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run an example, and return what it has left in its names."""

    def call(name: str, *words: object) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", [name, *map(str, words)])
        return runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")

    return call


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """20 rows, 30 columns, grey."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    Image.fromarray(noise).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"
