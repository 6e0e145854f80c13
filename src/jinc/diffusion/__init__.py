"""Schedules, the forward process, samplers and effects; it knows no network."""

from jinc.diffusion.batched import Branch, Shared
from jinc.diffusion.complexity import (
    complexity_normalised,
    complexity_published,
    complexity_term,
)
from jinc.diffusion.effects import Effect, calibrate, cfg, clip
from jinc.diffusion.losses import (
    ErrorKind,
    Prediction,
    eps_of,
    equivariance_error,
    error,
    min_snr_weight,
    mismatch,
    target,
    x0_of,
)
from jinc.diffusion.methods import Method, ddim, ddpm, posterior
from jinc.diffusion.motion import gentle, rotating, shifting, steady
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

__all__ = [
    "Branch",
    "Effect",
    "ErrorKind",
    "Flip",
    "Method",
    "Move",
    "MoveKind",
    "Prediction",
    "QuarterTurns",
    "Rotation",
    "Schedule",
    "SeededNoise",
    "Shared",
    "Shift",
    "Step",
    "calibrate",
    "cfg",
    "clip",
    "complexity_normalised",
    "complexity_published",
    "complexity_term",
    "ddim",
    "ddpm",
    "eps_from_v",
    "eps_from_x0",
    "eps_of",
    "equivariance_error",
    "error",
    "forward",
    "gaussian",
    "generate",
    "gentle",
    "make_schedule",
    "min_snr_weight",
    "mismatch",
    "mixture",
    "points",
    "posterior",
    "random_move",
    "rotating",
    "sample",
    "shifting",
    "steady",
    "step_noise",
    "target",
    "timesteps",
    "v_from_x0_eps",
    "x0_from_eps",
    "x0_from_v",
    "x0_of",
]
