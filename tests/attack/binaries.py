"""Hostile bytes: images, archives, arrays, pickles and weights."""

import io
import json
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RAN = "ran"
"""The file in the working folder that hostile code would make."""


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Make the file."""
        return Path.touch, (Path(RAN),)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """Return bytes of which some are changed, missing or too many."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: data[: rng.randrange(len(data) + 1)],
        lambda: data[: rng.randrange(32)],
        lambda: flipped(data, rng, 1),
        lambda: flipped(data, rng, 64),
        lambda: data + bytes(rng.randrange(1, 5000)),
        lambda: b"",
        lambda: bytes(len(data)),
        lambda: rng.randbytes(rng.randrange(1, 5000)),
        lambda: data[rng.randrange(len(data) + 1) :],
        lambda: data[:8] + b"\xff" * 16 + data[24:],
        lambda: pickle.dumps(Code()),
        lambda: (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
        ),
        lambda: b"<!DOCTYPE html><html><body>404</body></html>",
    )
    return rng.choice(kinds)()


def flipped(data: bytes, rng: random.Random, count: int) -> bytes:
    """Return bytes with so many of them at random."""
    changed = bytearray(data or b"\0")
    for _ in range(count):
        changed[rng.randrange(min(len(changed), rng.choice((64, len(changed)))))] = rng.randrange(
            256
        )
    return bytes(changed)


def image(rng: random.Random) -> bytes:
    """Return a picture that is too large, of a strange kind, or no picture."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: png(rng.choice((1, 65_000, 2**31 - 1)), rng.choice((1, 65_000, 2**31 - 1)), b""),
        lambda: png(20_000, 20_000, zlib.compress(bytes(20_001 * 2000))),
        lambda: png(8, 8, zlib.compress(bytes(100_000_000))),
        lambda: png(8, 8, zlib.compress(bytes(72)), (b"tEXt", b"a\0" + b"x" * 3_000_000)),
        lambda: png(
            8, 8, zlib.compress(bytes(72)), (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**8)))
        ),
        lambda: png(
            8, 8, zlib.compress(bytes(72)), (b"iCCP", b"a\0\0" + zlib.compress(bytes(10**7)))
        ),
        lambda: png(0, 8, b""),
        lambda: saved(
            Image.new(rng.choice(("1", "P", "LA", "RGBA", "I", "I;16", "F", "CMYK")), (8, 8))
        ),
        lambda: saved(Image.new("L", (1, rng.choice((1, 30_000)))), "PNG"),
        lambda: saved(Image.new("RGB", (rng.choice((1, 9, 3000)), 8)), "JPEG"),
        lambda: saved(Image.new("RGB", (8, 8)), rng.choice(("GIF", "BMP", "TIFF", "WEBP", "ICO"))),
        lambda: b"\xff\xd8\xff\xe0" + struct.pack(">H", 65_535) + bytes(100),
        lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(20),
        lambda: b"BM" + struct.pack("<IIIIii", 54, 0, 54, 40, 2**30, -(2**30)) + bytes(30),
        lambda: b"P5 99999 99999 255\n" + bytes(100),
        lambda: b"P5 8 8 " + b"9" * 10_000 + b"\n",
        lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n" + b"x\n" * 9,
        lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        lambda: b"8BPS" + bytes(100),
    )
    return rng.choice(kinds)()


def saved(picture: Image.Image, kind: str = "PNG") -> bytes:
    """Return a picture as a file; as TIFF where the format has no such mode."""
    data = io.BytesIO()
    try:
        picture.save(data, kind)
    except (OSError, ValueError):
        data = io.BytesIO()
        picture.save(data, "TIFF")
    return data.getvalue()


def png(width: int, height: int, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """Return a grey PNG of the chunks that are given."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )


def npy(shape: str, kind: str, data: bytes = b"", version: int = 1) -> bytes:
    """Return an array file whose header says anything."""
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(10 + len(header) + 1) % 64) + b"\n"
    return (
        b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H", len(header) % 65_536) + header + data
    )


def array(rng: random.Random) -> bytes:
    """Return an array file that lies, is too large or of a strange kind."""
    shapes = (
        "(9999999999,)",
        "(2, 8, 8, 1)",
        "(0, 8, 8)",
        "()",
        "(-1, 8)",
        "(1, 8, 8, 3)",
        "(3,)",
        "(100000, 100000)",
        "(2, 1, 1, 1, 1, 1)",
        "(" + "1," * 40 + ")",
        "'x'",
        "(1.5,)",
    )
    words = (
        "|u1",
        "|O",
        "<f8",
        "<f2",
        "|S5",
        "<U3",
        "<c16",
        "|b1",
        "<M8[s]",
        "|V7",
        "x",
        "(" * 500,
    )
    kinds = (*map(repr, words), "[('a', '<i4')]")
    data = rng.choice((b"", bytes(64), bytes(4096), b"\xff" * 4096, pickle.dumps(Code())))
    return npy(rng.choice(shapes), rng.choice(kinds), data, rng.choice((1, 1, 1, 2, 3, 9)))


def arrays(rng: random.Random) -> bytes:
    """Return an archive of arrays: a bomb, names of all kinds, members that are none."""
    names = (
        *("images", "arr_0", "x_train", "y_train", "labels", "label", "mu", "sigma", "jinc"),
        *("train_images", "train_labels", "id", "/etc/x", "a/b", "../x", "", "data"),
    )
    files: dict[str, bytes] = {}
    for name in rng.sample(names, rng.randrange(1, 5)):
        files[name + ".npy"] = rng.choice(
            (
                lambda: npy("(2048, 2048, 256)", "'|u1'", bytes(2**28)),
                lambda: npy("(20000, 20000)", "'<f8'", bytes(2**27)),
                lambda: npy("(50, 8, 8)", "'|u1'", rng.randbytes(3200)),
                lambda: npy("(50,)", "'<i8'", np.arange(50).astype("<i8").tobytes()),
                lambda: npy("(50,)", "'<i8'", struct.pack("<q", 3 * 10**8) * 50),
                lambda: npy("(50,)", "'<i8'", struct.pack("<q", -(2**63)) * 50),
                lambda: npy("(50,)", "'<f8'", struct.pack("<d", float("nan")) * 50),
                lambda: npy("(50, 64)", "'<f4'", struct.pack("<f", float("inf")) * 3200),
                lambda: array(rng),
                lambda: b"no array",
                lambda: pickle.dumps(Code()),
            )
        )()
    return zipped(files, rng)


def zipped(files: dict[str, bytes], rng: random.Random) -> bytes:
    """Return a ZIP archive, compressed or not."""
    data = io.BytesIO()
    how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(data, "w", how, compresslevel=1) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return data.getvalue()


def archive(rng: random.Random) -> bytes:
    """Return a ZIP or TAR of images and other things, with names that lead outside."""
    names = (
        *("a/1.png", "b/2.png", "../out.png", "/abs.png", "dataset.json", "x" * 300 + ".png", "a/"),
        *("C:\\x.png", "a\\b.png", "\xff.png", "word/document.xml", "data.pkl", "__MACOSX/1.png"),
        *("é.png", "labels.csv", "9" * 6000 + ".png", "a/" + "0" * 6000 + "8.png", "metadata.csv"),
        *("a/./1.png", "metadata.jsonl"),
    )
    files = {
        name: labels_of(name, rng)
        if name in LABEL_FILES
        else rng.choice((lambda: image(rng), lambda: saved(Image.new("RGB", (8, 8)))))()
        for name in rng.sample(names, rng.randrange(1, 7))
    }
    if rng.random() < 0.5:
        return zipped(files, rng)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=rng.choice(("w", "w:gz", "w:bz2"))) as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            info.type = rng.choice(
                (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE)
            )
            info.linkname = "/etc/passwd"
            tar.addfile(info, io.BytesIO(body))
    return data.getvalue()


LABEL_FILES = ("dataset.json", "metadata.csv", "metadata.jsonl")


def labels_of(name: str, rng: random.Random) -> bytes:
    """Return a file of labels that is large, contradicts itself, or is something else."""
    label = rng.choice((0, -1, 3 * 10**8, 10**30, "x", None, [1], 0.5, "9" * 5000, "x" * 300, 1.0))
    pairs = [["a/1.png", label], ["b/2.png", 1], *[["a/1.png", 2]] * rng.randrange(2)]
    row = json.dumps({"file_name": "a/1.png", "label": label})
    columns = ",".join(map(str, range(50_000)))
    texts: dict[str, tuple[Callable[[], str], ...]] = {
        "dataset.json": (
            lambda: json.dumps({"labels": pairs}),
            lambda: '{"labels": [' + "[]," * 8_000_000 + "[]]}",
            lambda: '{"labels": [' + '["x", 1],' * 500_000 + '["x", 1]]}',
            lambda: '{"labels": 5}',
        ),
        "metadata.csv": (
            lambda: "file_name,label\n" + "".join(f"{image},{each}\n" for image, each in pairs),
            lambda: "file_name,label\na/1.png,1,2,3\n",
            lambda: "file_name,label,label\na/1.png,1,2\n",
            lambda: f"file_name,label,{columns}\n" + "x\n" * 2000,
            lambda: rng.choice(("x", "file_name,label")) + "\n" + "x\n" * 6_000_000,
            lambda: "file_name,label\n" + "x,1\n" * 500_000,
            lambda: "file_name,label\n" + '"x\n' * 1_000_000,
        ),
        "metadata.jsonl": (
            lambda: row + "\n" + row,
            lambda: f'{row[:-1]}, "label": 7}}',
            lambda: "{}\n" * 4_000_000,
            lambda: f"{row}\n{{}}\n[]\n",
            lambda: f'{row[:-1]}, "more": [{"[]," * 1_000_000}1]}}',
        ),
    }
    text = rng.choice(texts[name])().encode()
    return damaged(text, rng) if len(text) < 10_000 and rng.random() < 0.3 else text


def csv(rng: random.Random) -> bytes:
    """Return rows that are no images."""
    row = ",".join(["0"] * 785)
    rows = (
        "label," + ",".join(f"p{i}" for i in range(784)) + "\n" + row,
        row.replace("0", "999") + "\n",
        "300000000," + ",".join(["0"] * 784) + "\n",
        "1e400," + ",".join(["0"] * 784) + "\n",
        "0,1,2\n" * 3,
        "0," * 3_000_000,
        '"' + "x" * 1_000_000,
        "\x00" * 5000,
        "a,b,c\n",
        ("9" * 5000 + ",") * 785,
        row + "\n" + row[:100],
        "file_name,label\na.png,0\n",
    )
    return rng.choice(rows).encode()


def idx(rng: random.Random) -> bytes:
    """Return a file of MNIST's format whose header lies."""
    sizes = [rng.choice((0, 1, 8, 28, 2**16, 2**31 - 1, 2**32 - 1)) for _ in range(3)]
    magic = rng.choice((2051, 2049, 2050, 0x0D03, 0xFFFF))
    return struct.pack(">IIII", magic, *sizes) + rng.choice((b"", bytes(784), bytes(8000)))


def batch(rng: random.Random) -> bytes:
    """Return a pickle as CIFAR's, which runs code, refers to itself, or holds anything."""
    loop: list[Any] = []
    loop.append(loop)
    values: tuple[Any, ...] = (
        *(Code(), loop, {}, {b"data": Code(), b"labels": [0]}, {b"data": 1}, {b"labels": [0] * 5}),
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 3 * 10**8]},
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": ["a", None]},
        {b"data": np.zeros((2, 5), np.uint8), b"labels": [0, 1]},
        {b"data": np.zeros((2, 3072), object), b"labels": [0, 1]},
        {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [0, -1]},
    )
    raw = (
        b"\x80\x02]" + b"(" * 50_000 + b".",
        b"\x80\x02" + b"]q\x00" + b"h\x00" * 1000 + b".",
        b"\x80\x04\x95" + b"\xff" * 8,
        b"\x80\x02X" + struct.pack("<I", 2**31) + b"x",
        b"cos\nsystem\n(S'touch ran'\ntR.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(J\xff\xff\xff\x7ftC\x01btR.",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x02" + b"]" * 30_000 + b"a" * 29_999 + b".",
    )
    if rng.random() < 0.5:
        return rng.choice(raw)
    return pickle.dumps(rng.choice(values), rng.choice((0, 2, 4)))


def weights(good: bytes, rng: random.Random) -> bytes:
    """Return safetensors whose header lies or names strange kinds of numbers."""
    size = struct.unpack("<Q", good[:8])[0]
    header: dict[str, Any] = json.loads(good[8 : 8 + size])
    body, names = good[8 + size :], [name for name in header if name != "__metadata__"]
    name = rng.choice(names)
    kinds: tuple[Callable[[], Any], ...] = (
        lambda: header | {name: header[name] | {"dtype": rng.choice(KINDS)}},
        lambda: header | {name: header[name] | {"shape": rng.choice(SHAPES)}},
        lambda: (
            header | {name: header[name] | {"data_offsets": rng.choice(([0, 2**62], [5, 1], []))}}
        ),
        lambda: {n: v for n, v in header.items() if n != name},
        lambda: header | {"more": header[name]},
        lambda: header | {"__metadata__": {"a": "x" * 100_000}},
        lambda: header | {"__metadata__": {"a": 1}},
        lambda: {"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}},
        lambda: {},
        lambda: [],
    )
    if rng.random() < 0.15:
        nans = np.full(len(body) // 4, np.nan, "<f4").tobytes()
        return good[: 8 + size] + nans + bytes(len(body) - len(nans))
    if rng.random() < 0.15:
        return struct.pack("<Q", rng.choice((0, 1, 2**40, 2**63))) + good[8:]
    text = json.dumps(rng.choice(kinds)()).encode()
    return struct.pack("<Q", len(text)) + text + body


KINDS = ("F64", "F16", "BF16", "I64", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F4", "C64", "X", "")
SHAPES = ([], [0], [1], [2**40], [2**62, 2**62], [-1], [1] * 50)


def torch_file(rng: random.Random) -> bytes:
    """Return a `.pt`: of code, of nothing, or an archive that is none."""
    files = {
        "archive/data.pkl": rng.choice(
            (pickle.dumps(Code()), b"", b"\x80\x02}q\x00.", rng.randbytes(99))
        ),
        "archive/version": b"3\n",
        "archive/data/0": rng.randbytes(rng.choice((0, 16, 4096))),
        **({"archive/constants.pkl": b"\x80\x02)."} if rng.random() < 0.5 else {}),
        **({"archive/code/__torch__.py": b"import os\n"} if rng.random() < 0.5 else {}),
    }
    return rng.choice((zipped(files, rng), pickle.dumps(Code()), rng.randbytes(1000)))
