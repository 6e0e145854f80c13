"""What commands leave in a folder: what they made, with a record, and everything of others."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.cli import main
from jinc.cli.provenance import begin_results, check_results, read_provenance
from jinc.data import save_images
from jinc.errors import JincError
from jinc.locks import alone
from jinc.manifest import check_manifest

FEW = ("--steps", 2, "--device", "cpu")
PICTURES = ("strip.png", "denoising.gif")

COMMANDS = {
    "sample": (("sample", "MODEL", "-n", 2), "grid.png", "images"),
    "illusion": (("illusion", "anagram", "MODEL", "-n", 1, "--class", 6, 9), "sheet.png", ""),
    "edit": (("edit", "MODEL", "--image", "PHOTO", "--strength", 0.5), "photo-0.5-0.png", "edits"),
    "inpaint": (
        ("inpaint", "MODEL", "--image", "PHOTO", "--mask", "2,2,4,4", "--times", 1),
        "photo-0.png",
        "inpaintings",
    ),
    "compare": (("compare", "MODEL", "-n", 2, "--levels", 3), "forward.png", "comparisons"),
    "upscale": (("upscale", "UPSCALER", "--image", "PHOTO"), "photo-0.png", "enlargements"),
}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def mine(folder: Path, *names: str) -> Path:
    """Make a folder of somebody's own files."""
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"mine " + name.encode())
    return folder


@pytest.fixture(scope="module")
def upscaler(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("upscaler") / "run"
    main(["train", "--out", str(folder), *tiny, "--upscale", "2"])
    return folder


@pytest.fixture
def call(jinc, guidable, upscaler, tmp_path) -> Callable:
    """Run one of the commands."""
    photo = tmp_path / "photo.png"
    noise = np.random.default_rng(0).integers(0, 256, (8, 9), np.uint8)
    Image.fromarray(noise).save(photo)
    places = {"MODEL": guidable, "UPSCALER": upscaler, "PHOTO": photo}

    def run(name: str, out: Path, *more: object):
        words = COMMANDS[name][0]
        return jinc(*(places.get(word, word) for word in words), "--out", out, *FEW, *more)

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_files_of_others_are_left_alone(call, tmp_path, name) -> None:
    own, result = mine(tmp_path / "mine", *PICTURES, "notes.txt"), COMMANDS[name][1]
    before = files(own)
    assert call(name, own).code == 0
    assert before.items() <= files(own).items()
    assert result in files(own)
    for file in (result, *PICTURES):
        out = mine(tmp_path / f"only-{file}", file)
        said = call(name, out, "--strip", "--gif")
        assert (said.code, said.out) == (2, "")
        reason = "was not written by jinc; choose another folder"
        assert said.err == f"jinc: --out: {out / file} {reason}\n"
        assert files(out) == {file: b"mine " + file.encode()}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_command_again_replaces_what_it_made(call, tmp_path, name) -> None:
    out = tmp_path / "o"
    assert call(name, out, "--strip", "--gif").code == 0
    first = files(out)
    (out / "notes.txt").write_bytes(b"mine")
    assert call(name, out).code == 0
    assert {*files(out)} == {*first} - {*PICTURES} | {"notes.txt"}
    record = json.loads((out / "provenance.json").read_text())
    assert {*record["written"]} == {*files(out)} - {"provenance.json", "notes.txt"}
    assert (record["seed"], record["holds"]) == (0, COMMANDS[name][2] or "illusions")
    assert record["weights"]


def test_a_folder_with_provenance_under_its_former_name(call, tmp_path) -> None:
    out = tmp_path / "o"
    assert call("sample", out, "--strip").code == 0
    facts, first = read_provenance(out), files(out)
    (out / "provenance.json").rename(out / "made.json")
    assert read_provenance(out) == facts
    refusal = call("edit", out)
    assert f"--out: {out} holds images, not edits (made.json)" in refusal.err
    assert call("sample", out).code == 0
    assert {*files(out)} == {*first} - {"strip.png"}


def test_no_command_takes_the_results_of_another(call, tmp_path) -> None:
    out = tmp_path / "o"
    assert call("edit", out).code == 0
    before = files(out)
    for name in COMMANDS:
        if name != "edit":
            said = call(name, out)
            assert said.code == 2
            assert f"--out: {out} holds edits, not " in said.err
    assert files(out) == before


def test_another_strength_leaves_no_result_of_the_former(call, tmp_path) -> None:
    out = tmp_path / "o"
    for share in (0.7, 0.9):
        assert call("edit", out, "--strength", share).code == 0
        assert f"photo-{share}-0.png" in files(out)
    assert "photo-0.7-0.png" not in files(out)


def test_a_result_that_is_read_is_not_replaced(call, tmp_path) -> None:
    out = tmp_path / "o"
    assert call("edit", out).code == 0
    before = files(out)
    said = call("edit", out, "--image", out / "photo-0.5-0.png")
    assert said.code == 2
    assert f"input file {out / 'photo-0.5-0.png'} would be replaced" in said.err
    assert files(out) == before


def test_probes_and_scores_take_nothing_of_others(jinc, trained, tmp_path) -> None:
    own = mine(tmp_path / "mine", "levels.png", "scores.md")
    before = files(own)
    said = jinc("probe", trained, "-n", 1, "--out", own)
    assert (said.code, str(own / "levels.png") in said.err) == (2, True)
    said = jinc("evaluate", trained, "--against", "digits", "--features", "pixels", "--out", own)
    assert (said.code, str(own / "scores.md") in said.err) == (2, True)
    assert files(own) == before


def test_a_record_names_nothing_outside_its_folder(tmp_path) -> None:
    outside = tmp_path / "outside.png"
    outside.touch()
    out = tmp_path / "o"
    begin_results(out, "edits", {}, ["a.png", "../outside.png", str(outside), ".."])
    (out / "a.png").touch()
    begin_results(out, "edits", {}, ["b.png"])
    assert outside.exists()
    assert {*files(out)} == {"provenance.json"}
    assert read_provenance(out) is None  # no numbered images


def test_a_record_of_others_is_one(tmp_path) -> None:
    (mine(tmp_path / "o") / "provenance.json").write_text('{"made": "by hand"}')
    with pytest.raises(JincError, match=r"provenance\.json was not written by jinc"):
        check_results(tmp_path / "o", "edits", [])


def test_numbered_images_are_one_set(tmp_path) -> None:
    """A number beyond those that will be written would be read among them."""
    begin_results(tmp_path / "o", "images", {"seed": 3}, ["000000.png"])
    save_images(tmp_path / "o", torch.zeros(1, 1, 2, 2))
    check_results(tmp_path / "o", "images", ["000000.png"])
    assert read_provenance(tmp_path / "o") == {"holds": "images", "seed": 3}
    save_images(tmp_path / "o", torch.zeros(1, 1, 2, 2), start=7)
    with pytest.raises(JincError, match=r"000007\.png was not written by jinc"):
        check_results(tmp_path / "o", "images", ["000000.png"])


def test_nothing_is_added_to_a_model(jinc, call, trained_copy, tmp_path) -> None:
    model = trained_copy / "model"
    for name in COMMANDS:
        said = call(name, model / "inside")
        assert (said.code, said.out) == (2, "")
        assert f"--out: {model} is sealed by its manifest; choose another folder" in said.err
    assert jinc("rotate", trained_copy, "--out", model / "a.gif", *FEW).code == 2
    check_manifest(model)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "upscale"])
def test_what_is_not_finite_replaces_nothing(call, tmp_path, name) -> None:
    """Also not a folder that is not there yet."""
    words = ("--guidance", 1e308, "--no-clip", "--strip")
    words += () if name == "illusion" else ("--class", 6)
    assert call(name, tmp_path / "o").code == 0
    before = files(tmp_path / "o")
    for out in (tmp_path / "o", tmp_path / "new" / "o"):
        said = call(name, out, *words)
        assert said.code == 2
        assert "the model's predictions are not finite: --guidance 1e+308" in said.err
    assert files(tmp_path / "o") == before
    assert not (tmp_path / "new").exists()


def test_an_interrupted_upscale_leaves_no_folder(call, tmp_path, monkeypatch) -> None:
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("jinc.cli.upscale.upscale_in_turn", interrupted)
    assert call("upscale", tmp_path / "o").code == 130
    assert not (tmp_path / "o").exists()


def test_two_commands_do_not_write_to_one_folder(call, jinc, guidable, tiny, tmp_path) -> None:
    out = tmp_path / "o"
    said = "is writing there; wait for its end, or take another folder"
    with alone(out):
        for name in COMMANDS:
            refusal = call(name, out)
            assert (refusal.code, refusal.out) == (2, "")
            assert refusal.err.startswith(f"jinc: {out}: process ")
            assert refusal.err.endswith(said + "\n")
        for refusal in (
            jinc("train", "--out", out, *tiny),
            jinc("rotate", guidable, "--out", out, *FEW),
            jinc("probe", guidable, "--out", out, *FEW),
            jinc("evaluate", guidable, "--against", "digits", "--out", out),
        ):
            assert (refusal.code, said in refusal.err) == (2, True), refusal
    assert not out.exists()
    assert call("sample", out).code == 0


def test_images_that_are_not_all_there_are_not_scored(jinc, call, tmp_path) -> None:
    out = tmp_path / "o"
    assert call("sample", out).code == 0
    (out / "000001.png").unlink()
    said = jinc("evaluate", out, "--against", "digits", "--features", "nowhere")
    assert said.code == 2
    with pytest.raises(JincError, match=r"is missing 1 image .* 000001\.png; generate"):
        read_provenance(out)


def test_images_that_no_record_names_are_not_scored(tmp_path) -> None:
    begin_results(tmp_path, "images", {}, ["000000.png"])
    save_images(tmp_path, torch.zeros(1, 1, 2, 2))
    assert read_provenance(tmp_path) is not None
    save_images(tmp_path, torch.zeros(1, 1, 2, 2), start=9)
    with pytest.raises(JincError, match=r"does not name 1 image there, such as 000009\.png; move"):
        read_provenance(tmp_path)
