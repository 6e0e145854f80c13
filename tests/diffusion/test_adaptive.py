"""Steps of each image's own reach the flow's end, cost what they say, and know no neighbours."""

import inspect
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm

from jinc.diffusion import (
    Schedule,
    adaptive,
    alternating,
    anagram,
    cfg,
    complexity_normalised,
    ddim,
    flow_scale,
    flow_time,
    forward,
    gaussian,
    generate,
    hflip,
    identity,
    mixture,
    project,
    replace,
    sample,
    timesteps,
)
from jinc.diffusion.samplers.step_length import SPREAD, _mean
from jinc.errors import JincError

SHAPE, PIXELS = (1, 2, 2), 4
FINE = {"linear": Schedule.linear(T=4000, beta_start=2.5e-5, beta_end=0.005)}
FINE |= {"cosine": Schedule.cosine(T=4000), "flow": Schedule.flow(T=4000)}
COARSE = Schedule.linear(T=100, beta_start=1e-3, beta_end=0.12)


def images(seed, count=3, shape=SHAPE):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)


def power(matrix, exponent):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * values**exponent) @ vectors.T


def correlated(schedule, x_T):
    """The exact denoiser of Gaussian images, and where its flow ends.

    It carries `√ᾱ mu + (ᾱ Σ + (1−ᾱ) I)^½ w` along with one w.
    """
    rng = np.random.default_rng(0)
    root, mean = rng.normal(size=(PIXELS, PIXELS)), rng.normal(size=PIXELS)
    covariance = root @ root.T / PIXELS + 0.1 * np.eye(PIXELS)
    a = float(schedule.alpha_bar(len(schedule) - 1))
    noisy = a * covariance + (1 - a) * np.eye(PIXELS)
    whitened = (x_T.flatten(1).numpy() - np.sqrt(a) * mean) @ power(noisy, -0.5)
    oracle = gaussian(schedule, torch.tensor(mean).view(SHAPE), torch.tensor(covariance))
    return oracle, torch.tensor(mean + whitened @ power(covariance, 0.5)).view_as(x_T)


def two_heaps(schedule, x_T):
    """The exact denoiser of two heaps on a line, and where its flow ends: it keeps quantiles."""
    weights, means, widths = np.array([0.3, 0.7]), np.array([-0.6, 0.5]), np.array([0.2, 0.1])

    def cdf(x, a):
        return weights @ norm.cdf((x - np.sqrt(a) * means) / np.sqrt(a * widths**2 + 1 - a))

    a = float(schedule.alpha_bar(len(schedule) - 1))
    ends = [
        brentq(lambda y, x=x: cdf(y, 1.0) - cdf(x, a), -5, 5, xtol=1e-13)
        for x in x_T.flatten().tolist()
    ]
    pairs = zip(torch.tensor(means), torch.tensor(widths), strict=True)
    parts = [gaussian(schedule, m.view(1, 1, 1), w.square().view(1, 1)) for m, w in pairs]
    return mixture(torch.tensor(weights), parts), torch.tensor(ends).view_as(x_T)


LINE = torch.linspace(-2.2, 2.2, 30, dtype=torch.float64).view(-1, 1, 1, 1)


def end(denoiser, schedule, x_T, **options):
    *_, last = adaptive(denoiser, schedule, x_T, **options)
    return last


def rms(x):
    return float(x.square().mean().sqrt())


CASES = [
    ("linear", correlated, images(1, 20)),
    ("cosine", two_heaps, LINE),
    ("flow", correlated, images(1, 20)),
]
EACH_CASE = pytest.mark.parametrize(("name", "data", "x_T"), CASES, ids=[c[0] for c in CASES])


@EACH_CASE
def test_half_the_tolerance_is_half_the_error(name, data, x_T) -> None:
    schedule, tolerances = FINE[name], [0.0025, 0.00125, 0.000625]
    oracle, exact = data(schedule, x_T)
    ends = [end(oracle, schedule, x_T, tolerance=tolerance) for tolerance in tolerances]
    errors = [rms(last.x_t - exact) for last in ends]
    calls = [float(last.calls.double().mean()) for last in ends]
    # Measured: 0.97 to 1.24, 0.49 to 0.51, and errors of 0.3 to 1.6 tolerances.
    assert 0.8 < np.polyfit(np.log(tolerances), np.log(errors), 1)[0] < 1.4, errors
    assert 0.45 < -np.polyfit(np.log(tolerances), np.log(calls), 1)[0] < 0.55, calls
    assert all(e < 3 * tolerance for e, tolerance in zip(errors, tolerances, strict=True)), errors


@EACH_CASE
def test_it_is_better_than_ddim_with_three_times_the_calls(name, data, x_T) -> None:
    oracle, exact = data(FINE[name], x_T)
    last = end(oracle, FINE[name], x_T, tolerance=0.0025)
    plain = generate(oracle, FINE[name], x_T, method=ddim(), steps=100)
    assert float(last.calls.double().mean()) < 100 / 3
    assert rms(last.x_t - exact) < rms(plain - exact) / 2


def plainly(denoiser, schedule, x_T, levels):
    """Second order on the straight way at given levels, one image after the other, told slowly."""
    ends = []
    for image in x_T:
        z = image[None] / float(flow_scale(schedule, levels[0]))
        came_from = None
        for t, t_next in pairwise([*levels, -1]):
            time, there = float(flow_time(schedule, t)), float(flow_time(schedule, t_next))
            x0 = denoiser(z * float(flow_scale(schedule, t)), torch.tensor([t]))
            slope = 0
            if came_from:
                z_before, x0_before, before = came_from
                u_before = (z_before - x0_before) / before
                slope = -2 * (x0 - x0_before) / (time**2 - before**2)
                h = time - before
                z = z_before + h * u_before + h**2 / 2 * slope
            came_from = z, x0, time
            h = there - time
            z = z + h * (z - x0) / time + h**2 / 2 * slope if t_next >= 0 else x0
        ends.append(z)
    return torch.cat(ends)


def test_no_tolerance_visits_every_level_by_second_order() -> None:
    x_T = images(2)
    oracle, _ = correlated(COARSE, x_T)
    walk = list(adaptive(oracle, COARSE, x_T, tolerance=0.0))
    assert [step.t for step in walk] == list(range(98, -2, -1))
    assert walk[-1].calls.tolist() == [100] * 3
    some = [90, 55, 54, 20, 3]
    walk = list(adaptive(oracle, COARSE, x_T, tolerance=0.0, steps=some))
    assert [step.t for step in walk] == [*some[1:], -1]
    torch.testing.assert_close(walk[-1].x_t, plainly(oracle, COARSE, x_T, some))


def test_levels_can_be_chosen_from_some() -> None:
    x_T = images(2)
    oracle, _ = correlated(COARSE, x_T)
    walk = list(adaptive(oracle, COARSE, x_T, tolerance=0.01, steps=30))
    seen = {t for step in walk for t in step.levels.tolist()}
    assert seen <= {*timesteps(100, 30), -1}
    assert 5 < int(walk[-1].calls.max()) < 30


def test_even_levels_are_of_second_order() -> None:
    x_T, schedule = images(3, 10), Schedule.flow(T=16000)
    oracle, exact = correlated(schedule, x_T)

    def error(count):
        return rms(end(oracle, schedule, x_T, tolerance=0.0, steps=count).x_t - exact)

    slopes = -np.diff(np.log2([error(count) for count in (160, 320)]))
    assert np.abs(slopes - 2).max() < 0.25  # measured: 2.16; from 320 to 640, 2.09


def test_every_step_is_as_long_as_its_error_allows() -> None:
    """From what is seen of a walk: how far DDIM is off, by the last slope or by one foreseen."""
    schedule, x_T, tolerance = FINE["linear"], images(4, 1), 0.004
    oracle, _ = correlated(schedule, x_T)

    def time(t):
        return float(flow_time(schedule, t))

    def error(slope, start, t):
        gain = ((1 - time(t)) ** 2 + (time(t) / SPREAD) ** 2) ** -0.5
        return rms(slope) * (time(start) - time(t)) ** 2 / 2 * gain

    # Where the state may have been changed no step is made again: what is seen is what was used.
    walk = list(adaptive(oracle, schedule, x_T, tolerance=tolerance, after=lambda x, t: x))
    slope = middle = None
    tried = 0
    for before, step, then in zip([None, *walk], walk, walk[1:-1], strict=False):
        plain = ddim()(schedule, step.x_t, then.x0_hat, step.t, then.t, torch.randn_like)
        off = (then.x_t - plain) / float(flow_scale(schedule, then.t))
        start = 3999 if before is None else before.t
        slope_before, middle_before = slope, middle
        slope = 2 * off / (time(step.t) - time(then.t)) ** 2
        middle = (time(start) + time(step.t)) / 2
        if slope_before is None:
            continue

        def most(t, slope=slope, middle=middle, known=(slope_before, middle_before), here=step.t):
            share = ((time(here) + time(t)) / 2 - middle) / (middle - known[1])
            return max(error(s, here, t) for s in (slope, slope + share * (slope - known[0])))

        longest = 2 * (time(start) - time(step.t))
        assert most(then.t) <= tolerance * (1 + 1e-6)
        assert time(step.t) - time(then.t) <= longest
        assert most(then.t - 1) > tolerance or time(step.t) - time(then.t - 1) > longest
        tried += 1
    assert tried > 8


class Net:
    """A network with labels, which notes whom it was asked about."""

    def __init__(self, labels):
        self.labels, self.asked = labels, []

    def leaf(self, labels=None):
        return Leaf(self, self.labels if labels is None else labels)


class Leaf:
    """Images are pulled towards rough pictures of their labels, by as much as levels say."""

    def __init__(self, net, labels):
        self.net, self.labels = net, labels

    def rows(self, places):
        return Leaf(self.net, self.labels[places])

    def __call__(self, x_t, t):
        assert x_t.shape[0] == t.shape[0] == len(self.labels)
        assert ((t >= 0) & (t < len(COARSE))).all()
        assert t.dtype == torch.int64
        self.net.asked.append(self.labels.tolist())
        bent = torch.sin((1 + 5 * self.labels).view(-1, 1, 1, 1) * x_t)
        share = COARSE.alpha_bar(t).view(-1, 1, 1, 1)
        return bent * share + (1 - share) * 0.1 * x_t


LABELS = torch.tensor([0.0, 0.3, 0.6, 0.9])


@pytest.mark.parametrize("divisible", [True, False], ids=["rows", "function"])
def test_calls_are_counted_and_finished_images_cost_none(divisible) -> None:
    net = Net(LABELS)
    leaf = net.leaf()
    denoiser = leaf if divisible else (lambda x_t, t: leaf(x_t, t))
    walk = list(adaptive(denoiser, COARSE, images(5, 4), tolerance=0.005))
    calls = walk[-1].calls
    assert len(set(calls.tolist())) > 2
    assert len(net.asked) == len(walk) == int(calls.max())
    often = torch.tensor([sum(label in asked for asked in net.asked) for label in LABELS.tolist()])
    assert torch.equal(often, calls if divisible else torch.full((4,), len(walk)))
    same = end(net.leaf(), COARSE, images(5, 4), tolerance=0.005)
    torch.testing.assert_close(walk[-1].x_t, same.x_t)
    for number, step in enumerate(walk, start=1):
        assert step.t == int(step.levels.max())
        assert torch.equal(step.calls, calls.clamp(max=number))
    for step, then in pairwise(walk):
        done = step.levels == -1
        assert torch.equal(then.x_t[done], step.x_t[done])
        assert bool((then.levels < step.levels)[~done].all())
    assert torch.equal(walk[-1].x_t, walk[-1].x0_hat)
    assert walk[-1].levels.tolist() == [-1] * 4


def nested(net, labels, photo):
    """Guidance of two leaves of one network, and pixels that are known of each image."""
    guided = cfg(net.leaf(labels), net.leaf(0 * labels), 1.5)
    return project(guided, onto=photo, where=torch.tensor([[0.5, 0.0], [0.0, 0.0]]))


def test_an_image_does_not_depend_on_its_batch() -> None:
    net, x_T, photo = Net(LABELS), images(6, 4), images(7, 4).clamp(-1, 1)
    options = {"tolerance": 0.003, "weight": lambda x0_hat: 1 + x0_hat.square()}
    together = list(adaptive(nested(net, LABELS, photo), COARSE, x_T, **options))
    assert len(set(together[-1].calls.tolist())) > 1
    for i in range(4):
        one = slice(i, i + 1)
        alone = list(adaptive(nested(net, LABELS[one], photo[one]), COARSE, x_T[one], **options))
        assert len(alone) == int(together[-1].calls[i])
        for step, other in zip(alone, together, strict=False):
            assert step.levels.tolist() == other.levels[one].tolist()
            torch.testing.assert_close(step.x_t, other.x_t[one], rtol=0, atol=1e-12)
    turned = end(nested(net, LABELS.flip(0), photo.flip(0)), COARSE, x_T.flip(0), **options)
    torch.testing.assert_close(turned.x_t.flip(0), together[-1].x_t, rtol=0, atol=1e-12)


def test_an_answer_that_never_changes_is_soon_believed() -> None:
    """Steps then triple, and images stay on their straight ways to the answer."""
    x0, eps, T = images(8), images(9), len(COARSE)
    x_T = forward(COARSE, x0, T - 1, eps)
    walk = list(adaptive(lambda x_t, t: x0, COARSE, x_T, tolerance=0.01))
    assert len(walk) <= 5
    for step in walk:
        torch.testing.assert_close(step.x_t, forward(COARSE, x0, step.t, eps))


def test_only_the_ratio_of_weights_matters() -> None:
    x_T = images(10)
    oracle, _ = correlated(COARSE, x_T)
    plain = end(oracle, COARSE, x_T, tolerance=0.002)
    for weight in (
        lambda x0_hat: torch.full_like(x0_hat, 7.0),
        lambda x0_hat: torch.full_like(x0_hat[:, :1], 0.1),
    ):
        same = end(oracle, COARSE, x_T, tolerance=0.002, weight=weight)
        torch.testing.assert_close(same.x_t, plain.x_t)
        assert torch.equal(same.calls, plain.calls)


def test_weights_of_nothing_are_even_ones() -> None:
    x_T = images(10)
    oracle, _ = correlated(COARSE, x_T)
    plain = end(oracle, COARSE, x_T, tolerance=0.002)
    none = end(oracle, COARSE, x_T, tolerance=0.002, weight=torch.zeros_like)
    assert int(plain.calls.max()) < 50
    assert torch.equal(none.calls, plain.calls)
    assert torch.equal(none.x_t, plain.x_t)


def test_weights_of_nothing_in_one_image_leave_the_others_theirs() -> None:
    values, weight = images(11).square(), images(12).abs()
    weight[1] = 0
    means = [(w * v).sum() / w.sum() for v, w in zip(values, weight, strict=True)]
    means[1] = values[1].mean()
    torch.testing.assert_close(_mean(values, weight), torch.stack(means))


def test_weights_say_whose_error_counts() -> None:
    """Of two halves, one hard and one easy: the one that counts makes the steps."""
    x_T, hard = images(11, shape=(2, 4, 4)), torch.tensor([[1.0, 1.0, 0.0, 0.0]])

    def denoiser(x_t, t):
        return torch.sin((0.1 + 4 * hard) * x_t) * COARSE.alpha_bar(t).view(-1, 1, 1, 1)

    def calls(weight=None):
        last = end(denoiser, COARSE, x_T, tolerance=0.005, weight=weight)
        return float(last.calls.double().mean())

    def on(mask):
        return lambda x0_hat: mask.expand(len(x0_hat), 1, 4, 4)

    assert calls(on(1 - hard)) < 0.7 * calls() < calls(on(hard))
    assert calls(complexity_normalised) > calls()  # where it is busy it is hard
    one_channel = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert calls(lambda x0_hat: one_channel.expand_as(x0_hat)) != calls()


def test_after_works_on_a_single_image() -> None:
    photo, mask = images(12, 1).clamp(-1, 1), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    oracle, _ = correlated(COARSE, images(13, 1))
    put_back = replace(COARSE, photo, mask, torch.randn_like)
    reached = []

    def after(x, t):
        reached.append(t)
        return put_back(x, t)

    walk = list(adaptive(oracle, COARSE, images(13, 1), tolerance=0.005, after=after))
    assert reached == [step.t for step in walk]
    assert torch.equal(walk[-1].x_t[..., 0, 1], photo[..., 0, 1])


def test_after_has_the_last_word() -> None:
    """A state put on a known line at every level stays there: no step is made again."""
    x0, eps, seen = images(14, 1), images(15, 1), []

    def denoiser(x_t, t):
        seen.append((x_t, int(t[0])))
        return torch.sin(3 * x_t)

    def after(x, t):
        return forward(COARSE, x0, t, eps)

    list(adaptive(denoiser, COARSE, images(16, 1), tolerance=0.005, after=after))
    for x_t, t in seen[1:]:
        torch.testing.assert_close(x_t, forward(COARSE, x0, t, eps))


def test_what_goes_by_one_level_is_refused() -> None:
    def tell(pattern, denoiser, **options):
        with pytest.raises(JincError, match=pattern):
            list(adaptive(denoiser, COARSE, images(5, 4), tolerance=0.005, **options))

    leaf = Net(LABELS).leaf()
    turns = alternating(range(100))
    tell("images are at . levels", anagram([(identity(), leaf), (hflip(), leaf)], turns))
    put_back = replace(COARSE, images(5, 4), torch.ones(2, 2), torch.randn_like)
    tell("after: goes by one level.*one image at a time", leaf, after=put_back)


def test_mistakes_raise_at_the_call() -> None:
    def tell(pattern, x_T=None, **options):
        settings = {"tolerance": 0.01} | options
        with pytest.raises(JincError, match=pattern):
            adaptive(lambda x, t: x, COARSE, images(0) if x_T is None else x_T, **settings)

    tell("x_T must be float", x_T=torch.zeros(2, 2))
    for tolerance in (-1.0, float("nan"), float("inf")):
        tell("tolerance: .* is not a finite number, 0 or more", tolerance=tolerance)
    tell("fall", steps=[5, 9, 1])
    tell("steps", steps=101)
    walk = adaptive(lambda x, t: x.sin(), COARSE, images(0), tolerance=0.01, weight=torch.squeeze)
    assert inspect.isgenerator(walk)
    with pytest.raises(JincError, match=r"weight: .* it must be \[3, 1, 2, 2\]"):
        list(walk)


def test_floats_of_other_sizes_and_no_images() -> None:
    x_T = images(2)
    oracle, _ = correlated(COARSE, x_T)
    parts = {torch.float64: 1e-9, torch.float32: 1e-4}
    for dtype, apart in parts.items():
        own = gaussian(COARSE, oracle.mean.to(dtype), oracle.covariance.to(dtype))
        last = end(own, COARSE, x_T.to(dtype), tolerance=0.005)
        assert last.x_t.dtype == dtype
        precise = end(oracle, COARSE, x_T, tolerance=0.005)
        torch.testing.assert_close(last.x_t.double(), precise.x_t, rtol=0, atol=apart)
    half = end(lambda x, t: x.float().sin(), COARSE, x_T.half(), tolerance=0.02)
    assert half.x_t.dtype == torch.float16
    assert half.x_t.isfinite().all()
    assert list(adaptive(oracle, COARSE, x_T[:0], tolerance=0.1)) == []


def test_ddim_with_small_steps_goes_the_same_way() -> None:
    """No closed form is asked here: a denoiser that is none of a distribution."""
    apart = {}
    for T in (100, 400):
        schedule = Schedule.flow(T=T)

        def denoiser(x_t, t, schedule=schedule):
            share = schedule.alpha_bar(t).view(-1, 1, 1, 1)
            return torch.sin(2 * x_t) * share + (1 - share) * 0.1 * x_t

        *_, plain = sample(denoiser, schedule, images(5, 4))
        apart[T] = rms(end(denoiser, schedule, images(5, 4), tolerance=0.0).x_t - plain.x_t)
    assert apart[400] < apart[100] / 3.5 < 0.001  # DDIM's own error, of first order
