"""Bad input is one line that names the file or option, exit code 2, and nothing half done."""

import os
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("ran").resolve(),))


def missing(path: Path) -> Path:
    return path / "nowhere"


def empty_folder(path: Path) -> Path:
    return path


def truncated_png(path: Path) -> Path:
    for name in ("1.png", "2.png"):
        noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(noise).save(path / name)
    data = (path / "2.png").read_bytes()
    (path / "2.png").write_bytes(data[: len(data) // 2])
    return path


def wrong_magic(path: Path) -> Path:
    head = bytes((0, 0, 9, 3)) + struct.pack(">3I", 2, 8, 8)
    (path / "train-images-idx3-ubyte").write_bytes(head + bytes(128))
    return path / "train-images-idx3-ubyte"


def short_record(path: Path) -> Path:
    (path / "data_batch_1.bin").write_bytes(bytes(3073 + 1000))
    return path / "data_batch_1.bin"


def pickle_with_code(path: Path) -> Path:
    (path / "data_batch_1").write_bytes(pickle.dumps({b"data": Bomb(), b"labels": [0]}))
    return path / "data_batch_1"


def one_picture(path: Path) -> Path:
    Image.new("L", (8, 8)).save(path / "1.png")
    return path / "1.png"


def differing_sizes(path: Path) -> Path:
    Image.new("L", (8, 8)).save(path / "1.png")
    Image.new("L", (8, 6)).save(path / "2.png")
    return path


def text(path: Path) -> Path:
    (path / "notes.txt").write_text("no images")
    return path / "notes.txt"


BAD_DATA = (
    *(missing, empty_folder, truncated_png, wrong_magic, short_record),
    *(pickle_with_code, one_picture, differing_sizes, text),
)


@pytest.mark.parametrize("make", BAD_DATA)
def test_bad_data(refused, tiny, tmp_path, make) -> None:
    (tmp_path / "data").mkdir()
    source = make(tmp_path / "data")
    named = tmp_path / "data"  # what is wrong lies in it
    refused("train", "--out", tmp_path / "run", *tiny, "--data", source, says=named)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--config", "D@5"], "write D@4 or D@6"),
        (["--config", "d@6"], "did you mean D@6?"),
        (["--config", "E"], "sampling procedure"),
        (["--image-size", "9"], "image_size: 9×9 cannot be halved 1 times; take 10×10"),
        (["--image-size", "0"], "image_size"),
        (["--levels", "9"], "take 512×512, or fewer levels"),
        (["--levels", "-1"], "levels"),
        (["--width", "6"], "width: 6 is not a multiple of 4"),
        (["--width", "wide"], "--width"),
        (["--batch-size", "0"], "batch_size: 0"),
        (["--learning-rate", "fast"], "--learning-rate"),
        (["--learning-rate", "nan"], "learning_rate: nan"),
        (["--epochs", "inf"], "epochs: inf"),
        (["--adam-betas", "0.9"], "--adam-betas"),
        (["--adam-betas", "0.9", "1"], "adam_betas"),
        (["--split", "dev"], "--split"),
        (["--split", "test"], "digits"),
        (["--padding", "mirror"], "--padding"),
        (["--channels", "2"], "--channels"),
        (["--device", "toaster"], "device: 'toaster'"),
        (["--timesteps", "2000000"], "timesteps"),
        (["--seed", "-1"], "seed: -1"),
        (["--seed", str(2**70)], "seed"),
        (["--widht", "8"], "--widht"),
        (["surplus"], "surplus"),
        (["--out"], "--out"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_options_of_train(refused, tiny, tmp_path, options, says) -> None:
    rest = list(tiny)
    if options[0] in rest:
        at = rest.index(options[0])
        del rest[at : at + 2]
    refused("train", "--out", tmp_path / "run", *rest, *options, says=says)


def test_a_line_has_300_characters_at_most(jinc) -> None:
    said = jinc("info", "x" * 1000)
    assert (said.code, len(said.err)) == (2, 301)
    assert said.err.startswith("jinc: [Errno 36] File name too long: 'xxx")
    assert said.err.endswith("xxx/model/denoiser.json'\n")


def test_what_must_be_said(refused, trained) -> None:
    refused("train", says="--out")
    refused("sample", "--out", "s", says="SOURCE")
    refused("info", says="--device")
    refused("filters", says="--out")
    refused("trian", says="trian")


def test_places_that_cannot_be_written(refused, jinc, tiny, tmp_path, trained) -> None:
    (tmp_path / "file").write_text("mine")
    for name, says in (("file", "file"), ("file/inside", "file/inside"), ("x" * 300, "too long")):
        refused("train", "--out", tmp_path / name, *tiny, says=says)
        refused("sample", trained, "--out", tmp_path / name, says=says)
    refused("filters", "D@6", "--out", tmp_path / "file" / "f.png", says=tmp_path / "file")
    refused("filters", "D@6", "--out", tmp_path / "f.jpg", says="--out")
    refused("filters", "A", "--out", tmp_path / "f.png", says="A has no filter taps")


@pytest.mark.parametrize("root", [Path("/proc"), Path("/sys")])
def test_read_only_places(refused, tiny, trained, root) -> None:
    if not root.is_dir():
        pytest.skip(f"there is no {root} here")
    refused("train", "--out", root / "run", *tiny, says=root / "run")
    refused("sample", trained, "--out", root / "run", says=root / "run")


def test_a_folder_without_permission(refused, tiny, tmp_path, trained) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    if os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("this user may write everywhere")
    refused("train", "--out", tmp_path / "locked" / "run", *tiny, says="Permission denied")
    refused("sample", trained, "--out", tmp_path / "locked", says="Permission denied")


def test_an_existing_run_is_not_overwritten(refused, tiny, tmp_path, trained) -> None:
    shutil.copytree(trained, tmp_path / "run")
    refused("train", "--out", tmp_path / "run", *tiny, says="continue it with --resume")
    refused("train", "--out", tmp_path / "data", "--resume", *tiny, "--data", "no", says="no: ")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("mine")
    for words in ((), ("--resume",)):
        refused("train", "--out", tmp_path / "mine", *tiny, *words, says=tmp_path / "mine")


def test_a_failed_resume_leaves_the_settings_alone(refused, tmp_path, trained) -> None:
    shutil.copytree(trained, tmp_path / "run")
    words = ("--resume", "--steps", 9, "--device", "toaster")
    refused("train", "--out", tmp_path / "run", *words, says="toaster")


def test_a_resume_without_its_data(refused, jinc, tiny, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    for name in "123":
        Image.new("L", (8, 8)).save(tmp_path / "data" / f"{name}.png")
    words = (*tiny, "--data", tmp_path / "data")
    assert jinc("train", "--out", tmp_path / "run", *words).code == 0
    shutil.rmtree(tmp_path / "data")
    refused("train", "--out", tmp_path / "run", "--resume", "--steps", 9, says=tmp_path / "data")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--class", "3"], "--prompt: '3' to a model that was trained without classes"),
        (["--number", "0"], "--number: 0"),
        (["--number", "many"], "--number"),
        (["--seed", "-1"], "--seed: -1"),
        (["--seed", str(2**32)], "--seed: 4294967296 is not from 0 to 4294967295"),
        (["--tolerance", "0.02"], "--tolerance: belongs to adaptive, not to ddim"),
        (["--tolerance-by", "complexity"], "--tolerance-by: belongs to adaptive, not to ddim"),
        (["--tolerance", "-1", "--sampler", "adaptive"], "--tolerance: -1.0 is not a finite"),
        (["--steps", "0"], "steps"),
        (["--steps", "11"], "steps must be 1 to 10"),
        (["--eta", "2"], "eta"),
        (["--eta", "0.5", "--sampler", "ddpm"], "--eta"),
        (["--sampler", "euclid"], "--sampler"),
        (["--device", "toaster"], "toaster"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_options_of_sample(refused, trained, tmp_path, options, says) -> None:
    refused("sample", trained, "--out", tmp_path / "s", *options, says=says)


@pytest.mark.parametrize(("word", "says"), [("10", "did you mean 1?"), ("seven", "there are 0, 1")])
def test_unknown_classes(refused, trained_on_classes, tmp_path, word, says) -> None:
    words = ("sample", trained_on_classes, "--out", tmp_path / "s", "--class", word)
    refused(*words, says=f"--prompt: {word!r} is no class of this model; {says}")


def test_a_misspelt_class(refused, jinc, tiny, tmp_path) -> None:
    for name in ("cat", "horse"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / "data" / name / "1.png")
    words = (*tiny, "--data", tmp_path / "data", "--conditional")
    assert jinc("train", "--out", tmp_path / "run", *words).code == 0
    words = ("sample", tmp_path / "run", "--out", tmp_path / "s", "--class", "hrose")
    refused(*words, says="'hrose' is no class of this model; did you mean horse?")
    assert jinc(*words[:-1], "horse", "-n", 2).code == 0


def test_classes_that_the_data_do_not_have(refused, tiny, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "data" / "1.png")
    words = ("--data", tmp_path / "data", "--conditional")
    refused("train", "--out", tmp_path / "run", *tiny, *words, says="data has no classes")


@pytest.mark.parametrize("command", [("sample", "--out", "s"), ("info",)])
@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "diffusion.json"])
def test_a_damaged_model(refused, trained, tmp_path, command, name) -> None:
    shutil.copytree(trained, tmp_path / "run")
    file = tmp_path / "run" / "model" / name
    data = bytearray(file.read_bytes())
    data[0] ^= 4
    file.write_bytes(data)
    refused(command[0], tmp_path / "run", *command[1:], says=file)
    file.unlink()
    refused(command[0], tmp_path / "run", *command[1:], says=tmp_path / "run" / "model")


@pytest.mark.parametrize("command", [("sample", "--out", "s"), ("info",)])
def test_what_is_no_run(refused, tmp_path, command) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "file", "empty", "x" * 300):
        refused(command[0], tmp_path / name, *command[1:], says=(tmp_path / name).name[:50])


def test_damaged_settings_of_a_run(refused, trained, tmp_path) -> None:
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text("width: [")
    refused("info", tmp_path / "run", says=tmp_path / "run" / "config.yaml")
    refused("train", "--out", tmp_path / "run", "--resume", says=tmp_path / "run" / "config.yaml")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("s.yaml", b"widht: 8\n", "widht"),
        ("s.toml", b"widht = 8\n", "widht"),
        ("s.yaml", b"width: wide\n", "width"),
        ("s.yaml", b"width: [1, 2\n", "s.yaml"),
        ("s.toml", b"width = [1\n", "s.toml"),
        ("s.yaml", b"- 1\n- 2\n", "s.yaml"),
        ("s.yaml", b"\xff\xfe\x00", "s.yaml"),
        ("s.yaml", b"width: !!python/object/apply:pathlib.Path.touch [ran]\n", "s.yaml"),
        ("s.toml", b"\xff\xfe\x00", "s.toml"),
        ("s.json", b"{}", "s.json: must end in .yaml or .toml"),
        ("s.yaml", None, "s.yaml: No such file"),
    ],
    ids=str,
)
def test_bad_settings_files(refused, tmp_path, name, content, says) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    refused("train", "--out", tmp_path / "run", "--settings", file, says=says)
    refused("train", "--out", tmp_path / "run", f"--settings={file}", says=file)


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "RUN", "--out", ""),
        ("sample", "RUN", "--out="),
        ("train", "--out", "", "--data", "digits"),
        ("rotate", "RUN", "--angles", "0:1:2", "--out", "a.gif", " "),
        ("evaluate", "", "--against", "digits"),
        ("report", "RUN", "--out", ""),
    ],
    ids=" ".join,
)
def test_an_empty_name_is_not_the_working_folder(refused, trained, words) -> None:
    refused(
        *(trained if word == "RUN" else word for word in words),
        says="is not a path",
    )


def test_an_empty_name_in_a_settings_file(refused, trained, tmp_path) -> None:
    for name, text in (("s.yaml", "out: ''\n"), ("s.toml", "out = ''\n")):
        (tmp_path / name).write_text(text)
        refused("sample", trained, "--settings", tmp_path / name, says="is not a path")


@pytest.mark.parametrize(
    "words",
    [
        ("filters", "D@6"),
        ("report", "RUN", "--no-real"),
        ("complexity", "digits"),
        ("rotate", "RUN", "--angles", "0:1:2"),
    ],
    ids=lambda words: words[0],
)
def test_output_replaces_no_device(refused, trained, tmp_path, words) -> None:
    words = [trained if word == "RUN" else word for word in words]
    for name in ("fifo.png", "link.png"):
        path = tmp_path / name
        os.mkfifo(path) if name == "fifo.png" else path.symlink_to("/dev/null")
        refused(*words, "--out", path, says=f"--out: {path}: is not a regular file")
        path.unlink()


def test_names_that_are_said_twice(refused, tmp_path) -> None:
    for name, text in (
        ("s.yaml", "width: 8\nlevels: 1\nwidth: 4\n"),
        ("s.toml", "width = 8\nwidth = 4\n"),
    ):
        (tmp_path / name).write_text(text)
        refused("train", "--out", tmp_path / "run", "--settings", tmp_path / name, says=name)


def test_settings_without_a_file(refused, tmp_path) -> None:
    refused("train", "--out", tmp_path / "run", "--settings", says="--settings: has no value")
    refused("train", "--out", tmp_path / "run", "--settings", tmp_path, says="--settings")
