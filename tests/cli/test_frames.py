"""Frames on the command line: training with one, moving by it, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.cli import main

FRAMED = ("--config", "R+plain@6", "--frame", "--prediction", "spectral", "--padding", "circular")


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory, tiny) -> Path:
    folder = tmp_path_factory.mktemp("framed") / "run"
    main(["train", "--out", str(folder), *tiny[2:], *FRAMED])
    return folder


def frames(folder: Path) -> list[np.ndarray]:
    """Return three images of 8×8 pixels, without the margin of a grid."""
    images = [np.asarray(Image.open(folder / f"{k:06d}.png")).astype(int) for k in range(3)]
    margin = (len(images[0]) - 8) // 2
    return [image[margin : margin + 8, margin : margin + 8] for image in images]


def test_images_turn_mirror_and_shift_by_their_frame(jinc, framed, tmp_path) -> None:
    facts = json.loads(jinc("info", framed, "--json").out)
    assert facts["frame"] == "upright"
    few = ("--steps", "3", "-n", "1", "--scale", "1")
    said = jinc("rotate", framed, "--angles", "0,90,180", *few, "--out", tmp_path / "turned")
    assert said.code == 0, said.err
    still, quarter, half = frames(tmp_path / "turned")
    for turned, k in ((quarter, 1), (half, 2)):
        assert np.abs(turned - np.rot90(still, k)).max() <= 1
        assert np.abs(turned - still).max() > 1
    words = ("--mirror", "--angles", "0,0,0", *few, "--out", tmp_path / "mirrored")
    assert jinc("rotate", framed, *words).code == 0
    assert np.abs(frames(tmp_path / "mirrored")[0] - still[:, ::-1]).max() <= 1
    words = ("--right", "0,2,4", *few, "--out", tmp_path / "shifted")
    assert jinc("shift", framed, *words).code == 0
    assert np.abs(frames(tmp_path / "shifted")[2] - np.roll(still, 4, 1)).max() <= 1
    words = ("--angles", "0,90,180", "--by", "both", *few, "--out", tmp_path / "both")
    assert jinc("rotate", framed, *words).code == 0


def test_the_frame_moves_with_the_images_of_a_probe(jinc, framed, tmp_path) -> None:
    """Quarter turns and flips of upright images, which an equivariant model alone cannot follow."""
    words = ("--only", "network", "-n", "66", "--json")  # more than a network gets in one call
    found = json.loads(jinc("probe", framed, *words).out)
    for move in ("quarter_turns", "flip"):
        assert min(each["eps_db"] for each in found["network"][move]) > 80
    assert "rotation" in found["invariant_under"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--config", "D@6"], "frame: D@6 does not turn with its frame; choose --config R@12"),
        (["--network", "cs180"], "frame: cs180 takes no coordinates"),
        (["--noise-std", "0.5"], "frame: does not apply to noise_std"),
        (["--upscale", "2"], "frame: does not apply to upscale"),
        (["--augment", "hflip", "spin"], "frame: augment spin would move images without it"),
    ],
)
def test_training_without_a_use_for_a_frame(refused, tiny, tmp_path, options, says) -> None:
    config = () if "--config" in options else ("--config", "R@6")
    refused("train", *tiny[2:], *config, "--frame", *options, "--out", tmp_path / "x", says=says)


def test_moves_without_a_frame(refused, trained, framed, tmp_path) -> None:
    out = ("--out", tmp_path / "x.gif")
    refused("rotate", trained, "--by", "frame", *out, says="--by: frame needs a model with a frame")
    refused("shift", trained, "--by", "both", *out, says="--by: both needs a model with a frame")
    refused("rotate", trained, "--mirror", *out, says="--mirror: needs a model with a frame")
    refused("rotate", framed, "--method", "spline", *out, says="--method: applies to --by state")
    refused("rotate", framed, "--pace", "gentle", *out, says="--pace: gentle needs moves during")
    refused("train", "--config", "R-2N", *out, says="'R-2N' is not a configuration")


def test_the_report_shows_the_linear_denoiser(jinc, framed, tmp_path) -> None:
    assert jinc("report", framed, "--out", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert "Preconditioning" in page
    assert "Linear denoiser" in page
