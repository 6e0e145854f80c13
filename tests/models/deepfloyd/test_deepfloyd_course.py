"""`examples/cs180.py` on tiny pipelines of DeepFloyd IF's kind, both stages, read from folders."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.models import (
    PromptedModel,
    PromptedUpscaler,
    PromptTable,
    open_model,
    open_upscaler,
    write_prompts,
)

SCRIPT = Path(__file__).parents[3] / "examples" / "cs180.py"


@pytest.fixture
def files(tmp_path, make_first, make_second, embeddings):
    """Both stages, what was said of prompts, and a picture."""
    make_first().save_pretrained(tmp_path / "first")
    make_second().save_pretrained(tmp_path / "second")
    said = PromptTable(embeddings | {"a high quality photo": embeddings["an oil painting"]})
    write_prompts(tmp_path / "said.safetensors", said, said.embeddings)
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    return tmp_path


@pytest.mark.slow
def test_both_stages(files, monkeypatch):
    words = ("--second", files / "second", "--embeddings", files / "said.safetensors")
    words += ("--photo", files / "photo.png", "--web", files / "photo.png", "--out", files / "out")
    words += ("--prompts", "a cat", "a dog", "--device", "cpu")
    monkeypatch.setattr(sys, "argv", ["cs180", *map(str, (files / "first", *words))])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    found = {file.stem: np.asarray(Image.open(file)) for file in (files / "out").iterdir()}
    assert len(found) == 12
    assert all(len(np.unique(sheet)) > 20 for sheet in found.values())
    assert {"first-stage", "second-stage", "samples", "anagrams", "hybrids"} < found.keys()


def test_what_a_folder_holds_is_opened(files):
    said = files / "said.safetensors"
    assert isinstance(open_model(files / "first", embeddings=said), PromptedModel)
    second = open_upscaler(files / "second", embeddings=said)
    assert isinstance(second, PromptedUpscaler)
