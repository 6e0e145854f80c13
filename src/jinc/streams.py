"""Random streams of a seed: one for each use, apart from each other and from generated images'."""

from enum import IntEnum, unique

from numpy.random import SeedSequence


@unique
class Stream(IntEnum):
    """What is drawn at random beside generated images; no two may have one number."""

    ORDER = 0
    """Of images in an epoch of training."""
    SMALL = 1
    """All that a step of training draws but noise."""
    NOISE = 2
    """Of training images."""
    DROPOUT = 3
    LOW_NOISE = 5
    """Of the small images of upscaling."""
    PROBE_MOVES = 6
    PROBE_FIGURES = 7
    CLEAN = 8
    """Moves of real images that a model is measured on."""
    LOW_RES_NOISE = 9
    """Of the small images in upscaling, one stream for each image."""


def stream(seed: int, which: Stream, *key: int) -> SeedSequence:
    """Return what a generator is seeded with, for one stream of a seed.

    A generated image draws from `default_rng((seed, i))` (`diffusion.SeededNoise`). Longer tuples
    would not keep clear of it: NumPy fills up what is shorter than its pool of four words with
    zeros, so that (seed, 2, 0, 0) is (seed, 2). A spawn key is put behind the seed only after that
    has been filled up, so behind any seed and number that fit into the pool.

    Args:
        seed: of the run, 0 to 2^128 − 1.
        which: what is drawn.
        key: numbers of the stream, as step and row, each 0 to 2^32 − 1; as many for every stream
            of one kind.

    Returns:
        the seed sequence, for `np.random.default_rng`; another for every other stream.

    Source: the reference of `numpy.random.SeedSequence` (`spawn_key`, `pool_size`), and NumPy's
        pull request 16551, "Ensure SeedSequence 0-padding does not collide with spawn keys".

    >>> def drawn(seed):
    ...     return SeedSequence(seed).generate_state(4).tolist()
    >>> drawn((7, 2)) == drawn((7, 2, 0, 0))
    True
    >>> drawn((7, 2)) == stream(7, Stream.NOISE, 0, 0).generate_state(4).tolist()
    False
    """
    return SeedSequence(seed, spawn_key=(which, *key))
