"""What all tests share."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads, and lose much when tests share a machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def official_checkpoints() -> list[Path]:
    """Weights, inputs and outputs of the published implementation."""
    files = sorted((SHARED / "reference" / "official").glob("*.safetensors"))
    if not files:
        pytest.skip("the published implementation's files are not beside this checkout")
    return files


@pytest.fixture(scope="session")
def classifiers() -> Path:
    """The folder of the residual networks for CIFAR-10 that may lie beside the repository."""
    folder = SHARED / "data" / "classifiers"
    if not folder.is_dir():
        pytest.skip("the classifiers of CIFAR-10 are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def cases() -> Path:
    """The inputs that real users have, which may lie beside the repository."""
    folder = SHARED / "cases"
    if not folder.is_dir():
        pytest.skip("the collected cases are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpack one of the real data sets that may lie beside the repository."""
    unpack = SHARED / "data" / "unpack.py"
    out = tmp_path_factory.mktemp("real")

    def get(name: str) -> Path:
        if not unpack.is_file():
            pytest.skip("the real data are not beside this checkout")
        if not (out / f".{name}").exists():
            subprocess.run([sys.executable, str(unpack), str(out), name], check=True)
            (out / f".{name}").touch()
        return out

    return get
