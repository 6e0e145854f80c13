"""Small sets written in the native layouts, and the real ones where they are at hand."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def write_idx() -> Callable[..., Path]:
    def write(path: Path, values: NDArray[np.uint8], zipped: bool = False) -> Path:
        header = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
        data = header + values.tobytes()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(data) if zipped else data)
        return path

    return write


@pytest.fixture
def write_images() -> Callable[..., list[Path]]:
    """Save images as files named by their keys, whatever the format."""

    def write(folder: Path, images: dict[str, NDArray[np.uint8]]) -> list[Path]:
        paths = []
        for name, image in images.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            paths.append(path)
        return paths

    return write
