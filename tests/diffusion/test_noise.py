"""Noise belongs to its image, and to nobody else."""

import itertools

import numpy as np
import pytest
import torch

from jinc.diffusion import SeededNoise
from jinc.errors import JincError


def draws(seed, indices, count=2, shape=(1, 8, 8)):
    noise = SeededNoise(seed, indices)
    return torch.stack([noise(torch.zeros(len(indices), *shape)) for _ in range(count)])


def test_building_it_again_replays_it():
    assert torch.equal(draws(3, [0, 7]), draws(3, [0, 7]))


def test_every_draw_is_fresh():
    first, second = draws(3, [0])
    assert not torch.equal(first, second)


def test_neighbours_do_not_matter():
    crowd = draws(3, [5, 0, 7, 5])
    assert torch.equal(crowd[:, 2:3], draws(3, [7]))
    assert torch.equal(crowd[:, 0], crowd[:, 3])


@pytest.mark.parametrize("other", [(4, 7), (3, 8), (7, 3), (3 + 2**31, 7), (3, 7 + 2**31)])
def test_another_seed_or_index_is_other_noise(other):
    seed, index = other
    assert not torch.equal(draws(3, [7]), draws(seed, [index]))


def test_a_stream_is_made_of_two_words_and_pairs_are_two_words():
    """What is no larger than a word is one: other pairs are other words, and never padding."""
    edges, pools = (0, 1, 2, 2**16, 2**31, 2**32 - 2, 2**32 - 1), set()
    for seed, index in itertools.product(edges, edges):
        words = np.random.SeedSequence(np.array([seed, index], dtype=np.uint32))
        drawn = np.random.default_rng(words).standard_normal((1, 8, 8), dtype=np.float32)
        assert torch.equal(draws(seed, [index])[0, 0], torch.from_numpy(drawn))
        pools.add(tuple(words.pool))
    assert len(pools) == len(edges) ** 2


def test_noise_is_white():
    count = 64 * 64
    x = draws(0, range(16), count=2, shape=(1, 64, 64)).double().view(32, count)
    total = x.numel()
    assert abs(float(x.mean())) < 5 / total**0.5
    assert abs(float(x.var()) - 1) < 5 * (2 / total) ** 0.5
    assert abs(float((x**4).mean()) - 3) < 5 * (96 / total) ** 0.5
    between = (x @ x.T / count).fill_diagonal_(0)  # images and draws; 496 pairs: 5σ holds
    assert float(between.abs().max()) < 5 / count**0.5
    rows = x.view(32, 64, 64)
    for neighbour in (rows.roll(1, 1), rows.roll(1, 2)):
        assert abs(float((rows * neighbour).mean())) < 5 / total**0.5


def test_the_global_generator_is_neither_read_nor_moved():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = draws(3, [0])
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(draws(3, [0]), first)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_type_only_rounds(dtype):
    like = torch.zeros(2, 1, 8, 8)
    noise = SeededNoise(3, [0, 1])(like.to(dtype))
    assert noise.dtype == dtype
    assert torch.equal(noise, SeededNoise(3, [0, 1])(like).to(dtype))


def test_mistakes_raise():
    with pytest.raises(JincError, match="noise: made for 2 images, got 3"):
        SeededNoise(0, [0, 1])(torch.zeros(3, 1, 2, 2))
    for number in (-1, 2**32, 2**70):
        with pytest.raises(JincError, match=f"^seed: {number} is not from 0 to 4294967295$"):
            SeededNoise(number, [0])
        with pytest.raises(JincError, match=f"^index: {number} is not from 0 to 4294967295$"):
            SeededNoise(0, [0, number])


def test_a_gpu_gets_the_same_noise_and_nobody_waits_for_it(no_waiting):
    like, noise = torch.zeros(2, 1, 8, 8, device="cuda"), SeededNoise(3, [0, 1])
    noise(like.half())  # the first use of pinned memory and of the types' kernels
    with no_waiting():
        there = noise(like)
    assert torch.equal(there.cpu(), draws(3, [0, 1])[1])
