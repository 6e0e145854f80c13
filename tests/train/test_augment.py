"""Augmentation: what is done is what is told, and nothing done is zeros and the image itself."""

import math

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.errors import JincError
from jinc.signal import blobs, disc, rotate
from jinc.signal.rotate import UNTORN
from jinc.train import augmented_set
from jinc.train.augment import Augmentation

ALL = ("hflip", "vflip", "quarter_turns", "rotation")


def images(count=6, size=8):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, size, size, generator=generator, dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize(
    ("kinds", "numbers"),
    [((), 0), (("hflip",), 1), (("rotation",), 2), (("hflip", "quarter_turns"), 3), (ALL, 6)],
)
def test_shapes(kinds, numbers) -> None:
    augmentation = Augmentation(kinds)
    parameters = augmentation.draw(np.random.default_rng(0), 6)
    assert parameters.shape == (6, len(kinds))
    assert augmentation.numbers == numbers
    labels = augmentation.labels(parameters)
    assert (labels.shape, labels.dtype) == ((6, numbers), torch.float32)
    assert augmentation.apply(images(), parameters).shape == images().shape
    assert augmentation.apply(images().float(), parameters).dtype == torch.float32


def test_labels_are_zero_for_the_identity_only() -> None:
    augmentation = Augmentation(ALL)
    parameters = augmentation.draw(np.random.default_rng(1), 400)
    told = (augmentation.labels(parameters) != 0).any(1)
    assert torch.equal(told, (parameters != 0).any(1))
    assert 0.02 < (~told).double().mean() < 0.08  # ½·½·¼·½ = 3 %


def test_the_identity_changes_nothing() -> None:
    for kind in ALL:
        augmentation, x = Augmentation((kind,)), images(100)
        parameters = augmentation.draw(np.random.default_rng(1), 100)
        same = (augmentation.apply(x, parameters) == x).flatten(1).all(1)
        assert torch.equal(same, parameters[:, 0] == 0)
        assert 10 < same.sum() < 70
    untouched = Augmentation(ALL).apply(x, torch.zeros(100, 4))
    assert torch.equal(untouched, x)


def test_nothing_waits_for_the_device() -> None:
    """The device "meta" knows no values at all: who asks for one fails."""
    kinds = (*ALL, "hshift", "vshift", "spin")
    parameters = Augmentation(kinds).draw(np.random.default_rng(1), 6)
    assert (parameters != 0).any(0).all()
    there = Augmentation(kinds).apply(images().to("meta"), parameters)
    assert (there.shape, there.device.type) == (images().shape, "meta")


def test_distributions_of_parameters() -> None:
    n = 4000
    hflip, vflip, turns, angles = Augmentation(ALL).draw(np.random.default_rng(2), n).unbind(1)
    for flips in (hflip, vflip):
        assert set(flips.tolist()) == {0, 1}
        assert flips.mean().item() == pytest.approx(0.5, abs=0.03)
    counts = turns.long().bincount()
    assert len(counts) == 4
    assert (counts - n / 4).abs().max() < 4 * math.sqrt(n * 3 / 16)
    turned = angles[angles != 0]
    assert len(turned) / n == pytest.approx(0.5, abs=0.03)
    assert math.pi * 0.99 < turned.abs().max() <= math.pi * (1 + 1e-6)
    assert (turned.square().mean() / math.pi**2).item() == pytest.approx(1 / 3, abs=0.03)
    assert (hflip * vflip).mean().item() == pytest.approx(0.25, abs=0.03)  # drawn apart


def test_the_first_images_do_not_depend_on_how_many_follow() -> None:
    few = Augmentation(ALL).draw(np.random.default_rng(5), 3)
    many = Augmentation(ALL).draw(np.random.default_rng(5), 10)
    assert torch.equal(few, many[:3])


def test_flips_are_exact() -> None:
    x = images(4)
    parameters = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    flipped = Augmentation(("hflip", "vflip")).apply(x, parameters)
    for i, axes in enumerate(((), (-1,), (-2,), (-1, -2))):
        assert torch.equal(flipped[i], x[i].flip(axes))
    wide = images(4)[..., :6, :]
    assert Augmentation(("hflip", "vflip")).apply(wide, parameters).shape == wide.shape


def test_quarter_turns_are_exact() -> None:
    x, augmentation = images(4), Augmentation(("quarter_turns",))
    turned = augmentation.apply(x, torch.arange(4.0)[:, None])
    for k in range(4):
        assert torch.equal(turned[k], x[k].rot90(k, (-2, -1)))
    labels = augmentation.labels(torch.arange(4.0)[:, None])
    assert labels.tolist() == [[0, 0], [-1, 1], [-2, 0], [-1, -1]]


@pytest.mark.parametrize("size", [7, 8])
def test_rotation_by_right_angles_is_quarter_turns(size) -> None:
    x, turns = images(4, size), torch.arange(4.0)[:, None]
    angles = turns * (math.pi / 2)
    turned = Augmentation(("rotation",)).apply(x, angles)
    expected = Augmentation(("quarter_turns",)).apply(x, turns)
    torch.testing.assert_close(turned, expected, rtol=0, atol=1e-6)  # angles are float32
    labels = [
        Augmentation(("rotation",)).labels(angles),
        Augmentation(("quarter_turns",)).labels(turns),
    ]
    torch.testing.assert_close(*labels, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [63, 64])
@pytest.mark.parametrize("angle", [0.4, -1.0, 2.0])
def test_rotation_turns_about_the_centre_counter_clockwise(size, angle) -> None:
    place = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    radius = 0.15 * size
    x, up = radius * math.cos(angle), radius * math.sin(angle)

    def blob(x, up):
        return torch.exp(-((place[:, None] + up) ** 2 + (place[None, :] - x) ** 2) / 8)[None, None]

    parameters = torch.tensor([[angle]])
    turned = Augmentation(("rotation",)).apply(blob(radius, 0), parameters)
    assert (turned - blob(x, up)).abs().max() < 0.01  # its mirror images tear far away, and ring


def test_corners_do_not_tear() -> None:
    """A smooth picture turned there and back is the picture, but for what had left the frame."""
    size = 32
    place = torch.arange(size, dtype=torch.float64) / size
    x = torch.cos(math.pi * (place[:, None] + 1 / (2 * size))) * place[None, :]
    turned = Augmentation(("rotation",)).apply(x[None, None], torch.tensor([[0.6]]))
    assert turned.abs().max() < 1.1
    steps = max(turned.diff(dim=d).abs().max() for d in (-1, -2))
    assert steps < 3 * max(x.diff(dim=d).abs().max() for d in (-1, -2))
    one = torch.ones(1, 1, size, size, dtype=torch.float64)
    kept = Augmentation(("rotation",)).apply(one, torch.tensor([[0.6]]))
    torch.testing.assert_close(kept, one, rtol=0, atol=1e-12)


def test_one_after_the_other_as_they_are_named() -> None:
    x, parameters = images(1), torch.tensor([[1.0, 1.0]])
    first = Augmentation(("hflip", "quarter_turns")).apply(x, parameters)
    assert torch.equal(first, x.flip(-1).rot90(1, (-2, -1)))
    second = Augmentation(("quarter_turns", "hflip")).apply(x, parameters)
    assert torch.equal(second, x.rot90(1, (-2, -1)).flip(-1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("kind", ["quarter_turns", "rotation", "spin"])
def test_rotations_need_square_images(kind) -> None:
    augmentation = Augmentation(("hflip", kind))
    with pytest.raises(JincError, match=f"augment: {kind} needs square images, these are 6×8"):
        augmentation.apply(images()[..., :6, :], torch.zeros(6, 2))


def test_unknown_kinds_are_an_error() -> None:
    with pytest.raises(JincError, match="'hflp'; did you mean hflip"):
        Augmentation(("hflp",))
    with pytest.raises(JincError, match="there are hflip, vflip, quarter_turns, rotation"):
        Augmentation(("zzz",))
    with pytest.raises(JincError, match="'hflip' is named twice"):
        Augmentation(("hflip", "rotation", "hflip"))


def test_all_are_shifted_around_the_edges_by_any_distance() -> None:
    x = images(4)
    shares = torch.arange(4.0)[:, None] / 8
    for kind, axis in (("hshift", -1), ("vshift", -2)):
        shifted = Augmentation((kind,)).apply(x, shares)
        for index in range(4):
            torch.testing.assert_close(
                shifted[index], x[index].roll(index, axis), rtol=0, atol=1e-6
            )
    drawn = Augmentation(("hshift", "vshift")).draw(np.random.default_rng(0), 4000).sort(0).values
    even = torch.linspace(0, 1, 4000)[:, None]
    assert (drawn - even).abs().max() < 0.04  # Kolmogorov's distance, from 0 to the whole side


def test_labels_of_shifts_are_periodic() -> None:
    labels = Augmentation(("hshift",)).labels(torch.tensor([[0.0], [0.25], [0.5], [1.0]]))
    expected = torch.tensor([[0.0, 0.0], [-1.0, 1.0], [-2.0, 0.0], [0.0, 0.0]])
    torch.testing.assert_close(labels, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [15, 16])
def test_spin_rotates_inside_a_round_window(size) -> None:
    x, spin = images(4, size), Augmentation(("spin",))
    upright = spin.apply(x, torch.zeros(4, 1))
    inside = disc(size, UNTORN - 4 / size)
    torch.testing.assert_close(upright[..., inside], x[..., inside], rtol=0, atol=1e-12)
    assert (upright[..., ~disc(size, UNTORN)] + 1).abs().max() < 1e-12
    turned = spin.apply(x, torch.full((4, 1), math.pi / 2))
    torch.testing.assert_close(turned, upright.rot90(1, (-2, -1)), rtol=0, atol=1e-6)
    angles = spin.draw(np.random.default_rng(0), 4000)[:, 0].sort().values
    assert (angles - torch.linspace(0, 2 * math.pi, 4000)).abs().max() < 0.04 * 2 * math.pi


def test_spin_makes_images_rotation_invariant() -> None:
    """Turned again, they are spun by the sum of the angles: no angle is anything special."""
    smooth = 2 * blobs(32, 6.0, torch.tensor([0.3])) - 1
    spin = Augmentation(("spin",))
    once = rotate(spin.apply(smooth, torch.tensor([[0.7]])), 1.1)
    torch.testing.assert_close(once, spin.apply(smooth, torch.tensor([[1.8]])), rtol=0, atol=1e-3)


def test_a_set_is_augmented_in_the_same_way_every_time() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3)).astype(np.uint8)
    plain = ImageSet(pixels, None, (), "noise")
    mirrored, again = (augmented_set(plain, ("hflip",), 0) for _ in range(2))
    assert mirrored.name == "noise augmented by hflip"
    assert np.array_equal(mirrored.images, again.images)
    flipped = [np.array_equal(a, b[:, ::-1]) for a, b in zip(mirrored.images, pixels, strict=True)]
    still = [np.array_equal(a, b) for a, b in zip(mirrored.images, pixels, strict=True)]
    assert all(a != b for a, b in zip(flipped, still, strict=True))
    assert 70 < sum(flipped) < 130
