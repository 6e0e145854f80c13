"""Training step k sees what (seed, k) says, and an epoch is every image once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.nn import NO_CLASS
from jinc.signal import tables
from jinc.train import Batch, Batches
from jinc.train.augment import Augmentation

MIRRORED = Augmentation(("hflip",))


def batches(images: ImageSet, size: int = 4, T: int = 20, seed: int = 0, **options: object):
    return Batches(images, batch_size=size, timesteps=T, seed=seed, **options)


def same(one: Batch, other: Batch) -> bool:
    pairs = [(one.move.amounts, other.move.amounts)] if one.move and other.move else []
    names = ("x0", "t", "eps", "labels", "augment", "level", "low_noise")
    values = [(getattr(one, name), getattr(other, name)) for name in names]
    assert all((a is None) == (b is None) for a, b in values)
    pairs += [(a, b) for a, b in values if a is not None]
    return all(torch.equal(a, b) for a, b in pairs)


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
    straight = batches(images, augmentation=MIRRORED)
    in_order = [straight.batch(step) for step in range(20)]
    backward = batches(images, augmentation=MIRRORED)
    for step in (19, 3, 11, 0, 3):
        for fresh in (backward, batches(images, augmentation=MIRRORED)):
            assert same(fresh.batch(step), in_order[step])
    torch.manual_seed(5)
    assert torch.equal(batches(images, augmentation=MIRRORED).batch(7).eps, in_order[7].eps)


def test_seeds_and_steps_draw_other_noise() -> None:
    draws = [batches(numbered(10), seed=s).batch(k).eps for s in (0, 1) for k in (0, 1)]
    eps = torch.stack(draws).flatten(1)
    assert (torch.cdist(eps, eps) + 9 * torch.eye(4)).min() > 0.5


def test_noise_is_white_and_independent_of_the_steps() -> None:
    deal = batches(numbered(10), size=5000)
    batch = deal.batch(0)
    assert abs(float(batch.eps.mean())) < 5 / 20000**0.5
    assert abs(float(batch.eps.var()) - 1) < 5 * (2 / 20000) ** 0.5
    pixels = batch.eps.flatten(1)
    assert (torch.corrcoef(pixels.T) - torch.eye(4)).abs().max() < 5 / 5000**0.5


def test_steps_are_uniform_from_0_to_the_last() -> None:
    T, size = 20, 4000
    t = torch.cat([batches(numbered(10), size, T).batch(k).t for k in range(5)])
    counts = torch.bincount(t, minlength=T)
    assert len(counts) == T
    expected = 5 * size / T
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    assert chi2 < 60  # 19 degrees of freedom: 10⁻⁵ by chance


def test_labels_go_with_their_images() -> None:
    deal = batches(numbered(10))
    for step in range(6):
        batch = deal.batch(step)
        number = ((batch.x0[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(number, torch.from_numpy(deal.indices(step)))
        assert torch.equal(batch.labels, number % 3)
    without = replace(numbered(10), labels=None, class_names=())
    assert (batches(without).batch(0).labels == NO_CLASS).all()


ALL = {
    "augmentation": Augmentation(("hflip", "quarter_turns")),
    "label_dropout": 0.5,
    "moves": "shift",
    "most_noise": 5,
    "factor": 2,
}


@pytest.mark.parametrize("shares", [1, 2, 3, 6])
def test_the_shares_of_all_processes_are_the_batch(shares) -> None:
    """So a run on many processes sees what it would see on one, and needs no word about it."""
    whole = batches(numbered(10), 12, **ALL)
    size = 12 // shares
    for step in (0, 1, 5):
        batch = whole.batch(step)
        for place, part in enumerate(batch.parts(shares)):
            rows = slice(place * size, (place + 1) * size)
            own = batches(numbered(10), 12, rows=rows, **ALL).batch(step)
            assert len(own.t) == size
            assert same(own, part)
    assert len(list(whole.batch(0).parts(shares))) == shares


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("resident", [False, True])
def test_prefetched_batches_are_the_same(workers, resident) -> None:
    plain, ahead = (
        batches(numbered(10), **ALL, **options)
        for options in (
            {},
            {
                "workers": workers,
                "resident": resident,
            },
        )
    )
    for step in (0, 1, 2, 3, 30, 7, 8, 7, 0):
        assert same(ahead.batch(step), plain.batch(step))
        np.testing.assert_array_equal(ahead.indices(step), plain.indices(step))
    ahead.close()
    assert same(ahead.batch(4), plain.batch(4))
    ahead.close()


def test_a_subset_is_used_once_an_epoch() -> None:
    among = np.array([1, 4, 6, 7, 9])
    deal = batches(numbered(10), 3, among=among)
    dealt = np.concatenate([deal.indices(step) for step in range(10)])
    for epoch in range(6):
        assert sorted(dealt[5 * epoch : 5 * epoch + 5]) == among.tolist()
    assert not np.array_equal(dealt[:5], among)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_labels_is_dropped(share) -> None:
    deal, plain = batches(numbered(100), 2000, label_dropout=share), batches(numbered(100), 2000)
    found, told = deal.batch(0).labels, plain.batch(0).labels
    hidden = found == NO_CLASS
    assert torch.equal(found[~hidden], told[~hidden])
    assert abs(float(hidden.double().mean()) - share) <= 5 * (share * (1 - share) / 2000) ** 0.5


def test_label_dropout_and_flips_change_nothing_else() -> None:
    plain, other = (batches(numbered(10), **options).batch(3) for options in ({}, ALL))
    assert torch.equal(plain.t, other.t)
    assert torch.equal(plain.eps, other.eps)
    assert plain.augment.shape == (4, 0)
    assert plain.move is None
    assert plain.level is plain.low_noise is None
    quiet = {name: value for name, value in ALL.items() if name not in ("most_noise", "factor")}
    before = batches(numbered(10), **quiet).batch(3)
    assert same(replace(other, level=None, low_noise=None), before)


def test_moves_are_in_a_type_that_the_device_knows(monkeypatch) -> None:
    lacking = {"meta": torch.float32}
    monkeypatch.setattr(tables, "widest", lambda at: lacking.get(at.type, torch.float64))
    here, there = (
        batches(numbered(4), moves="shift", device=torch.device(name)).batch(0).move.amounts
        for name in ("cpu", "meta")
    )
    assert (here.dtype, there.dtype) == (torch.float64, torch.float32)


def test_half_of_the_low_resolution_images_are_noisy() -> None:
    deal = batches(numbered(10), 4000, most_noise=8, factor=2)
    level = torch.cat([deal.batch(step).level for step in range(3)])
    counts = torch.bincount(level, minlength=9).double()
    expected = len(level) * torch.tensor([0.5, *[0.5 / 8] * 8])
    assert len(counts) == 9
    assert float(((counts - expected) ** 2 / expected).sum()) < 33  # 8 degrees of freedom: 10⁻⁴


def test_noise_of_low_resolution_images_is_white_and_independent() -> None:
    deal = batches(numbered(10), size=4000, most_noise=8, factor=2)
    batch = deal.batch(0)
    assert batch.low_noise.shape == (4000, 1, 1, 1)
    own, eps = batch.low_noise.flatten(), batch.eps.flatten(1)
    assert abs(float(own.var()) - 1) < 5 * (2 / 4000) ** 0.5
    both = torch.cat([own[None], eps.T, deal.batch(1).low_noise.flatten()[None]])
    assert (torch.corrcoef(both) - torch.eye(6)).abs().max() < 5 / 4000**0.5


def test_half_of_the_images_are_flipped() -> None:
    deal = batches(numbered(100), size=100, augmentation=MIRRORED)
    mirrored = torch.cat([deal.batch(k).x0[:, 0, 0, 0] == 1 for k in range(20)])
    assert abs(float(mirrored.float().mean()) - 0.5) < 5 * 0.5 / 2000**0.5
    for step in range(3):
        flipped = deal.batch(step).x0
        plain = batches(numbered(100), size=100).batch(step).x0
        for one, other in zip(flipped, plain, strict=True):
            assert torch.equal(one, other) or torch.equal(one, other.flip(-1))
        assert not torch.equal(flipped, plain)


def test_flips_do_not_change_the_data() -> None:
    images = numbered(10)
    before = images.images.copy()
    for step in range(10):
        batches(images, augmentation=MIRRORED).batch(step)
    np.testing.assert_array_equal(images.images, before)
