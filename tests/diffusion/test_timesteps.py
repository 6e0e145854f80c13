"""The levels a sampler visits."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from jinc.diffusion import ddim, ddpm, posterior, strided, timesteps
from jinc.diffusion.timesteps import check_falling, only_level, path
from jinc.errors import JincError


@pytest.mark.parametrize("T", [1, 2, 3, 10, 37, 1000])
def test_any_count_is_even_distinct_and_whole(T):
    for count in {1, 2, 3, 7, T // 3, T - 1, T} & set(range(1, T + 1)):
        levels = timesteps(T, count)
        assert len(levels) == count
        assert levels[0] == T - 1
        assert count == 1 or levels[-1] == 0
        assert all(a > b for a, b in pairwise(levels))
        ideal = np.linspace(T - 1, 0, count)
        assert np.abs(np.array(levels) - ideal).max() <= 0.5


@pytest.mark.parametrize("count", [0, -1, 11])
def test_a_count_the_schedule_cannot_give_is_refused(count):
    with pytest.raises(JincError, match="1 to 10"):
        timesteps(10, count)


def test_methods_have_their_own_levels():
    assert ddpm().levels(5) == ddim().levels(5) == posterior().levels(5) == [4, 3, 2, 1, 0]
    assert posterior(stride=3).levels(10) == [9, 6, 3, 0]
    assert posterior(stride=4).levels(10) == [9, 5, 1]
    assert posterior(stride=99).levels(10) == [9]


@pytest.mark.parametrize(
    ("steps", "levels"),
    [
        (1, [9, -1]),
        (2, [9, 0, -1]),
        ([7, 2], [7, 2, -1]),
        ([7, -1], [7, -1]),
        ([5, 2, 6, 0], [5, 2, 6, 0, -1]),
        ([-1, 5], [-1, 5, -1]),
        (range(9, -1, -4), [9, 5, 1, -1]),
        (np.array([4, 2]), [4, 2, -1]),
        (torch.tensor([4, 2]), [4, 2, -1]),
    ],
)
def test_a_path_ends_clean(steps, levels):
    assert path(10, steps) == levels


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([5, 10], r"steps\[1\] = 10 is not in -1 … 9"),
        ([-2], r"steps\[0\] = -2"),
        ([5, 3, 3, 0], r"steps\[2\] = 3 repeats"),
        ([], "no level"),
        ([-1], "no level"),
        ([5, -1, -1], r"steps\[2\] = -1 repeats"),
        (11, "1 to 10"),
    ],
)
def test_a_bad_entry_is_named(steps, message):
    with pytest.raises(JincError, match=message):
        path(10, steps)


def test_strided_levels_are_multiples_down_to_0():
    assert strided(1000, 30) == list(range(990, -1, -30))
    assert strided(990, 30)[0] == 960
    assert strided(5, 1) == [4, 3, 2, 1, 0]
    assert strided(5, 7) == [0]
    with pytest.raises(JincError, match="stride must be 1"):
        strided(1000, 0)


@pytest.mark.parametrize("levels", [[], [-1], [5, 5], [5, 6], [5, 2, -1, 3]])
def test_levels_that_do_not_fall_are_refused(levels):
    check_falling([5, 2, -1])
    with pytest.raises(JincError, match="do not fall"):
        check_falling(levels)


def test_the_only_level():
    assert only_level(torch.tensor([7, 7, 7])) == 7
    with pytest.raises(JincError, match="images are at 2 levels"):
        only_level(torch.tensor([7, 8, 7]))
