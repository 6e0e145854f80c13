"""What a study measures of networks besides scores: errors on test images, and equivariance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray

from jinc.data import ImageSet
from jinc.diffusion import (
    Moving,
    SeededNoise,
    eps_of,
    forward,
    method_by_name,
    rotating,
    shifting,
)
from jinc.metrics import (
    Measure,
    Replay,
    Sampling,
    Subject,
    eq_r,
    eq_t,
    eq_t_frac,
    moved_during_sampling,
    network_equivariance,
)
from jinc.metrics.equivariance.measures import InFrames
from jinc.models import Model, SamplingPlan, joint_denoiser
from jinc.plain import number_or_none
from jinc.study.scored import CellScore
from jinc.train import AugmentationKind, augmented, evenly_spaced
from jinc.types import Denoiser

ERRORS, EQUIVARIANCE = "test errors, speed", "equivariance, dB"
"""Groups of figures, as tables name them."""

DRAWS = 512
"""Test images, each at its own level, that errors are averaged over."""

SHARES = (0.1, 0.3, 0.6)
"""Levels at which predictions are moved, as shares of T."""

ANGLES = (-90, -45, 45, 90)
"""Rotations during sampling, degrees counter-clockwise."""

Named = tuple[str, CellScore]
"""A figure and its key."""


def measure(
    model: Model, images: ImageSet, kinds: Sequence[AugmentationKind], plan: SamplingPlan
) -> Iterator[Named]:
    """Measure errors on test images and equivariance to rotations and to shifts by half a pixel.

    Floors are those of `isotropic`, fitted to the test images, and clipped for generated images.

    Args:
        model: the network, which is neither clipped nor calibrated for its predictions.
        images: of the test, at least as many as the plan generates.
        kinds: augmentations of the training images.
        plan: of the generated images, and of the number of images and the seed of both.

    Yields:
        the key of each figure, and the figure.
    """
    yield from _errors(model, images, kinds, plan)
    subject = _subject(model, images, kinds, plan)
    yield from _of_predictions(subject)
    yield from _of_generated(subject)


def measured_words(plan: SamplingPlan) -> str:
    """Describe how figures are measured, in a line."""
    return (
        f"test errors: mean squares of ε and x0_hat, {DRAWS} noisy test images, all and by quarter "
        f"of t; equivariance: predicted ε of {plan.number} test images at three levels, and "
        f"{plan.number} images by {str(plan.sampler).upper()} in {plan.steps} steps, seed "
        f"{plan.seed}; rotations by any angle, during sampling by ±45° and ±90°; test images "
        "augmented as in training; floor: exactly equivariant denoiser of the same spectrum"
    )


def network_calls(plan: SamplingPlan, T: int) -> int:
    """Estimate how often `measure` calls the network for an image, over all images."""
    sampled = 2 * 3 + 2 + 1 + len(ANGLES)
    return DRAWS + plan.number * (2 * 2 * len(SHARES) + sampled * plan.count(T))


def _of_these(
    model: Model, images: ImageSet, places: NDArray[np.int64], plan: SamplingPlan
) -> SamplingPlan:
    """Return the plan of plain predictions for some images with their classes."""
    prompts: tuple[str, ...] = ()
    if model.class_names and images.labels is not None:
        prompts = tuple(images.class_names[label] for label in images.labels[places])
    return replace(plan, number=len(places), prompts=prompts, clip=False, calibrate=False)


def half_pixel(model: Model, images: ImageSet, number: int) -> float | None:
    """Measure the equivariance of predicted noise to a shift by half a pixel at 0.3 T, dB.

    Args:
        model: its network is neither clipped nor calibrated.
        images: clean ones.
        number: of them.
    """
    subject = _subject(model, images, (), SamplingPlan(number=min(number, len(images))))
    schedule, x0 = subject.sampling.schedule, subject.x0
    eps = SeededNoise(subject.seed, range(len(x0)))(x0)
    move, levels = subject.moves["half_pixel"], [round(0.3 * (len(schedule) - 1))]
    how = (schedule, x0, eps, move, levels, subject.in_frames)
    (found,) = network_equivariance(subject.network, *how)
    return number_or_none(found.eps_db)


@torch.no_grad()
def _errors(
    model: Model, images: ImageSet, kinds: Sequence[AugmentationKind], plan: SamplingPlan
) -> Iterator[Named]:
    """Yield mean square errors of ε and of x0_hat, with t spread evenly over all levels."""
    places = evenly_spaced(len(images), DRAWS)
    levels = torch.linspace(0, model.timesteps - 1, DRAWS).long()
    errors: dict[str, list[torch.Tensor]] = {"eps": [], "x0": []}
    first = 0
    for part in augmented(images, places, kinds, plan.seed):
        rows = range(first, first := first + len(part))
        x0, t = part.to(model.device), levels[rows.start : rows.stop].to(model.device)
        eps = SeededNoise(plan.seed, rows)(x0)
        x_t = forward(model.schedule, x0, t, eps)
        of_these = _of_these(model, images, places[rows.start : rows.stop], plan)
        x0_hat = joint_denoiser(model, of_these)(x_t, t)
        eps_hat = eps_of(model.schedule, "x0", x_t, t, x0_hat)
        errors["eps"].append((eps_hat - eps).square().mean((1, 2, 3)))
        errors["x0"].append((x0_hat - x0).square().mean((1, 2, 3)))

    def figure(kind: str, name: str, squares: torch.Tensor) -> Named:
        return kind, CellScore(name, number_or_none(float(squares.mean())), True, ERRORS)

    yield figure("eps_error", "ε", torch.cat(errors["eps"]))
    for of, word in (("eps", "ε"), ("x0", "x0")):
        for k, quarter in enumerate(torch.cat(errors[of]).chunk(4), start=1):
            yield figure(f"{of}_error_{k}", f"{word}, quarter {k}", quarter)


def _subject(
    model: Model, images: ImageSet, kinds: Sequence[AugmentationKind], plan: SamplingPlan
) -> Subject:
    places = evenly_spaced(len(images), plan.number)
    x0 = torch.cat([*augmented(images, places, kinds, plan.seed)]).to(model.device)
    method, levels = method_by_name(str(plan.sampler), plan.eta), plan.levels(model.schedule)
    generated, frames = _framed(model, plan.of(model.class_names))
    sampling = Sampling(generated, model.schedule, x0, method, levels, frames)
    network, frames = _framed(model, _of_these(model, images, places, plan))
    return Subject(network, x0, sampling, plan.seed, frames)


def _framed(model: Model, plan: SamplingPlan) -> tuple[Denoiser, InFrames | None]:
    """Return the denoiser of a plan, also in other frames if the model takes one."""
    here = joint_denoiser(model, plan)
    if model.frames is None:
        return here, None
    return here, lambda frames: joint_denoiser(model.in_frames(frames), plan)


def _of_predictions(subject: Subject) -> Iterator[Named]:
    schedule = subject.sampling.schedule
    levels = [min(round(share * len(schedule)), len(schedule) - 1) for share in SHARES]
    eps = SeededNoise(subject.seed, range(len(subject.x0)))(subject.x0)
    for kind, word in (("half_pixel", "½ px"), ("rotation", "rotation")):
        if kind not in subject.moves:
            continue
        move = subject.moves[kind]
        how = (schedule, subject.x0, eps, move, levels, subject.in_frames)
        found = network_equivariance(subject.network, *how)
        for share, at in zip(SHARES, found, strict=True):
            figure = _decibels(f"{word}, {share} T", at.eps_db, at.eps_floor_db)
            yield f"{kind}_{share}", figure


def _of_generated(subject: Subject) -> Iterator[Named]:
    measures: dict[str, tuple[str, Measure]] = {
        "eq_t": ("EQ-T", eq_t),
        "eq_t_frac": ("EQ-T frac", eq_t_frac),
        "half_pixel_sampled": (
            "½ px during sampling",
            _moved([shifting(0.5, 0.5, subject.path)]),
        ),
    }
    if subject.is_square:
        turns = [rotating(math.radians(angle), subject.path) for angle in ANGLES]
        measures |= {"eq_r": ("EQ-R", eq_r)}
        measures |= {"rotation_sampled": ("rotation during sampling", _moved(turns))}
    for kind, (name, measured) in measures.items():
        found = subject.compare(measured)
        yield kind, _decibels(name, found.db, found.floor_db)


def _moved(movings: Sequence[Moving]) -> Measure:
    """Measure images moved during sampling; the mean over several moves."""

    def measured(sampling: Sampling, replay: Replay, random: np.random.Generator) -> float:
        return fmean(db for _, db in moved_during_sampling(sampling, replay, movings))

    return measured


def _decibels(name: str, db: float, floor: float) -> CellScore:
    return CellScore(name, number_or_none(db), False, EQUIVARIANCE, number_or_none(floor))
