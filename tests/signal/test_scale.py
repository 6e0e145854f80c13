"""Images by a whole number of times smaller or larger."""

import numpy as np
import pytest
import torch
from PIL import Image

from jinc.errors import JincError
from jinc.signal import bicubic, block_mean, repeat_pixels


def images(height=6, width=9):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, height, width, generator=generator).double()


@pytest.mark.parametrize("factor", [1, 2, 3, 5])
def test_a_mean_undoes_a_repetition_and_is_its_transpose(factor) -> None:
    small = images()
    large = torch.randn(2, 3, 6 * factor, 9 * factor, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(block_mean(repeat_pixels(small, factor), factor), small)
    left = (block_mean(large.double(), factor) * small).sum()
    right = (large.double() * repeat_pixels(small, factor)).sum() / factor**2
    torch.testing.assert_close(left, right)


def test_a_block_is_what_lies_together() -> None:
    rows = torch.arange(4.0).view(1, 1, 4, 1).expand(1, 1, 4, 2)
    assert block_mean(rows, 2).flatten().tolist() == [0.5, 2.5]
    assert repeat_pixels(rows[..., :2, :1], 2)[0, 0].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]


def test_a_size_that_is_no_multiple() -> None:
    with pytest.raises(JincError, match="6×9 cannot be divided by 2"):
        block_mean(images(), 2)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_is_that_of_pillow(factor) -> None:
    x = images().float()
    large = [
        np.asarray(
            Image.fromarray(each.numpy()).resize((9 * factor, 6 * factor), Image.Resampling.BICUBIC)
        )
        for each in x.flatten(0, 1)
    ]
    np.testing.assert_allclose(bicubic(x, factor).flatten(0, 1), np.stack(large), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_reproduces_parabolas_pixel_by_pixel_in_its_place(factor) -> None:
    """A pixel of the small grid stands in the middle of its block."""
    small = torch.arange(12.0).double() - 5.5
    large = (torch.arange(12.0 * factor).double() + 0.5) / factor - 6
    found = bicubic((small**2 + small).expand(1, 1, 12, 12), factor)[0, 0, 0]
    inside = slice(2 * factor, -2 * factor)
    torch.testing.assert_close(found[inside], (large**2 + large)[inside])


def test_bicubic_commutes_with_flips_and_quarter_turns() -> None:
    x = images(8, 8)
    for move in (lambda y: y.flip(-1), lambda y: y.flip(-2), lambda y: y.rot90(1, (-2, -1))):
        torch.testing.assert_close(bicubic(move(x), 3), move(bicubic(x, 3)))
