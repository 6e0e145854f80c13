"""The coefficients of one move, read off by probing it."""

import pytest
import torch

from jinc.diffusion import Schedule, ddim, ddpm, eps_of, posterior
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
MOVES = [(999, 998), (999, 0), (500, 499), (500, 30), (30, 0), (1, 0)]
EVERY = [ddpm("beta"), ddpm("posterior"), posterior(), ddim(0.0), ddim(0.5), ddim(1.0)]


def probe(method, t, t_next):
    """The weights of x_t, x0_hat and z in the move."""

    def ask(x_t, x0_hat, z):
        x, x0, noise = (torch.full((1, 1, 1, 1), float(v)).double() for v in (x_t, x0_hat, z))
        return float(method(SCHEDULE, x, x0, t, t_next, lambda _: noise))

    return ask(1, 0, 0), ask(0, 1, 0), ask(0, 0, 1)


def alpha_bars(t, t_next):
    return float(SCHEDULE.alpha_bar(t)), float(SCHEDULE.alpha_bar(t_next))


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("method", [m for m in EVERY if m != ddpm("beta")])
def test_knowing_x0_every_move_reaches_the_marginal_of_its_new_level(method, move):
    """x_t = √ᾱ x0 + √(1−ᾱ) eps and x0_hat = x0 give mean √ᾱ' x0 and variance 1 − ᾱ'."""
    a, a_next = alpha_bars(*move)
    of_x, of_x0, of_z = probe(method, *move)
    assert of_x * a**0.5 + of_x0 == pytest.approx(a_next**0.5, rel=1e-12)
    assert of_x**2 * (1 - a) + of_z**2 == pytest.approx(1 - a_next, rel=1e-10)


@pytest.mark.parametrize("move", MOVES)
def test_beta_is_the_variance_of_white_data(move):
    """With x0_hat = √ᾱ x_t, right for N(0, I), unit variance stays unit variance."""
    a, _ = alpha_bars(*move)
    of_x, of_x0, of_z = probe(ddpm("beta"), *move)
    assert (of_x + of_x0 * a**0.5) ** 2 + of_z**2 == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("move", MOVES)
def test_ddim_with_eta_1_is_the_posterior(move):
    assert probe(ddim(1.0), *move) == pytest.approx(probe(posterior(), *move), rel=1e-10)
    assert probe(ddpm("posterior"), *move) == probe(posterior(), *move)


@pytest.mark.parametrize("move", MOVES)
def test_eta_scales_the_noise(move):
    assert probe(ddim(0.0), *move)[2] == 0
    assert probe(ddim(0.5), *move)[2] == pytest.approx(probe(ddim(1.0), *move)[2] / 2, rel=1e-12)


def test_the_signal_of_a_stride_is_not_amplified():
    """With square roots over whole numerators, as one source prints, x0 enters 9.79 times."""
    a, a_next = alpha_bars(30, 0)
    alpha, beta = a / a_next, 1 - a / a_next
    wrong_x0 = (a_next * beta) ** 0.5 / (1 - a)
    wrong_x = (alpha * (1 - a_next)) ** 0.5 / (1 - a)
    assert wrong_x0 + wrong_x * a**0.5 == pytest.approx(9.79, abs=0.005)
    of_x, of_x0, _ = probe(posterior(), 30, 0)
    assert of_x0 + of_x * a**0.5 == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("t", [0, 30, 999])
@pytest.mark.parametrize("method", EVERY)
def test_the_last_move_is_the_prediction(method, t):
    of_x, of_x0, of_z = probe(method, t, -1)
    assert of_x == pytest.approx(0, abs=1e-15)
    assert of_x0 == pytest.approx(1, rel=1e-14)
    assert of_z == 0


@pytest.mark.parametrize(("method", "move"), [(m, (30, -1)) for m in EVERY] + [(ddim(), (30, 0))])
def test_noise_without_weight_is_not_drawn(method, move):
    def noise(like):
        raise AssertionError("drawn")

    x = torch.ones(1, 1, 2, 2)
    assert method(SCHEDULE, x, x, *move, noise).shape == x.shape


@pytest.mark.parametrize("method", EVERY)
def test_images_keep_their_type(method):
    x = torch.ones(1, 1, 2, 2, dtype=torch.bfloat16)
    assert method(SCHEDULE, x, x, 30, 10, torch.randn_like).dtype == x.dtype


def test_ddim_derives_eps_from_the_prediction_it_is_given():
    x_t, x0_hat = torch.full((1, 1, 1, 1), 2.0).double(), torch.ones(1, 1, 1, 1).double()
    _, a_next = alpha_bars(500, 30)
    eps = float(eps_of(SCHEDULE, "x0", x_t, 500, x0_hat))
    expected = a_next**0.5 + (1 - a_next) ** 0.5 * eps
    moved = ddim()(SCHEDULE, x_t, x0_hat, 500, 30, torch.randn_like)
    assert float(moved) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("alpha_bar", [0.1 * k for k in range(1, 10)])
def test_rounding_leaves_no_negative_root(alpha_bar):
    """From pure noise, σ² = 1 − ᾱ' but for rounding, which can fall on either side."""
    steep = Schedule(torch.tensor([alpha_bar, 1e-30], dtype=torch.float64))
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    moved = ddim(1.0)(steep, x, x, 1, 0, torch.zeros_like)
    assert float(moved) == pytest.approx(alpha_bar**0.5, abs=1e-7)


@pytest.mark.parametrize("make", [lambda: ddpm("gamma"), lambda: posterior(0), lambda: ddim(1.1)])
def test_mistakes_raise(make):
    with pytest.raises(JincError, match="must be"):
        make()
    with pytest.raises(JincError, match="eta"):
        ddim(-0.1)
