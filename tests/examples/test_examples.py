"""Every example runs on a tiny model, and does what it says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc import data
from jinc.diffusion import low_pass, quarter_turns
from jinc.signal import block_mean

pytestmark = pytest.mark.slow


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as opened:
        return np.asarray(opened)


def seen(file: Path) -> np.ndarray:
    """What a picture shows, which is not nothing."""
    found = pixels(file)
    assert len(np.unique(found)) > 20
    return found


def far(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).square().mean().sqrt())


def test_guidance(example, run, tmp_path) -> None:
    """Without any, the prompt is forgotten; the more of it, the further away it leads."""
    made = [example("guidance", run, tmp_path / "o.png", *words)["made"] for words in ("37", "48")]
    seen(tmp_path / "o.png")
    apart = [far(one, other) for one, other in zip(*made, strict=True)]
    assert apart[0] == 0
    assert 0 < apart[1] < apart[2] < apart[3]


def test_compare(example, run, picture, tmp_path) -> None:
    found = example("compare", run, picture, tmp_path / "o.png")
    seen(tmp_path / "o.png")
    assert found["levels"] == list(range(76, -1, -4))
    ways = found["ways"]
    alpha_bar = float(found["model"].schedule.alpha_bar(76))
    noise = (ways["noisy"] - alpha_bar**0.5 * ways["clean"]) / (1 - alpha_bar) ** 0.5
    assert 0.6 < float(noise.square().mean()) < 1.5
    assert float(ways["blurred"].var()) < 0.7 * float(ways["noisy"].var())
    answers = [ways[name] for name in ("blurred", "one step", "20 steps")]
    assert all(far(*pair) > 0.01 for pair in zip(answers, answers[1:] + answers[:1], strict=True))


def test_edit(example, run, picture, tmp_path) -> None:
    """The less noise, the more is left; and a prompt counts."""
    columns = example("edit", run, picture, tmp_path / "o.png")["columns"]
    told = example("edit", run, picture, tmp_path / "o.png", "4")["columns"]
    seen(tmp_path / "o.png")
    photo, *edited = columns.values()
    distances = [far(photo, each) for each in edited]
    assert 0 < distances[0] < 0.9 * distances[-1], distances
    assert far(columns["0.9"], told["0.9"]) > 0.01


def test_inpaint(example, run, picture, tmp_path) -> None:
    example("inpaint", run, picture, "10,5,8,6", tmp_path / "o.png", "3")
    before, after = pixels(picture), seen(tmp_path / "o.png")
    inside = np.zeros((20, 30), bool)
    inside[5:11, 10:18] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert not np.array_equal(before[inside], after[inside])


def test_anagram(example, run, tmp_path) -> None:
    """Both rows are one picture; what is asked upside down counts as much as what is asked."""
    found = [example("anagram", run, tmp_path / "o.png", *words)["seen"] for words in ("37", "73")]
    seen(tmp_path / "o.png")
    for one in found:
        assert torch.equal(quarter_turns(2)(one[0]), one[1])
        assert far(one[0], one[1]) > 0.01
    again = example("anagram", run, tmp_path / "o.png", 3, 4)["seen"]
    assert far(found[0], again) > 0.01


def test_hybrid(example, run, tmp_path) -> None:
    first, second = (
        example("hybrid", run, tmp_path / "o.png", *words)["seen"] for words in ("37", "34")
    )
    seen(tmp_path / "o.png")
    assert torch.equal(low_pass(2)(first[1]), first[0])
    assert far(first[0], first[1]) > 0.01
    near = far(first[1] - first[0], second[1] - second[0])
    assert far(first[0], second[0]) < near > 0.01  # another one close by changes little from afar


def test_upscale(example, upscaler, picture, tmp_path) -> None:
    """What is made larger is the small picture again when it is made smaller."""
    found = example("upscale", upscaler, picture, tmp_path / "o.png")
    seen(tmp_path / "o.png")
    small, larger = found["small"], found["larger"]
    assert larger.shape == (1, 2, 1, 16, 16)
    torch.testing.assert_close(block_mean(larger[:, 1], 2), small, rtol=0, atol=1e-5)
    assert far(larger[:, 0], larger[:, 1]) > 0.01


def test_symmetrize(example, run, tmp_path, capsys) -> None:
    found = example("symmetrize", run, tmp_path / "o.png")
    seen(tmp_path / "o.png")
    torch.testing.assert_close(
        quarter_turns(1)(found["made"]), found["of_turned"], rtol=0, atol=1e-4
    )
    plain, even = (float(line.split()[-1]) for line in capsys.readouterr().out.splitlines()[-2:])
    assert even < 1e-4 < 1e-2 < plain


def test_invert(example, run, picture, tmp_path) -> None:
    """Ten times the steps are about a tenth of the error."""
    found = example("invert", run, picture, tmp_path / "o.png")["found"]
    seen(tmp_path / "o.png")
    few, many = (far(found["picture"], found[f"back, {steps} steps"]) for steps in (10, 100))
    assert many < few / 3


def test_the_course(example, run, upscaler, picture, tmp_path, monkeypatch, capsys) -> None:
    """All that CS180 prescribes in one call; what is there stays, what is missing comes again."""
    drawn, draw = [], data.contact_sheet

    def listed(images, rows, columns, **options):
        drawn.append((rows, columns))
        return draw(images, rows, columns, **options)

    monkeypatch.setattr(data, "contact_sheet", listed)
    words = (run, "--second", upscaler, "--out", tmp_path / "o", "--photo", picture)
    words += ("--own", picture, picture, "--web", picture, "--sketch", picture, picture)
    words += ("--mask", "25%,25%,50%,50%", "0,0,9,9", "50%,0,25%,100%", "--edits", 1, 2, 5)
    words += ("--anagram", 6, 9, "--anagram", 3, 7, "--anagram", 4, 2, "--hybrid", 1, 8)
    words += ("--prompts", 3, 7, "--device", "cpu")
    example("cs180", *words)
    files = {Path(line).stem: Path(line) for line in capsys.readouterr().out.splitlines()}
    sheets = dict(zip(files, drawn, strict=True))
    assert set(files) == {
        *("forward-process", "blur", "one-step", "iterative", "samples", "sdedit", "inpainting"),
        *("first-stage", "second-stage", "sdedit-text", "anagrams", "hybrids"),
    }
    levels = [f"t = {t}" for t in (76, 56, 36, 16)]  # of 120; of 1,000: 690, 540, 390, 240, 90
    assert sheets["iterative"][1] == ["photo", *levels, "clean", "one step", "blurred"]
    photos = ["photo", "own 1", "own 2"]
    assert sheets["inpainting"][0] == photos
    assert sheets["sdedit"][0] == [*photos, "web 1", "sketch 1", "sketch 2"]
    assert sheets["sdedit-text"][0] == ["photo: 1", "own 1: 2", "own 2: 5"]
    pairs = [("6", "9"), ("9", "6"), ("3", "7"), ("7", "3"), ("4", "2"), ("2", "4")]
    assert sheets["anagrams"][0] == [f"{up} (flipped: {down})" for up, down in pairs]
    assert sheets["hybrids"][0] == ["1 (near: 8)", "8 (afar: 1)"]
    shown = {name: seen(file) for name, file in files.items()}
    files["hybrids"].unlink()
    files["blur"].write_bytes(b"mine")
    example("cs180", *words)
    assert files["blur"].read_bytes() == b"mine"
    assert np.array_equal(pixels(files["hybrids"]), shown["hybrids"])


def test_convert_diffusers(example, tmp_path) -> None:
    diffusers = pytest.importorskip("diffusers")
    unet = diffusers.UNet2DModel(
        sample_size=16,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D",) * 2,
        up_block_types=("UpBlock2D",) * 2,
        norm_num_groups=8,
    )
    unet.save_pretrained(tmp_path / "unet")
    found = example("convert_diffusers", tmp_path / "unet", tmp_path / "converted")
    assert (tmp_path / "converted" / "jinc.json").is_file()
    assert found["model"].config.sample_size == 16
