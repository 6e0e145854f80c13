"""What moves, figures and curves of a probe are called, and how its decibels are told."""

import math
from collections.abc import Sequence

from jinc.metrics import EXACT

FIGURES = {
    "eq_t": "EQ-T, shifts by whole pixels",
    "eq_t_frac": "EQ-T frac, shifts by any distance, by Fourier",
    "eq_t_frac_stylegan3": "EQ-T frac, shifts by any distance, as StyleGAN3 measures it",
    "eq_r": "EQ-R, turns by any angle, within a disc of frequencies",
    "eq_r_stylegan3": "EQ-R, turns by any angle, as StyleGAN3 measures it",
}
"""Names of the figures of generated images: those of StyleGAN3 compare with figures elsewhere."""

CURVES = {
    "turned_on_the_way_unitary": "turned on the way",
    "turned_on_the_way_spline": "on the way by splines",
    "turned_at_the_start": "turned as noise",
    "shifted_on_the_way": "shifted on the way",
}
"""What curves are called."""

_NEEDS = {
    "a place": ("half_pixel", "shift"),
    "an upright": ("rotation", "quarter_turns"),
    "a handedness": ("flip",),
}
"""What data may have of their own, and the moves that they are then not invariant under."""

_EQ = {"EQ-T": "shift", "EQ-R": "rotation"}


def held_against(symmetries: Sequence[str] | None) -> str:
    """Say which figures tell of the network alone.

    Args:
        symmetries: moves that the data are invariant under; None where that is not known.
    """
    if symmetries is None:
        return (
            "whether the data have a place, an upright or a handedness of their own is not known; "
            "where they have, a low figure is not the network's fault alone"
        )
    own = [what for what, moves in _NEEDS.items() if not {*moves} <= {*symmetries}]
    if not own:
        return (
            "the data have no place, upright or handedness of their own: what lacks is the "
            "network's fault"
        )
    lacking = [in_words(m) for moves in _NEEDS.values() for m in moves if m not in symmetries]
    lacking += [figure for figure, move in _EQ.items() if move not in symmetries]
    several = f"{', '.join(own[:-1])} and {own[-1]}" if own[1:] else own[0]
    return (
        f"nothing was done to rid the data of {several}: where they have it, a low figure of "
        f"{', '.join(lacking)} is not the network's fault alone"
    )


def in_words(name: str) -> str:
    """Return the name of a move or a curve as people read it."""
    return "half a pixel" if name == "half_pixel" else name.replace("_", " ")


def decibels_in_words(db: float) -> str:
    """Return `exact` for no difference, and what is no number in words.

    >>> decibels_in_words(31.25), decibels_in_words(200.0), decibels_in_words(float("nan"))
    ('31.2', 'exact', 'not finite')
    """
    if math.isnan(db):
        return "not finite"
    return "exact" if db >= EXACT else f"{db:.1f}"


def beside(db: float, floor_db: float) -> str:
    """Return a figure and its floor, a high one in whole numbers.

    >>> beside(31.25, 200.0), beside(31.25, 138.4)
    ('31.2 (exact)', '31.2 (138)')
    """
    floor = f"{floor_db:.0f}" if 100 <= floor_db < EXACT else decibels_in_words(floor_db)
    return f"{decibels_in_words(db)} ({floor})"
