"""A trained network with all that sampling needs to know about it: what a `model/` folder holds."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from jinc.diffusion import Schedule, make_schedule, x0_from_eps
from jinc.errors import JincError
from jinc.files import writing
from jinc.manifest import check_manifest, replacing
from jinc.nn import UNet
from jinc.types import Denoiser, Images, Steps


@dataclass(frozen=True)
class EpsDenoiser:
    """Turn a network that predicts noise into a denoiser.

    Args:
        network: `(x_t, t, labels) -> eps`.
        schedule: the one it was trained with.
        labels: class of each image, `[B]`; None for no class.
    """

    network: UNet
    schedule: Schedule
    labels: Tensor | None = None

    def __call__(self, x_t: Images, t: Steps) -> Images:
        """Predict the clean images, `[B, C, H, W]`, from noisy ones and their steps `[B]`."""
        eps = self.network(x_t, t, self.labels)
        return x0_from_eps(self.schedule, x_t, t, eps)


@dataclass(frozen=True, eq=False)
class Model:
    """A network, its schedule, and the images it was trained on.

    Args:
        network: predicts ε.
        image_size: height and width in pixels.
        class_names: one name a class; empty for a network without classes.
        schedule_name: as `make_schedule` knows it.
        timesteps: T.
    """

    network: UNet
    image_size: tuple[int, int]
    class_names: tuple[str, ...] = ()
    schedule_name: str = "linear"
    timesteps: int = 1000

    @cached_property
    def schedule(self) -> Schedule:
        """The schedule by its name."""
        return make_schedule(self.schedule_name, self.timesteps)

    def denoiser(self, labels: Tensor | None = None) -> Denoiser:
        """Return `(x_t, t) -> x0_hat` for images of given classes, `[B]`, or of none."""
        return EpsDenoiser(self.network, self.schedule, labels)

    def save(self, folder: str | Path) -> None:
        """Write a folder of the network, `diffusion.json` and a manifest, or replace it whole."""
        facts = {
            "schedule": self.schedule_name,
            "timesteps": self.timesteps,
            "prediction": "eps",
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
        check_manifest(Path(folder))
        try:
            facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            height, width = map(int, facts["image_size"])
            names = tuple(str(name) for name in list(facts["class_names"]))
            schedule, timesteps = str(facts["schedule"]), int(facts["timesteps"])
            if facts["prediction"] != "eps":
                raise ValueError(f"its network predicts {facts['prediction']!r}, not 'eps'")
            make_schedule(schedule, timesteps)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise JincError(f"{file}: cannot be read as a model ({_reason(error)})") from None
        network = UNet.load(folder).eval()
        if len(names) != network.classes:
            raise JincError(
                f"{file}: names {len(names)} classes, the network has {network.classes}"
            )
        unit = 2**network.levels
        if min(height, width) < unit or height % unit or width % unit:
            raise JincError(f"{file}: images of {height}×{width} do not fit the network")
        return cls(network, (height, width), names, schedule, timesteps)


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
