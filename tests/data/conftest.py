"""Small sets written in the native layouts, and the real ones where they are at hand."""

import gzip
import struct
import subprocess
import sys
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


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpack one of the real data sets that may lie beside the repository."""
    unpack = Path(__file__).parents[3] / "shared" / "data" / "unpack.py"
    out = tmp_path_factory.mktemp("real")

    def get(name: str) -> Path:
        if not unpack.is_file():
            pytest.skip(f"real data not at hand: no {unpack}")
        if not (out / f".{name}").exists():
            subprocess.run([sys.executable, str(unpack), str(out), name], check=True)
            (out / f".{name}").touch()
        return out

    return get
