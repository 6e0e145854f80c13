"""What all our trained models have in common: a network, its schedule, and their folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from jinc.diffusion import Prediction, Schedule, clip, make_schedule
from jinc.errors import JincError
from jinc.files import writing
from jinc.manifest import check_manifest, replacing
from jinc.models.classes import label_of
from jinc.nn import Network, load_network
from jinc.nn.checks import check_sizes
from jinc.schema import read_as
from jinc.types import Denoiser

FILES = {
    "denoiser.json": "a single-step denoiser; see jinc denoise test",
    "diffusion.json": "a model of images, no upscaler; see jinc sample",
    "upscaling.json": "an upscaler; see jinc upscale",
}
"""What a folder holds, by the file that shows it."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a model folder says of a model besides its network; see `Trained`.

    Args:
        guidable: None in older files: whether there are classes.
        scale_betas: false in older files, whose linear betas were those of 1000 steps for any T.
    """

    schedule: str
    timesteps: int
    prediction: Prediction
    image_size: tuple[int, int]
    class_names: tuple[str, ...]
    guidable: bool | None = None
    scale_betas: bool = False


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, its schedule, and the images it was trained on.

    Args:
        network: predicts ε, x0, v or flow.
        image_size: height and width in pixels.
        class_names: one name a class; empty for a network without classes.
        schedule_name: as `make_schedule` knows it.
        timesteps: T.
        prediction: what the network predicts.
        guidable: whether labels were hidden in training, so that it can do without them.
        scale_betas: as `make_schedule` takes it.
    """

    FILE: ClassVar[str]
    """Which of `FILES` its facts are in."""
    FACTS: ClassVar[type[Facts]] = Facts
    """What these are."""
    SHOWS: ClassVar[bool] = False
    """Whether its network is shown other images beside the noisy ones."""

    network: Network
    image_size: tuple[int, int]
    class_names: tuple[str, ...] = ()
    schedule_name: str = "linear"
    timesteps: int = 1000
    prediction: Prediction = "eps"
    guidable: bool = False
    scale_betas: bool = True

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of noisy images."""
        return self.named_schedule()

    def named_schedule(self) -> Schedule:
        """Make the schedule by its name."""
        return make_schedule(self.schedule_name, self.timesteps, scale_betas=self.scale_betas)

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.network.channels

    @property
    def scale_aware(self) -> bool:
        """Whether a louder image gives a louder prediction; if not, it is calibrated."""
        return self.network.scale_aware

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def to(self, device: torch.device | str) -> Self:
        """Move the network, and return the model."""
        self.network.to(device)
        return self

    def limited(self, denoiser: Denoiser) -> Denoiser:
        """Keep predictions in [−1, 1]."""
        return clip(denoiser)

    def labels(self, prompts: Sequence[str]) -> Tensor | None:
        """Return what the network is told of prompts, `[B]`; None where none says anything.

        Args:
            prompts: for each image the name or the number of a class, or "" for none.

        Raises:
            JincError: a prompt that is no class.
        """
        labels = [label_of(prompt, self.class_names) for prompt in prompts]
        return torch.tensor(labels, device=self.device) if any(prompts) else None

    def facts(self) -> dict[str, Any]:
        """Return all but the network, ready for JSON."""
        return {
            "schedule": self.schedule_name,
            "timesteps": self.timesteps,
            "scale_betas": self.scale_betas,
            "prediction": self.prediction,
            "guidable": self.guidable,
            "image_size": list(self.image_size),
            "class_names": list(self.class_names),
        }

    @classmethod
    def arguments(cls, network: Network, facts: Facts) -> dict[str, Any]:
        """Return what the class is called with besides the network.

        Raises:
            JincError: a value makes no sense, or does not fit the network.
        """
        height, width = facts.image_size
        names = facts.class_names
        check_sizes({"image_size": 1}, {"image_size": max(height, width)})
        make_schedule(facts.schedule, facts.timesteps)
        if len(names) != network.classes:
            raise JincError(f"{len(names)} classes are named, the network has {network.classes}")
        if bool(network.beside) != cls.SHOWS:
            raise JincError(f"its network is shown {network.beside} channels beside the noisy")
        network.check_size(height, width)
        return {
            "image_size": facts.image_size,
            "class_names": names,
            "schedule_name": facts.schedule,
            "timesteps": facts.timesteps,
            "scale_betas": facts.scale_betas,
            "prediction": facts.prediction,
            "guidable": bool(names) if facts.guidable is None else facts.guidable,
        }

    def save(self, folder: str | Path) -> None:
        """Write a folder of the network, the facts and a manifest, or replace it whole."""
        with replacing(Path(folder)) as whole:
            self.network.save(whole)
            with writing(whole / self.FILE) as file:
                file.write((json.dumps(self.facts(), indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model back, in evaluation mode.

        Raises:
            JincError: a file is missing, damaged, or does not fit the others.
        """
        file = Path(folder) / cls.FILE
        for other, words in FILES.items():
            if other != cls.FILE and file.with_name(other).is_file():
                raise JincError(f"{folder}: is {words}")
        check_manifest(Path(folder))
        facts = read_as(cls.FACTS, file)
        network = load_network(Path(folder)).eval()
        try:
            return cls(network, **cls.arguments(network, facts))
        except JincError as error:
            raise JincError(f"{file}: {error}") from None
