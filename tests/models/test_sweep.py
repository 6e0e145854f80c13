"""A sweep is the same images, moved by each amount while they are generated."""

import math
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor

from jinc.diffusion import c4, ddim, ddpm, gentle, posterior, published, sample, steady, symmetrize
from jinc.errors import JincError
from jinc.models import (
    Model,
    SamplingPlan,
    by_both,
    by_frame,
    by_state,
    generate_images,
    shifts,
    sweep_images,
    turns,
)
from jinc.models.trained import upright
from jinc.nn import UNet
from jinc.signal import shift

METHODS = {
    name: partial(sample, method=method)
    for name, method in {
        "ddim": ddim(),
        "ddim η=1": ddim(1.0),
        "ddpm": ddpm(),
        "posterior": posterior(),
    }.items()
}
OPERATORS = ("unitary", "spline", "bilinear", "lanczos")
QUARTER = math.pi / 2


def swept(model, sweep, count: int, *, back=False, way=by_state, **options: object) -> Tensor:
    """`[count, amounts, C, H, W]`."""
    plan = SamplingPlan(**{"number": count, "steps": 4} | options)
    walk = sweep_images(model, sweep, plan, way=way, back=back)
    images = torch.cat([step.x_t for _, step in walk if step.t == -1])
    return images.view(count, len(sweep), *images.shape[1:])


def generated(model, count: int, **options: object) -> Tensor:
    walk = generate_images(model, SamplingPlan(**{"number": count, "steps": 4} | options))
    return torch.cat([step.x_t for _, step in walk if step.t == -1])


@dataclass(frozen=True, eq=False)
class Symmetric(Model):
    """A model that does not notice quarter turns."""

    def denoiser(self, labels=None):
        return symmetrize(super().denoiser(labels), c4())


@dataclass(frozen=True, eq=False)
class White(Model):
    """The ideal model of white images: it commutes with every orthogonal map."""

    def denoiser(self, labels=None):
        return lambda x_t, t: self.schedule.alpha_bar(t).sqrt().to(x_t).view(-1, 1, 1, 1) * x_t


PLAIN = {"clip": False, "calibrate": False}


def remake(kind: type[Model], model: Model, size: int = 8) -> Model:
    return kind(model.network, (size, size), schedule_name="cosine", timesteps=model.timesteps)


SWEEPS = [turns([0.4, 0, -1], operator) for operator in OPERATORS]
SWEEPS += [shifts([1.5, 0, 2], [1, 0, -0.5])]


@pytest.mark.parametrize(
    ("name", "sweep"),
    [*zip(METHODS, SWEEPS, strict=False), ("ddim η=1", SWEEPS[-1])],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "method", "shifts"),
)
def test_moved_by_nothing_it_is_the_image_of_the_seed(make_model, name, sweep) -> None:
    model = make_model(classes=3)
    options = {"sampler": METHODS[name], "seed": 5, "prompts": ("2", "0"), "guidance": 3.0}
    found = swept(model, sweep, 3, **options)
    torch.testing.assert_close(found[:, 1], generated(model, 3, **options), rtol=0, atol=1e-4)
    for other in (0, 2):
        assert (found[:, other] - found[:, 1]).flatten(1).abs().amax(1).min() > 1e-2


@pytest.fixture
def loud(make_model) -> Model:
    """A model whose network has a word in what becomes of its noise."""
    model = make_model()
    with torch.no_grad():
        model.network.last.weight.mul_(30)
    return model


@pytest.mark.parametrize("walk", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("steps", [2, 3])
def test_quarter_turns_of_a_symmetric_model_turn_its_images(loud, walk, steps) -> None:
    """A quarter turn a step, so that nothing is interpolated; fresh noise is turned as well."""
    sweep = turns([steps * k * QUARTER for k in (0, 1, -1)])
    options = {"sampler": walk, "steps": list(range(3, 3 - steps, -1)), **PLAIN}
    model = remake(Symmetric, loud)
    still = generated(model, 2, **options)
    found = swept(model, sweep, 2, **options)
    for place, k in enumerate((0, 1, -1)):
        turned = still.rot90(steps * k, (-2, -1))
        torch.testing.assert_close(found[:, place], turned, rtol=0, atol=1e-4)
    back = swept(model, sweep, 2, back=True, **options)
    torch.testing.assert_close(back, still[:, None].expand_as(back), rtol=0, atol=1e-4)
    noticed = swept(loud, sweep, 2, back=True, **options)
    assert (noticed[:, 1] - noticed[:, 0]).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("name", "pace"), [("ddim", steady), ("ddim η=1", gentle), ("posterior", published)]
)
def test_shifts_of_a_model_that_notices_none(make_model, name, pace) -> None:
    """Odd sizes have no Nyquist line: portions of a shift are the shift, of noise too."""
    model = remake(White, make_model(), size=9)
    down, right = [0.0, 2.5, -7.0], [0.0, 0.5, 3.25]
    options = {"sampler": METHODS[name], "steps": 6, **PLAIN}
    still = generated(model, 2, **options)
    found = swept(model, shifts(down, right, pace), 2, **options)
    whole = pace(1.0)
    for place, (y, x) in enumerate(zip(down, right, strict=True)):
        moved = shift(still, whole * y, whole * x)
        torch.testing.assert_close(found[:, place], moved, rtol=0, atol=1e-4)
    back = swept(model, shifts(down, right, pace), 2, back=True, **options)
    torch.testing.assert_close(back, still[:, None].expand_as(back), rtol=0, atol=1e-4)


def test_all_amounts_have_the_noise_of_the_image(make_model) -> None:
    model = make_model()
    for walk in METHODS.values():
        found = swept(model, turns([0.3] * 4), 3, sampler=walk)
        assert torch.equal(found, found[:, :1].expand_as(found))
        assert torch.cdist(found[:, 0].flatten(1), found[:, 0].flatten(1)).triu(1).max() > 1e-2


@pytest.mark.parametrize("rows", [1, 5, 100])
def test_how_many_are_generated_together_is_rounding(make_model, rows) -> None:
    model = make_model(classes=2)
    options = {"sampler": METHODS["ddim η=1"], "prompts": ("1", "0"), "seed": 3}
    expected = swept(model, turns([0.2, -1, 3]), 4, **options)
    found = swept(model, turns([0.2, -1, 3]), 4, batch=rows, **options)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_steps_say_which_rows_they_show(make_model) -> None:
    plan = SamplingPlan(number=3, steps=2, batch=4)
    walk = sweep_images(make_model(T=11), turns([0, 1, 2]), plan)
    seen = [(rows, step.t, len(step.x_t)) for rows, step in walk]
    assert seen == [
        (rows, t, len(rows)) for rows in (range(4), range(4, 8), range(8, 9)) for t in (0, -1)
    ]


def test_large_images_are_generated_few_at_a_time(make_model) -> None:
    for size, rows in ((8, 64), (64, 64), (128, 16), (512, 1), (1024, 1)):
        model = remake(White, make_model(), size)
        plan = SamplingPlan(number=1, steps=1, **PLAIN)
        batch, _ = next(sweep_images(model, turns([0.0] * 65), plan))
        assert len(batch) == rows


def test_what_cannot_be_swept(make_model) -> None:
    with pytest.raises(JincError, match="2 down, but 1 right"):
        shifts([0, 1], [0])
    with pytest.raises(JincError, match="do not fall"):
        swept(make_model(), turns([0.1]), 1, steps=[9, 3, 5, 0])
    with pytest.raises(JincError, match="angle"):
        swept(make_model(), turns([math.nan]), 1)
    wide = Model(make_model().network, (8, 16), schedule_name="cosine", timesteps=12)
    with pytest.raises(JincError, match="8×16 cannot be rotated"):
        swept(wide, turns([0.1]), 1)
    assert swept(wide, shifts([0.5], [3]), 1).shape == (1, 1, 1, 8, 16)


@pytest.fixture
def framed() -> Model:
    """A model with a frame, whose network has no symmetry of the data."""
    torch.manual_seed(0)
    network = UNet("R@6", channels=1, width=8, levels=1, beside=2, classes=2, padding="circular")
    return Model(network.eval(), (8, 8), ("a", "b"), frames=upright, guidable=True)


def assert_same(found: Tensor, expected: Tensor) -> None:
    """Compare up to rounding; images of random weights are far outside [−1, 1]."""
    atol = 1e-5 * float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


@pytest.mark.parametrize("walk", METHODS.values(), ids=METHODS)
def test_by_its_frame_a_model_follows_quarter_turns_mirrors_and_shifts(framed, walk) -> None:
    """Exactly, with fresh noise and guidance, although its images have an upright.

    Shifts are those of 2 pixels, onto the pixels of half resolution.
    """
    options = {"sampler": walk, "prompts": ("b", "a"), "guidance": 2.0, **PLAIN}
    still = generated(framed, 3, **options)
    sweep = turns([QUARTER, 0.0, 2 * QUARTER, -QUARTER])
    found = swept(framed, sweep, 3, way=by_frame, **options)
    for place, k in enumerate((1, 0, 2, -1)):
        assert_same(found[:, place], still.rot90(k, (-2, -1)))
    by_itself = swept(framed, turns([2 * QUARTER]), 3, way=by_state, **options)
    assert (by_itself[:, 0] / still.rot90(2, (-2, -1)) - 1).abs().max() > 1e-2
    mirrored = swept(framed, sweep, 3, way=partial(by_frame, mirrored=True), **options)
    expected = still.flip(-1).rot90(1, (-2, -1))
    assert_same(mirrored[:, 0], expected)
    moved = swept(framed, shifts([2.0, 4.0], [0.0, -2.0]), 3, way=by_frame, **options)
    assert_same(moved[:, 1], still.roll((4, -2), (-2, -1)))


def test_a_frame_can_move_with_the_state(framed) -> None:
    """A quarter turn a step, of the state and of the frame: all steps agree with the still ones."""
    options = {"sampler": METHODS["ddim η=1"], "steps": [3, 2], **PLAIN}
    still = generated(framed, 2, **options)
    found = swept(framed, turns([2 * QUARTER]), 2, way=by_both, **options)
    assert_same(found[:, 0], still.rot90(2, (-2, -1)))


def test_models_without_a_frame_refuse_it(make_model, framed, tmp_path) -> None:
    for way in (by_frame, by_both):
        with pytest.raises(JincError, match="frame: this model has none"):
            swept(make_model(), turns([0.1]), 1, way=way)
    framed.save(tmp_path / "model")
    again = Model.load(tmp_path / "model")
    options = {"steps": 2}
    first, second = (
        swept(each, turns([0.5]), 1, way=by_frame, **options) for each in (framed, again)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=0)
