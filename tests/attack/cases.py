"""Attacks of a seed: a command, what it is given, and what has been done to that."""

import json
import os
import random
import shutil
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyclopts import App
from tests.attack import binaries, hostile
from tests.attack.bases import TINY, resealed

from jinc.cli.app import app

FEW = ("--steps", "2", "--device", "cpu")
SMALL = ("--width", "4", "--steps", "2", "--sample-every", "0")  # also where the file says nothing
JUDGED = ("--features", "judge", "--only", "frechet")

COMMANDS: dict[str, tuple[str, ...]] = {
    "train": ("train", "--out", "o", "--data", "images", *TINY),
    "resume": ("train", "--out", "run", "--resume", *TINY[:8], "--steps", "3", *TINY[10:]),
    "dry run": ("train", "--dry-run", "--data", "images", *TINY),
    "denoise train": ("denoise", "train", "--network", "unet", "--out", "o", "--data", "images",
                      *TINY),
    "denoise test": ("denoise", "test", "denoiser", "--out", "o", "--split", "all", "-n", "2"),
    "sample": ("sample", "run", "--out", "o", "-n", "2", *FEW),
    "again": ("sample", "run", "--out", "samples", "-n", "2", *FEW),
    "pipeline": ("sample", "pipeline", "--out", "o", "-n", "1", *FEW),
    "edit": ("edit", "run", "--image", "photo.png", "--strength", "0.5", "--out", "o", *FEW),
    "inpaint": ("inpaint", "run", "--image", "photo.png", "--mask", "mask.png", "--times", "1",
                "--out", "o", *FEW),
    "anagram": ("illusion", "anagram", "run", "--class", "0", "1", "-n", "1", "--out", "o", *FEW),
    "hybrid": ("illusion", "hybrid", "run", "--class", "0", "1", "-n", "1", "--out", "o", *FEW),
    "upscale": ("upscale", "upscaler", "--image", "photo.png", "--out", "o", *FEW),
    "rotate": ("rotate", "run", "--angles", "0:90:2", "-n", "1", "--out", "o.gif", *FEW),
    "shift": ("shift", "run", "--right", "0:2:2", "-n", "1", "--out", "o", *FEW),
    "probe": ("probe", "run", "-n", "1", "--only", "network", "--out", "o", *FEW),
    "compare": ("compare", "run", "--image", "photo.png", "--levels", "3", "--out", "o", *FEW),
    "evaluate": ("evaluate", "run", "--against", "images", *JUDGED, "-n", "16", "--out", "o", *FEW),
    "evaluate images": ("evaluate", "samples", "--against", "images", *JUDGED),
    "against statistics": ("evaluate", "samples", "--against", "statistics.npz", *JUDGED),
    "study plan": ("study", "plan", "study.yaml", "--tflops", "1"),
    "study run": ("study", "run", "study.yaml", "--out", "studied"),
    "study table": ("study", "table", "study.yaml", "--out", "studied"),
    "report": ("report", "run", "--out", "page.html", "--no-real"),
    "report study": ("report", "studied", "--out", "page.html", "--no-real"),
    "info": ("info", "run", "--json"),
    "info pipeline": ("info", "pipeline"),
    "statistics": ("features", "statistics", "images", "--features", "judge", "--out", "s.npz"),
    "filters": ("filters", "D@6", "--out", "f.png"),
    "complexity": ("complexity", "images", "--out", "c.png"),
    "presets": ("presets",),
    "settings": ("train", "--out", "o", "--data", "images", "--settings", "settings.yaml",
             *SMALL),
    "toml": ("train", "--out", "o", "--data", "images", "--settings", "settings.toml",
             *SMALL),
}  # fmt: skip
"""Small commands that go well; their words name what is made of `bases`."""

SETS = ("images", "set.npz", "set.npy", "set.csv", "mnist", "data_batch_1")
READ_SETS = ("train", "dry run", "evaluate images", "statistics", "complexity")


@dataclass(frozen=True)
class Case:
    """An attack.

    Args:
        number: of its seed.
        kind: what is attacked.
        words: of the command.
        environment: of the process, beside the usual.
        change: done to the copies of good inputs that the command names.
    """

    number: int
    kind: str
    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    change: Callable[[Path], None] = lambda _: None

    def lay_out(self, bases: Path, folder: Path) -> None:
        """Copy what the command names, and change it."""
        for name in {"judge", "images", "run", *self.words} & {
            each.name for each in bases.iterdir()
        }:
            base = bases / name
            copy = shutil.copytree if base.is_dir() else shutil.copyfile
            copy(base, folder / name)
        (folder / "file.txt").write_text("mine")
        os.mkfifo(folder / "fifo")
        with socket.socket(socket.AF_UNIX) as made, suppress(OSError):
            made.bind(os.path.relpath(folder / "socket"))
        (folder / "loop").symlink_to("loop")
        (folder / "dangling").symlink_to("nowhere")
        (folder / "to-null").symlink_to("/dev/null")
        self.change(folder)


def case(seed: int, number: int) -> Case:
    """Return an attack, the same for a seed and a number."""
    rng = random.Random(f"{seed}/{number}")
    kind = rng.choice(tuple(KINDS))
    words, environment, change = KINDS[kind](rng)
    return Case(number, kind, words, environment, change)


Made = tuple[tuple[str, ...], dict[str, str], Callable[[Path], None]]


def of_options(rng: random.Random) -> Made:
    """Give options hostile values."""
    words = list(COMMANDS[rng.choice(tuple(COMMANDS))])
    for _ in range(rng.choice((1, 1, 1, 2))):
        found = options(tuple(words))
        if not found:  # the name of a command was changed
            break
        name, hint = rng.choice(found)
        numeric = ("int" in hint or "float" in hint) and rng.random() < 0.7
        value = hostile.number(rng) if numeric else hostile.text(rng)
        if "Path" in hint and rng.random() < 0.7:
            value = rng.choice(hostile.PLACES)
        if "bool" in hint and rng.random() < 0.7:
            words += [name]
        elif name.startswith("-"):
            if name in words:
                place = words.index(name)
                del words[place : place + 2]
            words += rng.choice(([f"{name}={value}"], [name, value]))
        else:
            words[rng.randrange(len(words))] = value
    return tuple(words), {}, lambda _: None


def options(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return the options of a command and the words for their types."""
    command: App = app
    for word in words:
        if word not in [*command]:
            break
        command = command[word]
    if command.default_command is None:
        return []
    found = command.assemble_argument_collection(parse_docstring=False)
    return [(argument.names[0], str(argument.hint)) for argument in found if argument.show]


def of_places(rng: random.Random) -> Made:
    """Write to what is no regular file, and read from it."""
    words = list(COMMANDS[rng.choice(tuple(COMMANDS))])
    there = [n for n, word in enumerate(words) if n and word in OPERANDS]
    if there:
        words[rng.choice(there)] = rng.choice(hostile.PLACES)
    return tuple(words), {}, lambda _: None


OPERANDS = {
    *(
        "o",
        "o.gif",
        "f.png",
        "c.png",
        "s.npz",
        "page.html",
        "run",
        "images",
        "samples",
        "photo.png",
    ),
    *("mask.png", "study.yaml", "studied", "settings.yaml", "settings.toml", "statistics.npz"),
    *("judge", "denoiser", "upscaler", "pipeline", "mnist"),
}


def of_environment(rng: random.Random) -> Made:
    """Run in strange surroundings."""
    words = COMMANDS[rng.choice(tuple(COMMANDS))]
    if rng.random() < 0.2:
        words = (*words[: 1 + (words[0] in ("study", "illusion", "denoise", "features"))], "--help")
    return words, dict(rng.choice(hostile.ENVIRONMENTS)), lambda _: None


def of_files(rng: random.Random) -> Made:
    """Change a file of what a command reads."""
    words = COMMANDS[rng.choice(tuple(COMMANDS))]

    def change(folder: Path) -> None:
        files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
        named = [path for path in files if path.relative_to(folder).parts[0] in words]
        place = rng.choice(sorted(named or files))
        replace(place, rng)
        if rng.random() < 0.8:
            with suppress(OSError):
                resealed(place.parent)

    return words, {}, change


def replace(place: Path, rng: random.Random) -> None:
    """Put something else in the place of a good file."""
    good, choice = place.read_bytes(), rng.random()
    if choice < 0.12:
        place.unlink()
        kinds: tuple[Callable[[], Any], ...] = (
            lambda: None,
            lambda: os.mkfifo(place),
            lambda: place.mkdir(),
            lambda: place.symlink_to(rng.choice(("/dev/zero", "/dev/null", "/proc/self/mem"))),
            lambda: place.symlink_to(place.name),
            lambda: os.truncate(place, 0) if place.touch() is None else None,
            lambda: os.truncate(place, 2**40) if place.touch() is None else None,
        )
        rng.choice(kinds)()
        return
    makers: dict[str, Callable[[], bytes]] = {
        ".json": lambda: hostile.json_text(json.loads(good), rng),
        ".jsonl": lambda: hostile.json_text({"step": 1, "loss": 0.5}, rng) + b"\n" + good,
        ".yaml": lambda: hostile.yaml_text(good.decode(), rng),
        ".toml": lambda: hostile.toml_text(good.decode(), rng),
        ".png": lambda: binaries.image(rng),
        ".npz": lambda: binaries.arrays(rng),
        ".npy": lambda: binaries.array(rng),
        ".csv": lambda: binaries.csv(rng),
        ".safetensors": lambda: binaries.weights(good, rng),
    }
    maker = makers.get(place.suffix)
    if place.name.startswith("train-"):
        maker = lambda: binaries.idx(rng)  # noqa: E731
    elif place.name == "data_batch_1":
        maker = lambda: binaries.batch(rng)  # noqa: E731
    data = maker() if maker and choice < 0.8 else binaries.damaged(good, rng)
    place.write_bytes(data)


def of_sets(rng: random.Random) -> Made:
    """Give a hostile file as a set of images, under any name."""
    words = list(COMMANDS[rng.choice(READ_SETS)])
    maker, endings = rng.choice(
        (
            (binaries.arrays, (".npz",)),
            (binaries.array, (".npy",)),
            (binaries.archive, (".zip", ".tar", ".tar.gz", ".npz", "")),
            (binaries.csv, (".csv",)),
            (binaries.idx, ("-idx3-ubyte", "-images-idx3-ubyte.gz")),
            (binaries.batch, ("data_batch_1", "train", ".pkl")),
            (binaries.image, (".png", ".jpg", "")),
            (binaries.torch_file, (".pt", ".pth", ".npz", ".zip")),
        )
    )
    ending = rng.choice(endings)
    name = ending if ending in ("data_batch_1", "train") else f"set{ending}"
    words[words.index("images")] = name
    return tuple(words), {}, lambda folder: (folder / name).write_bytes(maker(rng)) and None


def of_pictures(rng: random.Random) -> Made:
    """Give a hostile picture, mask, or folder of images."""
    which = rng.choice(("edit", "inpaint", "upscale", "compare", "train", "evaluate images"))
    words = COMMANDS[which]

    def change(folder: Path) -> None:
        places = [folder / "photo.png", folder / "mask.png", *sorted(folder.glob("images/*/*"))[:1]]
        for place in places:
            if place.exists():
                place.write_bytes(binaries.image(rng))
        if which == "train" and rng.random() < 0.5:
            names = (
                "\udcff",
                "x" * 255,
                "a\nb",
                "train",
                "Test",
                ".hidden",
                "__MACOSX",
                "\x1b[31m",
            )
            name = rng.choice(names)
            with suppress(OSError):
                (folder / "images" / "class 0").rename(folder / "images" / name)

    return words, {}, change


def of_models(rng: random.Random) -> Made:
    """Give a hostile model folder, whose manifest fits."""
    which = rng.choice(("sample", "info", "pipeline", "info pipeline", "upscale", "denoise test"))
    words = COMMANDS[which]
    own = {"upscale": "upscaler", "denoise test": "denoiser"}
    source = "pipeline" if "pipeline" in which else f"{own.get(which, 'run')}/model"

    def change(folder: Path) -> None:
        files = sorted(path for path in (folder / source).rglob("*") if path.is_file())
        place = rng.choice([file for file in files if file.name != "manifest.json"])
        replace(place, rng)
        for extra in rng.sample(("modeling_x.py", "x.pt", "pytorch_model.bin"), rng.randrange(2)):
            (place.parent / extra).write_bytes(binaries.torch_file(rng))
        with suppress(OSError):
            resealed(place.parent)

    return words, {}, change


def of_labels(rng: random.Random) -> Made:
    """Put a hostile file of labels, or what stands in for one, beside images."""
    words = list(COMMANDS[rng.choice(READ_SETS)])
    name = rng.choice((*binaries.LABEL_FILES, "data_batch_1", "metadata.csv"))

    def change(folder: Path) -> None:
        labels = binaries.labels_of(name if name in binaries.LABEL_FILES else "metadata.csv", rng)
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
        place = folder / "images" / rng.choice(("", "class 0"))
        (place / name).write_bytes(rng.choice((labels, labels, labels, pointer)))
        for source, image in zip(
            sorted(folder.glob("images/*/*.png")), ("a/1", "b/2"), strict=False
        ):
            to = place / f"{image}.png"
            to.parent.mkdir(exist_ok=True)
            source.rename(to)

    return tuple(words), {}, change


def of_features(rng: random.Random) -> Made:
    """Give hostile weights or programs as networks that score."""
    name = rng.choice(("judge.pt", "judge.pth", "judge.safetensors", "judge.npz"))
    program = rng.choice(("", "", "torchscript:"))
    query = (
        rng.choice(("", "?channels=9", "?range=a,b", "?size=1000000000", "?x=1")) if program else ""
    )
    words = [
        program + name + query if word == "judge" else word for word in COMMANDS["evaluate images"]
    ]
    return (
        tuple(words),
        {},
        lambda folder: (folder / name).write_bytes(binaries.torch_file(rng)) and None,
    )


def of_documents(rng: random.Random) -> Made:
    """Give a hostile settings file, study or record."""
    which, name = rng.choice(
        (
            ("settings", "settings.yaml"),
            ("toml", "settings.toml"),
            ("study plan", "study.yaml"),
            ("study run", "study.yaml"),
            ("study table", "study.yaml"),
            ("study table", "studied/table.json"),
            ("study run", "studied/places.json"),
            ("report study", "studied/table.json"),
            ("report", "run/config.yaml"),
            ("report", "run/log.jsonl"),
            ("resume", "run/config.yaml"),
            ("resume", "run/log.jsonl"),
            ("info", "run/config.yaml"),
            ("again", "samples/provenance.json"),
            ("evaluate images", "samples/provenance.json"),
        )
    )
    words = COMMANDS[which]
    if which == "evaluate images" and rng.random() < 0.5:
        words = (*words, "--json")
    return words, {}, lambda folder: replace(folder / name, rng)


KINDS: dict[str, Callable[[random.Random], Made]] = {
    "options": of_options,
    "places": of_places,
    "surroundings": of_environment,
    "files": of_files,
    "sets of images": of_sets,
    "pictures": of_pictures,
    "models": of_models,
    "labels": of_labels,
    "judges": of_features,
    "documents": of_documents,
}
