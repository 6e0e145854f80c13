"""Schedules, the forward process, samplers and effects; it knows no network."""

from jinc.diffusion.effects import Branch, Effect, calibrate, clip
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
from jinc.diffusion.samplers import Step, generate, sample
from jinc.diffusion.schedule import Schedule, make_schedule
from jinc.diffusion.timesteps import timesteps

__all__ = [
    "Branch",
    "Effect",
    "Method",
    "Schedule",
    "SeededNoise",
    "Step",
    "calibrate",
    "clip",
    "ddim",
    "ddpm",
    "eps_from_v",
    "eps_from_x0",
    "forward",
    "gaussian",
    "generate",
    "gentle",
    "make_schedule",
    "mixture",
    "points",
    "posterior",
    "rotating",
    "sample",
    "shifting",
    "steady",
    "step_noise",
    "timesteps",
    "v_from_x0_eps",
    "x0_from_eps",
    "x0_from_v",
]
