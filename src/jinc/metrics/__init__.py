"""How good a model is, in numbers."""

from jinc.metrics.decibels import EXACT, decibels
from jinc.metrics.eq import eq_r, eq_t, eq_t_frac
from jinc.metrics.of_networks import AtLevel, network_equivariance
from jinc.metrics.of_sampling import Sampling, moved_on_the_way, moved_start

__all__ = [
    "EXACT",
    "AtLevel",
    "Sampling",
    "decibels",
    "eq_r",
    "eq_t",
    "eq_t_frac",
    "moved_on_the_way",
    "moved_start",
    "network_equivariance",
]
