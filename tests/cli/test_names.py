"""Results never fall onto one another, whatever the pictures are called."""

from pathlib import Path

import pytest

from jinc.cli.edit_inputs import names_of


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["x/a.png", "b.jpg"], ["a", "b"]),
        (["x/a.png", "y/a.png"], ["a-0", "a-1"]),
        (["x/a.png", "a-0.png", "y/a.jpg"], ["a-1", "a-0", "a-2"]),
        (["a-0.png", "x/a-0.png", "a.png", "b/a.png"], ["a-0-0", "a-0-1", "a-1", "a-2"]),
    ],
)
def test_every_picture_has_a_name_of_its_own(files, names) -> None:
    assert names_of([Path(file) for file in files]) == names
    assert len({*names}) == len(files)
