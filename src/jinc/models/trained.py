"""Trained models: a network, its schedule and the facts that sampling needs, in a folder."""

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import torch
from torch import Tensor

from jinc.bundled import located, no_model
from jinc.diffusion import Prediction, Schedule, clip, make_schedule, x0_of
from jinc.diffusion.process import Parametrisation
from jinc.diffusion.spectral import Spectral, Spectrum
from jinc.errors import JincError, unknown
from jinc.files import writing
from jinc.manifest import check_manifest, replacing
from jinc.nn import NO_CLASS, Conditioning, Network, joined_labels, load_network
from jinc.nn.checks import check_sizes
from jinc.schema import read_as
from jinc.signal.frame import CHANNELS, Frame
from jinc.types import Denoiser, Images, Steps

FILES = {
    "denoiser.json": "a single-step denoiser; see jinc denoise test",
    "diffusion.json": "a model of images, not an upscaler; see jinc sample",
    "upscaling.json": "an upscaler; see jinc upscale",
}
"""What a folder holds, by its file of facts."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts in a model folder; see `Trained`.

    Args:
        guidable: missing in older files: then true if there are classes.
        scale_betas: missing in older files: then the linear betas are those of 1000 steps.
        frame: whether the network takes the coordinates of a frame.
    """

    schedule: str
    timesteps: int
    prediction: Prediction
    image_size: tuple[int, int]
    class_names: tuple[str, ...]
    guidable: bool | None = None
    scale_betas: bool = False
    spectrum: dict[str, Any] | None = None
    frame: bool = False


Frames: TypeAlias = Callable[[Steps], Frame]
"""The frames of B images at their steps, `[B]`."""


def upright(t: Steps) -> Frame:
    """Return the frame of the training images."""
    return Frame()


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, its schedule, and the images it was trained on.

    Args:
        network: predicts ε, x0, v or flow.
        image_size: height and width in pixels.
        class_names: one name a class; empty for a network without classes.
        schedule_name: of `make_schedule`.
        timesteps: T.
        prediction: what the network predicts.
        guidable: whether it was trained with label dropout, and also predicts without a class.
        scale_betas: of `make_schedule`.
        spectrum: of the training set, for predictions spectral and edm.
    """

    FILE: ClassVar[str]
    """The file of its facts, one of `FILES`."""
    FACTS: ClassVar[type[Facts]] = Facts
    """Their class."""
    LOW_RES: ClassVar[bool] = False
    """Whether its network is conditioned on low-resolution images."""

    network: Network
    image_size: tuple[int, int]
    class_names: tuple[str, ...] = ()
    schedule_name: str = "linear"
    timesteps: int = 1000
    prediction: Prediction = "eps"
    guidable: bool = False
    scale_betas: bool = True
    spectrum: Spectrum | None = None

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule of noisy images."""
        return self.named_schedule()

    def named_schedule(self) -> Schedule:
        """Make the schedule by its name."""
        return make_schedule(self.schedule_name, self.timesteps, scale_betas=self.scale_betas)

    @cached_property
    def parametrisation(self) -> Prediction | Parametrisation:
        """How the clean images follow from the network's output."""
        return self.prediction if self.spectrum is None else Spectral(self.spectrum)

    @property
    def channels(self) -> int:
        """Channels of the images."""
        return self.network.channels

    @property
    def scale_aware(self) -> bool:
        """Whether predictions scale with the input; if not, they are calibrated."""
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
        """Clip predictions to [−1, 1]."""
        return clip(denoiser)

    def labels(self, prompts: Sequence[str]) -> Tensor | None:
        """Return the labels of prompts, `[B]`; None if all are "".

        Args:
            prompts: for each image the name or the number of a class, or "" for none.
        """
        labels = [label_of(prompt, self.class_names) for prompt in prompts]
        return torch.tensor(labels, device=self.device) if any(prompts) else None

    def facts(self) -> dict[str, Any]:
        """Return the facts, ready for JSON."""
        return {
            "schedule": self.schedule_name,
            "timesteps": self.timesteps,
            "scale_betas": self.scale_betas,
            "prediction": self.prediction,
            "guidable": self.guidable,
            "image_size": list(self.image_size),
            "class_names": list(self.class_names),
        } | ({} if self.spectrum is None else {"spectrum": self.spectrum.facts()})

    @classmethod
    def arguments(cls, network: Network, facts: Facts) -> dict[str, Any]:
        """Return the arguments of the class besides the network, checked against it."""
        height, width = facts.image_size
        names = facts.class_names
        check_sizes({"image_size": 1}, {"image_size": max(height, width)})
        make_schedule(facts.schedule, facts.timesteps)
        if len(names) != network.classes:
            raise JincError(f"{len(names)} classes are named, the network has {network.classes}")
        if facts.frame and network.beside != CHANNELS:
            raise JincError(f"frame: its network takes {network.beside} more channels, not 2")
        if bool(network.beside) != (cls.LOW_RES or facts.frame):
            raise JincError(f"its network takes {network.beside} channels beside the noisy images")
        network.check_size(height, width)
        return {
            "image_size": facts.image_size,
            "class_names": names,
            "schedule_name": facts.schedule,
            "timesteps": facts.timesteps,
            "scale_betas": facts.scale_betas,
            "prediction": facts.prediction,
            "spectrum": cls._spectrum(facts, network.channels),
            "guidable": bool(names) if facts.guidable is None else facts.guidable,
        }

    @staticmethod
    def _spectrum(facts: Facts, channels: int) -> Spectrum | None:
        """Read the spectrum, if the prediction has one."""
        if (facts.spectrum is not None) != (facts.prediction in ("spectral", "edm")):
            if facts.spectrum is None:
                raise JincError(f"spectrum: is missing, and prediction {facts.prediction} needs it")
            raise JincError(f"spectrum: prediction {facts.prediction} has none")
        if facts.spectrum is None:
            return None
        spectrum = Spectrum.of_facts(facts.spectrum)
        if len(spectrum.mean) != channels:
            raise JincError(f"spectrum: {len(spectrum.mean)} channels, the network has {channels}")
        return spectrum

    def save(self, folder: str | Path) -> None:
        """Write a folder of the network, the facts and a manifest, or replace it whole."""
        with replacing(Path(folder)) as whole:
            self.network.save(whole)
            with writing(whole / self.FILE) as file:
                file.write((json.dumps(self.facts(), indent=2, ensure_ascii=False) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model back, in evaluation mode.

        Args:
            folder: a model folder, or the name of a bundled model.

        Raises:
            JincError: a file is missing, damaged, or inconsistent with the others.
        """
        place = located(folder)
        if not place.exists():
            raise no_model(folder)
        file = place / cls.FILE
        for other, words in FILES.items():
            if other != cls.FILE and file.with_name(other).is_file():
                raise JincError(f"{folder}: is {words}")
        check_manifest(place)
        facts = read_as(cls.FACTS, file)
        network = load_network(place).eval()
        try:
            return cls(network, **cls.arguments(network, facts))
        except JincError as error:
            raise JincError(f"{file}: {error}") from None


@dataclass(frozen=True, eq=False)
class NetworkDenoiser:
    """A denoiser from a network that predicts ε, x0, v or flow.

    Args:
        network: `(x_t, t, condition) -> prediction`.
        schedule: the one it was trained with.
        labels: class of each image, `[B]`; None for no class.
        prediction: what the network predicts.
        frames: of the images at each step; None for a network without one.
    """

    network: Network
    schedule: Schedule
    labels: Tensor | None = None
    prediction: Prediction | Parametrisation = "eps"
    frames: Frames | None = None

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        beside = None if self.frames is None else self.frames(t).coordinates(x_t)
        output = self.network(x_t, t, Conditioning(self.labels, beside=beside))
        return x0_of(self.schedule, self.prediction, x_t, t, output)

    def rows(self, places: Tensor) -> Denoiser:
        """Return a denoiser of some images of the batch only."""
        labels, frames = self.labels, self.frames
        return replace(
            self,
            labels=None if labels is None else labels[places],
            frames=None if frames is None else lambda t: frames(t).rows(places),
        )

    @property
    def shares(self) -> Hashable:
        """Leaves of one network and schedule are evaluated together."""
        return id(self.network), id(self.schedule), self.prediction

    def joined(self, parts: Sequence[tuple[Self, int]]) -> Denoiser:
        """Return one denoiser for the images of all parts, one after another."""
        labels = joined_labels([(part.labels, count) for part, count in parts])
        counts = [count for _, count in parts]

        def frames(t: Steps) -> Frame:
            each = zip(parts, t.split(counts), strict=True)  # type: ignore[no-untyped-call]
            return Frame.joined([p.frames(at).expanded(n) for (p, n), at in each if p.frames])

        return replace(self, labels=labels, frames=self.frames and frames)


@dataclass(frozen=True, eq=False)
class Model(Trained):
    """A model of images; other arguments are those of `Trained`.

    Args:
        frames: where up is, at each step of sampling; None for a network that takes no frame.
    """

    FILE: ClassVar[str] = "diffusion.json"

    frames: Frames | None = None

    def denoiser(self, labels: Tensor | None = None) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for images of given classes, `[B]`, or of none."""
        return NetworkDenoiser(
            self.network, self.schedule, labels, self.parametrisation, self.frames
        )

    def in_frames(self, frames: Frames) -> Self:
        """Return the model of the same images in other frames.

        Args:
            frames: steps `[B]` to the frames of the images at these steps.

        Raises:
            JincError: the network takes no frame.
        """
        if self.frames is None:
            raise JincError("frame: this model has none; train it with --frame and --config R@12")
        return replace(self, frames=frames)

    def facts(self) -> dict[str, Any]:
        """Return the facts, ready for JSON."""
        return super().facts() | ({} if self.frames is None else {"frame": True})

    @classmethod
    def arguments(cls, network: Network, facts: Facts) -> dict[str, Any]:
        """Return the arguments of the class besides the network, checked against it."""
        return super().arguments(network, facts) | {"frames": upright if facts.frame else None}

    def prompted(self, prompts: Sequence[str]) -> Denoiser:
        """Return a denoiser of images with a class each, by name or number, or "" for none."""
        return self.denoiser(self.labels(prompts))


def label_of(prompt: str, names: Sequence[str]) -> int:
    """Return the label of a prompt: the name of a class, its number, or "" for no class.

    Raises:
        JincError: it is none of these; the message names the nearest class.

    >>> label_of("cat", ["dog", "cat"]), label_of("0", ["dog", "cat"]), label_of("", ["dog"])
    (1, 0, -1)
    >>> label_of("5", ["1", "5"])
    1
    """
    if not prompt:
        return NO_CLASS
    if prompt in names:
        return names.index(prompt)
    if not names:
        raise JincError(f"prompt: {prompt!r} to a model that was trained without classes")
    numbered = any(map(str.isdecimal, names))  # then a number is a name, or wrong
    if prompt.isdecimal() and not numbered and int(prompt) < len(names):
        return int(prompt)
    raise unknown(f"prompt: {prompt!r} is no class of this model", prompt, names)
