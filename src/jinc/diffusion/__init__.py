"""Schedules, the forward process, samplers and effects; it knows no network."""

from jinc.diffusion.complexity import (
    complexity_normalised,
    complexity_published,
    complexity_term,
)
from jinc.diffusion.edits.inpainting import from_noise, repaint_levels, replace
from jinc.diffusion.edits.inversion import invert
from jinc.diffusion.edits.sdedit import (
    sdedit_start,
    sdedit_start_at,
    sdedit_start_index,
    sdedit_start_on,
)
from jinc.diffusion.effects.anagram import anagram
from jinc.diffusion.effects.batched import Branch, Shared
from jinc.diffusion.effects.clipping import clip, dynamic_threshold
from jinc.diffusion.effects.consistency import consistent
from jinc.diffusion.effects.effect import Effect, calibrate, conjugate, symmetrize
from jinc.diffusion.effects.factorised import Map, factorised
from jinc.diffusion.effects.guidance import cfg
from jinc.diffusion.effects.hybrid import colour_hybrid, hybrid, layered, low_pass, triple_hybrid
from jinc.diffusion.effects.projection import project
from jinc.diffusion.effects.reductions import Reduction, alternating, mean, sum_preserving
from jinc.diffusion.effects.rows import Rows, ask_some
from jinc.diffusion.effects.tiles import Tiles, tiled
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
from jinc.diffusion.noise import SeededNoise
from jinc.diffusion.oracles import gaussian, mixture, points
from jinc.diffusion.process import (
    eps_from_flow,
    eps_from_v,
    eps_from_x0,
    flow_from_x0_eps,
    forward,
    step_noise,
    v_from_x0_eps,
    x0_from_eps,
    x0_from_flow,
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
from jinc.diffusion.samplers.adaptive import AdaptiveStep, Weight, adaptive
from jinc.diffusion.samplers.flow import flow_scale, flow_time, heun
from jinc.diffusion.samplers.methods import Method, ddim, ddpm, ddpm_published, posterior
from jinc.diffusion.samplers.motion import (
    Moving,
    between,
    following,
    framed,
    gentle,
    published,
    rotating,
    shifting,
    staying,
    steady,
)
from jinc.diffusion.samplers.multistep import dpm_solver, unipc
from jinc.diffusion.samplers.sample import Step, Walk, generate, sample
from jinc.diffusion.samplers.schedulers import SOLVERS, Scheduler, Solver
from jinc.diffusion.samplers.solvers import solve
from jinc.diffusion.samplers.walks import (
    SAMPLERS,
    WALKS,
    Sampler,
    count_of,
    levels_of,
    method_by_name,
    sampler_by_name,
    walk_by_name,
)
from jinc.diffusion.schedule import Schedule, make_schedule, warn_of_signal
from jinc.diffusion.timesteps import Spacing, spaced, strided, timesteps
from jinc.diffusion.views.by_name import VIEWS, view_by_name
from jinc.diffusion.views.certify import Certificate, certify
from jinc.diffusion.views.groups import c4, d4, rotations
from jinc.diffusion.views.permutations import (
    inner_circle,
    patch_permutation,
    pixel_permutation,
    skew,
    square_hinge,
)
from jinc.diffusion.views.plain import (
    fourier_shift,
    hflip,
    identity,
    negate,
    quarter_turns,
    rotation,
    vflip,
)
from jinc.diffusion.views.puzzle import puzzle
from jinc.diffusion.views.view import View, custom_view

__all__ = [
    "SAMPLERS",
    "SOLVERS",
    "VIEWS",
    "WALKS",
    "AdaptiveStep",
    "Branch",
    "Certificate",
    "Effect",
    "ErrorKind",
    "Flip",
    "Map",
    "Method",
    "Move",
    "MoveKind",
    "Moving",
    "Prediction",
    "QuarterTurns",
    "Reduction",
    "Rotation",
    "Rows",
    "Sampler",
    "Schedule",
    "Scheduler",
    "SeededNoise",
    "Shared",
    "Shift",
    "Solver",
    "Spacing",
    "Step",
    "Tiles",
    "View",
    "Walk",
    "Weight",
    "adaptive",
    "alternating",
    "anagram",
    "ask_some",
    "between",
    "c4",
    "calibrate",
    "certify",
    "cfg",
    "clip",
    "colour_hybrid",
    "complexity_normalised",
    "complexity_published",
    "complexity_term",
    "conjugate",
    "consistent",
    "count_of",
    "custom_view",
    "d4",
    "ddim",
    "ddpm",
    "ddpm_published",
    "dpm_solver",
    "dynamic_threshold",
    "eps_from_flow",
    "eps_from_v",
    "eps_from_x0",
    "eps_of",
    "error",
    "factorised",
    "flow_from_x0_eps",
    "flow_scale",
    "flow_time",
    "following",
    "forward",
    "fourier_shift",
    "framed",
    "from_noise",
    "gaussian",
    "generate",
    "gentle",
    "heun",
    "hflip",
    "hybrid",
    "identity",
    "inner_circle",
    "invert",
    "isotropic",
    "layered",
    "levels_of",
    "low_pass",
    "make_schedule",
    "mean",
    "method_by_name",
    "min_snr_weight",
    "mismatch",
    "mixture",
    "negate",
    "patch_permutation",
    "pixel_permutation",
    "points",
    "posterior",
    "project",
    "published",
    "puzzle",
    "quarter_turns",
    "random_move",
    "repaint_levels",
    "replace",
    "rotating",
    "rotation",
    "rotations",
    "sample",
    "sampler_by_name",
    "sdedit_start",
    "sdedit_start_at",
    "sdedit_start_index",
    "sdedit_start_on",
    "shifting",
    "skew",
    "solve",
    "spaced",
    "square_hinge",
    "staying",
    "steady",
    "step_noise",
    "strided",
    "sum_preserving",
    "symmetrize",
    "target",
    "tiled",
    "timesteps",
    "triple_hybrid",
    "unipc",
    "v_from_x0_eps",
    "vflip",
    "view_by_name",
    "walk_by_name",
    "warn_of_signal",
    "x0_from_eps",
    "x0_from_flow",
    "x0_from_v",
    "x0_of",
]
