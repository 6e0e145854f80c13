import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jinc.data.cache import cache_key, cached_rows
from jinc.errors import JincError
from jinc.files import cache_folder


@pytest.fixture
def values(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (10, 4, 4, 3), dtype=np.uint8)


class Parts:
    """Gives the values in parts and counts how often it is asked."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.asked = values, 0

    def __call__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self.asked += 1
        for part in np.array_split(self.values, 3):
            yield part[self.there(part)], self.there(part)

    def there(self, part: np.ndarray) -> np.ndarray:
        return np.ones(len(part), bool)


def test_written_once_and_read_back(tmp_path, values) -> None:
    parts, path = Parts(values), tmp_path / "deep" / "x.npy"
    for _ in range(3):
        found = cached_rows(path, 10, values.shape[1:], parts)[0]
        np.testing.assert_array_equal(found, values)
        assert not found.flags.writeable
    assert parts.asked == 1
    assert list(path.parent.iterdir()) == [path]
    np.testing.assert_array_equal(np.load(path), values)


class Holes(Parts):
    """The first row of each part is not there."""

    def there(self, part: np.ndarray) -> np.ndarray:
        return np.arange(len(part)) > 0


def test_rows_that_are_not_there(tmp_path, values) -> None:
    parts = Holes(values)
    for _ in range(2):
        rows, there = cached_rows(tmp_path / "x.npy", 10, values.shape[1:], parts)
        assert np.flatnonzero(~there).tolist() == [0, 4, 7]
        np.testing.assert_array_equal(rows, values[there])
    assert parts.asked == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:50],
        lambda data: data[:-1],
        lambda data: data + b"0",
        lambda data: b"foreign" + data,
        lambda data: data.replace(b"|u1", b"|i1"),
        lambda data: data.replace(b"|u1", b"|O "),
        lambda data: data.replace(b"(10, 4, 4, 3)", b"(10, 4, 3, 4)"),
        lambda data: data.replace(b"False", b"True "),
        lambda data: data.replace(b"{'descr'", b"[[[[[[[["),
    ],
)
def test_a_damaged_or_foreign_file_is_written_again(tmp_path, values, damage) -> None:
    parts, path = Parts(values), tmp_path / "x.npy"
    cached_rows(path, 10, values.shape[1:], parts)[0]
    path.write_bytes(damage(path.read_bytes()))
    np.testing.assert_array_equal(cached_rows(path, 10, values.shape[1:], parts)[0], values)
    assert parts.asked == 2


def test_a_folder_in_place_of_the_cache_file_is_reported(tmp_path, values) -> None:
    (tmp_path / "x.npy").mkdir()
    with pytest.raises(JincError, match=r"x.npy: is a folder"):
        cached_rows(tmp_path / "x.npy", 10, values.shape[1:], Parts(values))
    (tmp_path / "file").touch()
    with pytest.raises(JincError, match=r"y.npy: (Not a directory|File exists)"):
        cached_rows(tmp_path / "file" / "y.npy", 10, values.shape[1:], Parts(values))


def test_the_key_follows_every_change_but_not_a_move(tmp_path) -> None:
    root = tmp_path / "a"
    root.mkdir()
    files = [root / "1.png", root / "2.png"]
    for file in files:
        file.write_bytes(b"12345")
        os.utime(file, ns=(10**18, 10**18))
    key = cache_key(root, files, (8, 3, "box"))
    moved = root.rename(tmp_path / "b")
    files = [moved / file.name for file in files]
    assert cache_key(moved, files, (8, 3, "box")) == key
    keys = {key, cache_key(moved, files[::-1], (8, 3, "box")), cache_key(moved, files[:1], (8, 3))}
    keys |= {cache_key(moved, files, (9, 3, "box")), cache_key(moved, files, (8, 1, "box"))}
    keys |= {cache_key(moved, files, (8, 3, "lanczos"))}
    os.utime(files[0], ns=(10**18, 10**18 + 1))
    keys.add(cache_key(moved, files, (8, 3, "box")))
    files[0].write_bytes(b"123456")
    os.utime(files[0], ns=(10**18, 10**18))
    keys.add(cache_key(moved, files, (8, 3, "box")))
    files[0].rename(moved / "3.png")
    keys.add(cache_key(moved, [moved / "3.png", files[1]], (8, 3, "box")))
    assert len(keys) == 9
    with pytest.raises(JincError, match=r"1.png: No such file"):
        cache_key(moved, files, ())


def test_where_the_cache_lies(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("JINC_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("JINC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "jinc"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "jinc"
