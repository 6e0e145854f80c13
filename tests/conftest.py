"""What all tests share."""

import contextlib
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure

from jinc.data import load

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read by Triton when it is first imported

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """Tiny tensors gain nothing from threads, and lose much when tests share a machine."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True, scope="session")
def _digits_once() -> None:
    """Read the bundled digits once: it takes as long as a few steps of a tiny run."""
    load.read_digits = cache(load.read_digits)


@pytest.fixture
def no_waiting() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """Return a context in which it is an error if the host waits for a GPU."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")

    @contextlib.contextmanager
    def check() -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Synchronization debug mode")  # says its first use
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")

    return check


@pytest.fixture
def blank_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave figures blank: drawing takes as long as all else of a tiny run or a page."""
    monkeypatch.setattr(Figure, "draw", lambda figure, renderer: None)


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For `torch.compile`, whose cache is the test's own; skips where there is no compiler."""
    if not any(map(shutil.which, ("g++", "clang++"))):
        pytest.skip("torch.compile needs a C++ compiler")
    # What a killed process left half written in the common cache would be taken for compiled.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))


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


THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm++": ("DPMSolverMultistepScheduler", {}),
    "dpm++-2m-sde": ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++-single": ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    "euler": ("EulerDiscreteScheduler", {}),
    "heun-sigma": ("HeunDiscreteScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
}


@pytest.fixture
def theirs() -> Callable[..., Any]:
    """Makes a scheduler of diffusers from its short name and options."""
    diffusers = pytest.importorskip("diffusers")

    def make(name: str, **options: Any) -> Any:
        kind, usual = THEIRS[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 2 warns of their arrays
            return getattr(diffusers, kind)(**usual, **options)

    return make
