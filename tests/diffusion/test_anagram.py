"""Anagrams: parts are asked through their views, turned back, and joined in three ways."""

import math

import pytest
import torch

from jinc.diffusion import (
    Schedule,
    alternating,
    anagram,
    conjugate,
    custom_view,
    ddim,
    eps_of,
    generate,
    hflip,
    identity,
    mean,
    negate,
    quarter_turns,
    sum_preserving,
    vflip,
    x0_of,
)
from jinc.errors import JincError

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 700])
LEVELS = [900, 600, 300, 0]
EVERY = [mean(), sum_preserving(SCHEDULE), alternating(LEVELS)]


def images(size=4):
    return torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(0)).double()


def crooked(x_t, t):
    """No symmetry at all."""
    return x_t * torch.linspace(-1, 2, x_t[0].numel()).double().view_as(x_t[0]) + 0.1


def triple(x_t, t):
    return 3 * x_t


def at(level):
    return torch.full((2,), level)


@pytest.mark.parametrize("reduce", EVERY)
@pytest.mark.parametrize("level", LEVELS)
def test_one_denoiser_seen_as_it_is_is_itself(reduce, level) -> None:
    both = anagram([(identity(), crooked), (identity(), crooked)], reduce)
    torch.testing.assert_close(both(images(), at(level)), crooked(images(), at(level)))


@pytest.mark.parametrize("reduce", EVERY)
def test_an_anagram_of_one_part_is_a_conjugate(reduce) -> None:
    one = anagram([(quarter_turns(1), crooked)], reduce)
    through = conjugate(crooked, quarter_turns(1))
    torch.testing.assert_close(one(images(), at(300)), through(images(), at(300)))


def test_the_mean_is_that_of_the_parts_turned_back() -> None:
    both = anagram([(hflip(), crooked), (quarter_turns(1), triple)])
    x_t = images()
    expected = (crooked(x_t.flip(-1), T_EACH).flip(-1) + 3 * x_t) / 2
    torch.testing.assert_close(both(x_t, T_EACH), expected)


def wrong_about_the_noise(*noises):
    """Parts that find these noises."""
    return [
        (identity(), lambda x_t, t, eps=eps: x0_of(SCHEDULE, "eps", x_t, t, eps)) for eps in noises
    ]


def found(effect, size):
    x_t = images(size)
    return eps_of(SCHEDULE, "x0", x_t, T_EACH, effect(x_t, T_EACH))


def noises(count, size=100):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 2, 1, size, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("count", [2, 3])
def test_of_independent_noises_the_mean_is_too_faint(count) -> None:
    parts = wrong_about_the_noise(*noises(count))
    faint, kept = (found(anagram(parts, r), 100) for r in (mean(), sum_preserving(SCHEDULE)))
    assert float(faint.var()) == pytest.approx(1 / count, rel=0.03)
    assert float(kept.var()) == pytest.approx(1, rel=0.03)
    near = noises(count).sum(0) / math.sqrt(count)
    assert float((kept - near).std()) < 0.03


def test_the_sum_of_squares_of_every_image_is_preserved() -> None:
    one, other, third = noises(3)
    eps = [one, 0.8 * one + 0.6 * other, 1.5 * third]
    kept = found(anagram(wrong_about_the_noise(*eps), sum_preserving(SCHEDULE)), 100)
    power = sum(e.square().sum((1, 2, 3)) for e in eps) / 3
    torch.testing.assert_close(kept.square().sum((1, 2, 3)), power)
    ratio = kept / sum(eps)
    torch.testing.assert_close(ratio, ratio[:, :, :1, :1].expand_as(ratio))


def test_what_agrees_is_not_made_louder() -> None:
    """As near t = T−1, where every part finds the noise of x_t; over √n it would be √2 times."""
    (eps,) = noises(1)
    kept = found(anagram(wrong_about_the_noise(eps, eps), sum_preserving(SCHEDULE)), 100)
    torch.testing.assert_close(kept, eps)


def test_contradictions_are_not_amplified_without_end() -> None:
    (eps,) = noises(1)
    none = found(anagram(wrong_about_the_noise(eps, -eps), sum_preserving(SCHEDULE)), 100)
    torch.testing.assert_close(none, torch.zeros_like(eps), rtol=0, atol=1e-12)
    nearly = wrong_about_the_noise(eps, -0.98 * eps)
    little = found(anagram(nearly, sum_preserving(SCHEDULE)), 100)
    torch.testing.assert_close(little, math.sqrt(2) * 0.01 * eps)
    silent = wrong_about_the_noise(0 * eps, 0 * eps)
    assert found(anagram(silent, sum_preserving(SCHEDULE)), 100).isfinite().all()


def test_parts_alternate_and_only_one_is_called() -> None:
    asked = []

    def part(k):
        return lambda x_t, t: asked.append((k, int(t[0]))) or x_t

    parts = [(view, part(k)) for k, view in enumerate((identity(), hflip(), vflip()))]
    effect = anagram(parts, alternating(LEVELS))
    generate(effect, SCHEDULE, images(), method=ddim(), steps=LEVELS)
    assert asked == [(0, 900), (1, 600), (2, 300), (0, 0)]
    asked.clear()
    jumps = anagram(parts, alternating([900, 600, 300, 600, 300, 0]))
    generate(jumps, SCHEDULE, images(), steps=[900, 600, 300, 600, 300, 0])
    assert asked == [(0, 900), (1, 600), (1, 600), (2, 300), (0, 0)]


def test_all_parts_are_one_call(counting) -> None:
    parts = [(hflip(), counting.times(2)), (negate(), counting.times(5)), (identity(), triple)]
    x_t = images()
    torch.testing.assert_close(anagram(parts)(x_t, T_EACH), x_t * (2 + 5 + 3) / 3)
    assert counting.calls == [4]


def test_a_view_of_yours_is_certified_once_for_each_shape() -> None:
    seen = []

    def mine(x):
        seen.append(len(x))
        return x.flip(-1)

    effect = anagram([(custom_view(mine, mine).inverted.then(identity()), crooked)])
    once = effect(images(), T_EACH)
    tried = len(seen)
    assert tried > 4
    assert torch.equal(effect(images(), T_EACH), once)
    assert len(seen) == tried + 2
    effect(images(6), T_EACH)
    assert len(seen) > 2 * tried
    torch.testing.assert_close(once, conjugate(crooked, hflip())(images(), T_EACH))


@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: v.then(hflip()), lambda v: v.inverted])
def test_a_view_that_is_not_orthogonal_is_refused(wrap) -> None:
    louder = custom_view(lambda x: 1.2 * x, lambda x: x / 1.2, title="louder")
    effect = anagram([(identity(), triple), (wrap(louder), triple)])
    with pytest.raises(JincError, match=r"louder.* is not a view"):
        effect(images(), T_EACH)


def test_a_class_of_yours_is_certified_too() -> None:
    class Half(type(hflip())):
        def __call__(self, x):
            return x / 2

    with pytest.raises(JincError, match="is not a view"):
        anagram([(Half(), triple)])(images(), T_EACH)


@pytest.mark.parametrize("parts", [[(hflip, triple)], [hflip()], [(hflip(), triple, triple)]])
def test_parts_that_are_no_pairs_are_refused(parts) -> None:
    with pytest.raises(JincError, match=r"parts\[0\] must be a pair"):
        anagram(parts)


def test_other_mistakes_raise() -> None:
    with pytest.raises(JincError, match="one part"):
        anagram([])
    with pytest.raises(JincError, match="one level or more"):
        alternating([])
    effect = anagram([(identity(), triple), (hflip(), triple)], alternating(LEVELS))
    with pytest.raises(JincError, match="299 is not one of its levels"):
        effect(images(), at(299))
    with pytest.raises(JincError, match="images are at 2 levels"):
        effect(images(), T_EACH)
