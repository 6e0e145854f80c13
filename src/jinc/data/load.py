"""Loading image sets of any kind, recognised by content."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from jinc.data.archive import is_archive
from jinc.data.cifar import find_cifar, is_pickle, read_cifar
from jinc.data.decode import MAX_PIXELS
from jinc.data.folder import CACHE_BYTES, Progress, read_folder
from jinc.data.formats import HEAD_BYTES, image_format, not_an_image, stand_in
from jinc.data.idx import find_idx, is_idx, read_mnist
from jinc.data.imageset import ImageSet, classes_of, concatenate
from jinc.data.label_files import check_classes_from
from jinc.data.listing import list_images
from jinc.data.mnist_csv import read_mnist_csv
from jinc.data.npz import is_npz, read_npz
from jinc.data.resize import check_fit, fit_images
from jinc.data.splits import check_split, pick_split
from jinc.errors import JincError
from jinc.files import one_line, reading


def read_digits() -> ImageSet:
    """Read scikit-learn's digits: 1,797 grey 8×8 images in ten classes, scaled to 0 … 255."""
    from sklearn.datasets import load_digits  # heavy

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[..., None]
    return ImageSet(images, *classes_of(digits.target, "digits"), "digits")


def load_images(
    source: str | Path,
    *,
    image_size: int | None = None,
    channels: int | None = None,
    resize_filter: str = "bilinear",
    split: str = "train",
    skip_first: bool = False,
    classes_from: str = "auto",
    skip_damaged: bool = False,
    max_pixels: int = MAX_PIXELS,
    cache_bytes: int = CACHE_BYTES,
    progress: Progress | None = None,
) -> ImageSet:
    """Load a set of images.

    Args:
        source: "digits" for the bundled set, or a path (`./digits` for one called digits): MNIST as
            idx files (a file, their folder, or its parent with `raw/` or `MNIST/raw/`) or CSV;
            CIFAR-10 or -100, binary or pickled (a file or the folder); CelebA-HQ; a NumPy archive;
            any folder, or ZIP or TAR archive, of images, as in `list_images`.
        image_size: pixels a side, after a centre crop; None keeps the size, which must then be one
            square size for the files of a folder.
        channels: 1 or 3; None keeps those of the set, 1 for a folder if every file is stored grey.
        resize_filter: "box", "bilinear", "bicubic" or "lanczos", antialiased.
        split: "train", "val", "test" or "all"; an undivided set is all "train".
        skip_first: drop the first row of a CSV file, as arXiv 2411.09174 did.
        classes_from: source of the classes of a folder or archive; see `list_images`.
        skip_damaged: skip images that cannot be read, and count them.
        max_pixels: maximum pixels of an image, checked before decoding.
        cache_bytes: a folder that decodes to more bytes is cached on disk (see `cache_folder`).
        progress: called with (done, total) while a folder is decoded.

    Returns:
        The images, with labels if there are any.

    Raises:
        JincError: the source is missing, damaged, empty or of an unknown format, or an argument is
            out of range.
    """
    check_fit(image_size, channels, resize_filter)
    check_split(split)
    check_classes_from(classes_from)
    if image_size is not None and image_size**2 > max_pixels:
        raise JincError(f"image_size {image_size} is over the limit of {max_pixels} pixels")
    path = Path(source)
    files = [] if source == "digits" else _batches(path, split)
    if source != "digits" and not files:
        return read_folder(
            list_images(path, split, classes_from),
            image_size=image_size,
            channels=channels,
            resize_filter=resize_filter,
            skip_damaged=skip_damaged,
            max_pixels=max_pixels,
            cache_bytes=cache_bytes,
            progress=progress,
        )
    found = _bundled(split) if source == "digits" else _read_all(files, path, split, skip_first)
    height, width = found.image_size
    if height * width > max_pixels:
        raise JincError(f"{source}: images of {width}x{height}, the limit is {max_pixels} pixels")
    divided = split if files and path.is_dir() else found.split
    images = fit_images(found.images, image_size, channels, resize_filter)
    return replace(found, images=images, split=divided)


def _bundled(split: str) -> ImageSet:
    pick_split({"train": ["digits"]}, split, "digits")
    return read_digits()


def _batches(path: Path, split: str) -> list[Path]:
    """Return the files of a set; none for a folder or archive of images."""
    try:
        path.stat()
        if path.is_dir():
            parts = find_idx(path) or find_cifar(path)
            return pick_split(parts, split, path) if parts else []
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise JincError(f"{path}: {one_line(error)}") from error
    if is_archive(path):
        return []
    return [path] if is_npz(_head(path)) else pick_split({_own(path, split): [path]}, split, path)


def _own(path: Path, split: str) -> str:
    """Return the split of a file without splits inside: train, or test by its name."""
    named_test = path.name.startswith(("t10k", "test")) or "_test" in path.name
    return "test" if named_test and split != "train" else "train"


def _head(path: Path) -> bytes:
    with reading(path) as file:
        return file.read(HEAD_BYTES)


def _read_all(files: Sequence[Path], path: Path, split: str, skip_first: bool) -> ImageSet:
    found = concatenate([_read_file(f, split, skip_first) for f in files], path.resolve().name)
    if not len(found):
        raise JincError(f"{path}: holds no images")
    return found


def _read_file(path: Path, split: str, skip_first: bool) -> ImageSet:
    head = _head(path)
    if placeholder := stand_in(head):
        raise JincError(f"{path}: no data but {placeholder}")
    if path.suffix.lower() == ".csv":
        return read_mnist_csv(path, skip_first)
    if is_npz(head):
        return read_npz(path, split, _own(path, split))
    if path.suffix == ".bin" or is_pickle(head):
        return read_cifar(path)
    if is_idx(head) or "idx" in path.name:
        return read_mnist(path)
    if image_format(head):
        raise JincError(f"{path}: this is one image; a set is the folder that it lies in")
    kind = not_an_image(head)
    raise JincError(f"{path}: not an idx, CSV, NumPy or CIFAR file{f' but {kind}' if kind else ''}")
