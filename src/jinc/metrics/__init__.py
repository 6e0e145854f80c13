"""How good a model is, in numbers."""

from jinc.metrics.decibels import EXACT, decibels
from jinc.metrics.eq import eq_r, eq_t, eq_t_frac
from jinc.metrics.findings import PARTS, Curve, Figure, Finding, Part, Probe
from jinc.metrics.of_networks import AtLevel, network_equivariance
from jinc.metrics.of_sampling import Sampling, moved_on_the_way, moved_start
from jinc.metrics.probe import Subject, evaluations, probe

__all__ = [
    "EXACT",
    "PARTS",
    "AtLevel",
    "Curve",
    "Figure",
    "Finding",
    "Part",
    "Probe",
    "Sampling",
    "Subject",
    "decibels",
    "eq_r",
    "eq_t",
    "eq_t_frac",
    "evaluations",
    "moved_on_the_way",
    "moved_start",
    "network_equivariance",
    "probe",
]
