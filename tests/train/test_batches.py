"""Training step k sees what (seed, k) says, and an epoch is every image once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.nn import NO_CLASS
from jinc.train import Batches

CPU = torch.device("cpu")


def batches(images: ImageSet, size: int = 4, T: int = 20, hflip: bool = False, seed: int = 0):
    return Batches(images, batch_size=size, timesteps=T, hflip=hflip, seed=seed)


def numbered(count: int) -> ImageSet:
    """Images that carry their own number, left half and right half unlike."""
    images = np.zeros((count, 2, 2, 1), np.uint8)
    images[:, :, 0, 0] = np.arange(count)[:, None]
    images[:, :, 1, 0] = 255
    return ImageSet(images, np.arange(count) % 3, ("a", "b", "c"), "numbered")


@pytest.mark.parametrize(("count", "size"), [(12, 4), (10, 4), (7, 3), (5, 5), (5, 12), (1, 3)])
def test_every_image_once_an_epoch(count, size) -> None:
    deal = batches(numbered(count), size)
    dealt = np.concatenate([deal.indices(step) for step in range(3 * count)])
    assert all(len(deal.indices(step)) == size for step in range(3))
    for epoch in range(len(dealt) // count):
        assert sorted(dealt[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_orders_differ_between_epochs_and_seeds() -> None:
    line = np.concatenate([batches(numbered(60)).indices(step) for step in range(30)])
    other = np.concatenate([batches(numbered(60), seed=1).indices(step) for step in range(30)])
    orders = [line[:60], line[60:], other[:60], other[60:], np.arange(60)]
    for i, one in enumerate(orders):
        for two in orders[:i]:
            assert (one == two).sum() < 12  # of 60; by chance one, with deviation one


def test_a_batch_depends_on_its_number_alone() -> None:
    images = numbered(10)
    straight = batches(images, hflip=True)
    in_order = [straight.batch(step, CPU) for step in range(20)]
    backward = batches(images, hflip=True)
    for step in (19, 3, 11, 0, 3):
        for fresh in (backward, batches(images, hflip=True)):
            found = fresh.batch(step, CPU)
            for name in ("x0", "t", "eps", "labels"):
                assert torch.equal(getattr(found, name), getattr(in_order[step], name))
    torch.manual_seed(5)
    assert torch.equal(batches(images, hflip=True).batch(7, CPU).eps, in_order[7].eps)


def test_seeds_and_steps_draw_other_noise() -> None:
    draws = [batches(numbered(10), seed=s).batch(k, CPU).eps for s in (0, 1) for k in (0, 1)]
    eps = torch.stack(draws).flatten(1)
    assert (torch.cdist(eps, eps) + 9 * torch.eye(4)).min() > 0.5


def test_noise_is_white_and_independent_of_the_steps() -> None:
    deal = batches(numbered(10), size=5000)
    batch = deal.batch(0, CPU)
    assert abs(float(batch.eps.mean())) < 5 / 20000**0.5
    assert abs(float(batch.eps.var()) - 1) < 5 * (2 / 20000) ** 0.5
    pixels = batch.eps.flatten(1)
    assert (torch.corrcoef(pixels.T) - torch.eye(4)).abs().max() < 5 / 5000**0.5


def test_steps_are_uniform_from_0_to_the_last() -> None:
    T, size = 20, 4000
    t = torch.cat([batches(numbered(10), size, T).batch(k, CPU).t for k in range(5)])
    counts = torch.bincount(t, minlength=T)
    assert len(counts) == T
    expected = 5 * size / T
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < 60  # 19 degrees of freedom: 10⁻⁵ by chance


def test_labels_go_with_their_images() -> None:
    deal = batches(numbered(10))
    for step in range(6):
        batch = deal.batch(step, CPU)
        number = ((batch.x0[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(number, torch.from_numpy(deal.indices(step)))
        assert torch.equal(batch.labels, number % 3)
    without = replace(numbered(10), labels=None, class_names=())
    assert (batches(without).batch(0, CPU).labels == NO_CLASS).all()


def test_half_of_the_images_are_mirrored() -> None:
    deal = batches(numbered(100), size=100, hflip=True)
    mirrored = torch.cat([deal.batch(k, CPU).x0[:, 0, 0, 0] == 1 for k in range(20)])
    assert abs(float(mirrored.float().mean()) - 0.5) < 5 * 0.5 / 2000**0.5
    for step in range(3):
        flipped = deal.batch(step, CPU).x0
        plain = batches(numbered(100), size=100).batch(step, CPU).x0
        for one, other in zip(flipped, plain, strict=True):
            assert torch.equal(one, other) or torch.equal(one, other.flip(-1))
        assert not torch.equal(flipped, plain)


def test_the_data_are_not_changed_by_mirroring() -> None:
    images = numbered(10)
    before = images.images.copy()
    for step in range(10):
        batches(images, hflip=True).batch(step, CPU)
    np.testing.assert_array_equal(images.images, before)
