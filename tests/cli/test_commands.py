"""What a person does: train, look, sample, go on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from jinc.models import Model
from jinc.train import Run


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture)


def test_train_sample_info_resume(jinc, tiny, tmp_path) -> None:
    run = tmp_path / "run"
    trained = jinc("train", "--out", run, *tiny)
    assert (trained.code, trained.out) == (
        0,
        f"model: {run / 'model'}\nlearning curve: {run / 'curve.png'}\n",
    )
    assert "1,797 images of digits, 8×8, grey; 10 classes: 0 (178), 1 (182)" in trained.err
    sampled = jinc("sample", run, "--out", tmp_path / "s", "-n", 3, "--steps", 4)
    assert sampled.code == 0
    assert sampled.out == f"3 images: {tmp_path / 's'}, all of them in {tmp_path / 's/grid.png'}\n"
    names = ["000000.png", "000001.png", "000002.png", "grid.png", "provenance.json"]
    assert sorted(tree(tmp_path / "s")) == names
    assert pixels(tmp_path / "s" / "000002.png").shape == (8, 8)
    more = jinc("train", "--out", run, "--resume", "--steps", 9)
    assert more.code == 0
    assert "steps 6 to 9" in more.err
    facts = json.loads(jinc("info", run, "--json").out)
    assert (facts["config"], facts["image_size"], facts["steps"]) == ("A", [8, 8], 9)
    assert facts["parameters"] == sum(p.numel() for p in Run.open(run).model().network.parameters())


def test_resumed_is_as_if_never_stopped(jinc, tiny, tmp_path) -> None:
    assert jinc("train", "--out", tmp_path / "a", *tiny, "--steps=10").code == 2  # said twice
    options = [word if word != "6" else "10" for word in tiny]
    jinc("train", "--out", tmp_path / "a", *options)
    jinc("train", "--out", tmp_path / "b", *tiny)
    jinc("train", "--out", tmp_path / "b", "--resume", "--steps", 10)
    assert tree(tmp_path / "a" / "model") == tree(tmp_path / "b" / "model")


def test_a_resumed_run_stays_the_run_it_is(jinc, trained) -> None:
    before = tree(trained)
    for option, value in (("--width", "8"), ("--seed", "1"), ("--config", "D@12")):
        said = jinc("train", "--out", trained, "--resume", option, value)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"jinc: {option}: {trained} was trained with ")
    assert tree(trained) == before


def test_an_option_at_its_usual_value_is_an_option(jinc, trained) -> None:
    """`--config D@6` is the default of a new run; given to a run of A it is still another one."""
    said = jinc("train", "--out", trained, "--resume", "--config", "D@6")
    assert said.code == 2
    assert "--config" in said.err


def test_resume_mends_what_goes_with_the_checkpoint(jinc, tiny, tmp_path) -> None:
    """A finished run whose model and last picture were lost has them again."""
    run = tmp_path / "run"
    options = list(tiny)
    options[options.index("--sample-every") + 1] = "6"
    assert jinc("train", "--out", run, *options).code == 0
    before = tree(run)
    shutil.rmtree(run / "model")
    shutil.rmtree(run / "samples")
    assert jinc("train", "--out", run, "--resume").code == 0
    assert tree(run) == before


def test_no_whole_checkpoint_is_said_and_nothing_lost(jinc, tiny, tmp_path) -> None:
    run = tmp_path / "run"
    jinc("train", "--out", run, *tiny)
    for file in run.glob("checkpoints/*/network.safetensors"):
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
    before = tree(run)
    said = jinc("train", "--out", run, "--resume")
    assert said.code == 2
    assert "network.safetensors" in said.err
    assert tree(run) == before


def test_resume_of_what_is_not_there_starts_it(jinc, tiny, tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "new", tmp_path / "empty"):
        assert jinc("train", "--out", folder, "--resume", *tiny).code == 0
    assert tree(tmp_path / "new" / "model") == tree(tmp_path / "empty" / "model")


def test_info_for_people(jinc, trained) -> None:
    said = jinc("info", trained)
    assert said.err == ""
    for words in ("8×8", "linear", "digits", "zeros"):
        assert words in said.out
    model = jinc("info", trained / "model")
    assert "digits" not in model.out
    assert "8×8" in model.out


def test_json_is_one_object(jinc, trained_on_classes) -> None:
    facts = json.loads(jinc("info", trained_on_classes, "--json").out)
    assert facts["classes"] == list("0123456789")
    logged = Run.open(trained_on_classes).read_log()[-1]
    assert (facts["steps"], facts["loss"]) == (6, logged["loss"])


def test_images_do_not_depend_on_their_number(jinc, trained, tmp_path) -> None:
    for number in (2, 17):
        jinc("sample", trained / "model", "--out", tmp_path / f"{number}", "-n", number)
    few, many = tree(tmp_path / "2"), tree(tmp_path / "17")
    assert len(many) == 19
    told = {"grid.png", "provenance.json"}  # of all of them
    assert {name: many[name] for name in {*few} - told} == {
        name: data for name, data in few.items() if name not in told
    }
    assert len(set(many.values())) == 19
    jinc("sample", trained / "model", "--out", tmp_path / "17", "-n", 2)
    assert tree(tmp_path / "17") == few, "images of the larger call were left"


def test_no_command_takes_the_images_of_another(jinc, trained, tmp_path) -> None:
    out, own = tmp_path / "out", tmp_path / "own"
    assert jinc("sample", trained, "--out", out, "-n", 2, "--steps", 2).code == 0
    own.mkdir()
    (own / "20240131.png").write_bytes(b"a picture of mine")
    before = tree(out), tree(own)
    for command in (("rotate", trained, "--angles", "0,90"), ("illusion", "anagram", trained)):
        said = jinc(*command, "--out", out)
        assert said.code == 2
        assert f"--out: {out} holds images, no" in said.err
    said = jinc("sample", trained, "--out", own)
    assert said.err == (
        f"jinc: --out: {own / '20240131.png'} was not written by jinc; choose another folder\n"
    )
    assert (tree(out), tree(own)) == before
    assert json.loads((out / "provenance.json").read_text())["seed"] == 0


def test_images_depend_on_the_seed(jinc, trained, tmp_path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        words = ("-n", 1, "--sampler", "ddpm", "--batch", 1, "--seed", seed)
        assert jinc("sample", trained, "--out", tmp_path / name, *words).code == 0
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert tree(tmp_path / "a")["000000.png"] != tree(tmp_path / "c")["000000.png"]


def test_classes_by_name_and_number(jinc, trained_on_classes, tmp_path) -> None:
    for name, words in {
        "in turn": ("--class", "7", "3"),
        "twice": ("--class", "7", "--class", "3"),
        "one": ("--class", "7"),
    }.items():
        said = jinc("sample", trained_on_classes, "--out", tmp_path / name, "-n", 3, *words)
        assert said.code == 0
    made = {name: tree(tmp_path / name) for name in ("in turn", "twice", "one")}
    assert made["in turn"] == made["twice"]
    assert made["in turn"]["000002.png"] == made["one"]["000002.png"]
    assert made["in turn"]["000001.png"] != made["one"]["000001.png"]


def test_filters(jinc, tmp_path) -> None:
    for words in (("D-2N",), ()):
        said = jinc("filters", *words, "--out", tmp_path / "f.png")
        assert (said.code, said.out, said.err) == (0, f"{tmp_path / 'f.png'}\n", "")
        assert pixels(tmp_path / "f.png").ndim == 3
        (tmp_path / "f.png").unlink()


# --- settings from files


@pytest.mark.parametrize("suffix", [".yml", ".toml"])
def test_settings_from_a_file(jinc, tmp_path, suffix) -> None:
    values = {"config": "A", "width": 4, "levels": 1, "timesteps": 10, "steps": 3}
    values |= {"batch_size": 4, "sample_every": 0, "adam_betas": [0.5, 0.75]}
    values |= {"conditional": True, "augment": ["hflip"]}
    file = tmp_path / f"settings{suffix}"
    if suffix == ".toml":
        lines = {key: str(v).lower() if v is True else repr(v) for key, v in values.items()}
        file.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
    else:
        file.write_text(yaml.safe_dump(values))
    assert jinc("train", "--settings", file, "--out", tmp_path / "a").code == 0
    config = Run.open(tmp_path / "a").config
    assert (config.width, config.steps, config.conditional) == (4, 3, True)
    assert (config.adam_betas, config.augment) == ((0.5, 0.75), ("hflip",))
    words = ("--width", 8, "--no-conditional", "--adam-betas", 0.25, 0.5)
    assert jinc("train", "--out", tmp_path / "b", f"--settings={file}", *words).code == 0
    config = Run.open(tmp_path / "b").config
    assert (config.width, config.steps, config.conditional) == (8, 3, False)
    assert config.adam_betas == (0.25, 0.5)


def test_the_settings_of_a_run_repeat_it(jinc, trained, tmp_path) -> None:
    said = jinc("train", "--settings", trained / "config.yaml", "--out", tmp_path / "again")
    assert said.code == 0
    assert tree(tmp_path / "again" / "model") == tree(trained / "model")
    assert Run.open(tmp_path / "again").config == Run.open(trained).config


def test_one_file_does_not_stay_for_the_next_command(jinc, trained, tmp_path) -> None:
    (tmp_path / "s.toml").write_text("number = 2\n")
    words = ("sample", trained, "--steps", 2, "--out")
    jinc(*words, tmp_path / "two", "--settings", tmp_path / "s.toml")
    jinc(*words, tmp_path / "all")
    assert [len(tree(tmp_path / name)) for name in ("two", "all")] == [4, 18]


# --- help, and how fast it comes


HELP = (
    "import sys, jinc.cli\n"
    "try:\n    jinc.cli.main(['--help'])\nexcept SystemExit:\n    pass\n"
    "heavy = {'torch', 'numpy', 'scipy', 'PIL', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
    "sys.exit(f'imported {sorted(heavy)}' if heavy else 0)\n"
)


def test_help_comes_without_torch() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("train", "denoise", "presets", "sample", "info", "filters", "--settings"):
        assert command in done.stdout


@pytest.mark.slow
def test_help_comes_in_half_a_second() -> None:
    times = []
    for _ in range(3):
        start = os.times()
        subprocess.run([sys.executable, "-c", HELP], capture_output=True, check=True)
        end = os.times()  # of the processor, for others may be busy on it
        times.append(sum(end[2:4]) - sum(start[2:4]))
    assert min(times) < 0.5


@pytest.mark.parametrize("command", ["train", "denoise", "presets", "sample", "info", "filters"])
def test_help_of_each_command(jinc, command) -> None:
    said = jinc(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert "Usage: jinc " + command in said.out
    assert "--empty" not in said.out


def test_version(jinc) -> None:
    from importlib.metadata import version

    assert jinc("--version").out.strip() == version("jinc")


# --- signals


@pytest.mark.parametrize("which", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_stops_the_run_and_resume_finishes_it(
    jinc, tiny, trained, tmp_path, monkeypatch, which
) -> None:
    append = Run.append_log

    def interrupt(run: Run, entry: dict[str, object]) -> None:
        append(run, entry)
        if entry["step"] == 4:
            signal.raise_signal(which)

    kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    handlers = list(map(signal.getsignal, kinds))
    with monkeypatch.context() as patch:
        patch.setattr(Run, "append_log", interrupt)
        stopped = jinc("train", "--out", tmp_path / "run", *tiny)
    assert stopped.code == 75
    assert "stopped after step 4; continue with --resume" in stopped.err
    assert handlers == list(map(signal.getsignal, kinds))
    assert jinc("train", "--out", tmp_path / "run", "--resume").code == 0
    assert tree(tmp_path / "run" / "model") == tree(trained / "model")


@pytest.mark.slow
def test_control_c_in_a_terminal(jinc, tmp_path) -> None:
    words = [
        "--config",
        "A",
        "--width",
        "4",
        "--levels",
        "1",
        "--batch-size",
        "4",
        "--steps",
        "250",
    ]
    words += ["--sample-every", "0", "--log-every", "5", "--device", "cpu"]
    command = [sys.executable, "-m", "jinc.cli", "train", "--out", str(tmp_path / "run"), *words]
    command[1:3] = ["-c", "import jinc.cli; jinc.cli.main()"]
    child = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    log = tmp_path / "run" / "log.jsonl"
    deadline = time.monotonic() + 60
    while not log.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 75, err
    assert "Traceback" not in err
    assert out == ""
    at = max(entry["step"] for entry in Run.open(tmp_path / "run").read_log())
    assert at < 250
    assert jinc("train", "--out", tmp_path / "run", "--resume").code == 0
    assert jinc("train", "--out", tmp_path / "straight", *words).code == 0
    assert tree(tmp_path / "run" / "model") == tree(tmp_path / "straight" / "model")
    assert isinstance(Run.open(tmp_path / "run").model(), Model)


@pytest.mark.parametrize("sampler", ["posterior", "heun", "adaptive", "dpm++", "deis"])
def test_samplers_of_every_kind(jinc, trained, tmp_path, sampler) -> None:
    words = ("-n", 2, "--batch", 2, "--sampler", sampler, "--steps", 4)
    assert jinc("sample", trained, "--out", tmp_path / "s", *words, "--strip", "--gif").code == 0
    numbered = {"000000.png", "000001.png"}
    names = numbered | {"grid.png", "provenance.json", "strip.png", "denoising.gif"}
    assert {*tree(tmp_path / "s")} == names
    again = jinc("sample", trained, "--out", tmp_path / "t", "-n", 1, *words[2:])
    assert again.code == 0
    assert tree(tmp_path / "t")["000000.png"] == tree(tmp_path / "s")["000000.png"]
