"""Independent random streams of a seed, one for each use."""

from enum import IntEnum, unique

from numpy.random import SeedSequence


@unique
class Stream(IntEnum):
    """Uses of randomness besides generated images; their numbers are part of the seeds."""

    ORDER = 0
    """Of images in an epoch of training."""
    SMALL = 1
    """All but the noise of a step of training."""
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
    """Return the seed sequence of one stream of a seed.

    A generated image draws from `default_rng((seed, i))` (`diffusion.SeededNoise`). Longer tuples
    could collide with it: NumPy pads what is shorter than its pool of four words with zeros, so
    that (seed, 2, 0, 0) is (seed, 2). A spawn key follows the padded seed.

    Args:
        seed: of the run, 0 to 2^128 − 1.
        which: the use.
        key: numbers of the stream, such as step and row, each 0 to 2^32 − 1; equally many for every
            stream of one use.

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
