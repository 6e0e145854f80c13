"""All that a training run is told."""

import difflib
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

import yaml

from jinc.errors import JincError
from jinc.files import writing
from jinc.signal.padding import Padding


@dataclass(frozen=True)
class TrainConfig:
    """A training run: data, network, process, optimiser, and what is kept of it.

    Args:
        data: "digits" for the bundled set, or a path to MNIST, CIFAR-10 or a folder of images.
        split: which part of the data to train on.
        image_size: pixels a side after resizing and a centred crop; as the data is, if not given.
        channels: 1 or 3; as the data is, if not given.
        resize_filter: how images are resized, antialiased.
        skip_first: drop the first row of a CSV file, as arXiv 2411.09174 did.
        hflip: mirror half of the images at random.
        config: how aliasing is treated: A, D-2N (published) or D@6, D@12 (corrected), and more.
        width: channels at the first level, a multiple of 4.
        levels: how often the image is halved inside the network.
        padding: what lies beyond the edges of an image inside the network.
        conditional: learn the classes, so that they can be asked for.
        schedule: how fast the image turns to noise.
        timesteps: T, the number of noise levels.
        steps: how many batches to train on; takes the place of epochs.
        epochs: how often to go through the data, when steps is not given.
        batch_size: images a step.
        learning_rate: of AdamW.
        weight_decay: of AdamW.
        adam_betas: of AdamW.
        ema_decay: how slowly the averaged weights follow; 0 keeps no average.
        seed: the same seed gives the same run.
        device: cpu, cuda, mps, or auto for the best there is.
        log_every: steps between lines of the log.
        sample_every: steps between pictures of samples; 0 for none.
        checkpoint_every: steps between checkpoints.
        keep: how many checkpoints to keep.
    """

    data: str = "digits"
    split: Literal["train", "test", "all"] = "train"
    image_size: int | None = None
    channels: Literal[1, 3] | None = None
    resize_filter: Literal["box", "bilinear", "bicubic", "lanczos"] = "bilinear"
    skip_first: bool = False
    hflip: bool = False

    config: str = "D@6"
    width: int = 32
    levels: int = 3
    padding: Padding = "zeros"
    conditional: bool = False

    schedule: Literal["linear", "cosine", "scaled_linear"] = "linear"
    timesteps: int = 1000

    steps: int | None = None
    epochs: float = 100
    batch_size: int = 64
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    adam_betas: tuple[float, float] = (0.9, 0.999)
    ema_decay: float = 0.999
    seed: int = 0
    device: str = "auto"

    log_every: int = 20
    sample_every: int = 1000
    checkpoint_every: int = 500
    keep: int = 3

    def __post_init__(self) -> None:
        """Check every value, so that a run does not fail hours later."""
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            _require(_is_a(value, kind), name, repr(value), _words(kind))
        for name in ("batch_size", "timesteps", "log_every", "checkpoint_every", "keep"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        for name in ("sample_every", "weight_decay"):
            _require(getattr(self, name) >= 0, name, getattr(self, name), "at least 0")
        most = {"timesteps": 100_000, "batch_size": 65_536, "width": 4096, "levels": 12}
        for name, limit in most.items():
            _require(getattr(self, name) <= limit, name, getattr(self, name), f"up to {limit:,}")
        _require(0 <= self.seed < 2**63, "seed", self.seed, "from 0 to 2^63 - 1")
        if self.steps is not None:
            _require(self.steps >= 1, "steps", self.steps, "at least 1")
        _require(self.epochs > 0, "epochs", self.epochs, "above 0")
        _require(0 < self.learning_rate < 1, "learning_rate", self.learning_rate, "in (0, 1)")
        _require(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "in [0, 1)")
        for beta in self.adam_betas:
            _require(0 <= beta < 1, "adam_betas", beta, "in [0, 1)")

    def total_steps(self, images: int) -> int:
        """Return the number of batches for a data set of so many images."""
        return self.steps or max(1, round(self.epochs * images / self.batch_size))

    def write(self, file: Path) -> None:
        """Write every setting as YAML; raise a JincError where that cannot be done."""
        settings = asdict(self) | {"adam_betas": list(self.adam_betas)}
        with writing(file) as out:
            out.write(yaml.safe_dump(settings, sort_keys=False, allow_unicode=True).encode())

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            JincError: the file cannot be read, or holds what is no setting.
        """
        try:
            settings: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())
            raise JincError(f"{file}: cannot be read as settings ({reason})") from None
        if not isinstance(settings, dict):
            raise JincError(f"{file}: does not hold the settings of a training run")
        known = [field.name for field in fields(cls)]
        for unknown in sorted(map(str, settings.keys() - set(known))):
            near = difflib.get_close_matches(unknown, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise JincError(f"{file}: {unknown!r} is no setting{hint}")
        if isinstance(settings.get("adam_betas"), list):
            settings["adam_betas"] = tuple(settings["adam_betas"])
        try:
            return cls(**settings)
        except JincError as error:
            raise JincError(f"{file}: {error}") from None


def _require(holds: bool, name: str, value: object, range_: str) -> None:
    if not holds:
        raise JincError(f"{name}: {value} is not {range_}")


def _is_a(value: object, kind: Any) -> bool:
    """Tell whether a value, perhaps from a file, is what a field's annotation says."""
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return math.isfinite(value)
    if get_origin(kind) is Literal:
        return any(value == each and type(value) is type(each) for each in get_args(kind))
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if not isinstance(value, tuple) or len(value) != len(kinds):
            return False
        return all(map(_is_a, value, kinds))
    if get_args(kind):  # a union
        return any(_is_a(value, each) for each in get_args(kind))
    return type(value) is kind


def _words(kind: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a finite number", str: "a text"}
    if kind in names:
        return names[kind]
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "two finite numbers"
    return " or ".join("nothing" if each is type(None) else _words(each) for each in get_args(kind))
