"""Losses of single images, and their weights; the trainer adds them up."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, TypeAlias

import torch.nn.functional as F
from torch import Tensor

from jinc.diffusion.process import Parametrisation, Prediction, parametrisation
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError, unknown
from jinc.types import Images, Steps

ErrorKind: TypeAlias = Literal["mse", "l1", "huber"]


def error(output: Images, target: Images, kind: ErrorKind = "mse", *, delta: float = 1.0) -> Tensor:
    """The mean error of an output over each image.

    Args:
        output: of the network, `[B, C, H, W]`.
        target: `[B, C, H, W]`.
        kind: `mse`, d², minimised by the mean; `l1`, |d|, minimised by the median; `huber`, ½ d² up
            to delta and delta (|d| − ½ delta) beyond, which is robust to outliers.
        delta: where huber becomes linear, > 0.

    Returns:
        `[B]`, ≥ 0.

    Raises:
        JincError: an unknown kind, or a delta that is not above 0.

    Source: Huber 1964, for the third.

    >>> import torch
    >>> off = torch.tensor([0.0, 1.0, 4.0]).view(3, 1, 1, 1)
    >>> error(off, torch.zeros_like(off), "huber", delta=2.0).tolist()
    [0.0, 0.5, 6.0]
    """
    if not delta > 0:
        raise JincError(f"delta: {delta} is not above 0, it cannot part small errors from large")
    measures: Mapping[str, Callable[..., Tensor]] = {
        "mse": F.mse_loss,
        "l1": F.l1_loss,
        "huber": partial(F.huber_loss, delta=delta),
    }
    if kind not in measures:
        raise unknown(f"no kind of error is called '{kind}'", kind, measures)
    return measures[kind](output, target, reduction="none").mean((1, 2, 3))


def min_snr_weight(
    schedule: Schedule,
    prediction: Prediction | Parametrisation,
    t: Steps,
    gamma: float = 5.0,
) -> Tensor:
    """Min-SNR weights of squared errors.

    An error of x0_hat at level t has weight min(SNR, γ), with SNR = ᾱ/(1−ᾱ) = s²/n². At one x_t an
    error e of x0_hat is an error −(d/n) e of the prediction (`Parametrisation.error_scale`). So the
    weight of its square is min(SNR, γ)·n²/d²: min(SNR, γ)/SNR of ε, /(SNR + 1) of v and
    /(√SNR + 1)² of flow.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: whose error is weighted.
        t: levels, `[B]`, 0 … T−1.
        gamma: upper bound of the SNR, > 0; infinite for plain ε-weighting.

    Returns:
        `[B]`, > 0, float64 as `Schedule.alpha_bar`.

    Raises:
        JincError: an unknown prediction, or a gamma that is not above 0.

    Source: Min-SNR (arXiv 2303.09556).
    """
    if not gamma > 0:
        raise JincError(f"gamma: {gamma} is not above 0, it would leave no weight")
    alpha_bar = schedule.alpha_bar(t)
    snr = alpha_bar / (1 - alpha_bar)
    return snr.clamp(max=gamma) / parametrisation(prediction).error_scale(schedule, t).square()


def error_ratio(
    schedule: Schedule,
    prediction: Prediction | Parametrisation,
    space: Prediction | Parametrisation,
    t: Steps,
) -> Tensor:
    """Size of an error of another quantity for an error of the prediction of size 1.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: what the network predicts.
        space: the quantity in whose terms the loss is measured.
        t: levels, `[B]`, 0 … T−1.

    Returns:
        `[B, 1, 1, 1]`, float64; 1 if both are the same.
    """
    here, there = parametrisation(prediction), parametrisation(space)
    ratio = there.error_scale(schedule, t) / here.error_scale(schedule, t)
    return ratio[:, None, None, None]


def mismatch(a: Images, b: Images, mask: Tensor | None = None) -> Tensor:
    """Mean square of a − b over the pixels of a mask.

    Between a network's outputs for moved images and its moved outputs, it is the equivariance error
    of the prediction.

    Args:
        a: `[B, C, H, W]`.
        b: likewise.
        mask: the pixels that count, `[H, W]`; None for all.

    Returns:
        `[B]`, ≥ 0.
    """
    square = (a - b).square().mean(1)
    if mask is None:
        return square.mean((1, 2))
    weight = mask.to(square)
    return (square * weight).sum((1, 2)) / weight.sum()
