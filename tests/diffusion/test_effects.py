"""Effects are denoisers made of denoisers."""

from dataclasses import FrozenInstanceError, dataclass, field

import pytest
import torch

from jinc.diffusion import (
    Branch,
    Effect,
    Schedule,
    Shared,
    anagram,
    calibrate,
    cfg,
    clip,
    dynamic_threshold,
    eps_of,
    forward,
    hflip,
    hybrid,
    project,
    replace,
    sum_preserving,
    vflip,
    x0_of,
)

SCHEDULE = Schedule.linear(T=1000)
T_EACH = torch.tensor([30, 999])


def images():
    return torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0)).double()


def triple(x_t, t):
    return 3 * x_t


def test_an_effect_asks_and_then_combines():
    @dataclass(frozen=True)
    class Twist(Effect):
        left: object
        right: object

        def branches(self, x_t, t):
            return [Branch(self.left, x_t, t), Branch(self.right, x_t.flip(-1), t - 1)]

        def combine(self, answers, x_t, t):
            left, right = answers
            return left + 2 * right + x_t

    def level(x_t, t):
        return x_t * t.view(-1, 1, 1, 1)

    effect, x_t = Twist(clip(triple), level), images()
    expected = clip(triple)(x_t, T_EACH) + 2 * level(x_t.flip(-1), T_EACH - 1) + x_t
    assert torch.equal(effect(x_t, T_EACH), expected)


def test_an_effect_is_frozen_and_says_what_it_is():
    effect = clip(triple)
    assert repr(effect).startswith("clip(denoiser=<function triple")
    assert effect == clip(triple)
    with pytest.raises(FrozenInstanceError):
        effect.low = 0.0


def _deaf(schedule: Schedule, eps: torch.Tensor):
    """Know the direction of the noise exactly, and take its amplitude for the usual one."""
    direction = eps / eps.square().mean((1, 2, 3), keepdim=True).sqrt()
    return lambda x_t, t: x0_of(schedule, "eps", x_t, t, direction)


@pytest.mark.parametrize("t", [300, 500, 700, 999])
def test_calibrate_leaves_the_promised_share_of_the_amplitudes_error(t: int) -> None:
    schedule = Schedule.linear()
    generator = torch.Generator().manual_seed(0)
    x0, eps = torch.randn(2, 4000, 1, 12, 12, dtype=torch.float64, generator=generator)
    steps = torch.full((4000,), t)
    x_t = forward(schedule, x0 / 2**0.5, steps, eps)  # images of mean square ½
    deaf = _deaf(schedule, eps)

    def amplitude(denoiser):
        eps_hat = eps_of(schedule, "x0", x_t, steps, denoiser(x_t, steps))
        return eps_hat.square().mean((1, 2, 3)).sqrt()

    true = eps.square().mean((1, 2, 3)).sqrt()
    before = (amplitude(deaf) - true).square().mean()
    after = (amplitude(calibrate(deaf, schedule)) - true).square().mean()
    assert before == pytest.approx(1 / (2 * 144), rel=0.1)
    assert float(after / before) == pytest.approx(float(schedule.alpha_bar(t)), rel=0.15)


def test_calibrate_changes_nothing_where_nothing_is_wrong() -> None:
    schedule = Schedule.linear()
    x0 = torch.ones(2, 1, 4, 4, dtype=torch.float64)
    eps = torch.ones_like(x0)
    eps[..., ::2] = -1  # no part of x0 in it
    t = torch.tensor([10, 900])
    x_t = forward(schedule, x0, t, eps)
    same = calibrate(lambda x_t, t: x0, schedule)(x_t, t)
    torch.testing.assert_close(same, x0)


@dataclass(eq=False)
class Network:
    """Tell what it is asked: the images, scaled by level and by label."""

    calls: list = field(default_factory=list)

    def __call__(self, x_t, t, labels):
        assert len(x_t) == len(t) == len(labels)
        self.calls.append(len(x_t))
        return x_t * (t + labels).view(-1, 1, 1, 1)


@dataclass(frozen=True, eq=False)
class Leaf:
    """A network with labels, as a model makes it."""

    network: Network
    labels: torch.Tensor

    @property
    def shares(self):
        return self.network

    def joined(self, parts):
        assert parts[0][0] is self
        assert [count for _, count in parts] == [len(leaf.labels) for leaf, _ in parts]
        return Leaf(self.network, torch.cat([leaf.labels for leaf, _ in parts]))

    def __call__(self, x_t, t):
        return self.network(x_t, t, self.labels)


def leaf(network, *labels):
    return Leaf(network, torch.tensor(labels))


def test_guidance_is_one_call_of_twice_the_batch() -> None:
    network = Network()
    conditional, unconditional = leaf(network, 3, 5), leaf(network, -1, -1)
    assert isinstance(conditional, Shared)
    assert not isinstance(triple, Shared)
    x0_hat = cfg(conditional, unconditional, 7.0)(images(), T_EACH)
    assert network.calls == [4]
    apart = [d(images(), T_EACH) for d in (unconditional, conditional)]
    torch.testing.assert_close(x0_hat, apart[0] + 7 * (apart[1] - apart[0]))


@dataclass(frozen=True)
class Mean(Effect):
    """The mean of several, each shown the image flipped once more: unlike inputs."""

    parts: tuple

    def branches(self, x_t, t):
        return [Branch(part, x_t.flip(-1 - i % 2), t - i) for i, part in enumerate(self.parts)]

    def combine(self, answers, x_t, t):
        return torch.stack(list(answers)).mean(0)


def one_by_one(denoiser, x_t, t):
    """Ask effects and leaves in turn: the slow and obvious way."""
    if not isinstance(denoiser, Effect):
        return denoiser(x_t, t)
    answers = [one_by_one(*branch) for branch in denoiser.branches(x_t, t)]
    return denoiser.combine(answers, x_t, t)


def test_a_nest_of_effects_asks_each_network_once() -> None:
    first, second = Network(), Network()
    x_t, null = images(), leaf(first, -1, -1)
    nest = clip(
        Mean(
            (
                cfg(leaf(first, 1, 2), null, 3.0),
                clip(leaf(second, 0, 0), -5, 5),
                triple,
                calibrate(cfg(leaf(second, 4, 4), null, 2.0), SCHEDULE),
                cfg(null, leaf(second, 9, 9), 1.0),
            )
        ),
        -100,
        100,
    )
    x0_hat = nest(x_t, T_EACH)
    assert (first.calls, second.calls) == ([2 * 4], [2 * 2])
    torch.testing.assert_close(x0_hat, one_by_one(nest, x_t, T_EACH))


def test_images_of_two_sizes_or_types_are_separate_calls() -> None:
    network = Network()

    @dataclass(frozen=True)
    class Small(Effect):
        def branches(self, x_t, t):
            leaves = leaf(network, 1, 1), leaf(network, 2, 2)
            sizes = [Branch(d, x_t[..., :2, :2], t) for d in leaves]
            return [*sizes, Branch(leaves[0], x_t, t), Branch(leaves[1], x_t.float(), t)]

        def combine(self, answers, x_t, t):
            assert [a.shape[-1] for a in answers] == [2, 2, 4, 4]
            assert answers[3].dtype == torch.float32
            return answers[2]

    Small()(images(), T_EACH)
    assert network.calls == [4, 2, 2]


def test_batches_of_different_lengths_go_together() -> None:
    network = Network()

    @dataclass(frozen=True)
    class Halves(Effect):
        def branches(self, x_t, t):
            return [Branch(leaf(network, 7), x_t[1:], t[1:]), Branch(leaf(network, 1, 2), x_t, t)]

        def combine(self, answers, x_t, t):
            torch.testing.assert_close(answers[0], x_t[1:] * (t[1:] + 7).view(-1, 1, 1, 1))
            return answers[1]

    expected = leaf(Network(), 1, 2)(images(), T_EACH)
    assert torch.equal(Halves()(images(), T_EACH), expected)
    assert network.calls == [3]


def test_gradients_pass_through_a_joined_call() -> None:
    x_t = images().requires_grad_()
    network = Network()
    effect = cfg(leaf(network, 3, 5), leaf(network, -1, -1), 2.0)
    (slope,) = torch.autograd.grad(effect(x_t, T_EACH).sum(), x_t)
    expected = torch.tensor([-1 + 2 * 4 + 30.0, -1 + 2 * 6 + 999.0]).view(-1, 1, 1, 1)
    torch.testing.assert_close(slope, expected.double().expand_as(x_t))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_effects_keep_the_images_type(dtype) -> None:
    parts, mask = [(hflip(), triple), (vflip(), triple)], torch.ones(4, 4)
    effects = [
        clip(triple),
        dynamic_threshold(triple),
        cfg(triple, clip(triple), 7.3, rescale=0.5, interval=(0, 100)),
        anagram(parts),
        anagram(parts, sum_preserving(SCHEDULE)),
        hybrid(triple, triple),
        project(triple, onto=torch.zeros(1, 1, 4, 4), where=mask),
    ]
    for effect in effects:
        assert effect(images().to(dtype), T_EACH).dtype == dtype
    assert replace(SCHEDULE, images(), mask, torch.randn_like)(images().to(dtype), 5).dtype == dtype
