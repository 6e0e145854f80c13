"""What all tests share."""

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
