import gzip
import io

import numpy as np
import pytest
from PIL import Image

from jinc.data.formats import not_an_image

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1234\n"


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, np.zeros(3))
    return out.getvalue()


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (POINTER, "a Git LFS pointer; fetch the file itself with git lfs pull"),
        (b"<!DOCTYPE html>\n<html>", "a saved web page"),
        (b"\xef\xbb\xbf\r\n  <HTML lang=en>", "a saved web page"),
        ("<!doctype html>ä".encode("utf-16"), "a saved web page"),
        (b"<script>location='x'</script>", "a text with markup, perhaps a web page"),
        (b'<?xml version="1.0"?><svg xmlns="a">', "an SVG drawing; export it as PNG"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied', "an XML text"),
        (b'{"message": "Not Found"}', "a JSON text"),
        ("Größe unbekannt, ".encode() * 31, "a text"),
        ("é".encode() * 300, "a text"),
        (b"", "an empty file"),
        (bytes(512), "a file of zeros"),
        (b"\0\0\0\x20ftypheic\0\0", "an image in HEIC format"),
        (b"\0\0\0\x20ftypmp42\0\0", "a video"),
        (npz(), "a ZIP archive"),
        (gzip.compress(b"x", mtime=0), "a gzip archive"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"\x7fELF\x02\x01\x01", ""),
        (np.random.default_rng(0).bytes(512), ""),
    ],
)
def test_what_lies_where_an_image_should(head, says) -> None:
    told = not_an_image(head[:512])
    assert told.startswith(says)
    assert bool(told) == bool(says)
    assert "\n" not in told


def test_images_are_not_texts() -> None:
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        out = io.BytesIO()
        Image.new("RGB", (9, 9), "red").save(out, kind)
        assert not_an_image(out.getvalue()[:512]) == ""
