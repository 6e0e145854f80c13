import gzip
import io
import os
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.data import load_images
from jinc.errors import JincError

Files = dict[str, bytes]
Write = Callable[[Path, Files], Path]


def write_zip(path: Path, files: Files, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return path


def write_tar(path: Path, files: Files, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:
        for name, data in files.items():
            if not data:
                continue
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def write_tar_gz(path: Path, files: Files) -> Path:
    return write_tar(path, files, "w:gz")


def refused(path: Path, says: str) -> None:
    with pytest.raises(JincError, match=says) as caught:
        load_images(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


@pytest.fixture
def pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (12, 6, 6, 3), dtype=np.uint8)


@pytest.fixture
def files(pixels: np.ndarray) -> Files:
    """Four images in each of three classes, beside what is no image."""
    found = {"README.md": b"synthetic", "__MACOSX/cat/._0.png": b"", "cat/": b""}
    for place, image in enumerate(pixels):
        out = io.BytesIO()
        Image.fromarray(image).save(out, "png")
        found[f"{('cat', 'dog', 'eel')[place // 4]}/{place}.png"] = out.getvalue()
    return found


@pytest.mark.parametrize("write", [write_zip, write_tar, write_tar_gz])
@pytest.mark.parametrize("wrapped", ["", "pets/", "./"])
def test_an_archive_reads_as_the_folder_in_it(tmp_path, pixels, files, write, wrapped) -> None:
    mixed = {wrapped + name: files[name] for name in sorted(files, reverse=True) if files[name]}
    found = load_images(write(tmp_path / "archive", mixed))
    hidden = {"hidden": 1} if any("MACOSX" in name for name in mixed) else {}
    np.testing.assert_array_equal(found.images, pixels)
    assert found.labels is not None
    assert found.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert found.class_names == ("cat", "dog", "eel")
    assert found.passed_over == {".md": 1} | hidden
    assert sorted(tmp_path.iterdir()) == [tmp_path / "archive"]


def test_splits_in_an_archive(tmp_path, pixels, files) -> None:
    images = [data for name, data in files.items() if name.endswith(".png") and data]
    parts = ["Training/x", "Validation/x", "Testing/x"]
    path = write_zip(tmp_path / "s.zip", {f"{p}/{i}.png": images[i] for i, p in enumerate(parts)})
    for place, split in enumerate(("train", "val", "test")):
        np.testing.assert_array_equal(load_images(path, split=split).images, pixels[[place]])


def test_a_large_archive_goes_through_the_cache(tmp_path, pixels, files, own_cache) -> None:
    path = write_tar_gz(tmp_path / "x.tgz", files)
    for _ in range(2):
        found = load_images(path, cache_bytes=0)
        assert isinstance(found.images, np.memmap)
        np.testing.assert_array_equal(found.images, pixels)
    assert len(list(own_cache.iterdir())) == 1
    os.utime(path)
    load_images(path, cache_bytes=0)
    assert len(list(own_cache.iterdir())) == 2


def test_names_lead_nowhere(tmp_path, files) -> None:
    image = next(data for data in files.values() if data.startswith(b"\x89PNG"))
    names = ("../up.png", "/etc/x.png", "a\\b.png", "c/../../d.png")
    for write in (write_zip, write_tar):
        before = set(tmp_path.parent.rglob("*"))
        found = load_images(write(tmp_path / "x", dict.fromkeys(names, image)))
        assert len(found) == 4
        assert set(tmp_path.parent.rglob("*")) - before <= {tmp_path / "x"}


def test_links_and_archives_inside_are_passed_over(tmp_path, files) -> None:
    with tarfile.open(write_tar(tmp_path / "x.tar", files), "a") as file:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"cat/{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            file.addfile(info)
    assert load_images(tmp_path / "x.tar").passed_over == {"links": 3, ".md": 1}
    with zipfile.ZipFile(write_zip(tmp_path / "x.zip", files), "a") as zipped:
        link = zipfile.ZipInfo("cat/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
        zipped.writestr("inner.zip", (tmp_path / "x.zip").read_bytes())
    found = load_images(tmp_path / "x.zip")
    assert len(found) == 12
    assert found.passed_over == {"links": 1, "hidden": 1, ".md": 1, ".zip": 1}


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["archive/data.pkl", "archive/version", "archive/data/0"], "is a PyTorch file"),
        (["[Content_Types].xml", "word/media/1.png"], "is an Office document"),
        (["mimetype", "OEBPS/1.png"], "is a document"),
        (["META-INF/MANIFEST.MF", "icon.png"], "is a program"),
        (["inner.zip", "notes.txt"], r"no PNG, .* images in this archive .1 .zip, 1 .txt"),
        ([], r"no .* images in this archive"),
    ],
)
def test_other_zips_are_refused(tmp_path, names, says) -> None:
    refused(write_zip(tmp_path / "x.zip", dict.fromkeys(names, b"x")), says)


@pytest.mark.parametrize("kept", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("write", [write_zip, write_tar, write_tar_gz])
def test_a_cut_archive(tmp_path, files, write, kept) -> None:
    path = write(tmp_path / "x.tar.gz", files)
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    refused(path, "damaged")


def test_a_damaged_and_an_encrypted_member(tmp_path, files) -> None:
    path = write_zip(tmp_path / "x.zip", files, zipfile.ZIP_STORED)
    whole = path.read_bytes()
    at = whole.index(b"IHDR")
    path.write_bytes(whole[:at] + b"XXXX" + whole[at + 4 :])
    refused(path, r"x.zip/cat/0.png: damaged .*CRC.*--skip-damaged leaves it out")
    assert load_images(path, skip_damaged=True).passed_over["damaged"] == 1
    locked = bytearray(whole)
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(b"cat/0.png") - 30 + flags] |= 1
        place = locked.rindex(b"cat/0.png") - 46
        assert bytes(locked[place : place + 4]) == b"PK\1\2", magic
        locked[place + 8] |= 1
    path.write_bytes(locked)
    refused(path, "encrypted")


def bomb_zip(path: Path) -> Path:
    return write_zip(path, {"x.png": bytes(3_000_000)})


def bomb_zip_of_many(path: Path) -> Path:
    return write_zip(path, {f"{n}.png": bytes(500_000) for n in range(6)})


def bomb_gzip(path: Path) -> Path:
    path.write_bytes(gzip.compress(tarfile.TarInfo("x.png").tobuf() + bytes(3_000_000), 1))
    return path


@pytest.mark.parametrize("make", [bomb_zip, bomb_zip_of_many, bomb_gzip])
def test_bombs_are_refused_before_they_are_unpacked(tmp_path, make, monkeypatch) -> None:
    monkeypatch.setattr("jinc.data.archive.FREE_BYTES", 1_000_000)
    refused(make(tmp_path / "x"), "MB would unpack to .* over 50 times as much")


def test_a_sparse_tar_declares_more_than_it_holds(tmp_path, files) -> None:
    info = tarfile.TarInfo("big.png")
    info.size, info.type = 1 << 40, tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    path = write_tar(tmp_path / "x.tar", files)
    path.write_bytes(bytes(header) + path.read_bytes())
    refused(path, "damaged")


def test_a_zip_that_understates_its_sizes(tmp_path, files) -> None:
    path = write_zip(tmp_path / "x.zip", files)
    data = bytearray(path.read_bytes())
    place = data.rindex(b"cat/0.png") - 46 + 24
    data[place : place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    refused(path, "cat/0.png: damaged")


def test_stylegan_as_it_is_published(cases: Path) -> None:
    for name in ("stylegan.zip", "stylegan"):
        found = load_images(cases / name)
        assert found.images.shape[:3] == (24, 16, 16)
        assert found.class_names == ("0", "1", "2")
        assert found.labels is not None
        assert np.bincount(found.labels).tolist() == [8, 8, 8]


@pytest.mark.parametrize("write", [zipfile.ZipFile, tarfile.open])
def test_a_name_that_is_there_twice_is_counted(tmp_path, pixels, write) -> None:
    """The last entry counts, as for those who unpack the archive."""
    names = ("a.png", "a.png", "b.png", "./b.png")
    with warnings.catch_warnings(action="ignore"), write(tmp_path / "set.any", "w") as archive:
        for name, image in zip(names, pixels, strict=False):
            Image.fromarray(image).save(tmp_path / "image.png")
            add = archive.write if isinstance(archive, zipfile.ZipFile) else archive.add
            add(tmp_path / "image.png", name)
    found = load_images(tmp_path / "set.any")
    np.testing.assert_array_equal(found.images, pixels[[1, 3]])
    assert str(found.summary()).endswith("passed over: 2 twice in the archive")
