"""A picture on a model's canvas and back: what is untouched stays to the byte."""

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.data import (
    Box,
    Mask,
    Picture,
    crop_with,
    fit,
    fit_image,
    parse_box,
    read_mask,
    to_float,
    window_about,
)
from jinc.errors import JincError

WAYS = ("crop", "pad", "stretch")
SIZES = [(40, 30), (30, 40), (64, 20), (7, 9), (33, 33), (16, 16), (1, 50)]


def photo(height: int, width: int, channels: int = 3, alpha: bool = False) -> Picture:
    """A smooth picture, which reducing hardly harms, with some transparency where asked."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [127.5 + 90 * np.sin(3 * x + k + 2 * y) for k in range(channels)]
    clear = ((x + y) * 255).clip(0, 255).astype(np.uint8) if alpha else None
    return Picture(np.stack(waves, -1).round().astype(np.uint8), clear)


def noise(count: int, channels: int, size: tuple[int, int]) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, *size, generator=generator) * 2 - 1


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_and_range(how, channels) -> None:
    for size in SIZES:
        images, canvas = fit(photo(*size), (16, 24), channels, how)
        assert images.shape == (1, channels, 16, 24)
        assert images.abs().max() <= 1
        (pasted,) = canvas.paste_back(images)
        assert pasted.size == size


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("channels", [1, 3])
def test_of_the_model_s_size_it_is_itself(how, channels) -> None:
    picture = photo(16, 24, channels)
    images, canvas = fit(picture, (16, 24), channels, how)
    expected = to_float(torch.from_numpy(picture.pixels)).permute(2, 0, 1)[None]
    assert torch.equal(images, expected)
    (pasted,) = canvas.paste_back(images)
    np.testing.assert_array_equal(pasted.pixels, picture.pixels)
    assert pasted.alpha is None


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("region", ["0,0,100%,100%", "10%,0,60%,80%"])
def test_unchanged_it_comes_back(how, size, region) -> None:
    """Close where it was resized, to the byte where it was not."""
    picture = photo(*size)
    images, canvas = fit(picture, (16, 16), 3, how, region=parse_box(region, size))
    (pasted,) = canvas.paste_back(images)
    used = np.zeros(size, bool)
    used[canvas.box.rows, canvas.box.columns] = True
    np.testing.assert_array_equal(pasted.pixels[~used], picture.pixels[~used])
    errors = pasted.pixels.astype(int) - picture.pixels
    assert np.abs(errors).mean() < 2.5


@pytest.mark.parametrize("how", WAYS)
def test_it_is_cropped_padded_or_stretched_as_said(how) -> None:
    """A picture of 40×20 whose quarters have greys of their own, top to bottom."""
    greys = np.repeat(np.array([0, 80, 160, 240], np.uint8), 10)
    picture = Picture(np.broadcast_to(greys[:, None, None], (40, 20, 1)).copy())
    images, canvas = fit(picture, (8, 8), 1, how, resize_filter="box")
    levels = ((images[0, 0] + 1) * 127.5).round()
    if how == "crop":
        assert canvas.box == Box(0, 10, 20, 20)
        assert levels[:, 3].tolist() == [80] * 4 + [160] * 4
    else:
        assert canvas.box == Box(0, 0, 20, 40)
        assert levels[:, 3].tolist() == [0, 0, 80, 80, 160, 160, 240, 240]
    assert canvas.place == (Box(2, 0, 4, 8) if how == "pad" else Box(0, 0, 8, 8))
    assert (levels == levels[:, :1]).all()  # padding repeats the edge


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["bilinear", "lanczos"])
def test_a_crop_with_even_margins_is_that_of_the_data_sets(channels, name) -> None:
    picture = photo(30, 44)
    images, _ = fit(picture, (12, 12), channels, resize_filter=name)
    expected = fit_image(picture.pixels, 12, channels, name)
    assert torch.equal(images[0].permute(1, 2, 0), to_float(torch.tensor(expected)))


def test_padding_does_not_come_back() -> None:
    _, canvas = fit(photo(40, 20), (16, 16), 3, "pad")
    images = torch.full((1, 3, 16, 16), -1.0)
    images[..., canvas.place.rows, canvas.place.columns] = 1
    assert (canvas.paste_back(images)[0].pixels == 255).all()


@pytest.mark.parametrize("feather", [0, 3])
@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("size", [(40, 30), (16, 16), (12, 50)])
def test_what_is_not_masked_stays_to_the_byte(how, size, feather) -> None:
    picture = photo(*size)
    mask = read_mask("40%,30%,30%,50%", picture, feather=feather)
    images, canvas = fit(picture, (16, 16), 3, how)
    seen = canvas.mask(mask)
    assert seen.shape == (1, 1, 16, 16)
    for pasted in canvas.paste_back(noise(2, 3, (16, 16)), mask):
        changed = (pasted.pixels != picture.pixels).any(-1)
        assert not changed[~mask.generate].any()
        assert changed[mask.generate].mean() > 0.5
    # What the model may not touch is all that the picture keeps, and more.
    known = torch.where(seen == 0, images, torch.nan)
    assert known.isfinite().any()


def test_feather_fades_from_the_edge_inwards() -> None:
    picture = Picture(np.zeros((9, 20, 1), np.uint8))
    mask = read_mask("5,0,15,100%", picture, feather=4)
    _, canvas = fit(picture, (9, 20), 1)
    (pasted,) = canvas.paste_back(torch.ones(1, 1, 9, 20), mask)
    expected = [0] * 5 + [51, 102, 153, 204] + [255] * 11
    assert (pasted.pixels[..., 0] == expected).all()


@pytest.mark.parametrize("size", [(5, 6), (16, 16), (24, 50)])
def test_all_that_the_mask_touches_is_generated(size) -> None:
    """Put to the picture's size again, the model's mask covers the picture's."""
    picture = photo(24, 50)
    mask = read_mask("7,3,11,5", picture)
    _, canvas = fit(picture, size, 3, "stretch")
    seen = canvas.mask(mask)[0, 0].bool().numpy()
    image = Image.fromarray(seen.astype(np.uint8) * 255)
    again = np.asarray(image.resize((50, 24), Image.Resampling.NEAREST)) > 0
    assert again[mask.generate].all()
    assert again.sum() < 24 * 50 / 2


def test_padding_is_generated() -> None:
    picture = photo(40, 20)
    _, canvas = fit(picture, (16, 16), 3, "pad")
    seen = canvas.mask(read_mask("0,0,20,5", picture))[0, 0]
    assert (seen[:, :4] == 1).all()
    assert (seen[:, 12:] == 1).all()
    assert seen[:, 4:12].sum(1).tolist() == [8] * 2 + [0] * 14


def test_transparent_pixels_are_filled_and_the_picture_is_opaque_there() -> None:
    picture = photo(20, 30, alpha=True)
    picture.pixels[picture.alpha == 0] = 77
    images, canvas = fit(picture, (20, 30), 3)
    np.testing.assert_array_equal(
        ((images[0].permute(1, 2, 0) + 1) * 127.5).round().numpy(), picture.on("white")
    )
    whole = canvas.paste_back(torch.zeros(1, 3, 20, 30))[0]
    assert whole.alpha is None
    mask = read_mask("alpha", picture, feather=5)
    assert canvas.paste_back(images, mask)[0].alpha is None
    part = read_mask("0,0,10,10", picture, feather=5)
    (pasted,) = canvas.paste_back(-torch.ones(1, 3, 20, 30), part)
    assert (pasted.alpha[part.generate] == 255).all()
    np.testing.assert_array_equal(pasted.alpha[~part.generate], picture.alpha[~part.generate])
    np.testing.assert_array_equal(pasted.pixels[~part.generate], picture.pixels[~part.generate])
    assert (pasted.pixels[:10, :10] == 0).all()  # nothing opaque to pass over into


def test_grey_and_colour() -> None:
    grey, colour = photo(16, 16, 1), photo(16, 16, 3)
    _, canvas = fit(grey, (8, 8), 3)
    (pasted,) = canvas.paste_back(noise(1, 3, (8, 8)), read_mask("0,0,8,8", grey))
    assert pasted.channels == 3
    np.testing.assert_array_equal(pasted.pixels[8:], grey.pixels[8:].repeat(3, -1))
    images, canvas = fit(colour, (16, 16), 1)
    (pasted,) = canvas.paste_back(images, read_mask("0,0,8,8", colour))
    np.testing.assert_array_equal(pasted.pixels[8:], colour.pixels[8:])
    assert (pasted.pixels[:8, :8, :1] == pasted.pixels[:8, :8]).all()


def test_the_picture_is_not_changed() -> None:
    picture = photo(16, 16, alpha=True)
    before = picture.pixels.copy(), picture.alpha.copy()
    _, canvas = fit(picture, (8, 8), 3)
    canvas.paste_back(noise(3, 3, (8, 8)))
    np.testing.assert_array_equal(picture.pixels, before[0])
    np.testing.assert_array_equal(picture.alpha, before[1])


@pytest.mark.parametrize("size", [(16, 16), (8, 24)])
@pytest.mark.parametrize("words", ["3,4,5,6", "70,50,10,10", "0,0,80,2", "30,20,1,1", "1,1,70,50"])
@pytest.mark.parametrize("margin", [0, 0.5])
def test_a_window_holds_the_mask_in_the_model_s_proportions(size, words, margin) -> None:
    picture = photo(60, 80)
    mask = read_mask(words, picture)
    box = window_about(mask, size, margin)
    assert box.left >= 0
    assert box.top >= 0
    assert box.left + box.width <= 80
    assert box.top + box.height <= 60
    assert abs(box.height / box.width - size[0] / size[1]) < 1.5 / box.width
    assert box.height >= size[0]
    bounds = mask.bounds
    for length, window, side in ((bounds.width, box.width, 80), (bounds.height, box.height, 60)):
        assert window >= min(length, side) or window >= round(side * 0.3)
    inside = np.zeros((60, 80), bool)
    inside[box.rows, box.columns] = True
    if bounds.width <= box.width and bounds.height <= box.height:
        assert inside[mask.generate].all()
    _, canvas = fit(picture, size, 3, region=box)
    assert canvas.mask(mask).any()


@pytest.mark.parametrize("words", ["0,0,5,5", "35,15,5,5", "15,2,10,10", "12,0,20,20"])
@pytest.mark.parametrize("size", [(8, 8), (4, 8), (9, 7)])
def test_a_crop_goes_where_the_mask_is_and_no_further(words, size) -> None:
    picture = photo(20, 40)
    mask = read_mask(words, picture)
    box, (_, middle) = crop_with(mask, size), fit(picture, size, 3)
    assert box.size == middle.box.size
    assert 0 <= box.left <= 40 - box.width
    assert 0 <= box.top <= 20 - box.height
    if mask.bounds.width > box.width or mask.bounds.height > box.height:
        return
    _, canvas = fit(picture, size, 3, region=box)
    assert canvas.holds(mask)
    moved = abs(box.left - middle.box.left)
    beyond = mask.bounds.left + mask.bounds.width - middle.box.left - middle.box.width
    assert moved == max(0, middle.box.left - mask.bounds.left, beyond)


def test_what_does_not_fit() -> None:
    picture = photo(20, 40)
    _, canvas = fit(picture, (8, 8), 3)
    mask, partly = (read_mask(words, picture) for words in ("0,0,5,5", "5,0,10,20"))
    assert not canvas.holds(mask)
    assert not canvas.holds(partly)
    assert canvas.holds(read_mask("10,0,20,20", picture))
    outside = r"mask 0,0,5,5: the mask lies outside of 10,0,20,20, which is used"
    for use in (canvas.mask, lambda m: canvas.paste_back(torch.zeros(1, 3, 8, 8), m)):
        with pytest.raises(JincError, match=outside):
            use(mask)
        with pytest.raises(JincError, match=r"the mask has 3×2 pixels, its picture picture 40×20"):
            use(Mask(np.ones((2, 3), bool)))
    for shape in ((1, 3, 8, 9), (1, 2, 8, 8), (3, 8, 8)):
        with pytest.raises(JincError, match="do not fit a canvas"):
            canvas.paste_back(torch.zeros(shape))
    with pytest.raises(JincError, match="fit: 'squeeze' is not one of crop, pad, stretch"):
        fit(picture, (8, 8), 3, "squeeze")
    with pytest.raises(JincError, match="image_size"):
        fit(picture, (0, 8), 3)
    with pytest.raises(JincError, match="channels"):
        fit(picture, (8, 8), 2)
