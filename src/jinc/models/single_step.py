"""The single-step denoiser: a network that gives an image back from one amount of noise."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch

from jinc.errors import JincError
from jinc.files import writing
from jinc.manifest import check_manifest, replacing
from jinc.nn import Network, load_network
from jinc.schema import read_as
from jinc.types import Images

FACTS = "denoiser.json"
"""The file by which its folder is known."""


@dataclass(frozen=True)
class _Facts:
    """What `FACTS` holds; see `SingleStep`."""

    image_size: tuple[int, int]
    noise_std: float

    def __post_init__(self) -> None:
        """Refuse what no noise has."""
        if self.noise_std < 0:
            raise JincError(f"noise_std: {self.noise_std} is below 0")


@dataclass(frozen=True, eq=False)
class SingleStep:
    """A network that was trained to undo z = x + σ ε, images being in [0, 1].

    Args:
        network: maps noisy images to clean ones.
        image_size: height and width in pixels.
        noise_std: σ that it was trained at.

    Source: CS180 (Berkeley), project 5, part B.
    """

    network: Network
    image_size: tuple[int, int]
    noise_std: float

    @torch.no_grad()
    def __call__(self, noisy: Images) -> Images:
        """Give back images in [0, 1], `[B, C, H, W]`, from noisy ones; the range is not clipped."""
        no_step = torch.zeros(len(noisy), dtype=torch.long, device=noisy.device)
        clean: Images = self.network(noisy, no_step)
        return clean

    def save(self, folder: str | Path) -> None:
        """Write a folder of the network, `denoiser.json` and a manifest, or replace it whole."""
        facts = {"noise_std": self.noise_std, "image_size": list(self.image_size)}
        with replacing(Path(folder)) as whole:
            self.network.save(whole)
            with writing(whole / FACTS) as file:
                file.write((json.dumps(facts, indent=2) + "\n").encode())

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a denoiser back, in evaluation mode.

        Raises:
            JincError: a file is missing, damaged, or does not fit the others.
        """
        file = Path(folder) / FACTS
        if not file.is_file():
            raise JincError(f"{folder}: is no single-step denoiser, it has no {FACTS}")
        check_manifest(Path(folder))
        facts = read_as(_Facts, file)
        network = load_network(Path(folder)).eval()
        try:
            network.check_size(*facts.image_size)
        except JincError as error:
            raise JincError(f"{file}: {error}") from None
        return cls(network, facts.image_size, facts.noise_std)
