"""Pictures from the browser: bombs, wrong types and strange names are one line."""

from pathlib import Path

import pytest
from PIL import Image

from jinc.app.uploads import received, received_bytes
from jinc.errors import JincError


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the picture: not a"),
        (b"<svg onload='alert(1)'/>", "the picture: not a"),
        (b"PK\x03\x04" + bytes(60), "the picture: not an image but"),
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "the picture: damaged image"),
    ],
)
def test_hostile_bytes_are_one_line_that_shows_no_path(tmp_path: Path, content, says) -> None:
    with pytest.raises(JincError) as caught:
        received_bytes(content, tmp_path)
    text = str(caught.value)
    assert says in text
    assert "\n" not in text
    assert str(tmp_path) not in text
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_is_not_decoded(tmp_path: Path, bomb: bytes) -> None:
    says = "the picture: 30000x30000 pixels, the limit is 4000000 pixels of this page"
    with pytest.raises(JincError, match=says):
        received_bytes(bomb, tmp_path)


def test_a_name_does_not_matter(tmp_path: Path) -> None:
    Image.new("L", (3, 2), 7).save(tmp_path / "picture.png")
    strange = tmp_path / "..;rm -rf $HOME\u202e.exe"
    (tmp_path / "picture.png").rename(strange)
    assert received(strange).size == (2, 3)
