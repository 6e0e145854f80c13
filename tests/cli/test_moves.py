"""`jinc rotate` and `jinc shift`: what they write, and what they refuse."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from jinc.cli.spans import pair_spans, parse_span
from jinc.errors import JincError
from jinc.models import Model
from jinc.train import Run

FEW = ("--steps", 2, "--device", "cpu")


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))


def frames(file: Path) -> list[np.ndarray]:
    found = []
    with Image.open(file) as picture:
        for index in range(picture.n_frames):
            picture.seek(index)
            found.append(np.asarray(picture.convert("RGB")))
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def refused(jinc: Callable, tmp_path: Path) -> Callable[..., None]:
    """Expect one line with the words in it, and nothing written."""

    def check(*words: object, says: str | Path) -> None:
        before = names(tmp_path)
        said = jinc(*words)
        assert (said.code, said.out) == (2, ""), said
        assert said.err.startswith("jinc: ")
        assert said.err.count("\n") == 1, said.err
        assert str(says) in said.err
        assert names(tmp_path) == before

    return check


def test_a_sweep_in_every_kind_of_file(jinc, trained, tmp_path) -> None:
    outs = [tmp_path / name for name in ("x.gif", "x.webp", "x.apng", "x.png", "all")]
    words = ("--angles", "-90:90:5", "-n", 3, "--scale", 2, *FEW)
    said = jinc("rotate", trained, "--out", *outs, *words)
    assert said.code == 0
    assert said.out == f"3 images, −90° to 90° in 5: {', '.join(map(str, outs))}\n"
    numbered = [f"00000{k}.png" for k in range(5)]
    assert names(tmp_path / "all") == [*numbered, "provenance.json", "sheet.png"]
    there = [pixels(tmp_path / "all" / f"00000{k}.png") for k in range(5)]
    assert there[0].shape == (2 + 2 * 18, 2 + 2 * 18, 3)  # 3 images, about square
    assert len({frame.tobytes() for frame in there}) == 5
    for out in outs[:3]:
        np.testing.assert_array_equal(frames(out), [*there, *there[3:0:-1]])
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "all" / "sheet.png").read_bytes()


def test_the_first_images_are_those_of_sample(jinc, trained_on_classes, tmp_path) -> None:
    words = ("-n", 2, "--class", 7, 3, "--seed", 4, *FEW)
    jinc("sample", trained_on_classes, "--out", tmp_path / "s", *words)
    plain = [pixels(tmp_path / "s" / f"00000{i}.png") for i in range(2)]
    for command, option in (("rotate", "--angles"), ("shift", "--right")):
        out = tmp_path / f"{command}.webp"
        said = jinc(command, trained_on_classes, option, 0, "--out", out, "--scale", 1, *words)
        assert said.code == 0
        (grid,) = frames(out)
        found = np.stack([grid[2:10, 2:10], grid[2:10, 12:20]]).astype(int)
        assert np.abs(found - plain).max() <= 1


def test_a_shift_goes_where_it_says(jinc, trained, tmp_path) -> None:
    """With one step the whole way is made at the end: what is generated is moved as it is."""
    words = ("--right=0:3:2", "--down", -1, "-n", 1, "--scale", 1, "--steps", 1, "--no-boomerang")
    said = jinc("shift", trained, "--out", tmp_path / "x.webp", "--json", *words)
    facts = json.loads(said.out)
    assert facts.pop("seconds") > 0
    assert facts == {
        "images": 1,
        "right": [0.0, 3.0],
        "down": [-1.0, -1.0],
        "frames": 2,
        "written": [str(tmp_path / "x.webp")],
    }
    there, further = (frame[2:-2, 2:-2] for frame in frames(tmp_path / "x.webp"))
    assert there.shape == (8, 8, 3)
    assert np.abs(np.roll(there, 3, axis=1).astype(int) - further).max() <= 1
    said = jinc("shift", trained, "--out", tmp_path / "x.png", *FEW)
    assert said.out == f"4 images, → 0 to → 8 in 9: {tmp_path / 'x.png'}\n"
    said = jinc("shift", trained, "--down=-1.5,1", "--out", tmp_path / "x.png", *FEW)
    assert said.out.startswith("4 images, ↑ 1.5 to ↓ 1 in 2")


def test_json_of_a_rotation(jinc, trained, tmp_path) -> None:
    words = ("--angles", "0,45.5", "--method", "spline", "--sampler", "ddpm", "--pace", "published")
    out = tmp_path / "x.gif"
    said = jinc("rotate", trained, *words, "--back", "--json", "--device", "cpu", "--out", out)
    facts = json.loads(said.out)
    assert (facts["angles"], facts["frames"], facts["images"]) == ([0.0, 45.5], 2, 4)
    assert frames(out)[0].shape == (2 + 2 * 130, 2 + 2 * 130, 3)  # seen at 128 pixels


def test_configuration_e_as_published(jinc, trained, tmp_path) -> None:
    """Its sampler, pace and spline, and noise that is the same for all angles and not turned.

    Clipped, for a network after six steps of training makes nothing but black and white of it.
    """
    published = ("--sampler", "published", "--clip", "--pace", "published", "--method", "spline")
    made = {}
    for noise in ("published", "turned"):
        words = ("--noise", noise, "-n", 1, "--angles", "0,90", "--scale", 1, "--device", "cpu")
        out = tmp_path / f"{noise}.webp"
        assert jinc("rotate", trained, *published, *words, "--out", out).code == 0
        made[noise] = frames(out)
    assert np.array_equal(made["published"][0], made["turned"][0])
    assert not np.array_equal(made["published"][1], made["turned"][1])


def test_an_mp4(jinc, trained, tmp_path, monkeypatch, refused) -> None:
    av = pytest.importorskip("av")
    out = tmp_path / "x.mp4"
    assert jinc("rotate", trained, "--angles", "0,90", "--out", out, "--fps", 5, *FEW).code == 0
    with av.open(str(out)) as container:
        assert container.streams.video[0].average_rate == 5
        assert len(list(container.decode(video=0))) == 2
    monkeypatch.setitem(sys.modules, "av", None)
    refused("rotate", trained, "--out", tmp_path / "y.mp4", says='pip install "jinc[video]"')


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--angles", "nan"], "--angles: 'nan' in 'nan' is not a number up to 1,000,000"),
        (["--angles", "0:inf:3"], "--angles: 'inf' in '0:inf:3'"),
        (["--angles", "1e308"], "--angles: '1e308' in '1e308' is not a number up to 1,000,000"),
        (["--angles", "0,x"], "--angles: 'x' in '0,x'"),
        (["--angles", ""], "--angles: ''"),
        (["--angles", "0:90"], "--angles: '0:90' is not start:stop:count"),
        (["--angles", "0:90:0"], "count must be a whole number from 1 to 10,000, not 0"),
        (["--angles", "0:90:1.5"], "not 1.5"),
        (["--angles", "0:90:" + "9" * 5000], "count must be"),
        (["--angles", "0:90:1"], "a count of 1 cannot include both ends"),
        (["--method", "shear"], "--method"),
        (["--sampler", "euclid"], "--sampler"),
        (["--sampler", "ddpm", "--eta", 1], "--eta: belongs to ddim"),
        (["--eta", "2"], "eta"),
        (["--pace", "quick"], "--pace"),
        (["--number", "0"], "--number: 0"),
        (["--number", "400000"], "--scale, --number: frames of "),
        (["--number", "1000000000"], "--number: 1,000,000,000 is not from 1 to 1,000,000"),
        (["--batch", "1000000000000"], "--batch: 1,000,000,000,000 is not from 1 to 65,536"),
        (["--scale", "1000"], "9 frames of 4 images take 6.9 GB, more than 1.1 GB"),
        (["--noise", "still"], "--noise"),
        (
            ["--noise", "published"],
            "--noise: ddim draws no fresh noise; choose --sampler",
        ),
        (["--spacing", "karas"], "--spacing"),
        (["--sigma-min", "0.1"], "--sigma-min: belongs to karras and exponential, not to even"),
        (["--sampler", "published", "--steps", "5"], "--steps: the published sampler visits"),
        (["--seed", "-1"], "--seed: -1"),
        (["--steps", "11"], "steps must be 1 to 10"),
        (["--scale", "0"], "--scale: 0"),
        (["--scale", "5000"], "--scale, --number: frames of 80,000×80,000 pixels exceed"),
        (["--fps", "51"], "x.gif: fps must be"),
        (["--fps", "nan"], "x.gif: fps must be"),
        (["--class", "3"], "--prompt: '3' to a model that was trained without classes"),
        (["--guidance", "2"], "--guidance: this model was trained without classes"),
        (["--guidance", "nan"], "--guidance: nan"),
        (["--device", "toaster"], "toaster"),
    ],
    ids=lambda value: " ".join(map(str, value))[:30] if isinstance(value, list) else "",
)
def test_bad_options(refused, trained, tmp_path, options, says) -> None:
    refused("rotate", trained, "--out", tmp_path / "new" / "x.gif", *options, says=says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--right", "0:8"], "--right: '0:8'"),
        (["--down", "nan"], "--down: 'nan'"),
        (["--right", "0:8:3", "--down", "0:8:4"], "--right has 3, --down has 4 numbers"),
    ],
)
def test_bad_shifts(refused, trained, tmp_path, options, says) -> None:
    refused("shift", trained, "--out", tmp_path / "x.gif", *options, says=says)


@pytest.mark.parametrize("command", ["rotate", "shift"])
def test_places_that_cannot_be_written(refused, trained, tmp_path, command) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder.gif" / "inside").mkdir(parents=True)
    good = tmp_path / "good.gif"
    for out, says in (
        (tmp_path / "x.gfi", "x.gfi; did you mean .gif?"),
        (tmp_path / "x.jpg", "did you mean .png?"),
        (tmp_path / "x.txt2", "there are .gif, .webp"),
        (tmp_path / "file", "is not a folder"),
        (tmp_path / "file" / "x.gif", "Not a directory"),
        (tmp_path / "file" / "x", "Not a directory"),
        (tmp_path / ("x" * 300 + ".gif"), "too long"),
        (Path("/proc/run/x.gif"), "/proc/run"),
    ):
        refused(command, trained, "--out", good, out, says=says)
        refused(command, trained, "--out", out, "--out", good, says="--out")
    refused(command, trained, "--out", says="--out")
    refused(command, tmp_path / "nowhere", "--out", good, says=tmp_path / "nowhere")


def test_only_square_images_are_turned(jinc, refused, trained, tmp_path) -> None:
    model = Run.open(trained).model()
    wide = Model(model.network, (8, 16), timesteps=10)
    wide.save(tmp_path / "wide")
    out = tmp_path / "x.gif"
    for method in ("unitary", "spline"):
        words = ("--method", method, "--out", out)
        refused(
            "rotate",
            tmp_path / "wide",
            *words,
            says="8×16 images; rotation needs square",
        )
    assert jinc("shift", tmp_path / "wide", "--out", out, "-n", 1, *FEW).code == 0
    assert frames(out)[0].shape == (8 * 8 + 4, 8 * 16 + 4, 3)


def test_spans() -> None:
    assert parse_span("--x", "-90:90:9") == [-90 + 22.5 * k for k in range(9)]
    assert parse_span("--x", "5:5:1") == parse_span("--x", "5") == [5.0]
    assert parse_span("--x", "3:0:4") == [3.0, 2.0, 1.0, 0.0]
    assert parse_span("--x", "0, -.5,1e1") == [0.0, -0.5, 10.0]
    assert parse_span("--x", "0.1:0.7:7")[-1] == 0.7
    with pytest.raises(JincError, match="--x: '' in '0,'"):
        parse_span("--x", "0,")
    assert pair_spans({"a": [1.0], "b": [2.0]}) == {"a": [1.0], "b": [2.0]}


@pytest.mark.parametrize("command", ["rotate", "shift"])
def test_help(jinc, command) -> None:
    said = jinc(command, "--help")
    assert (said.code, said.err) == (0, "")
    for words in (
        "--out",
        "--pace",
        "--boomerang --no-boomerang",
        "forwards and",
        "degrees",
    ):
        assert (words in said.out) is (words != "degrees" or command == "rotate")
    assert "--empty" not in said.out
    assert command in jinc("--help").out


def test_a_shorter_sweep_leaves_no_frame_of_a_longer_one(jinc, trained, tmp_path) -> None:
    quick = ("-n", 1, "--steps", 2, "--out", tmp_path / "frames")
    for angles, frames in (("0:40:3", 3), ("0:40:2", 2)):
        assert jinc("rotate", trained, f"--angles={angles}", *quick).code == 0
        names = {file.name for file in (tmp_path / "frames").iterdir()}
        assert names == {"provenance.json", "sheet.png", *(f"{k:06d}.png" for k in range(frames))}


def test_a_batch_that_does_not_fit_in_memory(refused, trained, tmp_path, monkeypatch) -> None:
    """8×8 grey pixels, four bytes each, four times."""
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=30_000_000))
    says = "--batch: 50,000 images need at least 0.1 GB, but 0.0 GB are free"
    refused("sample", trained, "--batch", 50_000, "--out", tmp_path / "x", says=says)
