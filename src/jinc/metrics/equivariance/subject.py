"""A model, what its equivariance is measured on, and the floor that it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import torch

from jinc.diffusion import (
    Move,
    MoveKind,
    SeededNoise,
    Shift,
    clip,
    isotropic,
    random_move,
)
from jinc.diffusion.timesteps import path
from jinc.metrics.equivariance.measures import InFrames, Replay, Sampling
from jinc.streams import Stream, stream
from jinc.types import Denoiser, Images

LEVELS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Timesteps at which networks are probed, as shares of T."""

Measure: TypeAlias = Callable[[Sampling, Replay, np.random.Generator], float]


@dataclass(frozen=True)
class Figure:
    """The equivariance of a model, and that of an exactly equivariant denoiser.

    Args:
        db: of the model, dB.
        floor_db: of `isotropic`, fitted to the clean images and clipped like the model.
    """

    db: float
    floor_db: float


@dataclass(frozen=True, eq=False)
class Subject:
    """A model and what it is probed on.

    Args:
        network: `(x_t, t) -> x0_hat` for the clean images, not clipped.
        x0: clean images like its training images, `[B, C, H, W]`.
        sampling: of generated images, over falling levels, by a denoiser that clips.
        seed: of noise and moves, ≥ 0.
        in_frames: of the network, if it takes a frame, which then moves with the images.
    """

    network: Denoiser
    x0: Images
    sampling: Sampling
    seed: int = 0
    in_frames: InFrames | None = None

    @cached_property
    def floor(self) -> Sampling:
        """The same sampling by a denoiser that is exactly equivariant except for clipping."""
        exact = clip(isotropic.fit(self.sampling.schedule, self.x0))
        return replace(self.sampling, denoiser=exact, in_frames=None)

    @cached_property
    def is_square(self) -> bool:
        """Whether images can be rotated."""
        height, width = self.x0.shape[-2:]
        return bool(height == width)

    @cached_property
    def levels(self) -> list[int]:
        """The levels at which the network is probed, rising."""
        T = len(self.sampling.schedule)
        return sorted({min(round(share * T), T - 1) for share in LEVELS})

    @cached_property
    def path(self) -> list[int]:
        """The levels that the sampler visits, ending with −1."""
        T, steps = len(self.sampling.schedule), self.sampling.steps
        return path(T, self.sampling.method.levels(T) if steps is None else steps)

    @cached_property
    def moves(self) -> dict[str, Move]:
        """The moves of the clean images, by name."""
        count, _, height, width = self.x0.shape
        half = torch.tensor([0.5 / height, 0.5 / width], dtype=torch.float64)
        kinds: tuple[MoveKind, ...] = ("shift", "rotation", "quarter_turns", "flip")
        kinds = kinds if self.is_square else ("shift", "flip")
        drawn: dict[str, Move] = {
            kind: random_move(kind, _random(self.seed, Stream.PROBE_MOVES, place), count)
            for place, kind in enumerate(kinds)
        }
        return {"half_pixel": Shift(half.expand(count, 2)), **drawn}

    @cached_property
    def replay(self) -> Replay:
        """The noise of generated images."""
        return lambda: SeededNoise(self.seed, range(len(self.sampling.like)))

    def compare(self, measure: Measure) -> Figure:
        """Measure the model and the floor with the same noise and moves."""
        db, floor_db = (
            measure(each, self.replay, _random(self.seed, Stream.PROBE_FIGURES))
            for each in (self.sampling, self.floor)
        )
        return Figure(db, floor_db)


def _random(seed: int, which: Stream, *key: int) -> np.random.Generator:
    return np.random.default_rng(stream(seed, which, *key))
