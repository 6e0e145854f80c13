"""Moving while generating: the whole way is made, and an equivariant denoiser does not notice."""

import math

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    SeededNoise,
    between,
    ddim,
    ddpm,
    following,
    framed,
    generate,
    gentle,
    posterior,
    published,
    rotating,
    sample,
    shifting,
    steady,
    timesteps,
)
from jinc.errors import JincError
from jinc.signal import rotate, shift

SCHEDULE = Schedule.linear(T=100)
LEVELS = timesteps(100, 20)


def white(x_t, t):
    """The ideal denoiser of white images: it commutes with every orthogonal map."""
    return SCHEDULE.alpha_bar(t).sqrt().view(-1, 1, 1, 1) * x_t


def noise(size: int = 9) -> torch.Tensor:
    like = torch.zeros(2, 1, size, size, dtype=torch.float64)
    return SeededNoise(3, range(2))(like)


@pytest.mark.parametrize("pace", [steady, gentle])
@pytest.mark.parametrize("angle", [0.7, -2.5, math.pi / 2])
def test_an_equivariant_denoiser_makes_the_turned_image(angle, pace) -> None:
    """End to end under DDIM: the turns can as well be made all at the end, in the same portions."""
    still = generate(white, SCHEDULE, noise(), method=ddim(), steps=LEVELS)
    turning = rotating(angle, LEVELS, pace=pace)
    turned = generate(white, SCHEDULE, noise(), method=ddim(), steps=LEVELS, after=turning)
    expected = still
    for t in [*LEVELS[1:], -1]:
        expected = turning(expected, t)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("pace", [steady, gentle])
def test_the_whole_way_is_made(pace) -> None:
    place = torch.arange(33, dtype=torch.float64) - 16
    blob = torch.exp(-(place[:, None] ** 2 + (place[None, :] - 6) ** 2) / 8)[None, None]
    turned = blob
    for t in [*LEVELS[1:], -1]:
        turned = rotating(math.pi / 2, LEVELS, pace=pace)(turned, t)
    torch.testing.assert_close(turned, rotate(blob, math.pi / 2), rtol=0, atol=1e-5)


def test_shifts_add_up() -> None:
    """Odd sizes have no Nyquist line: twenty parts of a shift are the shift."""
    still = generate(white, SCHEDULE, noise(), steps=LEVELS)
    moved = generate(white, SCHEDULE, noise(), steps=LEVELS, after=shifting(2.5, -1, LEVELS))
    torch.testing.assert_close(moved, shift(still, 2.5, -1), rtol=0, atol=1e-10)


def portions(moving, levels):
    """The shares of the way that are made, one after another: angles of a blob near the middle."""
    place = torch.arange(33, dtype=torch.float64) - 16
    blob = torch.exp(-(place[:, None] ** 2 + (place[None, :] - 6) ** 2) / 8)[None, None]
    found = []
    for t in [*levels[1:], -1]:
        seen = moving(blob, t)[0, 0]
        right, down = (seen.sum(0) * place).sum(), (seen.sum(1) * place).sum()
        found.append(math.atan2(-down, right))
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("pace", [steady, gentle, between(0.25, 0.75), lambda p: p**3])
def test_any_number_of_steps_makes_exactly_the_angle(pace) -> None:
    for count in (1, 2, 7, 20):
        levels = timesteps(100, count)
        made = portions(rotating(0.4, levels, pace=pace), levels)
        assert len(made) == count
        assert float(made.sum()) == pytest.approx(0.4, abs=1e-7)


def test_the_published_run_makes_999_portions_of_a_thousand() -> None:
    levels = range(999, 0, -1)  # it leaves level 0 out
    first = rotating(10.0, levels, pace=published).view(998)
    x = noise()
    torch.testing.assert_close(first(x), rotate(x, 0.01), rtol=0, atol=1e-10)
    made = portions(rotating(0.4, LEVELS, pace=published), LEVELS)
    assert float(made.sum()) == pytest.approx(0.4 * 0.999, abs=1e-7)


def test_every_image_has_its_own_angle_and_way() -> None:
    """A sweep of angles is one batch."""
    angles, downs = torch.tensor([0.3, -2.0]).double(), torch.tensor([1.5, -4.0]).double()
    together = generate(white, SCHEDULE, noise(), steps=LEVELS, after=rotating(angles, LEVELS))
    moved = generate(white, SCHEDULE, noise(), steps=LEVELS, after=shifting(downs, 0.5, LEVELS))
    for i in range(2):
        x, by = noise()[i : i + 1], float(angles[i])
        alone = generate(white, SCHEDULE, x, steps=LEVELS, after=rotating(by, LEVELS))
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-10)
        still = generate(white, SCHEDULE, x, steps=LEVELS)
        torch.testing.assert_close(
            moved[i : i + 1], shift(still, float(downs[i]), 0.5), rtol=0, atol=1e-10
        )


@pytest.mark.parametrize(
    ("method", "steps"),
    [
        (ddpm("beta"), None),
        (ddpm("posterior"), 5),
        (posterior(7), None),
        (ddim(0.0), [90, 61, 7, 2]),
        (ddim(0.5), [50, 0, -1]),
        (ddim(1.0), 5),
    ],
)
def test_any_sampler_moves(method, steps) -> None:
    """Quarter turns are exact: an equivariant denoiser, with turned noise, makes the turned image.

    The k-th fresh noise meets a state that has been turned k times more than it.
    """
    if steps is None:
        levels = method.levels(100)
    else:
        levels = timesteps(100, steps) if isinstance(steps, int) else steps
    moves = len(levels) - (levels[-1] == -1)
    still, turning = SeededNoise(5, range(2)), SeededNoise(5, range(2))
    drawn = []

    def turned(like):
        drawn.append(1)
        return turning(like).rot90(len(drawn) - 1, (-2, -1))

    x_T, after = noise(8), rotating(moves * math.pi / 2, levels)
    expected = generate(white, SCHEDULE, x_T, method=method, steps=levels, noise=still)
    end = generate(white, SCHEDULE, x_T, method=method, steps=levels, noise=turned, after=after)
    torch.testing.assert_close(end, expected.rot90(moves, (-2, -1)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["unitary", "spline", "bilinear", "lanczos"])
def test_any_operator_rotates(method) -> None:
    x = noise()
    turning = rotating(1.0, LEVELS, method)
    torch.testing.assert_close(turning(x, LEVELS[3]), rotate(x, 1.0 / 20, method))


def test_a_frame_is_what_has_been_made_so_far() -> None:
    for moving in (rotating(2.0, LEVELS, pace=gentle), shifting(1.7, -3.1, LEVELS)):
        x = expected = noise()
        for t in LEVELS[1:]:
            expected = moving(expected, t)
            frame = moving.view(t)
            torch.testing.assert_close(frame(x), expected, rtol=0, atol=1e-11)
            torch.testing.assert_close(frame.inverse(expected), x, rtol=0, atol=1e-11)
        assert torch.equal(moving.view(LEVELS[0])(x), x)


def test_fresh_noise_is_turned_back_into_the_frame() -> None:
    """The frame's form of ancestral sampling, noise by noise."""

    def lopsided(x_t, t):
        return 0.5 * x_t * torch.linspace(0, 1, 9, dtype=torch.float64)

    moving = rotating(1.0, LEVELS)
    fresh, again = SeededNoise(5, range(2)), SeededNoise(5, range(2))
    frames = iter([moving.view(t) for t in LEVELS])
    still = generate(
        framed(lopsided, moving),
        SCHEDULE,
        noise(),
        method=ddim(1.0),
        steps=LEVELS,
        noise=lambda like: next(frames).inverse(again(like)),
    )
    states = sample(
        lopsided,
        SCHEDULE,
        noise(),
        method=ddim(1.0),
        steps=LEVELS,
        noise=fresh,
        after=moving,
    )
    *_, end = states
    torch.testing.assert_close(moving.view(-1)(still), end.x_t, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", [ddpm(), ddim(1.0)])
@pytest.mark.parametrize("whole", ["quarter turn", "shift"])
def test_noise_that_follows_makes_one_thing_of_all_moves(method, whole) -> None:
    """With an equivariant denoiser, however much fresh noise: the image moved, and no other."""
    start = noise()
    levels = [99, 60, 30, 5]
    moving = {
        "quarter turn": rotating(math.pi / 2, levels, pace=lambda p: float(p >= 0.5)),
        "shift": shifting(3.0, -2.0, levels, pace=lambda p: round(2 * p) / 2),
    }[whole]
    still = generate(
        white, SCHEDULE, start, method=method, steps=levels, noise=SeededNoise(5, range(2))
    )
    follows = following(SeededNoise(5, range(2)), moving)
    moved = generate(
        white, SCHEDULE, start, method=method, steps=levels, noise=follows, after=follows.after
    )
    torch.testing.assert_close(moved, moving.by(still, 1.0), rtol=0, atol=1e-10)
    fixed = SeededNoise(5, range(2))
    alone = generate(white, SCHEDULE, start, method=method, steps=levels, noise=fixed, after=moving)
    assert (alone - moving.by(still, 1.0)).abs().max() > 0.1  # noise that stays makes another


def test_noise_that_follows_stays_white() -> None:
    """However much of the image the operator takes."""
    like = torch.empty(200, 1, 9, 9, dtype=torch.float64)
    moving = rotating(1.0, [99, 50], "bilinear")
    follows = following(SeededNoise(0, range(200)), moving)
    torch.testing.assert_close(follows(like), SeededNoise(0, range(200))(like))
    follows.after(like.zero_(), 50)
    turned = follows(like)
    assert turned.var().item() == pytest.approx(1, abs=0.03)
    assert rotate(turned, -0.5, "bilinear").var() < 0.6


def test_between_stands_still_before_and_after() -> None:
    made = portions(rotating(0.4, LEVELS, pace=between(0.25, 0.75)), LEVELS)
    expected = torch.zeros(20).double()
    expected[5:15] = 0.04
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-7)


def test_paces_go_from_start_to_end() -> None:
    for pace in (steady, gentle, between(0.2, 0.6), between(0, 1)):
        assert (pace(0), pace(1)) == pytest.approx((0, 1))
        steps = [pace(k / 50) for k in range(51)]
        assert steps == sorted(steps)


@pytest.mark.parametrize("levels", [[], [-1], [5, 5], [5, 7, 3]])
def test_levels_must_fall(levels) -> None:
    with pytest.raises(JincError, match="levels"):
        rotating(1.0, levels)
    with pytest.raises(JincError, match="levels"):
        shifting(1.0, 0.0, levels)


def test_bad_arguments_are_named() -> None:
    with pytest.raises(JincError, match="angle"):
        rotating(math.nan, LEVELS)
    with pytest.raises(JincError, match="right"):
        shifting(0.0, math.inf, LEVELS)
    with pytest.raises(JincError, match="no step ends on 98"):
        generate(white, SCHEDULE, noise(), steps=100, after=rotating(1.0, LEVELS))
    with pytest.raises(JincError, match="'spline' turns cannot be undone"):
        rotating(1.0, LEVELS, "spline").view(-1)
    with pytest.raises(JincError, match="2 levels, where all must be at one"):
        framed(white, rotating(1.0, LEVELS))(noise(), torch.tensor(LEVELS[:2]))
    for start, stop in ((0.5, 0.5), (-0.1, 1), (0, 1.1), (math.nan, 1)):
        with pytest.raises(JincError, match="between"):
            between(start, stop)
