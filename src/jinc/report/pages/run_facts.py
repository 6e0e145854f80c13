"""A run in words and figures: settings, size, log and time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple

from jinc.documents import read_object
from jinc.models import SingleStep, model_folder
from jinc.report.charts import Chart
from jinc.report.learning import late_loss, series
from jinc.report.numbers import Number, number
from jinc.report.spectra import preconditioning_charts
from jinc.train import SECTIONS, Run, TrainConfig


class Tile(NamedTuple):
    """A key figure of the first screen, with its standard error, unit and an explanation."""

    name: str
    value: Number
    error: Number | None = None
    aside: str = ""
    unit: str = ""


@dataclass(frozen=True)
class RunFacts:
    """A run, of which each fact is read once."""

    run: Run

    @cached_property
    def config(self) -> TrainConfig:
        """Settings of training."""
        return self.run.config

    @cached_property
    def log(self) -> list[dict[str, Any]]:
        """Entries of its log."""
        return self.run.read_log()

    @cached_property
    def weights(self) -> str | None:
        """SHA-256 of the model file; None as long as there is none."""
        file = self.run.path / "model" / "model.safetensors"
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None

    @cached_property
    def model(self) -> Any:
        """Its model, of any kind; a JincError if there is none or it is damaged."""
        if self.config.noise_std is not None:
            return SingleStep.load(model_folder(self.run.path))
        return self.run.upscaler() if self.config.upscale else self.run.model()

    def preconditioning(self) -> list[Chart]:
        """Chart the linear denoiser of its model."""
        return preconditioning_charts(self.model.spectrum, self.model.schedule)

    def words(self) -> str:
        """Say what was trained on which data."""
        config = self.config
        kinds = {"unet": "U-Net", "resunet": "residual U-Net", "cs180": "U-Net of CS180"}
        kinds |= {"diffusers": "U-Net of diffusers"}
        what = f"Configuration {config.config}, {kinds[config.network]}, width {config.width}"
        what += ", with classes" if config.conditional else ""
        what += f", fine-tuned from {config.original}" if config.original else ""
        if config.noise_std is not None:
            what += f", single-step denoiser at σ = {config.noise_std:g}"
        elif config.upscale:
            what += f", enlarges {config.upscale} times"
        return f"{what}; trained on {config.data}, {config.split} split, seed {config.seed}"

    @property
    def generates(self) -> bool:
        """Whether it generates images from noise, not from other images."""
        return self.config.noise_std is None and not self.config.upscale

    def size(self) -> Tile:
        """Count the parameters; a JincError if there is no model or it is damaged."""
        network, (height, width) = self.model.network, self.model.image_size
        count = sum(p.numel() for p in network.parameters())
        return Tile("parameters", number(count), aside=f"images {height}×{width}")

    def tiles(self) -> list[Tile]:
        """Return the key figures of the log."""
        validation, scores = (series(self.log, n)[1] for n in ("validation_loss", "score"))
        found = {
            "loss": (late_loss(self.log), "mean of the last tenth of training"),
            "validation loss": (validation[-1] if validation else None, "at the end"),
            "Fréchet distance": (min(scores, default=None), "the best during training"),
            "steps": (
                self.log[-1]["step"] if self.log else None,
                f"of {self.config.batch_size:,} images each",
            ),
        }
        return [
            Tile(name, number(value), aside=aside)
            for name, (value, aside) in found.items()
            if value is not None
        ]

    def settings(self) -> dict[str, list[tuple[str, str, bool]]]:
        """Return the settings of each section: name, value in words, whether not the default."""
        found: dict[str, list[tuple[str, str, bool]]] = {}
        for title, section in SECTIONS.items():
            for field in fields(section):
                value, name = getattr(self.config, field.name), field.name.replace("_", " ")
                row = name, in_words(value), value != field.default
                found.setdefault(title, []).append(row)
        return found

    def trained_with(self) -> list[tuple[str, str]]:
        """Return software and speed of training, from the newest checkpoint and the log."""
        states = sorted(self.run.checkpoints.glob("step-*/state.json"))
        state = read_object(states[-1]) if states else {}
        names = ("torch", "processes", "threads")
        found = [(name, str(state[name])) for name in names if name in state]
        found.append(("precision", self.config.precision))
        _, speeds = series(self.log, "images_per_second", above=0)
        if speeds:
            median = sorted(speeds)[len(speeds) // 2]
            found.append(("images per second", number(float(median), 3).text))
            found.append(("training time", duration(training_seconds(self.log, self.config))))
        return found


def training_seconds(log: Sequence[dict[str, Any]], config: TrainConfig) -> float:
    """Add up the time of all steps, from the speeds in the log of a run."""
    seconds, last = 0.0, 0
    for step, speed in zip(*series(log, "images_per_second", above=0), strict=True):
        seconds += (step - last) * config.batch_size / speed
        last = step
    return seconds


def duration(seconds: float) -> str:
    """Write a duration.

    >>> duration(42), duration(3725), duration(90000)
    ('42 s', '1 h 2 min', '25 h 0 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def in_words(value: Any) -> str:
    """Write the value of a setting.

    >>> in_words((1, 2)), in_words(None), in_words(True), in_words(1e-05)
    ('1, 2', '–', 'yes', '1e-05')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    return "–" if value is None else str(value)
