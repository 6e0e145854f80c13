"""No two uses of a seed draw from one stream."""

from itertools import product

import numpy as np
import pytest
import torch

from jinc.data import ImageSet
from jinc.diffusion import SeededNoise
from jinc.streams import Stream, stream
from jinc.train import Batches

SEEDS = (0, 1, 2**32 - 1)
POOL = 4  # words of a seed sequence


def state(seeds: np.random.SeedSequence) -> tuple[int, ...]:
    return tuple(seeds.generate_state(POOL).tolist())


def keys():
    for which, length in product(Stream, range(4)):
        yield from ((which, *key) for key in product(range(3), repeat=length))


def test_pairs_that_are_one_as_tuples_are_apart() -> None:
    for seed, (which, *key) in product(SEEDS, keys()):
        as_tuple = np.random.SeedSequence((seed, which, *key))
        image = np.random.SeedSequence((seed, which))
        if not any(key) and len(key) < POOL - 1:
            assert state(as_tuple) == state(image)
        assert state(stream(seed, which, *key)) not in (state(as_tuple), state(image))


def test_all_streams_of_all_seeds_are_apart_and_apart_from_images() -> None:
    found = [state(stream(seed, *key)) for seed, key in product(SEEDS, keys())]
    images = product((*SEEDS, 2**63), (*range(20), 2**32, 2**63 - 1))
    found += [state(np.random.SeedSequence(pair)) for pair in images]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**128 - 1])
def test_a_key_stands_behind_all_that_the_seed_of_an_image_can_fill(seed) -> None:
    """A further word is mixed into the whole pool, a zero too: what has one is of no image."""
    words = [seed >> 32 * place & 0xFFFFFFFF for place in range(POOL)]
    assembled = np.random.SeedSequence([*words, Stream.NOISE, 0, 5])
    assert state(stream(seed, Stream.NOISE, 0, 5)) == state(assembled)
    assert state(assembled) != state(np.random.SeedSequence([*words, Stream.NOISE, 0, 5, 0]))


def test_training_does_not_see_the_noise_of_generated_images() -> None:
    data = ImageSet(np.zeros((8, 4, 4, 1), np.uint8), None, (), "black")
    batch = Batches(data, batch_size=8, timesteps=10, seed=3, most_noise=5).batch(0)
    drawn = SeededNoise(3, range(20))(torch.empty(20, 1, 4, 4))
    for noise in (batch.eps, batch.low_noise):
        assert torch.cdist(noise.flatten(1), drawn.flatten(1)).min() > 0.5
