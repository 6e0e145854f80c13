"""Sets of images as NumPy archives, the way in which generated images are handed on."""

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np

from jinc.data.imageset import ImageSet
from jinc.errors import JincError
from jinc.files import one_line, reading


def is_npz(head: bytes) -> bool:
    """Tell by its first bytes whether a file can be a NumPy archive: it is a ZIP file."""
    return head.startswith(b"PK\x03\x04")


def read_npz(path: Path) -> ImageSet:
    """Read images from a NumPy archive; no pickle is opened.

    Args:
        path: a `.npz` file whose one four-dimensional array, or `arr_0`, is uint8,
            `[N, height, width, 1 or 3]`; or `[N, height, width]`. A second array of N whole numbers
            is taken for labels.

    Raises:
        JincError: the file is damaged, or holds no such array.
    """
    try:
        with reading(path) as file, np.load(BytesIO(file.read()), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise JincError(f"{path}: cannot be read ({one_line(error)})") from None
    whole = [name for name, array in arrays.items() if array.ndim in (3, 4)]
    name = "arr_0" if "arr_0" in arrays else whole[0] if len(whole) == 1 else ""
    if not name:
        raise JincError(f"{path}: holds no array of images called arr_0")
    images = arrays.pop(name)
    images = images[..., None] if images.ndim == 3 else images
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        kind = f"{images.dtype} {list(images.shape)}"
        raise JincError(f"{path}: {name} is {kind}, uint8 [N, height, width, 1 or 3] is expected")
    if not len(images):
        raise JincError(f"{path}: holds no images")
    labels = [
        each.astype(np.int64)
        for each in arrays.values()
        if each.shape == (len(images),) and np.issubdtype(each.dtype, np.integer)
    ]
    names = tuple(map(str, range(int(labels[0].max()) + 1))) if labels else ()
    return ImageSet(images, labels[0] if labels else None, names, path.stem)
