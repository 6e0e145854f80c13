"""What is kept of a set is used again, and only for that set."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from jinc.data import ImageSet
from jinc.metrics import Extractor, cached_features


class Counting(nn.Module):
    """Counts the images that it sees."""

    seen = 0

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("one", torch.ones(1))

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


def test_unidentified_networks_are_evaluated_again(tmp_path) -> None:
    """Two of one name, without weights, or no networks at all, are not taken for each other."""

    class Scaled(nn.Module):
        def __init__(self, by: float) -> None:
            super().__init__()
            self.by = by

        def forward(self, images: Tensor) -> Tensor:
            return self.by * images.flatten(1)

    one, two = (Extractor("pixels", Scaled(by), resize="none") for by in (1.0, 2.0))
    first = cached_features(images(9), one, folder=tmp_path).values
    assert torch.equal(cached_features(images(9), two, folder=tmp_path).values, 2 * first)
    calls = [Extractor("f", lambda x, b=by: b * x.flatten(1), resize="none") for by in (1, 3)]
    first, second = (cached_features(images(9), each, folder=tmp_path).values for each in calls)
    assert torch.equal(second, 3 * first)
    assert not [*tmp_path.iterdir()]


def test_the_same_weights_in_other_layers_count(tmp_path) -> None:
    plain = nn.Sequential(nn.Flatten(), nn.Linear(48, 4))
    bent = nn.Sequential(nn.Flatten(), nn.Linear(48, 4), nn.ReLU())
    bent.load_state_dict(plain.state_dict())
    found = [
        cached_features(images(9), Extractor("n", net, resize="none"), folder=tmp_path).values
        for net in (plain, bent)
    ]
    assert torch.equal(found[1], found[0].relu())
    assert not torch.equal(*found)


@pytest.mark.parametrize("why", ["folder", "full"])
def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch, why) -> None:
    if why == "folder":
        (tmp_path / "cache").write_bytes(b"a file where a folder should be")
    else:
        monkeypatch.setattr("os.fsync", raising(OSError(28, "No space left on device")))
    network, extractor = pixels()
    with pytest.warns(UserWarning, match="features are not cached: .*/cache/"):
        found = cached_features(images(), extractor, folder=tmp_path / "cache")
    assert len(found) == network.seen == 500


def raising(error: Exception):
    def fail(*_: object) -> None:
        raise error

    return fail
