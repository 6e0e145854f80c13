"""NumPy files of images, as generated sets and well-known data sets are handed on."""

import contextlib
import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from jinc.data import ImageSet, load_images
from jinc.errors import JincError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), np.uint8)
GREY = IMAGES[..., 0]
LABELS = np.array([2, 0, 1, 1, 2, 0])


@pytest.fixture
def saved(tmp_path):
    """Save arrays, and read them as a set."""

    def save(split: str = "train", **arrays: object) -> ImageSet:
        np.savez(tmp_path / "set.npz", **arrays)
        return load_images(tmp_path / "set.npz", split=split)

    return save


def named(found: ImageSet) -> list[str]:
    assert found.labels is not None
    return [found.class_names[label] for label in found.labels]


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def test_images_and_labels_are_read_as_they_are(tmp_path) -> None:
    np.savez(tmp_path / "set.npz", IMAGES, LABELS)
    found = load_images(tmp_path / "set.npz")
    assert np.array_equal(found.images, IMAGES)
    assert found.labels is not None
    assert found.labels.tolist() == LABELS.tolist()
    assert (found.name, found.class_names) == ("set.npz", ("0", "1", "2"))


def test_grey_images_of_any_name(tmp_path) -> None:
    np.savez_compressed(tmp_path / "set.npz", samples=GREY)
    np.save(tmp_path / "set.npy", GREY)
    for name in ("set.npz", "set.npy"):
        assert np.array_equal(load_images(tmp_path / name).images, IMAGES[..., :1])


@pytest.mark.parametrize(
    "labels",
    [
        LABELS + 1,
        LABELS * 300_000_000 - 7,
        LABELS.astype(np.float32),
        LABELS[:, None].astype(np.uint8),
        np.array(["cat", "ärger", "dog"])[LABELS],
        np.array([b"b", b"a", b"c"])[LABELS],
        LABELS > 0,
    ],
)
def test_the_classes_are_the_labels_that_exist(saved, labels) -> None:
    whole = labels.astype(np.int64) if labels.dtype.kind == "f" else labels
    texts = [v.decode() if isinstance(v, bytes) else str(v) for v in whole.reshape(-1).tolist()]
    found = saved(x=IMAGES, y=labels)
    assert named(found) == texts
    assert set(found.class_names) == set(texts)


def test_texts_are_in_natural_order(saved) -> None:
    found = saved(x=IMAGES, y=np.array(["10", "9", "10", "1", "9", "1"]))
    assert found.class_names == ("1", "9", "10")
    assert named(found) == ["10", "9", "10", "1", "9", "1"]


@pytest.mark.parametrize(
    "arrays",
    [
        {"ids": np.arange(6)[::-1], "label": LABELS},
        {"index": np.zeros(6, int), "arr_1": LABELS},
        {"arr_1": np.arange(6), "arr_2": LABELS},
        {"sex": np.zeros(6, int), "targets": LABELS},
        {"label_weights": np.zeros(6, int), "labels": LABELS},
    ],
    ids=lambda arrays: " ".join(arrays),
)
def test_labels_are_not_confused_with_other_numbers(saved, arrays) -> None:
    found = saved(images=IMAGES, **arrays)
    assert found.labels is not None
    assert found.labels.tolist() == LABELS.tolist()
    (other, _) = arrays
    assert found.notes == (f"arrays that were not read: {other}",)


def test_identifiers_alone_are_no_labels(saved) -> None:
    found = saved(images=IMAGES, arr_1=np.arange(6))
    assert (found.labels, found.notes) == (None, ("arrays that were not read: arr_1",))
    assert saved(images=IMAGES, labels=np.eye(6)[:, :3]).labels is None  # several an image


KERAS = {"x_train": GREY[:4], "y_train": LABELS[:4] + 1, "x_test": GREY[4:], "y_test": LABELS[4:]}


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: name[0].upper() + name[1:],
        lambda name: "_".join(reversed(name.split("_"))),
        lambda name: {"x": "images", "y": "labels"}[name[0]] + "." + name[2:] + "ing",
        lambda name: name[0] + name[2:].capitalize(),
    ],
)
def test_splits_by_name_as_keras_has_them(saved, rename) -> None:
    arrays = {rename(name): array for name, array in KERAS.items()}
    for split, part in (("train", slice(4)), ("test", slice(4, 6)), ("all", slice(6))):
        found = saved(split, **arrays)
        assert np.array_equal(found.images[..., 0], GREY[part])
        assert named(found) == list("312220")[part]
        assert found.class_names == ("0", "1", "2", "3")  # of both splits, though 0 is in one


@pytest.mark.parametrize("pixels", [IMAGES, GREY])
def test_medmnist(saved, pixels) -> None:
    parts = {"train": slice(3), "val": slice(3, 4), "test": slice(4, 6)}
    arrays = {f"{split}_images": pixels[part] for split, part in parts.items()}
    arrays |= {f"{split}_labels": LABELS[part, None] for split, part in parts.items()}
    for split in ("train", "val", "test", "all"):
        part = parts.get(split, slice(6))
        found = saved(split, **arrays)
        assert np.array_equal(found.images, pixels[part].reshape(-1, 4, 4, found.channels))
        assert named(found) == [str(label) for label in LABELS[part]]
        assert found.split == split
        assert [note[:13] for note in found.notes] == ["other splits:"] * (split != "all")


def test_one_picture_in_colour(saved, tmp_path) -> None:
    np.save(tmp_path / "one.npy", IMAGES[0])
    for found in (saved(arr_0=IMAGES[0]), load_images(tmp_path / "one.npy")):
        assert np.array_equal(found.images, IMAGES[:1])
        assert "one picture" in found.notes[0]
    # With labels it is as many narrow images.
    assert saved(x=IMAGES[0], y=LABELS[:4] > 0).images.shape == (4, 4, 3, 1)


def test_channels_first(saved) -> None:
    found = saved(x=IMAGES.transpose(0, 3, 1, 2))
    assert np.array_equal(found.images, IMAGES)
    assert found.notes == ("x uint8 [6, 3, 4, 4] has its channels first",)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"mu": np.zeros(5)}, r"no array of images, .* it holds mu float64 \[5\]"),
        ({"arr_0": IMAGES / 255}, r"no array of images, .*; it holds arr_0 float64 \[6, 4, 4, 3\]"),
        ({"arr_0": IMAGES[..., :2]}, r"arr_0 uint8 \[6, 4, 4, 2\]: save images as"),
        ({"arr_0": np.zeros((3, 9, 9), np.uint8)}, r"\[3, 9, 9\]: save images as"),
        ({"arr_0": np.zeros((9, 9, 4), np.uint8)}, r"\[9, 9, 4\]: save images as"),
        ({"arr_0": IMAGES[:0]}, "holds no images"),
        ({"arr_0": np.array([{}], object)}, r"no array of images, .* arr_0 object \[1\]"),
        ({"x": IMAGES, "y": np.array([{}] * 6, object)}, "y object .* has Python objects"),
        ({"x": IMAGES, "y": LABELS[:5]}, r"y int64 \[5\] is not one label for each of 6 images"),
        ({"x": IMAGES, "y": LABELS + 0.5}, "is neither whole numbers nor text"),
        ({"x": IMAGES, "y": np.zeros(6, "M8[s]")}, "is neither whole numbers nor text"),
        ({"x": IMAGES, "y": np.zeros(6, [("a", int)])}, "is neither whole numbers nor text"),
        ({"x": IMAGES, "y": np.array(["a\0b"] * 6)}, "class name 'a.x00b' is not text"),
        ({"x": IMAGES, "y": np.array(["\udcff"] * 6)}, "class name '.udcff' is not text"),
        ({"x": IMAGES, "y": np.array([b"\xff"] * 6)}, "labels are not UTF-8"),
        ({"a": IMAGES, "b": IMAGES}, "images could be a, b; call one of them images or, for spl"),
        ({"x_train": IMAGES, "x": IMAGES}, "images could be x_train, x; call one"),
        ({"x": IMAGES, "fine_labels": LABELS, "coarse_labels": LABELS}, "labels could be fine_lab"),
        ({"x": IMAGES, "arr_1": LABELS, "arr_2": LABELS}, "labels could be arr_1, arr_2; call one"),
        ({"x_test": IMAGES, "y_test": LABELS}, "no train split here, only test"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_archives_of_other_things(saved, tmp_path, arrays, says) -> None:
    with pytest.raises(JincError, match=says) as caught:
        saved(**arrays)
    assert "\n" not in str(caught.value).removeprefix(str(tmp_path))


def test_more_labels_than_classes_can_be(saved, monkeypatch) -> None:
    monkeypatch.setattr("jinc.data.imageset.MOST_CLASSES", 2)
    with pytest.raises(JincError, match="3 different labels, the limit is 2"):
        saved(x=IMAGES, y=LABELS)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def of_shape(shape: str, body: bytes = b"", kind: str = "|u1") -> bytes:
    """An array whose header says whatever it likes."""
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"word/document.xml": b"<xml/>"}, "no PNG, .* images in this archive"),
        ({"x.png": b"\x89PNG", "dataset.json": b"{}"}, "x.png: not a PNG, "),
        ({"archive/data.pkl": b"\x80\x02.", "archive/version": b"3"}, "is a PyTorch file"),
        ({"x.npy": b"hello"}, "cannot be read"),
        ({"x.npy": b""}, "cannot be read"),
        ({"x.npy": of_shape("(9,)", b"1234")}, "'x' holds 4 bytes, its header says otherwise"),
        ({"x.npy": of_shape("(10**3, -1)", b"")}, "cannot be read"),
        ({"x.npy": of_shape("(-1, -4)", b"1234")}, "its header says otherwise"),
        ({"x.npy": of_shape("(" + "1," * 2000 + ")", b"1")}, "cannot be read|no array of images"),
        ({"x.npy": of_shape("(1,)", b"1", "|V9999999999999")}, "cannot be read|says otherwise"),
        ({f"{i}.npy": b"" for i in range(1001)}, "a ZIP archive with too many arrays"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_any_other_zip_is_one_line(tmp_path, members, says) -> None:
    with pytest.raises(JincError, match=says) as caught:
        load_images(zipped(tmp_path / "x.zip", **members))
    said = str(caught.value).removeprefix(str(tmp_path))
    assert "\n" not in said
    assert len(said) < 300


def test_what_is_no_array_beside_arrays_is_left_out(tmp_path) -> None:
    path = zipped(tmp_path / "set.npz", **{"x.npy": npy(IMAGES), "README.md": b"hello"})
    assert np.array_equal(load_images(path).images, IMAGES)


def test_an_archive_that_would_fill_memory_is_refused_unread(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("jinc.data.archive.FREE_BYTES", 1 << 20)
    bomb = zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, True, 1)
    with bomb, bomb.open("arr_0.npy", "w") as member:
        member.write(of_shape("(20, 1024, 1024)"))
        for _ in range(20):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    with pytest.raises(JincError, match="would unpack to 21 MB, over 50 times as much"):
        load_images(tmp_path / "bomb.npz")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 << 20


@pytest.mark.parametrize("name", ["set.npz", "set.npy"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.95])
def test_a_damaged_file(tmp_path, name, kept) -> None:
    (np.savez if name == "set.npz" else np.save)(tmp_path / name, IMAGES)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(kept * len(data))])
    with pytest.raises(JincError, match=r"set\.np.: "):
        load_images(tmp_path / name)


def test_flipped_bytes_are_a_set_or_one_line(tmp_path) -> None:
    np.savez_compressed(tmp_path / "set.npz", x=IMAGES, y=LABELS)
    data, rng = (tmp_path / "set.npz").read_bytes(), np.random.default_rng(3)
    for at in rng.integers(0, len(data), 150):
        damaged = bytearray(data)
        damaged[at] ^= int(rng.integers(1, 256))
        (tmp_path / "set.npz").write_bytes(damaged)
        with contextlib.suppress(JincError):
            load_images(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("name", "split", "images", "classes"),
    [
        ("keras_mnist", "train", (15, 8, 8, 1), "0123456789"),
        ("keras_mnist", "test", (5, 8, 8, 1), "0123456789"),
        ("one_hwc", "train", (1, 16, 16, 3), ""),
        ("labels_from_1", "train", (20, 16, 16, 3), "123"),
    ],
)
def test_files_that_people_have(cases, name, split, images, classes) -> None:
    found = load_images(cases / f"{name}.npz", split=split)
    assert found.images.shape == images
    assert found.class_names == tuple(classes)


@pytest.mark.parametrize("kind", [np.float32, np.uint8, bool])
def test_one_hot_rows_are_labels_and_several_labels_are_none(tmp_path, kind) -> None:
    images = np.zeros((6, 8, 8), np.uint8)
    rows = np.eye(3)[[0, 2, 1, 0, 2, 1]].astype(kind)
    np.savez(tmp_path / "a.npz", images=images, labels=rows)
    assert load_images(tmp_path / "a.npz").labels.tolist() == [0, 2, 1, 0, 2, 1]
    rows[0] = 1
    np.savez(tmp_path / "a.npz", images=images, labels=rows)
    found = load_images(tmp_path / "a.npz")
    assert (found.labels, found.notes) == (None, ("several labels an image are no classes",))
