"""The Python of README and docs runs, each page as one script."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
DOWNLOADS = "DeepFloyd/"
"""Blocks with this name need a download."""


def blocks(page: Path) -> list[str]:
    """Return the blocks of Python of a page."""
    found = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    return [block for block in found if DOWNLOADS not in block and "--8<--" not in block]


PAGES = [page for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))) if blocks(page)]


def test_there_are_pages_with_python() -> None:
    assert {"README", "editing", "convert"} <= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_python_runs(page: Path, run: Path, tmp_path: Path, monkeypatch) -> None:
    unet = pytest.importorskip("diffusers").UNet2DModel
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    for name in ("digits", "mnist-class"):
        Path("runs", name).symlink_to(run)
    Image.fromarray(np.zeros((20, 30), np.uint8)).save("photo.png")
    sizes = {"block_out_channels": (8,), "layers_per_block": 1, "norm_num_groups": 4}
    kinds = {"down_block_types": ("DownBlock2D",), "up_block_types": ("UpBlock2D",)}
    unet(sample_size=8, **sizes, **kinds).save_pretrained("path/to/unet")
    names: dict[str, object] = {}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)
