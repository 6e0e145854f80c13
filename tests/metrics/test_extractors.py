"""What happens to images before a network looks at them."""

import numpy as np
import pytest
import torch
from torch import nn

from jinc.data import ImageSet, to_float
from jinc.errors import JincError
from jinc.metrics import Extractor, features_of, score_name

BYTES = torch.randint(0, 256, (6, 3, 8, 8), generator=torch.Generator().manual_seed(0)).byte()


def pixels(**settings) -> Extractor:
    return Extractor("pixels", nn.Flatten(), **{"resize": "none", **settings})


def test_images_from_a_model_are_those_of_its_files() -> None:
    extractor = pixels()
    stored, _ = extractor(BYTES)
    fresh, _ = extractor(to_float(BYTES) + 0.003 * torch.rand(BYTES.shape))  # rounds to the bytes
    assert torch.equal(stored, fresh)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0), (0.0, 255.0)])
def test_black_and_white(low, high) -> None:
    image = torch.tensor([0, 255], dtype=torch.uint8).view(1, 1, 1, 2)
    found, _ = pixels(channels=1, low=low, high=high)(image)
    assert found.tolist() == [[low, high]]


def test_the_range_of_inception_is_exact() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    found, _ = pixels(channels=1, low=-1.0, high=127 / 128)(levels)
    assert torch.equal(found.flatten(), (torch.arange(256) - 128) / 128)


def test_colours_to_grey_and_back() -> None:
    grey, _ = pixels(channels=1)(BYTES)
    luma = (BYTES.double() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1)
    torch.testing.assert_close((grey.double() + 1) * 127.5, luma.flatten(1), atol=0.51, rtol=0)
    repeated, _ = pixels()(BYTES[:, :1])
    assert torch.equal(repeated.view(6, 3, 64), repeated.view(6, 3, 64)[:, :1].expand(6, 3, 64))


def test_batches_do_not_matter_and_order_does() -> None:
    extractor = pixels()
    whole = features_of([BYTES], extractor)
    parts = features_of(BYTES.split([1, 3, 2]), extractor)
    assert torch.equal(whole.values, parts.values)
    assert whole.images == parts.images
    stored = ImageSet(BYTES.permute(0, 2, 3, 1).numpy(), None, (), "set")
    of_set = features_of(stored, extractor)
    assert (of_set.images, of_set.name) == (whole.images, "set")
    assert features_of([BYTES.flip(0)], extractor).images != whole.images


def test_progress_is_reported() -> None:
    told: list[int] = []
    features_of(BYTES.split(2), pixels(), progress=told.append)
    assert told == [2, 4, 6]


def test_all_that_matters_changes_the_fingerprint() -> None:
    sized = {"resize": "antialiased", "image_size": (8, 8)}
    one = [
        pixels(),
        pixels(channels=1),
        pixels(low=0.0),
        pixels(high=2.0),
        pixels(layer="other"),
        pixels(sha256="00"),
        pixels(**sized),
        pixels(**sized | {"resize": "tensorflow1"}),
        Extractor("other", nn.Flatten(), resize="none"),
        Extractor("pixels", nn.Sequential(nn.Flatten(), nn.Linear(192, 192)), resize="none"),
    ]
    assert len({each.facts.fingerprint for each in one}) == len(one)
    assert pixels().facts.fingerprint == pixels().facts.fingerprint


def test_a_network_is_set_to_evaluation() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten())
    Extractor("n", network, resize="none")(BYTES)
    assert network[0].running_mean.eq(0).all()


def test_a_name_makes_no_fid() -> None:
    assert "FID" not in score_name(pixels(layer="2048").facts)
    impostor = Extractor("inception-2015-12-05", nn.Flatten(), resize="none", layer="2048")
    assert score_name(impostor.facts) == "Fréchet distance (inception-2015-12-05)"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"channels": 2}, "channels must be 1"),
        ({"resize": "cubic"}, "resize must be one of"),
        ({"image_size": (8, 8)}, "resize: none does not go with"),
        ({"resize": "tensorflow1"}, "does not go with image_size None"),
    ],
)
def test_settings_that_are_refused(settings, says) -> None:
    with pytest.raises(JincError, match=says):
        pixels(**settings)


def test_images_that_are_refused() -> None:
    extractor = pixels()
    with pytest.raises(JincError, match=r"images: must be .*, not \[6, 2, 8, 8\]"):
        extractor(BYTES[:, :2])
    with pytest.raises(JincError, match="NaN"):
        extractor(torch.full((1, 3, 2, 2), torch.nan))
    small = BYTES[..., :6]
    with pytest.raises(JincError, match=r"mine: differ in size, 8×6 pixels .* and 8×8"):
        features_of([BYTES, small], extractor, name="mine")
    with pytest.raises(JincError, match="there are no images"):
        features_of([], extractor)
    empty = ImageSet(np.zeros((0, 8, 8, 3), np.uint8), None, (), "none")
    with pytest.raises(JincError, match="none: there are no images"):
        features_of(empty, extractor)


def test_features_that_are_refused() -> None:
    with pytest.raises(JincError, match=r"maps: must make \[6, D\] features, not \[6, 3, 8, 8\]"):
        Extractor("maps", nn.Identity(), resize="none")(BYTES)

    class Broken(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1) / (images.flatten(1)[:, :1] - images.flatten(1)[4, 0])

    with pytest.raises(JincError, match=r"images: features: 1 of 6 images have values .* image 4"):
        features_of([BYTES], Extractor("broken", Broken(), resize="none"))


def test_a_failing_network_is_one_line() -> None:
    narrow = Extractor("narrow", nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), resize="none")
    with pytest.raises(JincError, match=r"^narrow: fails on images of 3×8×8 numbers \(mat1"):
        narrow(BYTES)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("x: can't allocate memory")],
)
def test_errors_of_memory_stay_what_they_are(error) -> None:
    def full(images: torch.Tensor) -> torch.Tensor:
        raise error

    with pytest.raises(type(error)) as caught:
        Extractor("full", full, resize="none")(BYTES)
    assert caught.value is error
