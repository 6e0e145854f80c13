from itertools import pairwise

import pytest

from jinc.data import Box, parse_box
from jinc.errors import JincError


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("1,2,3,4", Box(1, 2, 3, 4)),
        (" 1 , 2 , 3 , 4 ", Box(1, 2, 3, 4)),
        ("0,0,30,20", Box(0, 0, 30, 20)),
        ("0,0,100%,100%", Box(0, 0, 30, 20)),
        ("10%,50%,20%,25%", Box(3, 10, 6, 5)),
        ("10%,5,20%,10", Box(3, 5, 6, 10)),
        ("0,0,1.6,1.4", Box(0, 0, 2, 1)),
        ("29,19,1,1", Box(29, 19, 1, 1)),
    ],
)
def test_pixels_and_shares(text, box) -> None:
    assert parse_box(text, (20, 30)) == box


def test_shares_that_meet_leave_no_gap() -> None:
    for parts in range(1, 31):
        edges = [100 * k / parts for k in range(parts + 1)]
        boxes = [parse_box(f"{a:.10f}%,0,{b - a:.10f}%,1", (7, 31)) for a, b in pairwise(edges)]
        assert [box.left for box in boxes[1:]] == [box.left + box.width for box in boxes[:-1]]
        assert sum(box.width for box in boxes) == 31


def test_a_box_is_written_as_it_is_read() -> None:
    box = Box(1, 2, 3, 4)
    assert parse_box(str(box), (9, 9)) == box
    assert (box.rows, box.columns, box.size) == (slice(2, 6), slice(1, 4), (4, 3))
    assert Box.whole((2, 5)) == Box(0, 0, 5, 2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not x,y,width,height"),
        ("1,2,3", "is not x,y,width,height"),
        ("1,2,3,4,5", "is not x,y,width,height"),
        ("1,2,three,4", "'three' is no number"),
        ("1,2,,4", "'' is no number"),
        ("1,2,3%%,4", "'3%%' is no number"),
        ("1,2,3%4,4", "'3%4' is no number"),
        ("nan,2,3,4", "'nan' is no number"),
        ("1,2,inf,4", "'inf' is no number"),
        ("1,2,0,4", "holds no pixel"),
        ("1,2,3,-4", "holds no pixel"),
        ("1,2,0.2,4", "holds no pixel"),
        ("-1,2,3,4", "reaches beyond the picture of 30×20 pixels"),
        ("28,2,3,4", "reaches beyond the picture of 30×20 pixels"),
        ("60%,0,50%,4", "reaches beyond the picture of 30×20 pixels"),
        ("0,0,30,21", "reaches beyond the picture of 30×20 pixels"),
    ],
)
def test_what_is_no_rectangle(text, says) -> None:
    with pytest.raises(JincError, match=says) as caught:
        parse_box(text, (20, 30), "mask")
    assert str(caught.value).startswith(f"mask: {text!r}")
