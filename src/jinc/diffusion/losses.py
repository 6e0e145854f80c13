"""What a network is asked to predict, how wrong it is, and how much that counts.

Every function answers for each image alone; what is added up, and with which weight, is the
trainer's choice.
"""

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from jinc.diffusion.process import (
    eps_from_flow,
    eps_from_v,
    eps_from_x0,
    flow_from_x0_eps,
    v_from_x0_eps,
    x0_from_eps,
    x0_from_flow,
    x0_from_v,
)
from jinc.diffusion.schedule import Schedule
from jinc.errors import JincError, unknown
from jinc.types import Images, Steps

Prediction: TypeAlias = Literal["eps", "x0", "v", "flow"]
"""What a network's output stands for: the noise, the clean images, the velocity, or the flow, which
is noise minus image: flow matching. It is one of four ways to say the same, and goes with any
schedule; `Schedule.flow` has the levels of flow matching. The network is shown x_t in any case."""

ErrorKind: TypeAlias = Literal["mse", "l1", "huber"]

_Entry = TypeVar("_Entry")
_Solve: TypeAlias = Callable[[Schedule, Images, Steps, Images], Images]


def target(schedule: Schedule, prediction: Prediction, x0: Images, t: Steps, eps: Images) -> Images:
    """What a perfect network would answer, shown `forward(schedule, x0, t, eps)`.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: what the output stands for.
        x0: clean images, `[B, C, H, W]`.
        t: their level, `[B]`, −1 … T−1.
        eps: white noise of variance 1, `[B, C, H, W]`.

    Returns:
        `[B, C, H, W]`.

    Raises:
        JincError: an unknown prediction.
    """
    solve: Mapping[str, Callable[[], Images]] = {
        "eps": lambda: eps,
        "x0": lambda: x0,
        "v": lambda: v_from_x0_eps(schedule, x0, t, eps),
        "flow": lambda: flow_from_x0_eps(schedule, x0, t, eps),
    }
    return _named("prediction", prediction, solve)()


def x0_of(
    schedule: Schedule, prediction: Prediction, x_t: Images, t: Steps, output: Images
) -> Images:
    """The clean images that a network's output means.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: what the output stands for.
        x_t: the images that the network was shown, `[B, C, H, W]`.
        t: their level, `[B]`, −1 … T−1.
        output: what it answered, `[B, C, H, W]`.

    Returns:
        x0_hat, `[B, C, H, W]`.

    Raises:
        JincError: an unknown prediction.
    """
    solve: Mapping[str, _Solve] = {
        "eps": x0_from_eps,
        "x0": _as_it_is,
        "v": x0_from_v,
        "flow": x0_from_flow,
    }
    return _named("prediction", prediction, solve)(schedule, x_t, t, output)


def eps_of(
    schedule: Schedule, prediction: Prediction, x_t: Images, t: Steps, output: Images
) -> Images:
    """The noise that a network's output means.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: what the output stands for.
        x_t: the images that the network was shown, `[B, C, H, W]`.
        t: their level, `[B]`, 0 … T−1 (a clean image holds no noise to find).
        output: what it answered, `[B, C, H, W]`.

    Returns:
        eps_hat, `[B, C, H, W]`.

    Raises:
        JincError: an unknown prediction.
    """
    solve: Mapping[str, _Solve] = {
        "eps": _as_it_is,
        "x0": eps_from_x0,
        "v": eps_from_v,
        "flow": eps_from_flow,
    }
    return _named("prediction", prediction, solve)(schedule, x_t, t, output)


def error(output: Images, target: Images, kind: ErrorKind = "mse", *, delta: float = 1.0) -> Tensor:
    """How far an output is from its target, on average over each image.

    Args:
        output: what the network answered, `[B, C, H, W]`.
        target: what it should have answered, `[B, C, H, W]`.
        kind: `mse`, d², whose best answer is the mean; `l1`, |d|, whose best answer is the median;
            `huber`, ½ d² up to delta and delta (|d| − ½ delta) beyond, which outliers pull less.
        delta: where huber turns from square to line, > 0; of no effect on the others.

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
    measure: Mapping[str, Callable[[], Tensor]] = {
        "mse": lambda: F.mse_loss(output, target, reduction="none"),
        "l1": lambda: F.l1_loss(output, target, reduction="none"),
        "huber": lambda: F.huber_loss(output, target, reduction="none", delta=delta),
    }
    return _named("kind of error", kind, measure)().mean((1, 2, 3))


def min_snr_weight(
    schedule: Schedule, prediction: Prediction, t: Steps, gamma: float = 5.0
) -> Tensor:
    """How much a squared error at level t counts, so that no level drowns the others.

    An error of x0_hat at level t counts min(SNR, γ), with SNR = ᾱ/(1−ᾱ). Shown the same x_t, an
    error e of x0_hat is one of −√SNR e of eps, of −e/√(1−ᾱ) = −√(SNR + 1) e of v, and, being that
    of eps less e, of −(√SNR + 1) e of flow. The same loss is so min(SNR, γ)/SNR times the square of
    the first, min(SNR, γ)/(SNR + 1) times that of the second, min(SNR, γ)/(√SNR + 1)² times that of
    the third.

    Args:
        schedule: gives `ᾱ_t`.
        prediction: in which terms the error is measured.
        t: levels, `[B]`, 0 … T−1.
        gamma: where the weight stops growing, > 0; infinite for plain ε-weighting.

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
    share = {
        "eps": snr,
        "x0": torch.ones_like(snr),
        "v": snr + 1,
        "flow": (snr.sqrt() + 1).square(),
    }
    return snr.clamp(max=gamma) / _named("prediction", prediction, share)


def mismatch(a: Images, b: Images, mask: Tensor | None = None) -> Tensor:
    """Mean square of a − b in each image, where it counts.

    Of a network's outputs for moved images against its moved outputs, it is the equivariance error
    in terms of what the network predicts, be it ε, x0, v or flow.

    Args:
        a: `[B, C, H, W]`.
        b: likewise.
        mask: the pixels that count, `[H, W]`, one of them at least; None for all.

    Returns:
        `[B]`, ≥ 0.
    """
    square = (a - b).square().mean(1)
    if mask is None:
        return square.mean((1, 2))
    weight = mask.to(square)
    return (square * weight).sum((1, 2)) / weight.sum()


def _as_it_is(schedule: Schedule, x_t: Images, t: Steps, output: Images) -> Images:
    return output


def _named(what: str, word: str, known: Mapping[str, _Entry]) -> _Entry:
    """Look a word up; refuse one that is not known, and name the nearest."""
    if word not in known:
        raise unknown(f"no {what} is called '{word}'", word, known)
    return known[word]
