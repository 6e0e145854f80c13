"""How equivariant a model is to shifts, rotations and flips: all figures, as plain data."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias, get_args

import torch

from jinc.diffusion import (
    Moving,
    Rotation,
    SeededNoise,
    rotating,
    shifting,
)
from jinc.metrics.equivariance.eq import (
    SMALLEST,
    eq_r,
    eq_r_stylegan3,
    eq_t,
    eq_t_frac,
    eq_t_frac_stylegan3,
)
from jinc.metrics.equivariance.measures import (
    AtLevel,
    moved_during_sampling,
    moved_start,
    network_equivariance,
)
from jinc.metrics.equivariance.subject import Figure, Measure, Subject
from jinc.plain import without_nan
from jinc.types import Images

Part: TypeAlias = Literal["network", "sampling", "curves"]

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class Curve:
    """Equivariance of generated images over the amount of a move.

    Args:
        unit: `degrees` counter-clockwise, or `pixels` down and right.
        amounts: of the moves, `[K]`.
        db: of the model, `[K]`.
        floor_db: of `isotropic`, `[K]`.
    """

    unit: str
    amounts: list[float] = field(default_factory=list)
    db: list[float] = field(default_factory=list)
    floor_db: list[float] = field(default_factory=list)

    def plus(self, amount: float, db: float, floor_db: float) -> Self:
        """Append a point."""
        more = [*self.amounts, amount], [*self.db, db], [*self.floor_db, floor_db]
        return replace(self, amounts=more[0], db=more[1], floor_db=more[2])


@dataclass(frozen=True, eq=False)
class Finding:
    """One result of a probe.

    Args:
        part: of the probe.
        name: of the move, metric or curve; a curve grows with each finding.
        result: the levels of a network, a metric or a curve.
        images: the first image moved during sampling, `[1, C, H, W]`; None for other parts.
    """

    part: Part
    name: str
    result: list[AtLevel] | Figure | Curve
    images: Images | None = None


@dataclass(frozen=True)
class Probe:
    """All results of a probe.

    Args:
        network: `half_pixel`, `shift`, `rotation`, `quarter_turns` and `flip` to their levels.
        sampling: `eq_t`, `eq_t_frac`, `eq_t_frac_stylegan3`, `eq_r` and `eq_r_stylegan3`.
        curves: `turned_on_the_way_unitary`, `turned_on_the_way_spline`, `turned_at_the_start` and
            `shifted_on_the_way`.
    """

    network: dict[str, list[AtLevel]] = field(default_factory=dict)
    sampling: dict[str, Figure] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)

    def plus(self, finding: Finding) -> Self:
        """Add a finding, or replace the one of its name."""
        changed = getattr(self, finding.part) | {finding.name: finding.result}
        return replace(self, **{finding.part: changed})

    def facts(self) -> dict[str, Any]:
        """Return all of it ready for JSON, NaN as None."""
        found: dict[str, Any] = without_nan(asdict(self))
        return found


ANGLES = tuple(15.0 * k for k in range(-6, 7))
"""Angles of rotations in degrees, counter-clockwise."""

SHARES = tuple(k / 8 for k in range(9))
"""Shifts down and right, in eighths of the shorter side."""


def probe(subject: Subject, only: Sequence[Part] = PARTS) -> Iterator[Finding]:
    """Measure the equivariance of a model; without rotations if images are not square.

    Args:
        subject: the model, its images, and its sampling.
        only: parts to run, in any order.

    Yields:
        each finding as soon as it is known; `Probe.plus` collects them.
    """
    for part in PARTS:
        if part in only:
            yield from _PROBES[part](subject)


def evaluations(subject: Subject, only: Sequence[Part] = PARTS) -> int:
    """Return the number of model evaluations of `probe`, for a progress bar."""
    steps = len(subject.path) - 1
    rotations = 3 * (1 + len(ANGLES)) if subject.is_square else 0
    counts: dict[Part, int] = {
        "network": 2 * len(subject.moves) * len(subject.levels),
        "sampling": 2 * len(_figures(subject)) * steps,
        "curves": (rotations + 1 + len(SHARES)) * steps,
    }
    return sum(counts[part] for part in PARTS if part in only)


def _of_network(subject: Subject) -> Iterator[Finding]:
    x0, schedule = subject.x0, subject.sampling.schedule
    eps = SeededNoise(subject.seed, range(len(x0)))(x0)
    for name, move in subject.moves.items():
        how = (schedule, x0, eps, move, subject.levels, subject.in_frames)
        found = network_equivariance(subject.network, *how)
        yield Finding("network", name, found)


def _of_sampling(subject: Subject) -> Iterator[Finding]:
    for name, figure in _figures(subject).items():
        yield Finding("sampling", name, subject.compare(figure))


def _figures(subject: Subject) -> Mapping[str, Measure]:
    """Return the metrics of these images: StyleGAN3's filters are wider than small ones."""
    figures: dict[str, Measure] = {"eq_t": eq_t, "eq_t_frac": eq_t_frac}
    is_large = min(subject.x0.shape[-2:]) >= SMALLEST
    if is_large:
        figures["eq_t_frac_stylegan3"] = eq_t_frac_stylegan3
    if subject.is_square:
        figures["eq_r"] = eq_r
    if subject.is_square and is_large:
        figures["eq_r_stylegan3"] = eq_r_stylegan3
    return figures


def _of_curves(subject: Subject) -> Iterator[Finding]:
    if subject.is_square:
        radians = [math.radians(angle) for angle in ANGLES]
        for method in ("unitary", "spline"):
            turning = [rotating(angle, subject.path, method) for angle in radians]
            name = f"turned_on_the_way_{method}"
            yield from _during_sampling(subject, name, Curve("degrees"), ANGLES, turning)
        yield _before_sampling(subject, radians)
    side = min(subject.x0.shape[-2:])
    pixels = [share * side / 8 for share in SHARES]
    moving = [shifting(far, far, subject.path) for far in pixels]
    yield from _during_sampling(subject, "shifted_on_the_way", Curve("pixels"), pixels, moving)


def _during_sampling(
    subject: Subject, name: str, curve: Curve, amounts: Sequence[float], movings: Sequence[Moving]
) -> Iterator[Finding]:
    """Move the state after every step, by one amount after another."""
    model, floor = (
        moved_during_sampling(each, subject.replay, movings)
        for each in (subject.sampling, subject.floor)
    )
    for amount, (images, db), (_, floor_db) in zip(amounts, model, floor, strict=True):
        curve = curve.plus(amount, db, floor_db)
        yield Finding("curves", name, curve, images[:1])


def _before_sampling(subject: Subject, radians: Sequence[float]) -> Finding:
    count = len(subject.sampling.like)
    turns = [Rotation(torch.full((count,), angle, dtype=torch.float64)) for angle in radians]
    db, floor_db = (
        moved_start(each, subject.replay, turns) for each in (subject.sampling, subject.floor)
    )
    curve = Curve("degrees", list(ANGLES), db, floor_db)
    return Finding("curves", "turned_at_the_start", curve)


_PROBES: dict[Part, Callable[[Subject], Iterator[Finding]]] = {
    "network": _of_network,
    "sampling": _of_sampling,
    "curves": _of_curves,
}
