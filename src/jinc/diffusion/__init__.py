"""Schedules, the forward process, samplers and effects; it knows no network."""

from jinc.diffusion.batched import Branch, Shared
from jinc.diffusion.certify import Certificate, certify
from jinc.diffusion.complexity import (
    complexity_normalised,
    complexity_published,
    complexity_term,
)
from jinc.diffusion.effects import Effect, calibrate, cfg, clip, conjugate, symmetrize
from jinc.diffusion.isotropic import isotropic
from jinc.diffusion.losses import (
    ErrorKind,
    Prediction,
    eps_of,
    error,
    min_snr_weight,
    mismatch,
    target,
    x0_of,
)
from jinc.diffusion.methods import Method, ddim, ddpm, posterior
from jinc.diffusion.motion import (
    Moving,
    between,
    following,
    framed,
    gentle,
    published,
    rotating,
    shifting,
    steady,
)
from jinc.diffusion.noise import SeededNoise
from jinc.diffusion.oracles import gaussian, mixture, points
from jinc.diffusion.process import (
    eps_from_v,
    eps_from_x0,
    forward,
    step_noise,
    v_from_x0_eps,
    x0_from_eps,
    x0_from_v,
)
from jinc.diffusion.random_moves import (
    Flip,
    Move,
    MoveKind,
    QuarterTurns,
    Rotation,
    Shift,
    random_move,
)
from jinc.diffusion.samplers import Step, generate, sample
from jinc.diffusion.schedule import Schedule, make_schedule
from jinc.diffusion.timesteps import timesteps
from jinc.diffusion.views import View, custom_view
from jinc.diffusion.views_by_name import VIEWS, view_by_name
from jinc.diffusion.views_groups import c4, d4, rotations
from jinc.diffusion.views_jigsaw import jigsaw
from jinc.diffusion.views_permutations import (
    inner_circle,
    patch_permutation,
    pixel_permutation,
    skew,
    square_hinge,
)
from jinc.diffusion.views_plain import (
    fourier_shift,
    hflip,
    identity,
    negate,
    quarter_turns,
    rotation,
    vflip,
)

__all__ = [
    "VIEWS",
    "Branch",
    "Certificate",
    "Effect",
    "ErrorKind",
    "Flip",
    "Method",
    "Move",
    "MoveKind",
    "Moving",
    "Prediction",
    "QuarterTurns",
    "Rotation",
    "Schedule",
    "SeededNoise",
    "Shared",
    "Shift",
    "Step",
    "View",
    "between",
    "c4",
    "calibrate",
    "certify",
    "cfg",
    "clip",
    "complexity_normalised",
    "complexity_published",
    "complexity_term",
    "conjugate",
    "custom_view",
    "d4",
    "ddim",
    "ddpm",
    "eps_from_v",
    "eps_from_x0",
    "eps_of",
    "error",
    "following",
    "forward",
    "fourier_shift",
    "framed",
    "gaussian",
    "generate",
    "gentle",
    "hflip",
    "identity",
    "inner_circle",
    "isotropic",
    "jigsaw",
    "make_schedule",
    "min_snr_weight",
    "mismatch",
    "mixture",
    "negate",
    "patch_permutation",
    "pixel_permutation",
    "points",
    "posterior",
    "published",
    "quarter_turns",
    "random_move",
    "rotating",
    "rotation",
    "rotations",
    "sample",
    "shifting",
    "skew",
    "square_hinge",
    "steady",
    "step_noise",
    "symmetrize",
    "target",
    "timesteps",
    "v_from_x0_eps",
    "vflip",
    "view_by_name",
    "x0_from_eps",
    "x0_from_v",
    "x0_of",
]
