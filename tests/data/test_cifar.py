import contextlib
import os
import pickle
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jinc.data import CIFAR10_CLASSES, load_images
from jinc.errors import JincError

LABELS = [6, 9, 9, 4, 1, 0]


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (6, 3072), dtype=np.uint8)


def pickle_of_2009(pixels: np.ndarray, labels: list[int]) -> bytes:
    """A batch as Python 2's cPickle wrote it: protocol 2, byte strings, numpy.core."""
    count = struct.pack("<I", len(pixels))
    out = b"\x80\x02}q\x01(U\x0bbatch_labelq\x02U\x07batch 1q\x03U\x06labelsq\x04]q\x05("
    out += b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    out += b"U\x04dataq\x06cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08"
    out += b"K\x00\x85U\x01b\x87Rq\x09(K\x01J" + count + b"M\x00\x0c\x86cnumpy\ndtype\nq\x0a"
    out += b"U\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    out += b"\x89T" + struct.pack("<I", pixels.size) + pixels.tobytes() + b"tb"
    return out + b"U\x09filenamesq\x0c]q\x0d(U\x05a.pngq\x0eU\x05b.pngeu."


def records(pixels: np.ndarray, labels: list[int]) -> bytes:
    return np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1).tobytes()


def check(path: Path, pixels: np.ndarray) -> None:
    found = load_images(path)
    np.testing.assert_array_equal(found.images.transpose(0, 3, 1, 2).reshape(-1, 3072), pixels)
    np.testing.assert_array_equal(found.labels, LABELS)
    assert found.class_names == CIFAR10_CLASSES


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("key", [str, str.encode])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("labels", [list, np.array])
def test_modern_pickles(tmp_path, pixels, protocol, key, order, labels) -> None:
    batch = {
        key("data"): np.array(pixels, order=order),
        key("labels"): labels(LABELS),
        key("batch_label"): b"training batch 1 of 5",
        key("filenames"): ["a.png"] * 6,
    }
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(batch, protocol=protocol))
    check(path, pixels)


def test_pickle_of_2009_agrees_with_python(tmp_path, pixels) -> None:
    data = pickle_of_2009(pixels, LABELS)
    with warnings.catch_warnings():  # it names numpy.core and writes align as an integer
        warnings.simplefilter("ignore")
        batch = pickle.loads(data, encoding="latin1")
    np.testing.assert_array_equal(batch["data"], pixels)
    path = tmp_path / "data_batch_1"
    path.write_bytes(data)
    check(path, pixels)


def test_binary_records(tmp_path, pixels) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(records(pixels, LABELS))
    check(path, pixels)


@pytest.mark.parametrize("inner", ["", "cifar-10-batches-bin"])
def test_folder_takes_batches_by_number(tmp_path, rng, inner) -> None:
    (tmp_path / inner).mkdir(exist_ok=True)
    for name, label in (("data_batch_10", 3), ("data_batch_2", 2), ("test_batch", 7)):
        row = rng.integers(0, 256, (1, 3072), dtype=np.uint8)
        (tmp_path / inner / f"{name}.bin").write_bytes(records(row, [label]))
    (tmp_path / inner / "batches.meta.txt").write_text("airplane\n")
    for split, labels in (("train", [2, 3]), ("test", [7]), ("all", [2, 3, 7])):
        found = load_images(tmp_path, split=split)
        assert found.labels is not None
        assert found.labels.tolist() == labels


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "train", "data_batch_1.bin"])
def test_a_batch_that_was_not_fetched(tmp_path, name) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    for path in (tmp_path, tmp_path / name):
        with pytest.raises(JincError, match=f"{name}: no data but a Git LFS pointer"):
            load_images(path, split="all")


@pytest.mark.parametrize("data", [b"", bytes(3072), bytes(3073 * 2 - 1)])
def test_short_record(tmp_path, data) -> None:
    (tmp_path / "x.bin").write_bytes(data)
    with pytest.raises(JincError, match=r"x.bin: its last record has \d+ of 3073 bytes"):
        load_images(tmp_path / "x.bin")


def test_label_over_nine(tmp_path, pixels) -> None:
    (tmp_path / "x.bin").write_bytes(records(pixels, [0, 1, 2, 10, 4, 5]))
    with pytest.raises(JincError, match=r"x.bin: record 3 has label 10"):
        load_images(tmp_path / "x.bin")


FINE = [0, 99, 7, 7, 19, 50]
NAMES = [f"class{(7 * i) % 100}" for i in range(100)]


def write_cifar100(folder: Path, pixels: np.ndarray, layout: str, named: bool) -> None:
    folder.mkdir(parents=True)
    for split, part in (("train", slice(4)), ("test", slice(4, 6))):
        if layout == "binary":
            both = np.array([[5, label] for label in FINE], np.uint8)
            data = np.concatenate([both, pixels], axis=1)[part].tobytes()
            (folder / f"{split}.bin").write_bytes(data)
        else:
            batch = {"data": pixels[part], "fine_labels": FINE[part], "coarse_labels": [5] * 4}
            (folder / split).write_bytes(pickle.dumps(batch, protocol=2))
    if named and layout == "binary":
        (folder / "fine_label_names.txt").write_text("\n".join(NAMES) + "\n")
    elif named:
        (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": NAMES}, protocol=2))


@pytest.mark.parametrize("layout", ["binary", "python"])
@pytest.mark.parametrize("named", [True, False])
def test_cifar100_has_its_fine_labels(tmp_path, pixels, layout, named) -> None:
    folder = tmp_path / f"cifar-100-{layout}"
    write_cifar100(folder, pixels, layout, named)
    names = tuple(NAMES) if named else tuple(map(str, range(100)))
    file = folder / ("train.bin" if layout == "binary" else "train")
    whole = slice(6)
    cases = ((tmp_path, "all", whole), (folder, "test", slice(4, 6)), (file, "train", slice(4)))
    for source, split, part in cases:
        found = load_images(source, split=split)
        assert found.labels is not None
        assert found.labels.tolist() == FINE[part]
        assert found.class_names == names
        flat = found.images.transpose(0, 3, 1, 2).reshape(-1, 3072)
        np.testing.assert_array_equal(flat, pixels[part])


@pytest.mark.parametrize(
    "meta", [{}, {"fine_label_names": NAMES[:99]}, {"fine_label_names": [*NAMES[:99], 1]}, [1]]
)
def test_names_of_cifar100_that_are_none(tmp_path, pixels, meta) -> None:
    write_cifar100(tmp_path / "x", pixels, "python", named=False)
    (tmp_path / "x" / "meta").write_bytes(pickle.dumps(meta, protocol=2))
    with pytest.raises(JincError, match=r"meta: (does not hold the names of 100|pickle refused)"):
        load_images(tmp_path / "x")


class Run:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.reduced = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.reduced


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_code_in_a_pickle_is_never_run(tmp_path, pixels, protocol) -> None:
    trap = tmp_path / "trap"
    batch = {"data": pixels, "labels": LABELS, "extra": Run(os.mkdir, str(trap))}
    path = tmp_path / "data_batch_1"
    path.write_bytes(pickle.dumps(batch, protocol=protocol))
    with pytest.raises(JincError, match=r"asks for .*mkdir', and code from data is never run"):
        load_images(path)
    assert not trap.exists()
    pickle.loads(path.read_bytes())
    assert trap.exists(), "the trap works where pickles are trusted"


def refused(tmp_path: Path, data: bytes, reason: str = "") -> None:
    path = tmp_path / "data_batch_1"
    path.write_bytes(data)
    with pytest.raises(JincError, match=reason) as caught:
        load_images(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


NUMPY2009 = b"cnumpy.core.multiarray\n_reconstruct\n"
NDARRAY = b"cnumpy\nndarray\n"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"r\xff\xff\xff\xff.", "damaged"),  # a memo of 4 billion places
        (b"\x96" + b"\xff" * 7 + b"\x00.", "damaged"),  # a bytearray of 2**56 bytes
        (b"T\xff\xff\xff\x7fabc.", "damaged"),  # a string longer than the file
        (b"\x8b\xff\xff\xff\x7f1.", "uses LONG4"),  # a number of 2 GB
        (NUMPY2009 + NDARRAY + b"J\xff\xff\xff\x7f\x85U\x01b\x87R.", "no dict"),  # never allocated
        (b"}K\x01K\x02s.", "a key or a name is not text"),
        (b"}))s.", "a key or a name is not text"),
        (b"cnumpy\nload\n.", "asks for 'numpy.load'"),
        (b"cbuiltins\neval\n.", "asks for 'builtins.eval'"),
        (b"U\x02a\nU\x01b\x93.", r"asks for 'a\\nb'|asks for 'a\\n.b'"),
        (NDARRAY + b"K\x05\x85R.", "no array of whole numbers"),
        (b"cnumpy\ndtype\nU\x01O\x85R.", "no array of whole numbers"),
        (b"c_codecs\nencode\nU\x01aU\x05rot13\x86R.", "no array of whole numbers"),
        (b"}}b.", "sets a state"),
        (b"K\x01K\x02a.", "appends where there is no list"),
        (b"]K\x01K\x02s.", "sets items where there is no dict"),
        (b"ctoolong\n" + b"x" * 5000 + b"\n.", "asks for"),
        (b"e.", "damaged|no beginning"),
        (b"R.", "damaged"),
        (b"h\x07.", "damaged"),
        (b"Q.", "uses BINPERSID"),
        (b"\x82\x01.", "uses EXT1"),
        (b"F1.0\n.", "uses FLOAT"),
        (b"N.", "no dict"),
        (b"}", "damaged"),
        (b"", "damaged"),
        (b"\xff", "damaged"),
        (b"}.", "no array of bytes called data"),
    ],
)
def test_hostile_pickles(tmp_path, body, reason) -> None:
    refused(tmp_path, b"\x80\x02" + body, reason)


def test_too_many_parts_are_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("jinc.data.batch_pickle._MOST_OPCODES", 1000)
    refused(tmp_path, b"\x80\x02" + b"]" * 1000 + b".", "too many parts")


def test_repeated_long_strings_are_refused(tmp_path) -> None:
    text = b"X" + struct.pack("<I", 10_000) + b"a" * 10_000 + b"q\x01"
    encode = b"c_codecs\nencode\nh\x01U\x06latin1\x86R"
    refused(tmp_path, b"\x80\x02" + text + encode * 1000 + b".", "repeats long strings")


def test_a_deep_key_costs_nothing(tmp_path) -> None:
    doubled = b")" + b"2\x86" * 60  # hashing it would take 2**60 steps
    refused(tmp_path, b"\x80\x02}" + doubled + b"Ns.", "uses DUP")
    doubled = b")" + b"q\x01h\x01\x86" * 60
    refused(tmp_path, b"\x80\x02}" + doubled + b"Ns.", "not text")


@pytest.mark.parametrize("cut", [1, 10, 500, 5000, 18_000])
def test_truncated_pickles(tmp_path, pixels, cut) -> None:
    refused(tmp_path, pickle_of_2009(pixels, LABELS)[:-cut], "damaged")


def test_every_flipped_byte_is_data_or_an_error(tmp_path, pixels) -> None:
    whole = pickle_of_2009(pixels[:1], LABELS[:1])
    rng = np.random.default_rng(1)
    path = tmp_path / "data_batch_1"
    head, tail = range(2, 200), range(len(whole) - 60, len(whole))
    for at in (*head, *tail):
        damaged = bytearray(whole)
        damaged[at] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        with contextlib.suppress(JincError):
            assert load_images(path).images.shape == (1, 32, 32, 3)


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ({"labels": [1]}, "no array of bytes called data"),
        ({"data": np.zeros((1, 3072), np.int64), "labels": [1]}, "no array of bytes"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [1]}, r"\[1, 3071\]"),
        ({"data": np.zeros(3072, np.uint8), "labels": [1]}, r"\[3072\]"),
        ({"data": np.zeros((1, 3072), np.uint8)}, "called labels"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": ["a"]}, "called labels"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [1, 2]}, "2 labels for 1 images"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, "record 0 has label 10"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [-1]}, "record 0 has label -1"),
        ({"data": np.zeros((0, 3072), np.uint8), "labels": []}, "impossible shape|bytes"),
        ({"data": np.zeros((1, 1), object), "labels": [1]}, "no array of whole numbers"),
        ([1, 2], "no dict"),
    ],
)
def test_wrong_contents(tmp_path, batch, reason) -> None:
    for protocol in (2, 5):
        refused(tmp_path, pickle.dumps(batch, protocol=protocol), reason)


def test_a_shape_that_does_not_fit_its_bytes(tmp_path, pixels) -> None:
    whole = pickle_of_2009(pixels, LABELS)
    shape = b"J" + struct.pack("<i", len(pixels))
    for count in (5, 7, -6, 2**31 - 1):
        changed = whole.replace(shape, b"J" + struct.pack("<i", count))
        refused(tmp_path, changed, "array (of|has)")


def test_a_huge_pickle_is_not_read(tmp_path) -> None:
    with (tmp_path / "data_batch_1").open("wb") as file:
        file.write(b"\x80\x02")
        file.truncate(193 << 20)
    with pytest.raises(JincError, match="too many for a batch"):
        load_images(tmp_path / "data_batch_1")


@pytest.mark.slow
def test_real_layouts_agree(real_data: Callable[[str], Path]) -> None:
    root = real_data("cifar10")
    for split, count in (("train", 20_000), ("test", 10_000)):
        pickled = load_images(root / "cifar-10-batches-py", split=split)
        binary = load_images(root / "cifar-10-batches-bin", split=split)
        assert len(pickled) == count
        np.testing.assert_array_equal(pickled.images, binary.images)
        np.testing.assert_array_equal(pickled.labels, binary.labels)
