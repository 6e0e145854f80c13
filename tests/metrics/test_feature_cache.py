"""What is kept of a set is used again, and only for that set."""

import numpy as np
import torch
from torch import Tensor, nn

from jinc.data import ImageSet
from jinc.metrics import Extractor, cached_features


class Counting(nn.Module):
    """Counts the images that it sees."""

    seen = 0

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.seen += len(images)
        return images.flatten(1), images.mean(dim=(2, 3))


def pixels(**settings) -> tuple[Counting, Extractor]:
    network = Counting()
    return network, Extractor("pixels", network, resize="none", **settings)


def images(count: int = 500, changed: int | None = None) -> ImageSet:
    data = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    if changed is not None:
        data[changed, 0, 0, 0] ^= 1
    return ImageSet(data, None, (), "set")


def test_nothing_is_made_twice(tmp_path) -> None:
    network, extractor = pixels()
    first = cached_features(images(), extractor, folder=tmp_path)
    again = cached_features(images(), extractor, folder=tmp_path)
    assert network.seen == 500
    assert torch.equal(first.values, again.values)
    assert torch.equal(first.logits, again.logits)
    assert (first.images, first.extractor, first.name) == (
        *(again.images, again.extractor),
        again.name,
    )


def test_any_pixel_and_any_other_extractor_count(tmp_path) -> None:
    network, extractor = pixels()
    cached_features(images(), extractor, folder=tmp_path)
    for changed in (0, 1, 250, 499):
        cached_features(images(changed=changed), extractor, folder=tmp_path)
    assert network.seen == 5 * 500
    other, darker = pixels(high=0.5)
    cached_features(images(), darker, folder=tmp_path)
    assert other.seen == 500


def test_damaged_files_are_made_again(tmp_path) -> None:
    network, extractor = pixels()
    first = cached_features(images(), extractor, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    data = bytearray(file.read_bytes())
    for broken in (b"", data[: len(data) // 2], data[:-1] + bytes([data[-1] ^ 1])):
        file.write_bytes(broken)
        found = cached_features(images(), extractor, folder=tmp_path)
        assert torch.equal(found.values, first.values)
    assert network.seen == 4 * 500
    assert len(list(tmp_path.iterdir())) == 1
