"""A score does not depend on how files are stored, and says what was compared."""

import json
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.metrics import DigitClassifier, save_digit_classifier

COUNT, SIZE = 40, 12


@pytest.fixture
def colours() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def judge(tmp_path):
    """A network that sees colours, eight numbers an image."""
    torch.manual_seed(0)
    layers = torch.nn.AdaptiveAvgPool2d(3), torch.nn.Flatten(), torch.nn.Linear(27, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.Sequential(*layers)).save(tmp_path / "judge.pt")
    return ("--features", f"torchscript:{tmp_path / 'judge.pt'}", "--allow-torchscript")


@pytest.fixture
def judged(jinc, judge):
    """Score a set against another; return what JSON says."""

    def run(source, against, *words):
        judging = (*judge, "--only", "frechet", *words, "--json")
        said = jinc("evaluate", source, "--against", against, *judging)
        assert said.code == 0, said
        return json.loads(said.out)

    return run


def written(folder, pictures, save):
    folder.mkdir()
    for number, picture in enumerate(pictures):
        save(Image.fromarray(picture), folder / f"{number:06d}.png")
    return folder


def sixteen_bits(picture: Image.Image, file) -> None:
    Image.fromarray(np.asarray(picture).astype(np.uint16) * 257).save(file)


STORED = {
    "grey": lambda picture, file: picture.save(file),
    "rgb": lambda picture, file: picture.convert("RGB").save(file),
    "palette": lambda picture, file: picture.convert("P").save(file),
    "grey and alpha": lambda picture, file: picture.convert("LA").save(file),
    "rgb and alpha": lambda picture, file: picture.convert("RGBA").save(file),
    "16 bits": sixteen_bits,
}


def test_grey_images_against_colours_in_all_ways_to_store_them(
    jinc, judge, judged, colours, tmp_path
) -> None:
    real = written(tmp_path / "real", colours, lambda picture, file: picture.save(file))
    assert jinc("features", "statistics", real, *judge, "--out", tmp_path / "real.npz").code == 0
    pictures = [np.asarray(Image.fromarray(picture).convert("L")) for picture in colours]
    found = []
    for name, save in STORED.items():
        made = written(tmp_path / name, pictures, save)
        for against in (real, tmp_path / "real.npz") if name in ("grey", "rgb") else (real,):
            facts = judged(made, against)
            found.append(facts["scores"]["frechet"]["value"])
            assert (facts["compared"]["grey"], facts["compared"]["real_grey"]) == (True, False)
            assert "generated images are grey, real ones in colour" in str(facts["compared"])
    assert found[0] > 0.01
    assert found == pytest.approx([found[0]] * len(found), rel=1e-6)


def test_grey_against_grey_is_grey_however_stored(judged, colours, tmp_path) -> None:
    pictures = [np.asarray(Image.fromarray(picture).convert("L")) for picture in colours]
    grey, rgb = (written(tmp_path / name, pictures, STORED[name]) for name in ("grey", "rgb"))
    for one, other in ((grey, rgb), (rgb, grey), (grey, grey)):
        facts = judged(one, other)
        assert facts["scores"]["frechet"]["value"] == pytest.approx(0, abs=1e-5)
        assert facts["compared"]["remarks"] == []


def test_statistics_of_another_size_are_refused(jinc, judge, judged, colours, tmp_path) -> None:
    real = written(tmp_path / "real", colours, STORED["rgb"])
    words = (*judge, "--out", tmp_path / "s.npz", "--image-size", 9)
    assert jinc("features", "statistics", real, *words).code == 0
    (told,) = judged(real, tmp_path / "s.npz")["compared"]["remarks"]
    assert told.startswith("the statistics are of images of 9×9 pixels, these have 12×12")


def test_a_network_that_sees_no_colours_says_so(jinc, judged, colours, tmp_path) -> None:
    real = written(tmp_path / "real", colours, STORED["rgb"])
    save_digit_classifier(tmp_path / "grey", DigitClassifier(), "mnist", {})
    said = jinc("evaluate", real, "--against", real, "--features", tmp_path / "grey")
    assert "mnist-classifier converts images to grey: colours do not count" in said.out
    assert "40 images of real against 40 of real, 12×12 pixels" in said.out
    assert "kernel distance (mnist-classifier): unbiased, so it can fall below 0" in said.out


def test_a_half_written_folder_is_refused(refused, jinc, judge, trained, tmp_path) -> None:
    out = tmp_path / "samples"
    words = ("--steps", 2, "--device", "cpu", "-n", 16)
    assert jinc("sample", trained, "--out", out, *words).code == 0
    (out / "000003.png").unlink()
    said = jinc("evaluate", out, "--against", "digits", *judge)
    assert (said.code, said.out) == (2, "")
    assert "is missing 1 image that provenance.json" in said.err.splitlines()[-1]


def test_a_record_that_is_no_json(jinc, judge, judged, trained, tmp_path) -> None:
    out = tmp_path / "samples"
    words = ("--steps", 2, "--device", "cpu", "-n", 4)
    assert jinc("sample", trained, "--out", out, *words).code == 0
    for text in ('{"holds": "images", "eta": NaN}', "[" * 10_000, "3", '{"holds": [1]}'):
        (out / "provenance.json").write_text(text)
        words = ("evaluate", out, "--against", "digits", *judge)
        if text.startswith('{"holds": ['):
            assert judged(out, "digits")["made_with"] is None
        else:
            said = jinc(*words, "--json")
            assert (said.code, said.out) == (2, "")
            assert "provenance.json: " in said.err.splitlines()[-1]


def test_options_of_models_are_not_for_images(refused, judge, judged, colours, tmp_path) -> None:
    real = written(tmp_path / "real", colours, STORED["rgb"])
    words = ("evaluate", real, "--against", real, *judge)
    for option, value in (("--steps", 5), ("--guidance", 3), ("--sampler", "ddpm")):
        refused(*words, option, value, says=f"{option}: is for models; images in files")
    refused(*words, "--class", "cat", says="--prompt: is for models")
    assert judged(real, real, "--seed", 3)["scores"]
