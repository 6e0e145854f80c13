"""The files in a ZIP or TAR archive, read one by one in memory; nothing is extracted."""

import gzip
import lzma
import mmap
import stat
import tarfile
import tempfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, TypeAlias, cast

from jinc.errors import JincError
from jinc.files import one_line, reading

FREE_BYTES = 256 << 20
"""Always allowed unpacked size."""

MOST_RATIO = 50
"""Maximum compression ratio of larger files; images have 2 to 20."""


def check_unpacked(path: Path, stored: int, unpacked: int) -> None:
    """Refuse a decompression bomb before it is unpacked.

    Args:
        path: the file.
        stored: its size on disk, or that of the compressed part, bytes.
        unpacked: its declared unpacked size, bytes.
    """
    if unpacked > max(FREE_BYTES, MOST_RATIO * stored):
        raise JincError(
            f"{path}: {stored / 1e6:,.1f} MB would unpack to {unpacked / 1e6:,.0f} MB, "
            f"over {MOST_RATIO} times as much; if it is sound, store it uncompressed"
        )


MOST_MEMBERS = 4_000_000
_ZIP, _GZIP = (b"PK\3\4", b"PK\5\6"), b"\x1f\x8b"
TWICE = "twice in the archive"
"""Why an entry is passed over that a later one of its name replaces."""
_BLOCK = 512  # of a TAR
_CHUNK = 1 << 20
_NOT_IMAGES = {
    "[Content_Types].xml": "an Office document",
    "mimetype": "a document",
    "META-INF": "a program or a document",
    "data.pkl": "a PyTorch file",
}
_FAULTS = (OSError, ValueError, RuntimeError, EOFError, MemoryError, OverflowError)
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, *_FAULTS)


class Archive(ABC):
    """A ZIP or TAR file; `passed_over` counts what is no regular file in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed_over: dict[str, int] = {}

    @property
    @abstractmethod
    def names(self) -> Mapping[str, object]:
        """The regular files, by their names as stored."""

    @abstractmethod
    def read(self, name: str, most: int = -1) -> bytes:
        """Return the bytes of a file, or the first of them."""

    def _pass_over(self, reason: str, count: int) -> None:
        if count:
            self.passed_over[reason] = count

    @cached_property
    def stamp(self) -> tuple[int, int]:
        """Bytes, and the time of the last change in nanoseconds."""
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns


@dataclass(frozen=True)
class Member:
    """A file in an archive, with its normalised path and its name as stored."""

    archive: Archive
    name: str
    stored: str

    def __str__(self) -> str:
        return f"{self.archive.path}/{self.name}"


ImageFile: TypeAlias = Path | Member
"""A file on disk or in an archive."""


@contextmanager
def opened(file: ImageFile) -> Iterator[BinaryIO]:
    """Open a file on disk or in an archive for reading bytes.

    Raises:
        JincError: it is missing, damaged, or not a regular file.
    """
    if isinstance(file, Path):
        with reading(file) as found:
            yield found
        return
    yield BytesIO(_read(file))


def first_bytes(file: ImageFile, count: int) -> bytes:
    """Return the first bytes of a file on disk or in an archive."""
    if isinstance(file, Member):
        return _read(file, count)
    with reading(file) as found:
        return found.read(count)


def _read(file: Member, most: int = -1) -> bytes:
    with damage_named(file, *_DAMAGED):
        return file.archive.read(file.stored, most)


@contextmanager
def damage_named(what: object, *faults: type[Exception]) -> Iterator[None]:
    """Convert exceptions from damaged data to a JincError that names the file."""
    try:
        yield
    except JincError:
        raise
    except faults as error:
        raise JincError(f"{what}: damaged ({one_line(error)})") from error


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP or TAR archive by content, but not one of NumPy arrays."""
    head = first_bytes(path, _BLOCK)
    if head.startswith(_ZIP):
        return path.suffix.lower() != ".npz" and not _holds_arrays(path)
    if head.startswith(_GZIP):
        try:
            with gzip.open(path) as file:
                head = file.read(_BLOCK)
        except _DAMAGED:
            return path.name.lower().endswith((".tar.gz", ".tgz"))
    return _is_tar(head)


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as file:
            names = file.namelist()
    except _DAMAGED:
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def open_archive(path: Path) -> Archive:
    """Open a ZIP, TAR or gzipped TAR archive.

    Raises:
        JincError: it is damaged, a decompression bomb, has too many files, or is a document or
            program in ZIP format.
    """
    with damage_named(path, *_DAMAGED):
        is_zip = first_bytes(path, 4).startswith(_ZIP)
        archive: Archive = _Zip(path) if is_zip else _Tar(path)
    for name in archive.names:
        for part in (name, *PurePosixPath(name).parts[:1], PurePosixPath(name).name):
            if part in _NOT_IMAGES:
                raise JincError(f"{path}: is {_NOT_IMAGES[part]}, not an archive of images")
    return archive


def _check_count(count: int, path: Path) -> None:
    if count > MOST_MEMBERS:
        raise JincError(f"{path}: over {MOST_MEMBERS:,} files in an archive; unpack it")


class _Zip(Archive):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with reading(path) as file:
            self._file = zipfile.ZipFile(cast(BinaryIO, _mapped(file)))
        infos = [info for info in self._file.infolist() if not info.is_dir()]
        _check_count(len(infos), path)
        check_unpacked(path, self.stamp[0], sum(info.file_size for info in infos))
        regular = [i for i in infos if not stat.S_ISLNK(i.external_attr >> 16)]
        self._infos = {info.filename: info for info in regular}
        self._pass_over("links", len(infos) - len(regular))
        self._pass_over(TWICE, len(regular) - len(self._infos))

    @property
    def names(self) -> Mapping[str, object]:
        return self._infos

    def read(self, name: str, most: int = -1) -> bytes:
        info = self._infos[name]
        check_unpacked(self.path, info.compress_size, info.file_size)
        with self._file.open(info) as file:  # it never reads beyond the declared size
            return file.read(most)


class _Tar(Archive):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with reading(path) as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            self._data = self._unzipped(file) if zipped else _mapped(file)
        self._places: dict[str, tuple[int, int]] = {}
        with tarfile.open(fileobj=self._data, mode="r:") as listed:
            self._list(listed)

    def _list(self, listed: tarfile.TarFile) -> None:
        passed_over = twice = 0
        while (info := listed.next()) is not None:
            listed.members.clear()  # type: ignore[attr-defined]  # it would keep all of them
            if info.isreg() and not info.issparse():
                twice += info.name in self._places
                self._places[info.name] = info.offset_data, info.size
            passed_over += not (info.isreg() or info.isdir()) or info.issparse()
            _check_count(len(self._places) + passed_over, self.path)
        end = self._data[listed.offset : listed.offset + _BLOCK]
        if end != bytes(_BLOCK):
            raise JincError(f"{self.path}: damaged (it is cut off, or has a wrong header)")
        self._pass_over("links", passed_over)
        self._pass_over(TWICE, twice)

    def _unzipped(self, file: BinaryIO) -> mmap.mmap:
        """Unpack to a temporary file without a name."""
        with tempfile.TemporaryFile() as whole, gzip.GzipFile(fileobj=file) as unzipped:
            while chunk := unzipped.read(_CHUNK):
                whole.write(chunk)
                check_unpacked(self.path, self.stamp[0], whole.tell())
            whole.flush()
            return _mapped(whole)

    @property
    def names(self) -> Mapping[str, object]:
        return self._places

    def read(self, name: str, most: int = -1) -> bytes:
        start, size = self._places[name]
        return self._data[start : start + (size if most < 0 else min(size, most))]


class _Mapped(mmap.mmap):
    """The mapped bytes of a file, valid after it is closed; `zipfile` reads it as a file."""

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, place: int, whence: Any = 0) -> None:
        """Seek; before the beginning raise an OSError, as `zipfile` expects."""
        try:
            super().seek(place, whence)
        except ValueError as error:
            raise OSError(*error.args) from None


def _mapped(file: BinaryIO) -> _Mapped:
    return _Mapped(file.fileno(), 0, access=mmap.ACCESS_READ)
