"""`jinc compare`: a table for people, one object for machines, pictures, one line for bad input."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import load_images, to_float
from jinc.diffusion import SeededNoise, forward, generate, posterior
from jinc.metrics import CLASSICAL, ITERATIVE, ONE_STEP, psnr_of_each
from jinc.models import Model, SamplingPlan
from jinc.nn import UNet
from jinc.train import Run

QUICK = ("-n", 3, "--device", "cpu")


@pytest.fixture
def refused(jinc, tmp_path):
    """Expect one line with the words in it, and no folder made."""

    def check(*words: object, says: str | Path) -> None:
        said = jinc("compare", *words, "--out", tmp_path / "new")
        assert (said.code, said.out) == (2, ""), said
        assert said.err.startswith("jinc: ")
        assert said.err.count("\n") == 1, said.err
        assert str(says) in said.err
        assert not (tmp_path / "new").exists()

    return check


@pytest.fixture(scope="module")
def unguidable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows classes and has never been without one."""
    folder = tmp_path_factory.mktemp("unguidable") / "model"
    torch.manual_seed(0)
    network = UNet("A", width=4, levels=1, classes=2).eval()
    Model(network, (8, 12), ("cat", "dog"), "linear", 10).save(folder)
    return folder


@pytest.fixture
def photos(tmp_path) -> list[Path]:
    """Pictures of several sizes and kinds."""
    rng = np.random.default_rng(0)
    paths = []
    for name, size in (("a.png", (20, 30, 3)), ("b.webp", (9, 50, 4)), ("c.jpg", (8, 8))):
        paths.append(tmp_path / name)
        Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)).save(paths[-1])
    return paths


def test_for_people(jinc, trained, tmp_path) -> None:
    out = tmp_path / "new" / "compared"
    said = jinc("compare", trained, *QUICK, "--out", out)
    assert said.code == 0, said
    for words in ("PSNR in dB, mean of 3 images", "noisy", "one step", "iterative", "median"):
        assert words in said.out
    assert "3 of 1,797 images that it was trained on of digits: " in said.out
    assert {file.name for file in out.iterdir()} == {
        "comparison.png",
        "forward.png",
        "comparison.json",
        "provenance.json",
    }
    for name in ("comparison.png", "forward.png"):
        with Image.open(out / name) as picture:
            assert min(picture.size) > 300


def test_figures_are_those_of_the_images(jinc, trained, tmp_path) -> None:
    """Worked out again from the library: the same noise for all ways and levels."""
    words = ("--levels", "2", "90%", "--stride", 2, "--seed", 5, "--json")
    said = jinc("compare", trained, *QUICK, *words, "--out", tmp_path / "o")
    facts = json.loads(said.out, parse_constant=pytest.fail)
    assert (facts["levels"], facts["visited"]) == ([2, 9], [[2, 0], [9, 8, 6, 4, 2, 0]])
    assert list(facts["psnr"]) == [*CLASSICAL, ONE_STEP, ITERATIVE]
    model = Run.open(trained).model()
    x0 = to_float(load_images("digits").batch(np.linspace(0, 1796, 3).astype(int)))
    denoiser = SamplingPlan().denoiser(model, range(3))
    for place, (t, path) in enumerate(zip(facts["levels"], facts["visited"], strict=True)):
        noise = SeededNoise(5, range(3))
        x_t = forward(model.schedule, x0, t, noise(x0))
        with torch.no_grad():
            one = denoiser(x_t, torch.full((3,), t))
        many = generate(denoiser, model.schedule, x_t, method=posterior(), steps=path, noise=noise)
        noisy = x_t / model.schedule.alpha_bar(t).sqrt().float()
        for way, images in {"noisy": noisy, ONE_STEP: one, ITERATIVE: many}.items():
            expected = float(psnr_of_each(images, x0).mean())
            assert facts["psnr"][way][place] == pytest.approx(expected, abs=2e-3)
    written = json.loads((tmp_path / "o" / "comparison.json").read_text())
    assert written == {name: value for name, value in facts.items() if name != "written"}


def test_strips_and_gifs_and_none_of_them_left_behind(jinc, trained, tmp_path) -> None:
    jinc("compare", trained, *QUICK, "--out", tmp_path, "--strip", "--gif", "--levels", 9, 3)
    with Image.open(tmp_path / "denoising.gif") as film:
        assert film.n_frames == 11
    with Image.open(tmp_path / "strip.png") as strip:
        assert strip.width > 8 * 64
        assert strip.height > 3 * 64
    (tmp_path / "mine.png").touch()
    said = jinc("compare", trained, *QUICK, "--out", tmp_path, "--json")
    written = [Path(file).name for file in json.loads(said.out)["written"]]
    assert written == ["comparison.png", "forward.png"]
    others = {"comparison.json", "provenance.json", "mine.png"}
    assert {file.name for file in tmp_path.glob("*.*")} == {*written, *others}


def test_pictures_of_any_size(jinc, trained, photos, tmp_path) -> None:
    words = ("--images", *photos, "--out", tmp_path / "o", "--json", "--device", "cpu")
    facts = json.loads(jinc("compare", trained, *words).out)
    assert (facts["images"], facts["data"]) == (3, "3 images")


def test_a_model_with_classes_gets_those_of_the_images(jinc, trained_on_classes, tmp_path) -> None:
    def psnr(*words: object) -> dict[str, list[float]]:
        said = jinc("compare", trained_on_classes, "--out", tmp_path / "o", *words, "--json")
        assert said.code == 0, said
        return json.loads(said.out)["psnr"]

    labels = load_images("digits").labels[np.linspace(0, 1796, 3).astype(int)].tolist()
    quick = (*QUICK, "--levels", 5)
    own = psnr(*quick)
    assert own == psnr(*quick, "--class", *labels)
    other = psnr(*quick, "--class", *((label + 1) % 10 for label in labels))
    assert own["median"] == other["median"]
    assert own[ONE_STEP] != other[ONE_STEP]


def test_samplers_and_steps(jinc, trained, tmp_path) -> None:
    found = {}
    for words in ((), ("--sampler", "ddim"), ("--sampler", "ddim", "--steps", 2)):
        said = jinc("compare", trained, *QUICK, "--out", tmp_path, "--json", *words)
        facts = json.loads(said.out)
        found[words] = facts["psnr"][ITERATIVE]
        assert [path[0] for path in facts["visited"]] == facts["levels"] == [2, 5, 8]
        if "--steps" in words:
            assert facts["visited"] == [[2, 0], [5, 0], [8, 0]]
    assert len({tuple(row) for row in found.values()}) == 3


def test_edges_and_contrast_of_the_filters(jinc, trained, tmp_path) -> None:
    def measured(*words: str) -> dict:
        quick = (*QUICK, "--levels", 5, "--out", tmp_path, "--json")
        return json.loads(jinc("compare", trained, *quick, *words).out)

    usual, mirror, noisy = measured(), measured("--edges", "mirror"), measured("--no-restore")
    assert [each["edges"] for each in (usual, mirror)] == ["reflect", "mirror"]
    same = {way for way in usual["psnr"] if mirror["psnr"][way] == usual["psnr"][way]}
    assert same == {"noisy", ONE_STEP, ITERATIVE}
    assert [each["restored"] for each in (usual, noisy)] == [True, False]
    for way in (*CLASSICAL, ONE_STEP):
        assert (noisy["psnr"][way] == usual["psnr"][way]) == (way == ONE_STEP)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--levels", "10"], "--levels: '10' is not from 0 to 9, the levels of this model"),
        (["--levels", "100%"], "--levels: '100%' is not from 0 to 9"),
        (["--levels", "many"], "--levels: 'many' is not a noise level, such as 250, 25% or 0.25"),
        (["--levels", "2%3"], "--levels: '2%3' is not a noise level"),
        (["--levels", "nan"], "--levels: 'nan' is not a noise level"),
        (["--levels", "0.inf"], "--levels: '0.inf' is not a noise level"),
        (["--levels"], "--levels"),
        (["--stride", "0"], "--stride: 0 is not at least 1"),
        (["--steps", "0"], "--steps: 0 is not at least 1"),
        (["--steps", "3", "--stride", "2"], "--stride: excludes --steps"),
        (["--number", "0"], "--number: 0"),
        (["--number", "2001"], "--number: 2,001 is not from 1 to 2,000"),
        (["--seed", "-1"], "--seed: -1"),
        (["--class", "3"], "--prompt: '3' to a model that was trained without classes"),
        (["--guidance", "5"], "--guidance: this model was trained without"),
        (["--eta", "0.5"], "--eta: belongs to ddim, not to posterior"),
        (["--sampler", "dppm"], "--sampler"),
        (["--device", "toaster"], "toaster"),
        (["--data", "nowhere"], "nowhere: "),
        (["--images", "nowhere.png"], "nowhere.png: No such file"),
        (["--images", "nowhere.png", "--data", "digits"], "--data: has no effect with --images"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_options(refused, trained, options, says) -> None:
    refused(trained, *options, says=says)


def test_bad_pictures(refused, trained, photos, tmp_path) -> None:
    data = photos[0].read_bytes()
    (tmp_path / "half.png").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.png").write_text("text")
    for name in ("half.png", "text.png"):
        refused(trained, "--images", photos[1], tmp_path / name, says=f"{tmp_path / name}: ")


def test_a_model_of_classes_needs_a_valid_prompt(
    refused, unguidable, trained_on_classes, photos
) -> None:
    says = "--prompt: this model generates classes only"
    refused(unguidable, "--images", *photos, says=says)
    refused(unguidable, "--images", *photos, "--class", "dgo", says="did you mean dog?")
    refused(unguidable, says="--data: a model folder has no training data")
    says = "--guidance: this model was trained without --label-dropout"
    refused(unguidable, "--images", *photos, "--class", "cat", "--guidance", 3, says=says)


def test_guidance_needs_a_prompt(refused, jinc, guidable, tmp_path, photos) -> None:
    refused(guidable, "--images", *photos, "--guidance", 3, says="--guidance: needs a prompt")
    words = ("--images", photos[0], "--levels", 3, "--out", tmp_path / "o")
    assert jinc("compare", guidable, *words, "--guidance", 3, "--class", 5).code == 0
    assert jinc("compare", guidable, *words).code == 0


def test_places_that_cannot_be_written(jinc, trained, tmp_path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "inside"):
        said = jinc("compare", trained, "--out", out)
        assert (said.code, said.out) == (2, "")
        assert f"--out: {out}" in said.err


def test_what_is_no_model(refused, tmp_path, trained) -> None:
    refused(tmp_path / "nowhere", says="no such run or model folder")
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "model" / "model.safetensors").write_bytes(b"no")
    refused(tmp_path / "run", says="model.safetensors")
