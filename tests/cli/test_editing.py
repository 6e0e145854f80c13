"""`jinc edit`, `inpaint` and `illusion`: pictures of any size, made anew in their place."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.cli import main
from jinc.nn import Network

FEW = ("--steps", 3, "--device", "cpu")


@pytest.fixture
def photo(tmp_path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture)


def test_edit_at_every_strength(jinc, trained_on_classes, photo, tmp_path) -> None:
    words = ("--image", photo, "--class", 3, "-n", 2, "--strength", "1", "0.5", "--strip", "--gif")
    said = jinc("edit", trained_on_classes, "--out", tmp_path / "o", *words, *FEW)
    assert (said.code, said.out[:9]) == (0, "4 results")
    names = {path.name for path in (tmp_path / "o").iterdir()}
    results = {f"photo-{share}-{copy}.png" for share in ("1", "0.5") for copy in (0, 1)}
    assert names == results | {"sheet.png", "strip.png", "denoising.gif", "provenance.json"}
    before = pixels(photo)
    for name in results:
        after = pixels(tmp_path / "o" / name)
        assert after.shape == (20, 30, 3)
        assert np.array_equal(after[:, :5], before[:, :5])  # beside the square in the middle
        assert not np.array_equal(after[:, 5:25], before[:, 5:25])
    first, second = (pixels(tmp_path / "o" / f"photo-1-{copy}.png") for copy in (0, 1))
    assert not np.array_equal(first, second)


def test_rows_of_a_sheet_tell_copies_apart(jinc, trained, photo, tmp_path, monkeypatch) -> None:
    shown, blank = [], np.zeros((4, 4, 3), np.uint8)
    sheet = "jinc.cli.edit.enlarged_sheet"
    monkeypatch.setattr(sheet, lambda _, rows, columns: shown.append(rows) or blank)
    digit = shutil.copy(photo, tmp_path / "digit.png")
    words = ("--image", photo, digit, "--strength", 0.5, "--out", tmp_path / "o", *FEW)
    for number in (1, 2):
        assert jinc("edit", trained, *words, "-n", number).code == 0
    assert shown == [["photo", "digit"], ["photo 0", "digit 0", "photo 1", "digit 1"]]


def test_edit_by_the_indices_of_the_course(jinc, trained, photo, tmp_path) -> None:
    words = ("--image", photo, "--index", 1, 2, "--stride", 2, "--json", "--device", "cpu")
    facts = json.loads(jinc("edit", trained, "--out", tmp_path / "o", *words).out)
    assert facts["starts"] == ["index 1", "index 2"]
    assert all(Path(file).is_file() for file in facts["written"])


@pytest.mark.parametrize("command", [("edit", "--strength", 0.7), ("inpaint", "--times", 2)])
def test_what_is_not_masked_stays_to_the_byte(jinc, trained, photo, tmp_path, command) -> None:
    words = ("--image", photo, "--mask", "10,5,8,6", "--out", tmp_path / "o", *FEW)
    assert jinc(command[0], trained, *command[1:], "--jump", 1, *words).code == (
        2 if command[0] == "edit" else 0
    )  # there are no jumps in an edit
    assert jinc(command[0], trained, *command[1:], *words).code == 0
    (file,) = (tmp_path / "o").glob("photo-*.png")
    before, after = pixels(photo), pixels(file)
    inside = np.zeros((20, 30), bool)
    inside[5:11, 10:18] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert not np.array_equal(before[inside], after[inside])


def test_inpainting_looks_about_the_mask(jinc, trained, photo, tmp_path) -> None:
    words = ("--image", photo, "--mask", "0,0,4,4", "--around", 0.5, "--times", 1, *FEW)
    assert jinc("inpaint", trained, "--out", tmp_path / "o", *words).code == 0
    changed = (pixels(tmp_path / "o" / "photo-0.png") != pixels(photo)).any(-1)
    assert changed[:4, :4].any()
    changed[:4, :4] = False
    assert not changed.any()


def test_the_crop_goes_where_the_mask_is(jinc, trained, photo, tmp_path) -> None:
    words = ("--image", photo, "--times", 1, *FEW, "--out", tmp_path / "o")
    assert jinc("inpaint", trained, *words, "--mask", "0,0,6,20").code == 0
    changed = (pixels(tmp_path / "o" / "photo-0.png") != pixels(photo)).any(-1)
    assert changed[:, :6].any(0).all()  # the middle of 30 by 20 pixels begins at 5
    assert not changed[:, 6:].any()
    said = jinc("inpaint", trained, *words, "--mask", "0,0,25,20")
    assert said.code == 2
    assert "extends beyond 5,0,20,20, the part of the image that is used; --fit pad" in said.err


@pytest.mark.parametrize(("batch", "rows"), [((), {2}), (("--batch", 1), {1})])
def test_no_more_images_are_worked_on_than_are_wanted(
    jinc, trained, photo, tmp_path, monkeypatch, batch, rows
) -> None:
    seen, ask = set(), Network.__call__
    monkeypatch.setattr(Network, "__call__", lambda s, x, *a: seen.add(len(x)) or ask(s, x, *a))
    words = ("--image", photo, "-n", 2, "--strength", 0.5, *FEW, *batch, "--out", tmp_path / "o")
    assert jinc("edit", trained, *words).code == 0
    assert seen == rows
    said = jinc("edit", trained, "--image", photo, "--batch", 0, "--out", tmp_path / "p")
    assert said.err == "jinc: --batch: 0 is not from 1 to 65,536\n"


def test_anagrams_and_hybrids(jinc, trained_on_classes, tmp_path) -> None:
    views = ("--view", "identity", "rotate 37 then hflip", "--reduction", "sum")
    words = ("--class", 3, 7, "-n", 2, *FEW)
    for command in (("anagram", *views), ("hybrid", "--std", 0.5)):
        out = tmp_path / command[0]
        all_words = (trained_on_classes, "--out", out, *command[1:], *words, "--json")
        said = jinc("illusion", *command[:1], *all_words)
        assert said.code == 0
        written = {"000000.png", "000001.png", "sheet.png"}
        assert {*json.loads(said.out)["written"]} == {str(out / name) for name in written}
        assert {path.name for path in out.iterdir()} == written | {"provenance.json"}


@pytest.fixture(scope="module")
def upscaler(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second stage for digits of 8×8."""
    folder = tmp_path_factory.mktemp("upscaler") / "run"
    main(["train", "--out", str(folder), *tiny, "--upscale", "2", "--image-size", "16"])
    return folder


@pytest.mark.parametrize("command", [("anagram", "--view", "identity", "puzzle 2"), ("hybrid",)])
def test_illusions_through_a_second_stage_that_move(
    jinc, trained_on_classes, upscaler, tmp_path, command
) -> None:
    words = ("--class", 3, 7, "-n", 2, "--second", upscaler, "--animation", "webp", *FEW)
    out = tmp_path / "o"
    said = jinc("illusion", command[0], trained_on_classes, "--out", out, *command[1:], *words)
    assert said.code == 0, said
    assert {path.name for path in out.iterdir()} == {
        *(f"00000{number}.{kind}" for number in (0, 1) for kind in ("png", "webp")),
        *("sheet.png", "provenance.json"),
    }
    assert pixels(out / "000000.png").shape == (16, 16)
    with Image.open(out / "000001.webp") as film:
        assert film.n_frames > 20


def test_a_view_acts_at_the_larger_size(jinc, trained_on_classes, upscaler, tmp_path) -> None:
    """What is seen on the sheet is the view of the larger picture: pieces of 8 pixels, not of 4."""
    views = ("--view", "identity", "square_hinge 2", "--class", 3, 7, "-n", 1)
    words = ("--second", upscaler, "--out", tmp_path / "o", *FEW)
    assert jinc("illusion", "anagram", trained_on_classes, *views, *words).code == 0
    made = pixels(tmp_path / "o" / "000000.png")
    sheet = pixels(tmp_path / "o" / "sheet.png")
    turned = [np.rot90(made[:8, :8], -1), np.rot90(made[:8, 8:], 1)]
    top = np.kron(np.concatenate(turned, 1), np.ones((8, 8)))  # enlarged to 128 pixels
    places = np.lib.stride_tricks.sliding_window_view(sheet[..., 0], top.shape)[::1, ::1]
    assert any((window == top).all() for row in places for window in row)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("edit",), "--image"),
        (("edit", "--image", "PHOTO", "--strength", "0"), "--strength must be in (0, 1], got 0"),
        (("edit", "--image", "PHOTO", "--index", "99"), "--index must be"),
        (("edit", "--image", "PHOTO", "--index", "1", "--strength", "1"), "--index"),
        (("edit", "--image", "no.png"), "no.png"),
        (("edit", "--image", "PHOTO", "--feather", "2"), "--feather: has no effect without --mask"),
        (("edit", "--image", "PHOTO", "--prompt", "a cat"), "--prompt: 'a cat' to a model"),
        (("inpaint", "--image", "PHOTO"), "--mask: missing; give a mask file"),
        (("inpaint", "--image", "PHOTO", "--mask", "0,0,40,4"), "reaches beyond the picture"),
        (("inpaint", "--image", "PHOTO", "--mask", "OTHER"), "the mask has 8×8 pixels, its"),
        (("inpaint", "--image", "PHOTO", "--mask", "alpha"), "is nowhere transparent"),
        (("inpaint", "--image", "PHOTO", "--mask", "0,0,4,4", "--times", "0"), "--times: 0"),
        (
            ("inpaint", "--image", "PHOTO", "--mask", "0,0,4,4", "--sampler", "dpm++"),
            "--sampler: dpm++ cannot jump back to higher noise levels; choose one of ddim",
        ),
        (
            ("inpaint", "--image", "PHOTO", "--mask", "0,0,4,4", "--sampler", "adaptive"),
            "--sampler: adaptive gives each image its own noise level",
        ),
        (("illusion", "anagram", "--prompt", "3"), "--prompt: '3' to a model that was trained wi"),
        (("illusion", "anagram"), "--prompt: 0 for 2 views"),
        (
            ("illusion", "anagram", "--view", "hflop"),
            "--view: no view is called 'hflop'; did you mean hflip?",
        ),
        (("illusion", "hybrid", "--by", "colour"), "--by: colour needs a colour model"),
        (("illusion", "hybrid", "--std", "0"), "--std: 0.0"),
        (("edit", "--image", "PHOTO", "-n", "1001"), "--number: 1,001 results exceed"),
        (("edit", "--image", "PHOTO", "-n", "200"), "--number: 1,200 results exceed"),
        (("inpaint", "--image", "PHOTO", "--mask", "1e308%,0,5,5"), "'1e308%' is no number of pi"),
        (("inpaint", "--image", "PHOTO", "--mask", "0,0,5,1e999"), "'1e999' is no number of pixe"),
        (
            ("inpaint", "--image", "PHOTO", "--mask", "0,0,4,4", "--times", "1000000000"),
            "--times: 1,000,000,000 is not from 1 to 100",
        ),
        (("illusion", "hybrid", "--level", "1"), "--prompt: got 0, a hybrid by distance needs 2"),
        (("illusion", "anagram", "-n", "1000"), "--number: 1,000 is not from 1 to 400"),
        (("illusion", "anagram", "--view", "rotate 1e308"), "--view: angle: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input(refused, trained, photo, tmp_path, words, says) -> None:
    Image.new("L", (8, 8), 255).save(tmp_path / "other.png")
    files = {"PHOTO": photo, "OTHER": tmp_path / "other.png"}
    command = 2 if words[0] == "illusion" else 1
    options = [files.get(word, word) for word in words[command:]]
    refused(*words[:command], trained, "--out", tmp_path / "o", *options, says=says)
    assert not (tmp_path / "o").exists()
