"""Samplers by name: what each makes, at which levels, in how many calls."""

import re
from functools import cache

import pytest
import torch

from jinc.diffusion import (
    SAMPLERS,
    Schedule,
    SeededNoise,
    complexity_normalised,
    gaussian,
    generate,
    method_by_name,
    sampler_by_name,
    sampler_fn,
    spaced,
    timesteps,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=200, beta_end=0.1)
MEAN, VARIANCE = 0.3, 0.04
MEANS, COVARIANCE = torch.full((1, 2, 2), MEAN).double(), VARIANCE * torch.eye(4).double()
ORACLE = gaussian(SCHEDULE, MEANS, COVARIANCE)
SHAPE = (256, 1, 2, 2)
WHOLE = ("ddpm", "adaptive")


@cache
def images(name: str, **options: float) -> torch.Tensor:
    noise = SeededNoise(0, range(SHAPE[0]))
    x_T = noise(torch.empty(SHAPE, dtype=torch.float64))
    walk = sampler_fn(name, **options)
    steps = None if name == "published" else 200 if name in WHOLE else 100
    levels = sampler_by_name(name).levels(SCHEDULE, steps)
    *_, last = walk(ORACLE, SCHEDULE, x_T, steps=levels, noise=noise)
    assert last.t == -1
    return last.x_t


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_makes_images_of_the_data(name) -> None:
    pytest.importorskip("diffusers")
    found = images(name)
    assert abs(float(found.mean()) - MEAN) < 0.02
    assert 0.7 < float(found.var()) / VARIANCE < 1.3  # posterior is low, as it is meant to be


@pytest.mark.parametrize("name", [name for name in SAMPLERS if not SAMPLERS[name].draws])
def test_samplers_without_fresh_noise_end_where_the_flow_does(name) -> None:
    """The flow takes each number of x_T to its own end, and there is one flow."""
    pytest.importorskip("diffusers")
    noise = SeededNoise(0, range(SHAPE[0]))
    x_T = noise(torch.empty(SHAPE, dtype=torch.float64))
    end = generate(ORACLE, SCHEDULE, x_T, steps=200)
    assert float((images(name) - end).square().mean().sqrt()) < 0.02
    if name == "ddim":
        assert float((images(name, eta=1.0) - end).square().mean().sqrt()) > 0.1


def test_a_smaller_tolerance_comes_nearer() -> None:
    exact = images("adaptive", tolerance=0)
    far, near = (images("adaptive", tolerance=each) for each in (0.05, 0.005))
    assert (near - exact).square().mean() < (far - exact).square().mean() / 4


def test_errors_can_count_where_images_are_busy() -> None:
    walk = sampler_fn("adaptive", tolerance=0.02, tolerance_by="complexity")
    assert walk.keywords == {"tolerance": 0.02, "weight": complexity_normalised}
    with pytest.raises(JincError, match=r"^tolerance-by: belongs to adaptive, not to heun$"):
        sampler_fn("heun", tolerance_by="complexity")
    with pytest.raises(JincError, match=r"^tolerance-by: 'complexities' is unknown; did you mean"):
        sampler_fn("adaptive", tolerance_by="complexities")


def test_usual_levels() -> None:
    counts = {"ddpm": 1000, "published": 999, "adaptive": 1000, "ddim": 50, "posterior": 50}
    linear, short = Schedule.linear(), Schedule.linear(T=10)
    for name, sampler in SAMPLERS.items():
        assert len(sampler.levels(linear)) == sampler.count(1000) == counts.get(name, 20)
        assert len(sampler.levels(short)) == (9 if name == "published" else 10)
    dpm = SAMPLERS["dpm++"]
    assert SAMPLERS["ddim"].levels(linear, 5) == timesteps(1000, 5)
    assert dpm.levels(linear, 5) == spaced(linear, 5, "flow")
    assert dpm.levels(linear, 5, "karras", 0.02) == spaced(linear, 5, "karras", 0.02)


@pytest.mark.parametrize(
    ("option", "said"),
    [("steps", {"steps": 9}), ("spacing", {"spacing": "even"}), ("sigma-min", {"sigma_min": 0.1})],
)
def test_the_published_sampler_visits_its_own_levels(option, said) -> None:
    with pytest.raises(JincError, match=f"^{option}: the published sampler visits levels of its"):
        sampler_by_name("published").levels(SCHEDULE, **said)


def test_names_and_options_that_are_none() -> None:
    with pytest.raises(JincError, match="sampler: 'dpm' is unknown; did you mean ddpm"):
        sampler_fn("dpm")
    with pytest.raises(JincError, match="eta: belongs to ddim, not to unipc"):
        sampler_fn("unipc", eta=0.5)
    with pytest.raises(JincError, match="eta: belongs to ddim, not to ddpm"):
        method_by_name("ddpm", eta=0.5)
    for name in {*SAMPLERS} - {"adaptive"}:
        with pytest.raises(
            JincError, match=f"^tolerance: belongs to adaptive, not to {re.escape(name)}$"
        ):
            sampler_fn(name, tolerance=0.01)
    assert sampler_fn("adaptive").keywords == {"tolerance": 0.01}
    assert sampler_fn("adaptive", tolerance=0).keywords == {"tolerance": 0}
    with pytest.raises(
        JincError, match="sampler: heun is not one of ddim, ddpm, posterior, published, euler"
    ):
        method_by_name("heun")


def test_which_samplers_rise_and_share_a_level() -> None:
    rising = {name for name, sampler in SAMPLERS.items() if sampler.can_rise}
    assert rising == {"ddim", "ddpm", "posterior", "euler"}
    assert [name for name, sampler in SAMPLERS.items() if not sampler.shared_level] == ["adaptive"]
