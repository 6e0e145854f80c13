"""`jinc upscale`, and an upscaler wherever another model is expected."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import to_float
from jinc.signal import block_mean

FEW = ("--steps", 3, "--device", "cpu")


@pytest.fixture(scope="module")
def upscaler(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from jinc.cli import main

    folder = tmp_path_factory.mktemp("upscaler") / "run"
    words = ("--upscale", "2", "--upscale-noise", "0.5", "--conditional", "--label-dropout", "0.5")
    main(["train", "--out", str(folder), *tiny, *words])
    return folder


@pytest.fixture
def picture(tmp_path) -> Callable[..., Path]:
    def save(name: str, height: int, width: int, channels: int = 3) -> Path:
        noise = np.random.default_rng(height).integers(90, 160, (height, width, channels), np.uint8)
        Image.fromarray(noise if channels == 3 else noise[..., 0]).save(tmp_path / name)
        return tmp_path / name

    return save


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as opened:
        return np.asarray(opened)


def floats(file: Path) -> torch.Tensor:
    grey = np.atleast_3d(pixels(file)).astype(np.uint8)
    return to_float(torch.from_numpy(grey)).permute(2, 0, 1)[None]


@pytest.mark.parametrize("size", [(4, 4), (11, 6), (2, 9), (1, 1)])
def test_a_picture_of_any_size(jinc, upscaler, picture, tmp_path, size) -> None:
    """Also smaller than the model knows, and such as no tiles fit evenly."""
    file = picture("one.png", *size, 1)
    error = []
    for words in ((), ("--no-agree",)):
        out = tmp_path / str(len(error))
        said = jinc("upscale", upscaler, "--image", file, "--out", out, *words, *FEW)
        assert (said.code, said.out[:9]) == (0, "1 result:")
        assert {f.name for f in out.iterdir()} == {"one-0.png", "sheet.png", "provenance.json"}
        made = floats(out / "one-0.png")
        assert made.shape == (1, 1, 2 * size[0], 2 * size[1])
        inside = block_mean((made.abs() < 1).float(), 2) == 1  # where colours do not end
        off = (block_mean(made, 2) - floats(file)).abs()
        error.append(float((off * inside).mean() if not words else off.mean()))
    assert error[0] < 0.005  # of rounding
    assert error[1] > 3 * error[0]


def test_results_have_a_seed_and_a_number(jinc, upscaler, picture, tmp_path) -> None:
    files = picture("a.png", 5, 4), picture("b.png", 4, 7)
    words = ("--image", *files, "-n", 2, "--gif", "--strip", "--no-agree", *FEW)
    assert jinc("upscale", upscaler, "--out", tmp_path / "o", *words).code == 0
    names = {f"{name}-{copy}.png" for name in "ab" for copy in (0, 1)}
    found = {f.name for f in (tmp_path / "o").iterdir()}
    assert found == names | {"sheet.png", "strip.png", "denoising.gif", "provenance.json"}
    assert (pixels(tmp_path / "o" / "a-0.png") != pixels(tmp_path / "o" / "a-1.png")).any()
    words = ("--image", files[0], "--no-agree", *FEW)
    for seed, same in ((0, True), (1, False)):
        out = tmp_path / str(seed)
        assert jinc("upscale", upscaler, "--out", out, "--seed", seed, *words).code == 0
        equal = (out / "a-0.png").read_bytes() == (tmp_path / "o" / "a-0.png").read_bytes()
        assert equal == same


def test_made_small_and_large_again(jinc, upscaler, picture, tmp_path) -> None:
    files = picture("a.png", 9, 12, 1), picture("b.png", 16, 8, 1)
    words = ("--image", *files, "--shrink", "--json", *FEW)
    facts = json.loads(jinc("upscale", upscaler, "--out", tmp_path / "o", *words).out)
    assert (facts["images"], facts["factor"]) == (2, 2)
    assert pixels(tmp_path / "o" / "a-0.png").shape == (8, 12)
    expected = []
    for file in files:
        made = floats(tmp_path / "o" / f"{file.stem}-0.png")
        real = floats(file)[..., : made.shape[2], :]
        expected.append(10 * float((4 / (made - real).square().mean()).log10()))
    assert facts["psnr"]["upscaled"] == pytest.approx(np.mean(expected), abs=1e-3)
    assert 0 < facts["psnr"]["bicubic"] < 30
    assert all(Path(file).is_file() for file in facts["written"])
    shown = jinc("upscale", upscaler, "--out", tmp_path / "p", "--image", *files, "--shrink", *FEW)
    assert "PSNR: " in shown.out


def test_classes_guidance_and_noise(jinc, upscaler, picture, tmp_path) -> None:
    made = set()
    for k, words in enumerate(
        ((), ("--class", 3), ("--class", 3, "--guidance", 4), ("--level", 5), ("--sampler", "ddpm"))
    ):
        words = ("--image", picture("a.png", 4, 4, 1), *words, "--device", "cpu")
        assert jinc("upscale", upscaler, "--out", tmp_path / str(k), *words).code == 0
        made.add((tmp_path / str(k) / "a-0.png").read_bytes())
    assert len(made) == 5


def test_info_names_an_upscaler(jinc, upscaler) -> None:
    for source in (upscaler, upscaler / "model"):
        facts = json.loads(jinc("info", source, "--json").out)
        assert (facts["enlarges"], facts["most_noise"], facts["beside"]) == (2, 5, 1)
        assert facts["spread"] > 0
    assert "enlarges" in jinc("info", upscaler).out


def test_a_dry_run_knows_what_is_shown_beside(jinc, tiny) -> None:
    said = jinc("train", *tiny, "--upscale", 2, "--dry-run")
    assert said.code == 0
    assert "GFLOP" in said.out


@pytest.mark.parametrize("folder", ["", "model"])
def test_no_model_is_taken_for_another(jinc, upscaler, trained, picture, tmp_path, folder) -> None:
    out = ("--out", tmp_path / "o")
    said = jinc("sample", upscaler / folder, *out)
    assert said.code == 2
    assert said.err == f"jinc: {upscaler / 'model'}: is an upscaler; see jinc upscale\n"
    said = jinc("upscale", trained / folder, "--image", picture("a.png", 4, 4), *out)
    assert said.code == 2
    assert said.err == (
        f"jinc: {trained / 'model'}: is a model of images, not an upscaler; see jinc sample\n"
    )
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "--image"),
        (("--image", "no.png"), "no.png"),
        (("--image", "PICTURE", "--level", "6"), "--level: 6 is not from 0 to 5"),
        (("--image", "PICTURE", "--level", "-1"), "--level: -1 is not from 0 to 5"),
        (("--image", "PICTURE", "--class", "cat"), "--prompt: 'cat' is no class of this model"),
        (("--image", "PICTURE", "-n", "0"), "--number: 0"),
        (("--image", "PICTURE", "--steps", "11"), "11"),
        (("--image", "DOT", "--shrink"), "dot.png is smaller than 2×2 pixels"),
        (("--image", "PICTURE", "--embeddings", "e.safetensors"), "does not take texts"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input(jinc, upscaler, picture, tmp_path, words, says) -> None:
    files = {"PICTURE": picture("a.png", 4, 4), "DOT": picture("dot.png", 1, 1)}
    said = jinc(
        "upscale", upscaler, "--out", tmp_path / "o", *(files.get(word, word) for word in words)
    )
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert says in said.err
    assert not (tmp_path / "o").exists()
