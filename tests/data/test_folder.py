from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jinc.data import decode_image, list_images, load_images, read_folder
from jinc.errors import JincError

Write = Callable[..., list[Path]]


@pytest.fixture
def colours(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)


def test_a_folder_reads_back(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path, {f"{i % 2}/{i}.png": image for i, image in enumerate(colours)})
    found = load_images(tmp_path)
    np.testing.assert_array_equal(found.images, np.concatenate([colours[::2], colours[1::2]]))
    assert found.labels is not None
    assert found.labels.tolist() == [0] * 6 + [1] * 6
    assert found.class_names == ("0", "1")
    assert found.name == tmp_path.name


def test_flat_splits_read_back(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path / "train", {f"{i}.png": colours[i] for i in range(8)})
    write_images(tmp_path / "test", {f"{i}.png": colours[i] for i in range(8, 12)})
    for split, part in (("train", slice(8)), ("test", slice(8, 12)), ("all", slice(12))):
        np.testing.assert_array_equal(load_images(tmp_path, split=split).images, colours[part])


def test_channels_are_grey_only_if_every_file_is(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path, {f"{i}.png": colours[i, ..., 0] for i in range(3)})
    assert load_images(tmp_path).channels == 1
    assert load_images(tmp_path, channels=3).channels == 3
    write_images(tmp_path, {"9.png": colours[3]})
    mixed = load_images(tmp_path)
    np.testing.assert_array_equal(mixed.images[0], np.repeat(colours[0, ..., :1], 3, axis=-1))
    assert load_images(tmp_path, channels=1).channels == 1


def test_sizes_that_differ_need_an_image_size(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path, {"1.png": colours[0], "2.png": colours[1, :6, :6]})
    with pytest.raises(JincError, match=r"2.png: 6x6 pixels differs from 1.png .*set image_size"):
        load_images(tmp_path)
    write_images(tmp_path, {"1.png": colours[0, :6]})
    with pytest.raises(JincError, match=r"1.png: 8x6 pixels is not square; set image_size"):
        load_images(tmp_path)
    assert load_images(tmp_path, image_size=5).images.shape == (2, 5, 5, 3)


@pytest.mark.parametrize("bad", [b"", b"not an image", b"\x89PNG\r\n\x1a\n" + bytes(50)])
@pytest.mark.parametrize("options", [{}, {"image_size": 4, "channels": 3}])
def test_one_bad_file_is_named(tmp_path, colours, write_images: Write, bad, options) -> None:
    write_images(tmp_path, {f"{i}.png": image for i, image in enumerate(colours)})
    (tmp_path / "7.png").write_bytes(bad)
    with pytest.raises(JincError, match=f"^{tmp_path}/7.png: "):
        load_images(tmp_path, **options)


def test_many_bad_files_give_one_short_reason(tmp_path) -> None:
    for n in range(1200):
        (tmp_path / f"{n:0100d}.png").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(
        JincError, match=r"git lfs pull; 1200 of 1200 files .* leaves them"
    ) as caught:
        load_images(tmp_path, image_size=8)
    assert len(str(caught.value)) < 294


def test_progress_ends_at_the_total(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path, {f"{i}.png": colours[i % 12] for i in range(100)})
    seen: list[tuple[int, int]] = []
    load_images(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(64, 100), (100, 100)]


def test_large_folders_go_through_the_cache_once(
    tmp_path, colours, write_images: Write, own_cache: Path, monkeypatch
) -> None:
    folder = tmp_path / "set"
    write_images(folder, {f"{i % 3}/{i}.png": image for i, image in enumerate(colours)})
    decoded: list[Path] = []

    def counted(path: Path, *words: object, **options: object) -> np.ndarray:
        decoded.append(path)
        return decode_image(path, *words, **options)

    monkeypatch.setattr("jinc.data.folder.decode_image", counted)
    in_memory = load_images(folder)
    assert not own_cache.exists()
    first = load_images(folder, cache_bytes=100)
    assert len(decoded) == 24
    again = load_images(folder, cache_bytes=100)
    assert len(decoded) == 24
    for found in (first, again):
        np.testing.assert_array_equal(found.images, in_memory.images)
        np.testing.assert_array_equal(found.labels, in_memory.labels)
        assert isinstance(found.images, np.memmap)
        np.testing.assert_array_equal(
            found.batch([3, 1]), in_memory.images[[3, 1]].transpose(0, 3, 1, 2)
        )

    load_images(folder, cache_bytes=100, channels=1)
    load_images(folder, cache_bytes=100, image_size=7)
    load_images(folder, cache_bytes=100, image_size=7, resize_filter="box")
    assert len(decoded) == 24 + 36
    Image.fromarray(colours[5]).save(folder / "0" / "0.png")  # one file changes
    changed = load_images(folder, cache_bytes=100)
    assert len(decoded) == 24 + 36 + 12
    np.testing.assert_array_equal(changed.images[0], colours[5])


def test_a_failure_leaves_nothing_in_the_cache(
    tmp_path, colours, write_images: Write, own_cache: Path
) -> None:
    folder = tmp_path / "set"
    write_images(folder, {f"{i}.png": colours[i % 12] for i in range(70)})
    (folder / "69.png").write_bytes(b"damaged")
    with pytest.raises(JincError, match=r"69.png"):
        load_images(folder, image_size=8, channels=3, cache_bytes=0)
    assert list(own_cache.iterdir()) == []


def test_read_folder_checks_its_arguments(tmp_path, colours, write_images: Write) -> None:
    write_images(tmp_path, {"1.png": colours[0]})
    with pytest.raises(JincError, match="image_size must be 1 or more, not 0"):
        read_folder(list_images(tmp_path), image_size=0)


@pytest.mark.slow
def test_real_mnist_m(real_data: Callable[[str], Path]) -> None:
    folder = real_data("mnist_m") / "mnist_m"
    test = load_images(folder, split="test", cache_bytes=0)
    assert test.images.shape == (1000, 32, 32, 3)
    assert test.class_names == tuple("0123456789")
    first = decode_image(sorted((folder / "test" / "0").iterdir())[0])
    np.testing.assert_array_equal(test.images[0], first)


def test_a_cache_that_cannot_be_written_is_a_warning(
    tmp_path, colours, write_images: Write, monkeypatch
) -> None:
    folder, cache = tmp_path / "set", tmp_path / "no-folder"
    write_images(folder, {f"{i}.png": image for i, image in enumerate(colours)})
    in_memory = load_images(folder)
    cache.write_bytes(b"")
    monkeypatch.setenv("JINC_CACHE", str(cache))
    with pytest.warns(UserWarning, match="not cached, but in memory: .*/no-folder/"):
        found = load_images(folder, cache_bytes=100)
    np.testing.assert_array_equal(found.images, in_memory.images)
    monkeypatch.setattr("jinc.data.folder.fits_in_memory", lambda size: False)
    with pytest.raises(JincError, match=r"/no-folder/.* do not fit in memory either: set JINC_CAC"):
        load_images(folder, cache_bytes=100)


def drawings(folder: Path, colour: int, count: int) -> None:
    for number in range(count):
        pixels = np.zeros((12, 12, 4), np.uint8)
        pixels[2:9, 3 + number % 4] = colour, colour, colour, 255
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{colour}-{number}.png")


@pytest.mark.parametrize(
    ("white", "black", "ground", "note"),
    [
        (5, 0, 0, "on black: of 5 images examined, 5 are hardly visible on white, 0 on black"),
        (0, 5, 255, None),
        (4, 1, 0, "on black: of 5 images examined, 4 are hardly visible on white, 1 on black"),
        (1, 4, 255, "on white: of 5 images examined, 1 are hardly visible on white"),
    ],
)
def test_white_drawings_lie_on_black(tmp_path, white, black, ground, note) -> None:
    drawings(tmp_path / "set", 255, white)
    drawings(tmp_path / "set", 0, black)
    for cache_bytes in (0, 1 << 20):
        found = load_images(tmp_path / "set", cache_bytes=cache_bytes)
        assert bool((found.images[:, 0, 0] == ground).all())
        told = [each for each in found.notes if "transparent" in each]
        assert told == ([f"transparent images lie {note}"] if note else [])
