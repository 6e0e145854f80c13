import numpy as np
import pytest
import torch

from jinc.data import contact_sheet
from jinc.data.images import GAP
from jinc.errors import JincError


@pytest.mark.parametrize("scale", [1, 5])
@pytest.mark.parametrize(("channels", "words"), [(3, ("cat", "Кот", "−90°")), (1, ("", "", ""))])
def test_every_image_is_there_in_its_place(scale, channels, words) -> None:
    """Where the colour of an image is seen is one rectangle, in order; words have greys too."""
    colours = torch.arange(20, 140, 20, dtype=torch.uint8).view(2, 3, 1).repeat(1, 1, channels)
    colours[..., 1:] = 0
    images = colours[..., None, None].expand(-1, -1, -1, 6, 8)
    sheet = contact_sheet(images, words[:2], words, scale)
    boxes = []
    for colour in colours.view(6, channels).numpy():
        rows, columns = np.nonzero((sheet == colour).all(-1))
        top, left = rows.min(), columns.min()
        assert (sheet[top : top + 6 * scale, left : left + 8 * scale] == colour).all()
        assert len(rows) == 48 * scale**2
        boxes.append((int(top), int(left)))
    tops, lefts = ({box[axis] for box in boxes} for axis in (0, 1))
    assert boxes == [(top, left) for top in sorted(tops) for left in sorted(lefts)]
    assert np.diff(sorted(tops)) > 6 * scale
    assert (np.diff(sorted(lefts)) > 8 * scale).all()


def test_words_are_drawn_beside_and_above() -> None:
    images = torch.full((2, 2, 1, 32, 32), 255, dtype=torch.uint8)
    plain = contact_sheet(images, [" ", " "], [" ", " "])
    assert (plain == 255).all()
    worded = contact_sheet(images, [" ", "7"], ["45°", " "])
    dark = np.argwhere(worded[..., 0] < 128)
    above = dark[dark[:, 0] < 20]
    beside = dark[dark[:, 0] >= 20]
    assert len(above) > 10
    assert len(beside) > 5
    middle = worded.shape[1] / 2
    assert above[:, 1].max() < middle + 8  # over the first column
    assert beside[:, 1].max() < 20
    assert beside[:, 0].min() > worded.shape[0] / 2  # at the second row


def test_words_have_to_fit_the_images() -> None:
    with pytest.raises(JincError, match=r"2×2 images got words for 2×1"):
        contact_sheet(torch.zeros(2, 2, 1, 4, 4), ["a", "b"], ["c"])


def test_captions_are_under_their_images() -> None:
    images = torch.full((2, 2, 1, 32, 40), 255, dtype=torch.uint8)
    images[..., 0, :] = images[..., -1, :] = 0
    blank = contact_sheet(images, [" ", " "], [" ", " "], captions=[[" ", " "], [" ", " "]])
    words = [["21.5 dB", " "], [" ", "a long one, wider than its image"]]
    sheet = contact_sheet(images, [" ", " "], [" ", " "], captions=words)
    edges = np.flatnonzero((blank[..., 0] == 0).any(1))
    wider = sheet.shape[1] / blank.shape[1]
    assert wider > 2
    for row, (top, bottom) in enumerate(((edges[1], edges[2]), (edges[3], len(sheet)))):
        under = (sheet[top + 1 : bottom, :, 0] < 128).any(0)
        left, right = under[: sheet.shape[1] // 2], under[sheet.shape[1] // 2 :]
        assert (left.sum() > 10, right.sum() > 10) == ((True, False), (False, True))[row]


def test_without_words_there_is_no_room_for_them() -> None:
    images = torch.zeros(1, 3, 1, 8, 8, dtype=torch.uint8)
    sheet = contact_sheet(images, [""], ["", "", ""])
    assert sheet.shape[0] == 8 + 2 * GAP
    assert (sheet[GAP : GAP + 8, GAP : GAP + 8] == 0).all()
    assert contact_sheet(images, [""], ["t", "", ""]).shape[0] > sheet.shape[0] + 8
    assert contact_sheet(images, ["t"], ["", "", ""]).shape[1] > sheet.shape[1] + 4


def test_captions_have_to_fit_the_images() -> None:
    images = torch.zeros(2, 2, 1, 4, 4)
    for captions in ([["a", "b"]], [["a", "b"], ["c"]]):
        with pytest.raises(JincError, match=r"2×2 images got captions for \["):
            contact_sheet(images, ["a", "b"], ["c", "d"], captions=captions)


@pytest.mark.parametrize(("size", "times"), [((28, 20), 5), ((128, 9), 1), ((300, 4), 1)])
def test_small_images_are_enlarged_if_nothing_is_said(size, times) -> None:
    images = torch.zeros(1, 2, 1, *size, dtype=torch.uint8)
    sheet = contact_sheet(images, [""], ["", ""], scale=None)
    assert sheet.shape[0] == size[0] * times + 2 * GAP
