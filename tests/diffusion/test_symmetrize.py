"""Denoisers through views: any network becomes equivariant, and is called once."""

import math

import pytest
import torch
from torch import nn

from jinc.diffusion import (
    Schedule,
    c4,
    conjugate,
    d4,
    ddim,
    gaussian,
    generate,
    hflip,
    negate,
    pixel_permutation,
    puzzle,
    quarter_turns,
    rotation,
    rotations,
    symmetrize,
)
from jinc.errors import JincError
from jinc.nn import ResUNet, UNet

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([10, 500])


def noise(size=8, dtype=torch.float32):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0), dtype=dtype)


@torch.no_grad()
def network(kind=UNet, config="D@6", padding="zeros"):
    """A random network in which no branch is silent."""
    torch.manual_seed(0)
    sizes = {"levels": 2} if kind is UNet else {"multipliers": (1, 2)}
    made = kind(config, channels=1, width=8, padding=padding, **sizes).eval()
    for value in made.parameters():
        if not value.any():
            value.normal_(std=value[0].numel() ** -0.5)
    return made


@torch.no_grad()
def asymmetry(denoiser, view):
    """The worst |d(h x) − h d(x)|, in shares of the greatest |d(x)|."""
    x = noise()
    answer = denoiser(x, T_EACH)
    return float((denoiser(view(x), T_EACH) - view(answer)).abs().max() / answer.abs().max())


@pytest.mark.parametrize(
    ("kind", "config", "padding"),
    [(UNet, "D-2N", "zeros"), (ResUNet, "A", "reflect")],
)
def test_any_network_becomes_equivariant(kind, config, padding) -> None:
    """Under what makes up the group, and so under all of it."""
    plain, turn, mirror = network(kind, config, padding), quarter_turns(1), hflip()
    assert asymmetry(plain, turn) > 0.01
    assert asymmetry(symmetrize(plain, c4()), turn) < 1e-5
    assert asymmetry(symmetrize(plain, c4()), mirror) > 0.01  # it is another group's
    assert asymmetry(symmetrize(plain, d4()), turn) < 1e-5
    assert asymmetry(symmetrize(plain, d4()), mirror) < 1e-5


@torch.no_grad()
def test_turns_by_other_angles_help_and_do_not_make_exact() -> None:
    """Two turns on a grid are not quite one: on noise, a third of the error or so is left."""
    plain, turn, x = network(), rotation(math.pi / 4), noise(24)

    def off(denoiser):
        answer = denoiser(x, T_EACH)
        return float((denoiser(turn(x), T_EACH) - turn(answer)).norm() / answer.norm())

    assert off(plain) > 1
    assert 0.1 < off(symmetrize(plain, rotations(8))) < 0.5


def test_sampling_with_a_symmetrized_network_turns_with_its_noise() -> None:
    denoiser, x_T = symmetrize(network(), c4()), noise()
    end = generate(denoiser, SCHEDULE, x_T, steps=[400, 200, 50], method=ddim())
    turn = quarter_turns(1)
    turned = generate(denoiser, SCHEDULE, turn(x_T), steps=[400, 200, 50], method=ddim())
    assert float((turned - turn(end)).abs().max() / end.abs().max()) < 1e-5


def test_an_equivariant_denoiser_is_left_alone() -> None:
    """And so is one of which only its own view is taken."""
    size = 6
    white = gaussian(SCHEDULE, torch.zeros(1, size, size).double(), torch.eye(size**2).double())
    x = noise(size, torch.float64)
    expected = white(x, T_EACH)
    for group in (c4(), d4(), rotations(12), (pixel_permutation(1), negate())):
        torch.testing.assert_close(symmetrize(white, group)(x, T_EACH), expected)


def test_the_oracle_of_seen_data_is_the_oracle_seen_through_the_view() -> None:
    """For x0 ~ N(mu, Σ), U⁻¹x0 ~ N(U⁻¹mu, U⁻¹ΣU): a denoiser of it is the conjugate by U."""
    size, generator = 5, torch.Generator().manual_seed(3)
    root = torch.randn(size**2, size**2, generator=generator, dtype=torch.float64) / size
    mean = torch.randn(1, size, size, generator=generator, dtype=torch.float64)
    x = noise(size, torch.float64)
    for view in (hflip(), rotation(0.7), pixel_permutation(2), rotation(0.3).then(negate())):
        back = view.inverse(torch.eye(size**2).double().view(-1, 1, size, size)).flatten(1).T
        seen = gaussian(SCHEDULE, view.inverse(mean[None])[0], back @ root @ root.T @ back.T)
        through = conjugate(gaussian(SCHEDULE, mean, root @ root.T), view)
        torch.testing.assert_close(through(x, T_EACH), seen(x, T_EACH))


def test_conjugates_of_conjugates_are_conjugates_by_both() -> None:
    plain, x = network(), noise()
    one, other = hflip(), puzzle(2)
    twice = conjugate(conjugate(plain, other), one)
    torch.testing.assert_close(twice(x, T_EACH), conjugate(plain, one.then(other))(x, T_EACH))


class Counted(nn.Module):
    """A leaf that shares a network: it counts how often that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.network, self.calls = network(), []
        self.shares = "one"

    def joined(self, parts):
        assert sum(count for _, count in parts) > 2
        return self

    def __call__(self, x_t, t):
        self.calls.append(len(x_t))
        return self.network(x_t, t)


@torch.no_grad()
def test_a_shared_network_is_called_once() -> None:
    leaf, x = Counted(), noise()
    together = symmetrize(conjugate(leaf, puzzle(2)), d4())(x, T_EACH)
    assert leaf.calls == [16]
    apart = symmetrize(conjugate(leaf.network, puzzle(2)), d4())(x, T_EACH)
    torch.testing.assert_close(together, apart)


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(JincError, match="one view or more"):
        symmetrize(network(), ())
