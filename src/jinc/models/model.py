"""A trained network with all that sampling needs to know about it: what a `model/` folder holds."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, get_args

import torch
from torch import Tensor

from jinc.diffusion import Prediction, Schedule, make_schedule, x0_of
from jinc.errors import JincError
from jinc.files import writing
from jinc.manifest import check_manifest, replacing
from jinc.nn import NO_CLASS, Network, load_network
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """Turn a network that predicts ε, x0 or v into a denoiser.

    Args:
        network: `(x_t, t, labels) -> prediction`.
        schedule: the one it was trained with.
        labels: class of each image, `[B]`; None for no class.
        prediction: what the network predicts.
    """

    network: Network
    schedule: Schedule
    labels: Tensor | None = None
    prediction: Prediction = "eps"

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        output = self.network(x_t, t, self.labels)
        return x0_of(self.schedule, self.prediction, x_t, t, output)

    @property
    def shares(self) -> Hashable:
        """Leaves of one network and schedule are asked together."""
        return id(self.network), id(self.schedule), self.prediction

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        if all(part.labels is None for part, _ in parts):
            return self
        device = next(self.network.parameters()).device
        labels = [
            torch.full((count,), NO_CLASS, device=device) if part.labels is None else part.labels
            for part, count in parts
        ]
        return replace(self, labels=torch.cat(labels))


@dataclass(frozen=True, eq=False)
class Model:
    """A network, its schedule, and the images it was trained on.

    Args:
        network: predicts ε, x0 or v.
        image_size: height and width in pixels.
        class_names: one name a class; empty for a network without classes.
        schedule_name: as `make_schedule` knows it.
        timesteps: T.
        prediction: what the network predicts.
        guidable: whether labels were hidden in training, so that it can do without them.
    """

    network: Network
    image_size: tuple[int, int]
    class_names: tuple[str, ...] = ()
    schedule_name: str = "linear"
    timesteps: int = 1000
    prediction: Prediction = "eps"
    guidable: bool = False

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule by its name."""
        return make_schedule(self.schedule_name, self.timesteps)

    def denoiser(self, labels: Tensor | None = None) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for images of given classes, `[B]`, or of none."""
        return NetworkDenoiser(self.network, self.schedule, labels, self.prediction)

    def save(self, folder: str | Path) -> None:
        """Write a folder of the network, `diffusion.json` and a manifest, or replace it whole."""
        facts = {
            "schedule": self.schedule_name,
            "timesteps": self.timesteps,
            "prediction": self.prediction,
            "guidable": self.guidable,
            "image_size": list(self.image_size),
            "class_names": list(self.class_names),
        }
        with replacing(Path(folder)) as whole:
            self.network.save(whole)
            with writing(whole / "diffusion.json") as file:
                file.write((json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model back, in evaluation mode.

        Raises:
            JincError: a file is missing, damaged, or does not fit the others.
        """
        file = Path(folder) / "diffusion.json"
        if (Path(folder) / "denoiser.json").is_file():
            raise JincError(f"{folder}: is a single-step denoiser; see jinc denoise test")
        check_manifest(Path(folder))
        try:
            facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            height, width = map(int, facts["image_size"])
            names = tuple(str(name) for name in list(facts["class_names"]))
            schedule, timesteps = str(facts["schedule"]), int(facts["timesteps"])
            prediction, guidable = facts["prediction"], bool(facts.get("guidable", names))
            if prediction not in get_args(Prediction):
                raise ValueError(f"its network predicts {prediction!r}, not eps, x0 or v")
            make_schedule(schedule, timesteps)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise JincError(f"{file}: cannot be read as a model ({_reason(error)})") from None
        network = load_network(Path(folder)).eval()
        if len(names) != network.classes:
            raise JincError(
                f"{file}: names {len(names)} classes, the network has {network.classes}"
            )
        try:
            network.check_size(height, width)
        except JincError as error:
            raise JincError(f"{file}: {error}") from None
        return cls(network, (height, width), names, schedule, timesteps, prediction, guidable)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
