"""Levels are spaced as the papers and diffusers have them, each rounded to one that there is."""

from typing import get_args

import numpy as np
import pytest
import torch

from jinc.diffusion import Schedule, Spacing, spaced, timesteps
from jinc.errors import JincError

LINEAR = Schedule.linear()
SPACINGS = get_args(Spacing)
SCHEDULES = {"linear": Schedule.linear, "cosine": Schedule.cosine, "flow": Schedule.flow}


def sigma(schedule: Schedule) -> np.ndarray:
    a = schedule.alpha_bars.numpy()
    return np.sqrt((1 - a) / a)


def nearest(values: np.ndarray, wanted: np.ndarray) -> list[int]:
    return [int(np.abs(values - w).argmin()) for w in wanted]


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_levels_fall_and_have_the_given_number(spacing, name) -> None:
    for T in (1, 2, 3, 10, 50):
        for count in range(1, T + 1):
            levels = spaced(SCHEDULES[name](T), count, spacing)
            assert len(levels) == count
            assert levels == sorted(set(levels), reverse=True)
            assert levels[-1] >= 0
            assert spacing == "leading" or levels[0] == T - 1


def test_even_levels_are_those_of_timesteps() -> None:
    assert spaced(LINEAR, 7) == timesteps(1000, 7)


def test_levels_are_even_in_what_the_paper_says() -> None:
    """Karras et al., eq. 5, with ρ = 7; DDIM's quadratic choice; log σ; the time of the flow."""
    s, share = sigma(LINEAR), np.arange(12) / 11
    karras = (s[-1] ** (1 / 7) + share * (s[0] ** (1 / 7) - s[-1] ** (1 / 7))) ** 7
    assert spaced(LINEAR, 12, "karras") == nearest(s ** (1 / 7), karras ** (1 / 7))
    assert spaced(LINEAR, 12, "quadratic") == nearest(
        np.sqrt(np.arange(1000)), np.sqrt(999) * (1 - share)
    )
    exponential = np.geomspace(s[-1], s[0], 12)
    assert spaced(LINEAR, 12, "exponential") == nearest(np.log(s), np.log(exponential))
    tau = s / (1 + s)
    flow = tau[-1] * (1 - np.arange(12) / 12) ** 2
    assert spaced(LINEAR, 12, "flow") == nearest(np.sqrt(tau), np.sqrt(flow))


@pytest.mark.parametrize("count", [4, 10, 25])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_strides_are_those_of_diffusers(spacing, count) -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.DDIMScheduler(timestep_spacing=spacing)
    scheduler.set_timesteps(count)
    assert spaced(LINEAR, count, spacing) == scheduler.timesteps.tolist()


@pytest.mark.parametrize("spacing", ["karras", "exponential"])
def test_sigma_min_is_the_lowest_level(spacing) -> None:
    levels = spaced(LINEAR, 10, spacing, sigma_min=0.1)
    s = sigma(LINEAR)
    assert levels[0] == 999
    assert levels[-1] == int(np.abs(s - 0.1).argmin())
    assert levels == spaced(LINEAR, 10, spacing, sigma_min=float(s[levels[-1]]))


def test_a_schedule_that_ends_in_pure_noise_is_spaced_too() -> None:
    zero = Schedule(torch.linspace(0.99, 0, 100, dtype=torch.float64))
    for spacing in SPACINGS:
        assert spacing == "leading" or spaced(zero, 10, spacing)[0] == 99


def test_what_is_no_spacing() -> None:
    with pytest.raises(JincError, match=r"^spacing: 'karas' is unknown; did you mean karras\?$"):
        spaced(LINEAR, 5, "karas")
    with pytest.raises(JincError, match=r"^sigma-min: belongs to karras and exponential, not"):
        spaced(LINEAR, 5, "even", 0.1)
    for beyond in (0.001, 158.0, float("nan")):
        with pytest.raises(JincError, match=r"^sigma-min: .* is not from 0\.01 to below 157"):
            spaced(LINEAR, 5, "karras", beyond)
    for count in (0, 1001):
        with pytest.raises(JincError, match="steps must be 1 to 1000"):
            spaced(LINEAR, count, "flow")
