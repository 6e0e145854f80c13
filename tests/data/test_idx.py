import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jinc.data import load_images, read_idx
from jinc.errors import JincError

Write = Callable[..., Path]


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (7, 5, 5), dtype=np.uint8)


LABELS = np.array([3, 1, 4, 1, 5, 9, 2], np.uint8)


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
def test_a_folder_reads_back(tmp_path, images, write_idx: Write, dot, zipped, place) -> None:
    end = "-ubyte.gz" if zipped else "-ubyte"
    for prefix, part in (("train", slice(5)), ("t10k", slice(5, 7))):
        write_idx(tmp_path / place / f"{prefix}-images{dot}idx3{end}", images[part], zipped)
        write_idx(tmp_path / place / f"{prefix}-labels{dot}idx1{end}", LABELS[part], zipped)
    for split, part in (("train", slice(5)), ("test", slice(5, 7)), ("all", slice(7))):
        found = load_images(tmp_path, split=split)
        np.testing.assert_array_equal(found.images[..., 0], images[part])
        assert found.class_names == tuple("123459")  # none made up, and the same in each split
        assert [int(found.class_names[label]) for label in found.labels] == LABELS[part].tolist()


def test_one_file_brings_the_labels_beside_it(tmp_path, images, write_idx: Write) -> None:
    path = write_idx(tmp_path / "x-images-idx3-ubyte", images)
    assert load_images(path).labels is None
    write_idx(tmp_path / "x-labels-idx1-ubyte.gz", LABELS, zipped=True)
    found = load_images(path)
    assert [int(found.class_names[label]) for label in found.labels] == LABELS.tolist()


def test_one_file_is_a_test_set_only_by_its_name(tmp_path, images, write_idx: Write) -> None:
    train = write_idx(tmp_path / "train-images-idx3-ubyte", images)
    test = write_idx(tmp_path / "t10k-images-idx3-ubyte", images)
    assert len(load_images(test, split="test")) == 7
    with pytest.raises(JincError, match="no test split"):
        load_images(train, split="test")


def test_missing_split(tmp_path, images, write_idx: Write) -> None:
    write_idx(tmp_path / "train-images-idx3-ubyte", images)
    with pytest.raises(JincError, match=f"{tmp_path}: there is no test split here, only train"):
        load_images(tmp_path, split="test")


def header(count: int, side: int = 5) -> bytes:
    return struct.pack(">4I", 0x803, count, side, side)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "wrong magic number"),
        (struct.pack(">4I", 0x803, 1, 1, 1)[:9], "ends within its header"),
        (struct.pack(">4I", 0xD03, 1, 1, 1) + b"0", "wrong magic number 0x00000d03"),
        (struct.pack(">2I", 0x801, 1) + b"0", "0x00000801: it holds labels"),
        (header(2) + bytes(49), "shorter than its header says"),
        (header(2) + bytes(51), "longer than its header says"),
        (header(2**32 - 1, 2**31) + bytes(50), "shorter than its header says"),
        (header(0), "holds no images"),
        (header(3, 0), "hold nothing"),
        (gzip.compress(header(2) + bytes(50), mtime=0)[:-12], "damaged gzip"),
        (gzip.compress(header(2) + bytes(50), mtime=0)[:-8] + bytes(8), "damaged gzip"),
        (gzip.compress(header(2) + bytes(49), mtime=0), "shorter than its header says"),
        (gzip.compress(header(2**20, 2**4), mtime=0), "shorter than its header says"),
        (gzip.compress(header(2**32 - 1, 2**31), mtime=0), "over 50 times as much"),
        (b"\x1f\x8b\x08" + bytes(20), "damaged gzip"),
    ],
)
def test_damage_is_one_line(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x-idx3-ubyte"
    path.write_bytes(data)
    with pytest.raises(JincError, match=reason) as caught:
        load_images(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_gzip_bomb_is_unpacked_no_further_than_its_header_says(tmp_path, monkeypatch) -> None:
    path = tmp_path / "x-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(header(2) + bytes(20_000_000)))
    asked: list[int] = []
    read = gzip.GzipFile.read

    def counted(self: gzip.GzipFile, size: int = -1) -> bytes:
        asked.append(size)
        return read(self, size)

    monkeypatch.setattr(gzip.GzipFile, "read", counted)
    with pytest.raises(JincError, match="longer than its header says"):
        read_idx(path, axes=3)
    assert min(asked) > 0
    assert sum(asked) == 16 + 51


def test_label_count(tmp_path, images, write_idx: Write) -> None:
    path = write_idx(tmp_path / "train-images-idx3-ubyte", images)
    write_idx(tmp_path / "train-labels-idx1-ubyte", LABELS[:-1])
    with pytest.raises(JincError, match="train-labels-idx1-ubyte: 6 labels for the 7 images"):
        load_images(path)


@pytest.mark.slow
def test_real_mnist(real_data: Callable[[str], Path]) -> None:
    folder = real_data("mnist") / "mnist"
    train, test = load_images(folder), load_images(folder, split="test")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels is not None
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]

    table = load_images(folder / "mnist_train_small.csv")
    eaten = load_images(folder / "mnist_train_small.csv", skip_first=True)
    assert (len(table), len(eaten)) == (20_000, 19_999)
    np.testing.assert_array_equal(eaten.images, table.images[1:])
    known = {image.tobytes() for image in train.images}
    assert all(image.tobytes() in known for image in table.images)
