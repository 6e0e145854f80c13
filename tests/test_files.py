"""Files appear whole, replace nothing but regular files, and leave nothing behind."""

import hashlib
import os
import socket
from pathlib import Path

import pytest

from jinc.errors import JincError
from jinc.files import _sweep, file_digest, one_line, reading, write_json, writing


def write(path: Path, data: bytes = b"new") -> None:
    with writing(path) as file:
        file.write(data)


def device(path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only the superuser makes devices")
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))


def unix_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def to_a_device(path: Path) -> None:
    path.symlink_to("/dev/null")


ODD = (device, os.mkfifo, unix_socket, circle, to_a_device, Path.mkdir)


@pytest.mark.parametrize("make", ODD)
def test_what_is_no_regular_file_is_not_replaced(tmp_path, make) -> None:
    path = tmp_path / "o"
    make(path)
    before = path.lstat()
    with pytest.raises(JincError, match=f"^{path}: ") as error:
        write(path)
    assert len(str(error.value)) < 300 + len(str(path))
    assert path.lstat() == before
    assert [*tmp_path.iterdir()] == [path]


def test_links_are_followed(tmp_path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real/file")
    (tmp_path / "new").symlink_to("real/missing")
    for name in ("link", "new"):
        write(tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"new"
    assert {path.name for path in (tmp_path / "real").iterdir()} == {"file", "missing"}


def test_what_killed_writers_left_is_removed_and_what_living_ones_write_is_not(tmp_path) -> None:
    abandoned = tmp_path / ".a.png.0123456789ab.tmp"
    abandoned.touch()
    others = [tmp_path / name for name in (".a.png.tmp", "b.tmp", ".x.0123456789abc.tmp")]
    for path in others:
        path.touch()
    _sweep.cache_clear()  # as in a process that has written nothing there yet
    with writing(tmp_path / "b.png") as file:
        file.write(b"b")
        (being_written,) = {*tmp_path.glob(".b.png.*.tmp")}
        _sweep.cache_clear()
        write(tmp_path / "c.png")
        assert being_written.exists()
    assert {*tmp_path.iterdir()} == {*others, tmp_path / "b.png", tmp_path / "c.png"}


def test_a_failure_leaves_the_older_file(tmp_path) -> None:
    write(tmp_path / "a", b"old")
    with pytest.raises(ZeroDivisionError), writing(tmp_path / "a") as file:
        file.write(b"half" * (1 // 0))
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 300])
def test_names_that_no_file_can_have(tmp_path, name) -> None:
    for call in (lambda path: reading(path).__enter__(), write):
        with pytest.raises(JincError, match=f"^{tmp_path}"):
            call(tmp_path / name)


def test_json_is_written_whatever_is_in_it(tmp_path) -> None:
    write_json(tmp_path / "a.json", {"path": Path("\udcff"), "loss": float("nan"), "s": "é"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "path": "?",\n  "loss": null,\n  "s": "é"\n}\n'


def test_a_reason_is_one_short_line() -> None:
    reason = one_line(ValueError("a\n\x1b[31m" + "x" * 10**6))
    assert len(reason) <= 160
    assert reason.startswith("a \\x1b[31mxxx")


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch) -> None:
    path, hashed = tmp_path / "weights", []

    def counted(file, name: str) -> "hashlib._Hash":
        hashed.append(file.name)
        return once(file, name)

    once = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", counted)
    path.write_bytes(b"abc")
    assert file_digest(path) == file_digest(path) == hashlib.sha256(b"abc").hexdigest()
    assert len(hashed) == 2  # too fresh: a change now might not show in its time
    monkeypatch.setattr("jinc.files._SETTLED", -1)
    assert file_digest(path) == file_digest(path) == hashlib.sha256(b"abc").hexdigest()
    assert len(hashed) == 3
    write(path, b"abd")
    assert file_digest(path) == hashlib.sha256(b"abd").hexdigest()
