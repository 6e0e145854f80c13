"""Where results may go."""

import shutil
from pathlib import Path

import pytest

from jinc.cli.places import check_file, check_folder, check_whole_folder
from jinc.errors import JincError


def test_which_folders_are_whole(trained, tmp_path) -> None:
    model = Path(shutil.copytree(trained / "model", tmp_path / "model"))
    check_whole_folder(model)  # it may be replaced
    for check in (check_folder, lambda out: check_whole_folder(out / "inside")):
        with pytest.raises(JincError, match="is sealed"):
            check(model)
    with pytest.raises(JincError, match="is sealed"):
        check_file(model / "a.png")
    for place, text in enumerate(('{"name": "a page"}', "{}", "no JSON", "[]")):
        (tmp_path / str(place)).mkdir()
        (tmp_path / str(place) / "manifest.json").write_text(text)
        check_folder(tmp_path / str(place) / "inside")  # of web pages and others


def test_whether_a_folder_can_be_made_is_found_out_and_nothing_is_left(tmp_path) -> None:
    for check in (check_folder, check_file, check_whole_folder):
        check(tmp_path / "new" / "deep" / "o")
        with pytest.raises(JincError, match=r"^--out: /proc/jinc/deep/o: "):
            check(Path("/proc/jinc/deep/o"))  # where even the superuser makes nothing
    assert not (tmp_path / "new").exists()
