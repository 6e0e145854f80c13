"""Turning while generating: noise stays noise, and turning the state is turning the frame.

Powers are exact and not drawn. With Gaussian data the whole run is a linear map of x_T, so that a
run for every pixel of x_T gives the covariance of every state.
"""

import itertools
import math
from dataclasses import dataclass

import pytest
import torch

from jinc.diffusion import (
    Branch,
    Effect,
    Schedule,
    SeededNoise,
    clip,
    ddim,
    framed,
    gaussian,
    generate,
    rotating,
    rotation,
    sample,
    shifting,
    timesteps,
    x0_of,
)
from jinc.nn import UNet
from jinc.signal import disc

SCHEDULE = Schedule.linear(T=1000)


def frequencies(size):
    """Of every bin, in cycles per pixel, `[size, size]`."""
    f = torch.fft.fftfreq(size, dtype=torch.float64)
    return torch.hypot(f[:, None], f[None, :])


@dataclass(frozen=True, eq=False)
class field(Effect):
    """The exact denoiser of a stationary Gaussian field of a power spectrum: bin by bin."""

    power: torch.Tensor

    def branches(self, x_t, t):
        return []

    def combine(self, answers, x_t, t):
        a = SCHEDULE.alpha_bar(t).view(-1, 1, 1, 1)
        gain = a.sqrt() * self.power / (a * self.power + 1 - a)
        return torch.fft.ifft2(torch.fft.fft2(x_t) * gain).real


def natural(size):
    """A field like natural images: power falls as 1/f², variance ¼."""
    power = 1 / (frequencies(size).square() + 1 / 16**2)
    return field(power / power.mean() / 4)


def smooth(size, length):
    """A field without sharp edges: correlations fall as a Gaussian, over `length` pixels."""
    power = torch.exp(-((2 * math.pi * frequencies(size) * length) ** 2))
    return field(power / power.mean() / 4)


@pytest.mark.parametrize("size", [5, 6])
def test_the_denoiser_of_a_field_is_the_gaussian_oracle(size) -> None:
    """Whose covariance is circulant: pixels as far apart from each other, on the torus, as any."""
    denoiser = natural(size)
    correlation = torch.fft.ifft2(denoiser.power.to(torch.complex128)).real
    rows = [correlation.roll((i, j), (0, 1)).flatten() for i in range(size) for j in range(size)]
    oracle = gaussian(SCHEDULE, torch.zeros(1, size, size).double(), torch.stack(rows))
    x, t = SeededNoise(0, range(3))(torch.zeros(3, 1, size, size).double()), torch.arange(3) * 400
    torch.testing.assert_close(denoiser(x, t), oracle(x, t), rtol=0, atol=1e-12)


def powers(size, method, steps=50, angle=math.pi / 2):
    """Level, and power in the band from ¾ of Nyquist on, for every state of a DDIM run."""
    levels = timesteps(1000, steps)
    after = rotating(angle, levels, method) if method else None
    x_T = torch.eye(size**2, dtype=torch.float64).view(-1, 1, size, size)
    top = frequencies(size) >= 0.375
    run = sample(natural(size), SCHEDULE, x_T, steps=levels, method=ddim(), after=after)
    states = [(step.t, torch.fft.fft2(step.x_t).abs().square().sum((0, 1))) for step in run]
    return {t: float(power[top].sum()) for t, power in states}


def kept(size, method, steps=50):
    """What is left of the unturned run's power in the band, wherever ᾱ ≤ ½, in order."""
    still, turned = powers(size, None, steps), powers(size, method, steps)
    return [turned[t] / still[t] for t in still if float(SCHEDULE.alpha_bar(t)) <= 0.5]


@pytest.mark.parametrize("size", [12, 15, 16])
def test_unitary_turns_keep_the_noise_of_deterministic_sampling(size) -> None:
    """90° in all, 50 steps: issue 4 asks for 0.97 to 1.03."""
    shares = kept(size, "unitary")
    assert len(shares) > 25
    assert min(shares) > 0.999
    assert max(shares) < 1.01


@pytest.mark.parametrize(
    ("method", "first", "last"), [("spline", 0.9, 0.3), ("bilinear", 0.7, 0.01)]
)
@pytest.mark.parametrize("size", [12, 15])
def test_interpolation_does_not(size, method, first, last) -> None:
    shares = kept(size, method)
    assert shares[0] < first * 1.1
    assert shares[-1] < last
    assert all(after < before for before, after in itertools.pairwise(shares))


def random_network(dtype=torch.float64):
    """A random U-Net that predicts ε, with zero padding: as far from equivariant as they come."""
    torch.manual_seed(0)
    network = UNet("D@6", channels=1, width=4, levels=1, padding="zeros").to(dtype).eval()
    return lambda x_t, t: x0_of(SCHEDULE, "eps", x_t, t, network(x_t, t))


def random_oracle(size=8):
    """The exact denoiser of Gaussian data that know no symmetry."""
    generator = torch.Generator().manual_seed(1)
    root = torch.randn(size**2, size**2, generator=generator, dtype=torch.float64) / size
    mean = torch.randn(1, size, size, generator=generator, dtype=torch.float64)
    return gaussian(SCHEDULE, mean, root @ root.T)


DENOISERS = {
    "oracle": random_oracle,
    "network": random_network,
    "clipped": lambda: clip(random_network()),
}
LEVELS = timesteps(1000, 20)


def start(size=8, dtype=torch.float64):
    return SeededNoise(0, range(2))(torch.zeros(2, 1, size, size, dtype=dtype))


MOVES = {
    "90 degrees": rotating(math.pi / 2, LEVELS),
    "-143 degrees": rotating(-2.5, LEVELS),
    "20 quarter turns": rotating(20 * math.pi / 2, LEVELS),  # every portion is a quarter turn
    "shift": shifting(2.5, -1.3, LEVELS),
}


@pytest.mark.parametrize(
    ("name", "move"),
    [
        *(("oracle", move) for move in MOVES),
        ("network", "-143 degrees"),
        ("network", "shift"),
        ("clipped", "90 degrees"),
    ],
)
def test_moving_the_state_is_denoising_in_a_moving_frame(name, move) -> None:
    """Under DDIM, and for any denoiser, equivariant or not."""
    denoiser, moving = DENOISERS[name](), MOVES[move]
    state = generate(denoiser, SCHEDULE, start(), steps=LEVELS, method=ddim(), after=moving)
    still = generate(framed(denoiser, moving), SCHEDULE, start(), steps=LEVELS, method=ddim())
    end = moving.view(-1)(still)
    assert float((end - state).abs().max() / state.abs().max()) < 1e-10
    unmoved = generate(denoiser, SCHEDULE, start(), steps=LEVELS, method=ddim())
    assert float((unmoved - state).norm() / state.norm()) > 0.1


def test_the_same_in_single_precision() -> None:
    denoiser, moving = clip(random_network(torch.float32)), rotating(math.pi / 2, LEVELS)
    x_T = start(dtype=torch.float32)
    state = generate(denoiser, SCHEDULE, x_T, steps=LEVELS, after=moving)
    still = generate(framed(denoiser, moving), SCHEDULE, x_T, steps=LEVELS)
    assert float((moving.view(-1)(still) - state).norm() / state.norm()) < 1e-5


@dataclass(frozen=True)
class in_one_turn(Effect):
    """Denoise in a frame that is turned as far as `framed` turns it, but in one turn."""

    denoiser: object
    angle: float

    def frame(self, t):
        return rotation(self.angle * LEVELS.index(int(t[0])) / len(LEVELS))

    def branches(self, x_t, t):
        return [Branch(self.denoiser, self.frame(t)(x_t), t)]

    def combine(self, answers, x_t, t):
        return self.frame(t).inverse(answers[0])


def one_turn_is_off(denoiser, x_T, angle, within):
    """Root mean square of the difference, in shares of that of the images."""
    state = generate(denoiser, SCHEDULE, x_T, steps=LEVELS, after=rotating(angle, LEVELS))
    still = generate(in_one_turn(denoiser, angle), SCHEDULE, x_T, steps=LEVELS)
    apart = (rotation(angle)(still) - state) * within
    return float(apart.norm() / (state * within).norm())


@pytest.mark.parametrize("angle", [math.pi / 2, 0.7])
def test_one_great_turn_is_another_frame(angle) -> None:
    """How far off: percents where images are smooth and away from the corners, 100 % elsewhere.

    Small turns of the torus carry what is near its corners elsewhere than one great turn does, and
    of rough images and noise that is much.
    """
    size = 32
    everywhere, inside = torch.ones(size, size), disc(size, 0.7)
    x_T = start(size)
    assert 0.005 < one_turn_is_off(smooth(size, 2), x_T, angle, inside) < 0.05
    assert 0.2 < one_turn_is_off(smooth(size, 2), x_T, angle, everywhere) < 0.7
    rough = clip(random_network())
    assert 0.5 < one_turn_is_off(rough, start(), angle, torch.ones(8, 8)) < 1.2


def test_one_great_turn_of_quarter_turns_is_the_same() -> None:
    angle = len(LEVELS) * math.pi / 2
    assert one_turn_is_off(random_oracle(), start(), angle, torch.ones(8, 8)) < 1e-10
