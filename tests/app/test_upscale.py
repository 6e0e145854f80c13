"""The tab *Upscale*: its picture is that of the command and of the program it shows."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from jinc.app.generate import generate
from jinc.app.jobs import Context
from jinc.app.upscale import upscale
from jinc.errors import JincError
from jinc.models import Upscaler
from jinc.nn import ResUNet


@pytest.fixture
def large(context: Context) -> Context:
    torch.manual_seed(0)
    network = ResUNet(
        "A", channels=1, width=4, multipliers=(1,), blocks=1, attention_levels=(), beside=1
    ).eval()
    options = {"factor": 2, "spread": 0.125}
    upscaler = Upscaler(network, (16, 16), (), "cosine", 12, "v", **options)
    upscaler.save(Path("large"))
    return replace(context, source="large", model=None, upscaler=upscaler)


def test_command_and_program_make_the_same_bytes(large, finished, typed) -> None:
    Image.linear_gradient("L").resize((10, 12)).save("picture.png")
    job = upscale(large, picture=Path("picture.png"), seed=2, steps=4)
    (_, shown), _ = finished(job)
    typed(job)
    assert Path("upscaled", "picture-0.png").read_bytes() == shown
    exec(job.recipe.python, {})
    assert Path("picture-0.png").read_bytes() == shown


def test_what_it_cannot_do_is_one_line(large, context) -> None:
    Image.new("L", (400, 300)).save("wide.png")
    with pytest.raises(JincError, match="the picture: 400×300 pixels, the limit"):
        upscale(large, picture=Path("wide.png"))
    with pytest.raises(JincError, match="the picture: missing"):
        upscale(large, picture=None)
    with pytest.raises(JincError, match="large: is an upscaler"):
        generate(large)
    with pytest.raises(JincError, match="tiny: is no upscaler"):
        upscale(context, picture=Path("wide.png"))
